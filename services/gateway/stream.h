/*
 * stream.h -- an answer that goes on.
 *
 * It is made of pieces, one at a time: the next is got when the client has taken the one before, so that a stream needs the
 * memory of one piece, however long it becomes and however slowly it is read. While nothing is there to be sent its
 * connection is suspended, and takes no thread. All that a kind of stream does runs on the connection's own thread.
 */
#ifndef GATEWAY_STREAM_H
#define GATEWAY_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/arena.h"
#include "core/buf.h"

struct gateway;
struct request;

enum {
    STREAM_BEAT_SECONDS = 15,     /* a stream that says nothing for so long says that it is alive */
    STREAM_SLOW_SECONDS = 30,     /* what was handed on, 64 KiB at most, is to be taken within this time */
    STREAM_SEND_BYTES = 64 << 10, /* that the kernel holds for a client that does not read */
    STREAM_RETRY_MS = 1000,       /* after a service could not answer */
    STREAM_ASKING_MAX =
        3, /* streams that ask their service at one time, so that others find a place there, too */
    STREAM_TICK_MS = 500,     /* how often all streams are looked at */
    STREAM_USER_MAX = 16,     /* streams of one user; an organisation may have half of all */
    STREAM_LONG_MAX = 16,     /* of those that come to an end by themselves: exports, */
    STREAM_LONG_USER_MAX = 2, /* and of one user */
};

/* What comes next. */
typedef enum {
    STREAM_PIECE, /* stream_give has been called */
    STREAM_WAIT,  /* the request is suspended; proceed runs again when it has been resumed */
    STREAM_END,   /* all has been said */
    STREAM_BREAK, /* it cannot go on: the answer is broken off, so that the client notices */
} stream_next;

/* Why streams end, for /metrics. */
typedef enum {
    STREAM_ENDED,       /* all was said */
    STREAM_GONE,        /* the client has gone */
    STREAM_SLOW,        /* or did not read */
    STREAM_TOKEN_ENDED, /* what opened it holds no longer */
    STREAM_DRAINED,     /* the process stops */
    STREAM_FAILED,
    STREAM_WHYS,
} stream_why;

typedef struct {
    const char *name; /* for /metrics */
    /* Gets the next piece, when all before has been handed on, or when what it waited for is there. */
    stream_next (*proceed)(struct request *r);
    /* The stream is over: gives back what the kind holds. */
    void (*stop)(struct request *r);
    bool drains; /* ends as soon as the process is to stop */
    bool packs;  /* may be compressed */
} stream_kind;

typedef struct stream stream;

/* What a stream that is parked is woken for. */
typedef enum {
    STREAM_FOR_NOTHING, /* it is parked: suspended until there is something */
    STREAM_TO_ASK,      /* something has changed, and it is its turn to ask; stream_asked ends that */
    STREAM_TO_BEAT,
    STREAM_TO_END,
} stream_wake;

/* stream_open makes the stream of a request, which belongs to it and ends with it. False if there are too many: then the
 * call has failed. */
bool stream_open(struct request *r, const stream_kind *kind, void *state);
void *stream_state(const struct request *r);

/* stream_begin is called when the answer begins: fd is its socket. Of the request's arena nothing is needed any more then
 * but what it holds already: pieces have one of their own, as the call's. */
void stream_begin(struct request *r, int fd);
bool stream_has_begun(const struct request *r);

/* stream_fresh_arena makes the call's arena empty, for the next piece. It is there while there is one, and not while the
 * stream waits for something to say. */
void stream_fresh_arena(struct request *r);

/* stream_give hands n bytes on, which live in the call's arena. */
void stream_give(struct request *r, const char *data, size_t n);

/* stream_read is called by the HTTP server for up to max bytes; as libmicrohttpd wants it. */
ssize_t stream_read(struct request *r, char *to, size_t max);

/* stream_park waits until there is something to do, and answers what: if that is nothing, the request has been suspended. */
stream_wake stream_park(struct request *r);

/* stream_want says that there is something to ask for, at once or after some time. */
void stream_want(struct request *r, int after_ms);
void stream_asked(struct request *r);

/* stream_said says that it needs not say that it is alive for a while. */
void stream_said(struct request *r);

/* stream_until says when the stream ends, by sfms_mono_us. */
void stream_until(struct request *r, int64_t us);

/* stream_ends notes why, the first time. */
void stream_ends(struct request *r, stream_why why);

/* stream_close is called when the request is over. */
void stream_close(struct request *r);

/* ---- all of them ------------------------------------------------------------------------------------- */

/* streams_start begins to look after them; streams_stop ends that. */
void streams_start(struct gateway *gw);
void streams_stop(void);

/* streams_drain ends those that end with the process at once, and the others after some time. */
void streams_drain(void);

/* streams_moved wakes those of n organisations, or all if n is 0, to ask what has changed. */
void streams_moved(size_t n, char *const *org_ids);

/* streams_write writes their numbers for /metrics. */
void streams_write(sfms_buf *b);

#endif
