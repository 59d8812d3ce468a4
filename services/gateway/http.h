/*
 * http.h -- the HTTP server: libmicrohttpd's callbacks.
 */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include "gateway.h"

enum {
    HTTP_IDLE_SECONDS = 75,          /* a connection on which nothing happens is closed */
    HTTP_BODY_IDLE_SECONDS = 10,     /* the same while a body is awaited */
    HTTP_BODY_SECONDS = 30,          /* a body may take this long, */
    HTTP_BODY_BYTES_A_SECOND = 8192, /* and longer if it comes at least this fast */
    HTTP_CONNECTION_BYTES =
        64 << 10, /* buffer of a connection: request line, headers, answer's head; see refusal.c */
    HTTP_BLOCK_BYTES = 1 << 10,    /* in which an answer that goes on is written to a client of HTTP/1.0 */
    HTTP_DISCARD_BYTES = 64 << 10, /* a refused body up to this length is read, to keep the connection */
    HTTP_DROP_BYTES = 4 << 20,     /* of a body in chunks that are read after it was found too large */
};

typedef struct http http;

/* http_start listens and serves; ends the process with a sentence if the address cannot be had. */
http *http_start(gateway *gw);

/* http_port answers the port, which the system has chosen if the configuration says 0. */
int http_port(const http *h);

/* http_quiesce takes no more connections; those that are there go on. */
void http_quiesce(http *h);

/* http_stop closes everything. Nothing may be suspended. */
void http_stop(http *h);

#endif
