/* stream.c -- one answer that goes on: its pieces. */
#include "stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/log.h"
#include "core/time.h"
#include "rpc/lane.h"
#include "stream_inside.h"

void *
stream_state(const request *r)
{
    return r->stream->state;
}

bool
stream_has_begun(const request *r)
{
    return r->stream != NULL && r->stream->begun;
}

/* Bounds what the kernel holds for a client that does not read, and for how long it tries to reach one that has gone. */
static void
bound_socket(int fd)
{
    int bytes = STREAM_SEND_BYTES, ms = 2 * STREAM_SLOW_SECONDS * 1000;

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

void
stream_begin(request *r, int fd)
{
    stream *s = r->stream;

    s->begun = true;
    s->fd = fd;
    if (fd >= 0)
        bound_socket(fd);
    s->first = r->call.arena;
    r->call.arena = NULL;
    if (s->kind->packs)
        s->gzip = stream_gzip_new(r);
    streams_add(r);
}

void
stream_give(request *r, const char *data, size_t n)
{
    r->stream->data = data;
    r->stream->left = n;
}

void
stream_fresh_arena(request *r)
{
    if (r->call.arena == NULL)
        r->call.arena = sfms_arena_new();
    else
        sfms_arena_reset(r->call.arena);
    sfms_arena_meter(r->call.arena, sfms_turn_of(r->call.principal, r->call.peer));
    r->call.failure = NULL;
}

static void
drop_arena(request *r)
{
    sfms_arena_free(r->call.arena);
    r->call.arena = NULL;
}

/* Hands on what there is of the piece; 0 if there is none. */
static size_t
take(stream *s, char *to, size_t max)
{
    size_t n = s->left < max ? s->left : max;

    if (s->gzip != NULL)
        return stream_gzip_take(s, to, max);
    if (n == 0)
        return 0;
    memcpy(to, s->data, n);
    s->data += n;
    s->left -= n;
    return n;
}

static ssize_t
finish(request *r, stream_next next)
{
    stream *s = r->stream;

    drop_arena(r);
    if (next == STREAM_BREAK) {
        stream_ends(r, STREAM_FAILED);
        return STREAM_READ_BREAK;
    }
    stream_ends(r, STREAM_ENDED);
    s->over = true;
    return s->gzip != NULL ? 0 : STREAM_READ_END;
}

ssize_t
stream_read(request *r, char *to, size_t max)
{
    stream *s = r->stream;

    streams_reads(s, false);
    s->room = to;
    s->n_room = max;
    for (;;) {
        size_t n = take(s, to, max);

        if (n > 0) {
            s->bytes += n;
            streams_reads(s, true);
            return (ssize_t)n;
        }
        if (s->over)
            return STREAM_READ_END;
        stream_next next = s->kind->proceed(r);
        if (next == STREAM_WAIT) /* another thread may have it by now: do not touch */
            return 0;
        if (next != STREAM_PIECE && finish(r, next) != 0)
            return next == STREAM_BREAK ? STREAM_READ_BREAK : STREAM_READ_END;
    }
}

void
stream_close(request *r)
{
    stream *s = r->stream;

    if (s == NULL)
        return;
    if (s->begun) {
        sfms_arena_free(r->call.arena);
        r->call.arena = s->first;
    }
    streams_remove(r);
    s->kind->stop(r);
    stream_gzip_free(s);
    r->stream = NULL;
    free(s);
}
