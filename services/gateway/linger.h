/*
 * linger.h -- lets a client that is still sending read the answer that refuses its body.
 *
 * libmicrohttpd closes a connection after such an answer. The system then tells a client that has sent more
 * than was read that the connection is broken, and the answer is lost. So a second descriptor of the socket
 * is kept for a while, and what comes is read and thrown away.
 */
#ifndef GATEWAY_LINGER_H
#define GATEWAY_LINGER_H

#include <stdint.h>

enum {
    LINGER_MAX = 64,             /* sockets at once; what is more is closed as it is */
    LINGER_MS = 3000,            /* for the client to notice */
    LINGER_BYTES_MAX = 64 << 20, /* that it may send meanwhile */
};

/* linger_start starts the thread that reads; linger_stop ends it and closes what there is. */
void linger_start(void);
void linger_stop(void);

/* linger_on reads from the socket from now on, after libmicrohttpd has closed its own descriptor. */
void linger_on(int fd);

#endif
