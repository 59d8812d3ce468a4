/*
 * stream_inside.h -- what the parts of the streams share: stream.c (one), streams.c (all), stream_gzip.c. Kinds of streams do not
 * include it.
 */
#ifndef GATEWAY_STREAM_INSIDE_H
#define GATEWAY_STREAM_INSIDE_H

#include "request.h"
#include "stream.h"

/* What libmicrohttpd is answered. */
enum { STREAM_READ_END = -1, STREAM_READ_BREAK = -2 };

struct stream {
    const stream_kind *kind;
    void *state;
    request *request;
    bool begun, over;
    sfms_arena *first; /* the request's own arena */
    const char *data;  /* what is left of the piece at hand */
    size_t left;
    struct stream_gzip *gzip; /* NULL if it is not compressed */
    uint64_t bytes;           /* handed on */
    char
        *room; /* of the library, for what is handed on next: n_room bytes that hold nothing while it waits */
    size_t n_room;
    int fd;

    /* Guarded by the lock of streams.c. */
    stream *prev, *next;
    char user_id[SFMS_ID_SIZE], org_id[SFMS_ID_SIZE];
    bool parked, want, asking, ending, gone;
    int64_t want_us;  /* not before */
    int64_t said_us;  /* when it last said something */
    int64_t until_us; /* when it ends; INT64_MAX if it does not by itself */
    int64_t taken_us; /* since when the client is to take what was handed on; 0 if there is nothing */
    stream_why why;
};

/* streams_add and streams_remove: it has begun, or is over. streams_reads notes whether the client has something to take. */
void streams_add(request *r);
void streams_remove(request *r);
void streams_reads(stream *s, bool something);

/* Compression. new answers NULL if the client does not take it, and otherwise adds the headers; take compresses some of what is
 * left, and at the end what is left of that. */
struct stream_gzip *stream_gzip_new(request *r);
size_t stream_gzip_take(stream *s, char *to, size_t max);
void stream_gzip_free(stream *s);

#endif
