/* streams.c -- all answers that go on: how many there may be, when they are woken, and when they must end. */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "core/log.h"
#include "core/time.h"
#include "stream_inside.h"

enum { DRAIN_MS = 10000 }; /* for those that do not end as soon as the process is to stop */

static const sfms_reason too_many = {
    "TOO_MANY_STREAMS",
    SFMS_RESOURCE_EXHAUSTED,
    {"Too many answers that go on are open already; end one of them, or try again later.",
        "持续响应（事件流或导出）过多，请先结束其中一个，或稍后再试。"},
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    gateway *gw;
    bool stop, draining;
    int64_t drain_us; /* when those end that did not before */
    stream *first, *last;
    unsigned n, asking;
    uint64_t begun, bytes, ended[STREAM_WHYS];
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* ---- the list; lock held ------------------------------------------------------------------------------- */

static void
append(stream *s)
{
    s->prev = all.last;
    s->next = NULL;
    *(all.last != NULL ? &all.last->next : &all.first) = s;
    all.last = s;
}

static void
unlink_stream(stream *s)
{
    *(s->prev != NULL ? &s->prev->next : &all.first) = s->next;
    *(s->next != NULL ? &s->next->prev : &all.last) = s->prev;
}

static unsigned
count(const stream *like, bool of_user)
{
    unsigned n = 0;

    for (const stream *s = all.first; s != NULL; s = s->next)
        n += s->kind == like->kind && strcmp(s->org_id, like->org_id) == 0 &&
             (!of_user || strcmp(s->user_id, like->user_id) == 0);
    return n;
}

static bool
is_room(const stream *s)
{
    const gateway_config *c = &all.gw->config;
    /* The other half of the connections is for who asks. */
    unsigned half = (unsigned)c->connections / 2;
    unsigned most = !s->kind->drains              ? STREAM_LONG_MAX
                    : (unsigned)c->streams < half ? (unsigned)c->streams
                                                  : half;
    unsigned of_user = s->kind->drains ? STREAM_USER_MAX : STREAM_LONG_USER_MAX;
    unsigned n = 0;

    for (const stream *other = all.first; other != NULL; other = other->next)
        n += other->kind == s->kind;
    return n < most && count(s, false) < (most + 1) / 2 && count(s, true) < of_user;
}

/* What it is to do now. */
static stream_wake
reason_of(stream *s, int64_t now)
{
    if (s->ending || now >= s->until_us)
        return STREAM_TO_END;
    if (s->want && s->want_us <= now && all.asking < STREAM_ASKING_MAX)
        return STREAM_TO_ASK;
    return now - s->said_us >= STREAM_BEAT_SECONDS * INT64_C(1000000) ? STREAM_TO_BEAT : STREAM_FOR_NOTHING;
}

/* Wakes those that have something to do: they take it up when they run. */
static void
wake_up(int64_t now)
{
    unsigned places = all.asking < STREAM_ASKING_MAX ? STREAM_ASKING_MAX - all.asking : 0;

    for (stream *s = all.first, *next; s != NULL; s = next) {
        stream_wake why = s->parked ? reason_of(s, now) : STREAM_FOR_NOTHING;

        next = s->next;
        if (why == STREAM_FOR_NOTHING || (why == STREAM_TO_ASK && places == 0))
            continue;
        places -= why == STREAM_TO_ASK;
        s->parked = false;
        request_resume(s->request);
    }
}

/* ---- one of them --------------------------------------------------------------------------------------- */

bool
stream_open(request *r, const stream_kind *kind, void *state)
{
    stream *s = calloc(1, sizeof *s);
    bool room;

    if (s == NULL)
        sfms_die("out of memory");
    s->kind = kind;
    s->state = state;
    s->request = r;
    s->until_us = INT64_MAX;
    s->why = STREAM_GONE;
    (void)snprintf(s->org_id, sizeof s->org_id, "%s", r->call.principal->org_id);
    (void)snprintf(s->user_id, sizeof s->user_id, "%s", r->call.principal->user_id);
    r->stream = s;
    pthread_mutex_lock(&all.lock);
    room = !all.draining && is_room(s);
    append(s);
    all.n++;
    pthread_mutex_unlock(&all.lock);
    if (room)
        return true;
    sfms_fail(&r->call, &too_many);
    r->call.failure->retry_after = STREAM_BEAT_SECONDS;
    return false;
}

void
streams_add(request *r)
{
    pthread_mutex_lock(&all.lock);
    r->stream->said_us = sfms_mono_us();
    all.begun++;
    pthread_cond_signal(&all.wake);
    pthread_mutex_unlock(&all.lock);
}

void
streams_remove(request *r)
{
    stream *s = r->stream;

    pthread_mutex_lock(&all.lock);
    unlink_stream(s);
    all.n--;
    all.asking -= s->asking;
    if (s->begun) {
        all.ended[s->why]++;
        all.bytes += s->bytes;
    }
    wake_up(sfms_mono_us());
    pthread_mutex_unlock(&all.lock);
}

void
streams_reads(stream *s, bool something)
{
    int64_t now = sfms_mono_us();

    pthread_mutex_lock(&all.lock);
    s->taken_us = something ? now : 0;
    if (something)
        s->said_us = now;
    pthread_mutex_unlock(&all.lock);
}

/* The pages of the library's buffer go back to the system: they are all that most streams would hold. */
static void
give_room_back(const stream *s)
{
    const uintptr_t page = 4096;
    uintptr_t begin = ((uintptr_t)s->room + page - 1) & ~(page - 1),
              end = ((uintptr_t)s->room + s->n_room) & ~(page - 1);

    if (begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

stream_wake
stream_park(request *r)
{
    stream *s = r->stream;
    int64_t now = sfms_mono_us();
    stream_wake why;

    sfms_arena_free(r->call.arena); /* it may wait for long */
    r->call.arena = NULL;
    pthread_mutex_lock(&all.lock);
    why = reason_of(s, now);
    if (why == STREAM_TO_ASK) {
        s->want = false;
        s->asking = true;
        all.asking++;
        unlink_stream(s); /* the others come first the next time */
        append(s);
    } else if (why == STREAM_FOR_NOTHING) {
        s->parked = true;
        give_room_back(s);
        request_suspend(r, NULL);
    } else if (why == STREAM_TO_END && s->why == STREAM_GONE && !s->gone) {
        s->why = all.draining ? STREAM_DRAINED : STREAM_TOKEN_ENDED;
    }
    pthread_mutex_unlock(&all.lock);
    return why;
}

void
stream_want(request *r, int after_ms)
{
    pthread_mutex_lock(&all.lock);
    r->stream->want = true;
    r->stream->want_us = sfms_mono_us() + after_ms * INT64_C(1000);
    pthread_mutex_unlock(&all.lock);
}

void
stream_said(request *r)
{
    pthread_mutex_lock(&all.lock);
    r->stream->said_us = sfms_mono_us();
    pthread_mutex_unlock(&all.lock);
}

void
stream_asked(request *r)
{
    pthread_mutex_lock(&all.lock);
    all.asking -= r->stream->asking;
    r->stream->asking = false;
    wake_up(sfms_mono_us());
    pthread_mutex_unlock(&all.lock);
}

void
stream_until(request *r, int64_t us)
{
    pthread_mutex_lock(&all.lock);
    r->stream->until_us = us;
    pthread_mutex_unlock(&all.lock);
}

void
stream_ends(request *r, stream_why why)
{
    pthread_mutex_lock(&all.lock);
    if (r->stream->why == STREAM_GONE)
        r->stream->why = why;
    pthread_mutex_unlock(&all.lock);
}

/* ---- all of them --------------------------------------------------------------------------------------- */

void
streams_moved(size_t n, char *const *org_ids)
{
    int64_t now = sfms_mono_us();

    pthread_mutex_lock(&all.lock);
    for (stream *s = all.first; s != NULL; s = s->next) {
        bool mine = n == 0;

        for (size_t i = 0; i < n && !mine; i++)
            mine = strcmp(org_ids[i], s->org_id) == 0;
        if (!mine || s->want)
            continue;
        s->want = true;
        s->want_us = now;
    }
    wake_up(now);
    pthread_mutex_unlock(&all.lock);
}

void
streams_drain(void)
{
    pthread_mutex_lock(&all.lock);
    all.draining = true;
    all.drain_us = sfms_mono_us() + DRAIN_MS * INT64_C(1000);
    for (stream *s = all.first; s != NULL; s = s->next)
        s->ending = s->ending || s->kind->drains;
    wake_up(sfms_mono_us());
    pthread_cond_signal(&all.wake);
    pthread_mutex_unlock(&all.lock);
}

/* Ends the connection of who does not read; the library notices, and the request is over. Lock held. */
static void
end_slow(stream *s, int64_t now)
{
    bool late = s->taken_us != 0 && now - s->taken_us > STREAM_SLOW_SECONDS * INT64_C(1000000);
    bool over = all.draining && now > all.drain_us;

    if (s->fd < 0 || !s->begun || (!late && !over))
        return;
    if (s->why == STREAM_GONE)
        s->why = over ? STREAM_DRAINED : STREAM_SLOW;
    (void)shutdown(s->fd, SHUT_RDWR);
}

/* The library does not look at a connection that waits; and the first bytes to one that has gone get lost without an error. */
static void
end_gone(stream *s)
{
    struct pollfd fd = {.fd = s->fd, .events = POLLRDHUP};

    if (s->parked && poll(&fd, 1, 0) > 0)
        s->ending = s->gone = true;
}

static void *
tick(void *arg)
{
    pthread_mutex_lock(&all.lock);
    while (!all.stop) {
        struct timespec until;
        int64_t now = sfms_mono_us();

        for (stream *s = all.first; s != NULL; s = s->next) {
            end_slow(s, now);
            end_gone(s);
        }
        wake_up(now);
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += STREAM_TICK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (all.first == NULL)
            (void)pthread_cond_wait(&all.wake, &all.lock);
        else
            (void)pthread_cond_timedwait(&all.wake, &all.lock, &until);
    }
    pthread_mutex_unlock(&all.lock);
    return arg;
}

void
streams_start(gateway *gw)
{
    all.gw = gw;
    if (pthread_create(&all.thread, NULL, tick, NULL) != 0)
        sfms_die("cannot start a thread");
}

void
streams_stop(void)
{
    pthread_mutex_lock(&all.lock);
    all.stop = true;
    pthread_cond_signal(&all.wake);
    pthread_mutex_unlock(&all.lock);
    (void)pthread_join(all.thread, NULL);
}

void
streams_write(sfms_buf *b)
{
    static const char *const whys[STREAM_WHYS] = {"all_said", "client", "slow", "token", "drain", "failure"};

    pthread_mutex_lock(&all.lock);
    sfms_buf_printf(b,
        "# HELP sfms_streams Answers that go on now.\n# TYPE sfms_streams gauge\nsfms_streams %u\n"
        "# HELP sfms_streams_total Answers that went on, since the start.\n# TYPE sfms_streams_total "
        "counter\n"
        "sfms_streams_total %" PRIu64 "\n",
        all.n, all.begun);
    sfms_buf_add(
        b, "# HELP sfms_streams_ended_total Why they ended.\n# TYPE sfms_streams_ended_total counter\n");
    for (int i = 0; i < STREAM_WHYS; i++)
        sfms_buf_printf(b, "sfms_streams_ended_total{why=\"%s\"} %" PRIu64 "\n", whys[i], all.ended[i]);
    sfms_buf_printf(b,
        "# HELP sfms_stream_bytes_total Bytes of those that have ended.\n# TYPE sfms_stream_bytes_total "
        "counter\n"
        "sfms_stream_bytes_total %" PRIu64 "\n",
        all.bytes);
    pthread_mutex_unlock(&all.lock);
}
