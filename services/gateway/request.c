/* request.c -- the life of a request. */
#include "request.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"

static struct {
    pthread_mutex_t lock;
    unsigned n;
    request *first;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static request *
take_kept(void)
{
    request *r;

    pthread_mutex_lock(&kept.lock);
    r = kept.first;
    if (r != NULL) {
        kept.first = r->next;
        kept.n--;
    }
    pthread_mutex_unlock(&kept.lock);
    return r;
}

static void
destroy(request *r)
{
    sfms_arena_free(r->call.arena);
    sfms_buf_fini(&r->body);
    free(r);
}

/* Clears everything but the memory that is used again. */
static void
clear(request *r)
{
    sfms_arena *arena = r->call.arena;
    sfms_buf body = r->body;

    sfms_arena_reset(arena);
    sfms_buf_clear(&body);
    memset(r, 0, sizeof *r);
    r->call.arena = arena;
    r->body = body;
}

request *
request_new(gateway *gw, const char *target)
{
    request *r = take_kept();

    if (r == NULL) {
        r = calloc(1, sizeof *r);
        if (r == NULL)
            sfms_die("out of memory");
        r->call.arena = sfms_arena_new();
        sfms_buf_init(&r->body, NULL, SFMS_BODY_MAX);
    }
    atomic_init(&r->refs, 1);
    r->gw = gw;
    r->start_us = sfms_mono_us();
    r->target = sfms_strdup(r->call.arena, target);
    r->path = sfms_strndup(r->call.arena, target, strcspn(target, "?"));
    atomic_fetch_add_explicit(&gw->under_way, 1, memory_order_relaxed);
    return r;
}

static enum MHD_Result
take_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    if (value != NULL)
        head_take(cls, name, value);
    return MHD_YES;
}

int
request_read_head(request *r, struct MHD_Connection *c)
{
    return MHD_get_connection_values(c, MHD_HEADER_KIND, take_header, &r->head);
}

void
request_hold(request *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
}

void
request_release(request *r)
{
    if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    atomic_fetch_sub_explicit(&r->gw->under_way, 1, memory_order_relaxed);
    principal_release(r->who);
    if (sfms_arena_used(r->call.arena) > REQUEST_KEEP_BYTES || r->body.cap > REQUEST_KEEP_BYTES) {
        destroy(r);
        return;
    }
    clear(r);

    pthread_mutex_lock(&kept.lock);
    bool full = kept.n == REQUEST_KEEP_MAX;
    if (!full) {
        r->next = kept.first;
        kept.first = r;
        kept.n++;
    }
    pthread_mutex_unlock(&kept.lock);
    if (full)
        destroy(r);
}

void
request_end(void)
{
    for (request *r = take_kept(); r != NULL; r = take_kept())
        destroy(r);
}

void
request_suspend(request *r, next_step (*resumed)(request *r))
{
    request_hold(r);
    if (r->phase != PHASE_ANSWERED) {
        r->phase = PHASE_WAIT;
        r->resumed = resumed;
    }
    MHD_suspend_connection(r->connection);
}

void
request_resume(request *r)
{
    MHD_resume_connection(r->connection);
    request_release(r);
}

void
request_keep_reply(request *r, const Pb__Reply *reply)
{
    sfms_arena *a = r->call.arena;

    r->reply = (Pb__Reply)PB__REPLY__INIT;
    r->reply.version = reply->version;
    r->reply.created = reply->created;
    r->reply.more = reply->more;
    r->reply.replayed = reply->replayed;
    if (reply->status == NULL || reply->status->code == SFMS_OK) {
        r->reply.response.data = sfms_memdup(a, reply->response.data, reply->response.len);
        r->reply.response.len = reply->response.len;
        return;
    }
    /* Failures are rare and deep: through the wire format is the shortest way to copy one. */
    size_t n = protobuf_c_message_get_packed_size(&reply->status->base);
    uint8_t *bytes = sfms_alloc(a, n);
    protobuf_c_message_pack(&reply->status->base, bytes);
    r->reply.status =
        (Pb__Status *)protobuf_c_message_unpack(&pb__status__descriptor, sfms_arena_pb(a), n, bytes);
}
