/*
 * link.h -- the way to a service: batches calls, spreads them over replicas, reconnects.
 *
 * Each URL of a service is one nng REQ socket with a few contexts, so many for each lane (lane.h). Reads and writes by
 * key: a call is sent at once if a context is free, and otherwise travels with all that is waiting in the next
 * message. Slow calls: one call per message, or a few pages of lists of one organisation when many wait. Organisations
 * take turns, and none may have all messages of the slow lane under way; in the lane of writes none may while others
 * write, too. What would have to wait for too long is refused at once, with Retry-After. Nothing is ever sent twice
 * unless the contract marks the method idempotent, and then once more at most. A server that is about to stop says so
 * (Replies.draining, also on an idle connection); it gets no new calls until it has reconnected. One whose answers are
 * all UNAVAILABLE gets new calls only if there is no other. One that lets the time of a message pass without a word
 * gets no new calls until it answers; if nothing is under way there any more, the link hangs up and connects again:
 * its host may be gone.
 */
#ifndef SFMS_RPC_LINK_H
#define SFMS_RPC_LINK_H

#include "proto/call.h"
#include "rpc/wire.h"

enum {
    /* Messages under way to one replica, by lane. */
    SFMS_LINK_READS = 2,
    SFMS_LINK_WRITES = 2,
    SFMS_LINK_SLOW = 4,
    SFMS_LINK_HEALTH = 1,
    SFMS_LINK_PAGES = 16, /* pages of lists in one message, when more wait than there are contexts */
};

typedef struct sfms_link sfms_link;
typedef struct sfms_link_call sfms_link_call;

/* Tells how a call ended. reply lives until the function returns. Runs on a thread of nng: be quick, do not block. */
typedef void sfms_link_done(sfms_link_call *call, const Pb__Reply *reply);

/* A call to make. The caller owns the memory, and keeps it until done has run. */
struct sfms_link_call {
    const sfms_method *method;
    const void *request; /* packed message */
    size_t request_len;
    const Pb__Principal *principal; /* NULL for none; calls with the same pointer share it on the wire */
    int64_t deadline_us; /* by sfms_mono_us; DEADLINE_EXCEEDED is answered about then at the latest */
    const char *request_id, *traceparent, *idempotency_key, *peer, *claimed, *agent; /* NULL for none */
    const char *cause;                                                               /* NULL or "" for none */
    unsigned depth;
    sfms_locale locale;
    sfms_condition condition;
    sfms_link_done *done;
    void *arg; /* for the caller */

    sfms_link_call *next; /* the rest belongs to the link */
    int attempts;
    unsigned turn;
    bool patient; /* was BLOCKED once: travels among the slow calls, and waits */
};

/* sfms_link_open makes the way to a service; urls are separated by '|'. Connects in the background. Never fails. */
sfms_link *sfms_link_open(const char *service, const char *urls, const sfms_wire_keys *keys);

/* sfms_link_close waits for calls under way (at most timeout_ms), fails the rest with UNAVAILABLE, and frees. */
void sfms_link_close(sfms_link *link, int timeout_ms);

/* sfms_link_send starts a call. done always runs exactly once, possibly before this returns: with UNAVAILABLE if no replica
 * is connected or too much is waiting (retry_after set). */
void sfms_link_send(sfms_link *link, sfms_link_call *call);

/* sfms_link_wait makes n calls and waits for all; replies[i] are copied into the arena. It sets done and arg. Where the link
 * has never been connected yet, it first gives it a second to connect. */
void sfms_link_wait(sfms_link *link, sfms_arena *a, size_t n, sfms_link_call *calls, Pb__Reply **replies);

/* sfms_link_up is true if a replica is connected, knows our secret, answers, and is not about to stop. */
bool sfms_link_up(sfms_link *link);

/* Tells that records of n organisations have changed; n is 0 if it may be those of any. Runs on a thread of nng. */
typedef void sfms_link_heard(void *arg, size_t n, char *const *org_ids);

/* sfms_link_listen hears news from now on, until it is told not to, or the link is closed. What has changed before is told
 * as soon as a replica is connected: as any organisation's. Only some services tell news. */
void sfms_link_listen(sfms_link *link, sfms_link_heard *heard, void *arg);
void sfms_link_listen_no_more(sfms_link *link);

/* Numbers for /metrics. */
typedef struct {
    uint64_t calls, messages, retries, unavailable; /* since start */
    unsigned waiting, under_way;                    /* now */
} sfms_link_stats;
void sfms_link_stat(sfms_link *link, sfms_link_stats *ret);

/* A set of links by service name, from a list "name=url[|url],name=url". */
typedef struct sfms_links sfms_links;
sfms_links *sfms_links_open(const char *list, const sfms_wire_keys *keys);
/* sfms_links_open_lazy opens each link when it is first asked for. */
sfms_links *sfms_links_open_lazy(const char *list, const sfms_wire_keys *keys);
void sfms_links_close(sfms_links *links, int timeout_ms);
sfms_link *sfms_links_find(sfms_links *links, const char *service); /* NULL if the list does not name it */
/* sfms_links_each calls fn for every service in the list's order. */
void
sfms_links_each(sfms_links *links, void (*fn)(void *arg, const char *service, sfms_link *link), void *arg);

#endif
