/*
 * connections.h -- who is connected: by address, for how long without a request, and how long a head takes to come.
 *
 * Connections are few, and anybody can open some. So an address may have a part of them only (none is counted behind proxies that
 * are trusted, as all have their address); when nearly all are taken, those that have been idle for longest make room, first such
 * as nobody ever signed in on; and the head of a request comes within a time, however slowly its bytes do.
 */
#ifndef GATEWAY_CONNECTIONS_H
#define GATEWAY_CONNECTIONS_H

#include "gateway.h"

enum {
    CONNECTIONS_HEAD_SECONDS = 15, /* from the first byte of a head to its last */
    CONNECTIONS_SPARE = 16,        /* one of so many is kept free, */
    CONNECTIONS_SHARE =
        4, /* and one of so many is for one address, unless the configuration says otherwise */
};

typedef struct connection connection;

/* connections_start begins to look after them; connections_stop ends it, when all are closed. */
void connections_start(const gateway_config *config);
void connections_stop(void);

/* connections_add notes a new one; connections_remove one that is about to be closed, and forgets it. NULL is fine. */
connection *connections_add(int fd, const char *address);
void connections_remove(connection *c);

/* connections_address answers the address at its other end; "" for NULL. */
const char *connections_address(const connection *c);

/* connections_busy notes that a head has come; connections_idle that its request has ended, and whether somebody signed in
 * sent it. */
void connections_busy(connection *c);
void connections_idle(connection *c, bool signed_in);

/* Numbers for /metrics: how many there are, and how many made room, were too many of an address, or had too slow a head. */
typedef struct {
    unsigned open;
    uint64_t made_room, too_many, slow_heads;
} connections_stats;
void connections_stat(connections_stats *ret);

#endif
