/*
 * worker.c -- threads of {nng context, aio, connection, arena}, each with one message at a time.
 *
 * A message that is not signed with the right key, was made for another connection, or cannot be read, is not answered: its
 * connection is closed, so that a peer with the wrong key learns of it at once, and the log says so at most once a second.
 */
#include <stdlib.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "rpc/admit.h"
#include "rpc/serving.h"

enum {
    QUIET_MS = 100, /* while draining: no message for so long means that none will come */
    SEND_MS = 10000,
    WORK_FACTOR = 3,   /* what is made of a large message: decoded, and sent to the database */
    OVERTIME_MS = 300, /* what runs for so much longer than anybody waits is cancelled */
};

typedef struct {
    sfms_workers *all;
    pthread_t thread;
    nng_ctx ctx;
    sfms_bond bond; /* of the answer to the message at hand */
    nng_aio *receive, *send;
    pthread_mutex_t lock; /* over receive: it is called off only while it waits, which nng 1.10 insists on */
    bool waiting;
    sfms_db *db;
    sfms_arena *arena;
    _Atomic int64_t until_us; /* when nobody waits any more for what it works on; INT64_MAX if it does not */
    atomic_bool done;
} worker;

struct sfms_workers {
    sfms_server *server;
    sfms_admission *admission;
    int n;
    worker workers[];
};

/* ---- one message ------------------------------------------------------------------------------------- */

static void
refuse(const char *reason)
{
    static _Atomic int64_t said_us;
    static atomic_ulong refused;
    int64_t now = sfms_mono_us(), before = atomic_load(&said_us);

    atomic_fetch_add(&refused, 1);
    if (now - before >= 1000000 && atomic_compare_exchange_strong(&said_us, &before, now))
        sfms_log(SFMS_LOG_WARN, "refused messages=%lu reason=\"%s\"", atomic_exchange(&refused, 0), reason);
}

/* The answers are more than a message may hold. What the calls did stays done. */
static nng_msg *
pack_too_large(const worker *w, const sfms_work *work, Pb__Replies *replies)
{
    Pb__Status status = PB__STATUS__INIT;

    status.code = SFMS_OUT_OF_RANGE;
    status.reason = "RESPONSE_TOO_LARGE";
    status.message = "The answer is larger than a message between processes may be.";
    for (size_t i = 0; i < replies->n_replies; i++) {
        replies->replies[i] = sfms_new(work->arena, Pb__Reply);
        pb__reply__init(replies->replies[i]);
        replies->replies[i]->status = &status;
    }
    return sfms_wire_pack(w->all->server->keys.reply, &work->bond, &replies->base);
}

/* Says of each call of a message that there is no room for it now. */
static Pb__Replies *
no_room(const sfms_work *work)
{
    Pb__Replies *replies = sfms_new(work->arena, Pb__Replies);

    pb__replies__init(replies);
    replies->n_replies = work->batch->n_calls;
    replies->replies = sfms_new_array(work->arena, Pb__Reply *, replies->n_replies);
    for (size_t i = 0; i < replies->n_replies; i++) {
        const Pb__Call *wire = work->batch->calls[i];
        sfms_call call = {.arena = work->arena, .locale = sfms_locale_parse(wire->locale)};

        sfms_fail(&call, &sfms_overloaded);
        call.failure->retry_after = 1;
        replies->replies[i] = sfms_new(work->arena, Pb__Reply);
        pb__reply__init(replies->replies[i]);
        replies->replies[i]->status = call.failure;
    }
    sfms_log(SFMS_LOG_WARN, "no room for a message of %zu bytes: SFMS_MEMORY_MB is in use",
        sfms_arena_used(work->arena));
    return replies;
}

static void
reply(worker *w, nng_ctx ctx, nng_msg *msg)
{
    nng_aio_set_msg(w->send, msg);
    nng_ctx_send(ctx, w->send);
    nng_aio_wait(w->send);
    if (nng_aio_result(w->send) != 0)
        nng_msg_free(msg);
    atomic_store(&w->all->server->last_us, sfms_mono_us());
}

static void
answer(worker *w, const sfms_work *work, Pb__Replies *replies)
{
    sfms_server *s = w->all->server;
    nng_msg *msg;

    replies->draining = atomic_load(&s->draining);
    msg = sfms_wire_pack(s->keys.reply, &work->bond, &replies->base);
    if (msg == NULL)
        msg = pack_too_large(w, work, replies);
    if (msg != NULL)
        reply(w, work->ctx, msg);
}

/* Answers a hello: all that comes over the connection from now on is bound to the answer. False if it is none. */
static bool
greet(worker *w, nng_pipe pipe, const Pb__Batch *hello)
{
    sfms_server *s = w->all->server;
    Pb__Replies replies = PB__REPLIES__INIT;
    sfms_bond greeting;
    nng_msg *msg;

    replies.draining = atomic_load(&s->draining);
    msg = hello->n_calls == 0 ? sfms_wire_pack(s->keys.reply, &w->bond, &replies.base) : NULL;
    if (msg == NULL)
        return false;
    greeting = sfms_wire_bond(msg);
    if (!sfms_peers_greet(s->peers, pipe, &greeting)) {
        nng_msg_free(msg);
        return false;
    }
    reply(w, w->ctx, msg);
    return true;
}

/* A batch without calls waits with its context until we stop, or until there is news; the worker goes on with a new one. */
static bool
park(worker *w, nng_pipe pipe, const Pb__Batch *batch)
{
    sfms_server *s = w->all->server;
    nng_ctx fresh;
    bool parked;

    if (nng_ctx_open(&fresh, s->socket) != 0)
        return false;
    parked = batch->wants_news ? sfms_news_park(s->news, s->peers, pipe, w->ctx, &w->bond, batch->known_news)
                               : sfms_peers_park(s->peers, pipe, w->ctx, &w->bond);
    if (!parked) {
        nng_ctx_close(fresh);
        return false;
    }
    w->ctx = fresh;
    return true;
}

/* Reads a message that is bound to the greeting; NULL if it is not, or is none. */
static Pb__Batch *
open_batch(worker *w, nng_msg *msg, const sfms_bond *greeting)
{
    Pb__Batch *batch = (Pb__Batch *)sfms_wire_open(w->arena, w->all->server->keys.request, greeting,
        &pb__batch__descriptor, nng_msg_body(msg), nng_msg_len(msg));

    if (batch == NULL || batch->n_calls > SFMS_BATCH_CALLS)
        return NULL;
    w->bond = sfms_wire_bond(msg);
    return batch;
}

/* ---- work that waits, and work that is done ---------------------------------------------------------- */

/* Whose turn a message takes: that of its first call. A slow message has calls of one organisation only. */
static sfms_work *
work_of(worker *w, Pb__Batch *batch)
{
    const Pb__Call *first = batch->calls[0];
    const sfms_method *method = sfms_contract_method(w->all->server->env.contract, first->method);
    bool known = first->principal > 0 && first->principal <= batch->n_principals;
    sfms_work *work = sfms_new(w->arena, sfms_work);

    *work = (sfms_work){
        .ctx = w->ctx,
        .bond = w->bond,
        .arena = w->arena,
        .batch = batch,
        .received_us = sfms_mono_us(),
        .lane = first->patient   ? SFMS_LANE_SLOW
                : method != NULL ? sfms_lane_of(method)
                                 : SFMS_LANE_READ,
        .turn = sfms_turn_of(known ? batch->principals[first->principal - 1] : NULL, first->peer),
    };
    return work;
}

/* Counts the message at hand; false if there is no room for it and for what will be made of it. */
static bool
has_room(const sfms_work *work)
{
    size_t held = sfms_arena_used(work->arena);

    sfms_arena_meter(work->arena, work->turn);
    if (held <= SFMS_ARENA_CHUNK)
        return true;
    if (!sfms_arena_room(work->arena, (1 + WORK_FACTOR) * held))
        return false;
    sfms_arena_count(work->arena, held);
    return true;
}

/* The message at hand waits, with context and arena; the worker goes on with new ones. */
static void
leave_waiting(worker *w)
{
    atomic_fetch_add(&w->all->server->busy, 1);
    w->arena = sfms_arena_new();
    if (nng_ctx_open(&w->ctx, w->all->server->socket) != 0)
        sfms_die("out of memory");
}

static int64_t
longest_us(const Pb__Batch *batch)
{
    uint32_t most = 0;

    for (size_t i = 0; i < batch->n_calls; i++)
        most = batch->calls[i]->timeout_ms > most ? batch->calls[i]->timeout_ms : most;
    return most * INT64_C(1000);
}

static void
run(worker *w, const sfms_work *work)
{
    atomic_store(&w->until_us, work->received_us + longest_us(work->batch));
    answer(w, work, sfms_dispatch(w->all->server, w->db, work->arena, work->batch, work->received_us));
    atomic_store(&w->until_us, INT64_MAX);
}

/* Works on a message, and then on what had to wait for that. */
static void
run_all(worker *w, sfms_work *work)
{
    while (work != NULL) {
        sfms_work *next;

        run(w, work);
        next = sfms_admit_next(w->all->admission, work);
        if (work->arena != w->arena) {
            nng_ctx_close(work->ctx);
            sfms_arena_free(work->arena); /* and the work with it */
            atomic_fetch_sub(&w->all->server->busy, 1);
        }
        work = next;
    }
}

static void
serve(worker *w, nng_msg *msg)
{
    sfms_server *s = w->all->server;
    nng_pipe pipe = nng_msg_get_pipe(msg);
    sfms_bond greeting;
    sfms_peer_state state = sfms_peers_state(s->peers, pipe, &greeting);
    Pb__Batch *batch = state != SFMS_PEER_GONE ? open_batch(w, msg, &greeting) : NULL;
    sfms_work *work;

    nng_msg_free(msg);
    if (state == SFMS_PEER_GONE)
        return;
    if (batch == NULL || (state == SFMS_PEER_NEW && !greet(w, pipe, batch))) {
        sfms_hang_up(pipe);
        refuse("not signed with our key for this connection, or malformed");
        return;
    }
    if (state == SFMS_PEER_NEW)
        return;
    if (!sfms_peers_take(s->peers, pipe, batch->slot, batch->number)) {
        refuse("came before");
        return;
    }
    if (batch->n_calls == 0) {
        Pb__Replies none = PB__REPLIES__INIT;
        sfms_work hello = {.ctx = w->ctx, .bond = w->bond, .arena = w->arena};

        if (park(w, pipe, batch))
            return;
        if (batch->wants_news)
            sfms_news_since(s->news, w->arena, batch->known_news, &none);
        answer(w, &hello, &none);
        return;
    }
    work = work_of(w, batch);
    if (!has_room(work))
        answer(w, work, no_room(work));
    else if (sfms_admit(w->all->admission, work))
        run_all(w, work);
    else
        leave_waiting(w);
}

/* ---- the loop ---------------------------------------------------------------------------------------- */

/* NULL if none came: the server drains, or the wait was called off so that we see that it does. */
static nng_msg *
receive(worker *w)
{
    sfms_server *s = w->all->server;

    nng_aio_set_timeout(w->receive, atomic_load(&s->draining) ? QUIET_MS : NNG_DURATION_INFINITE);
    pthread_mutex_lock(&w->lock);
    nng_ctx_recv(w->ctx, w->receive);
    w->waiting = true;
    pthread_mutex_unlock(&w->lock);
    nng_aio_wait(w->receive);
    pthread_mutex_lock(&w->lock);
    w->waiting = false;
    pthread_mutex_unlock(&w->lock);
    if (nng_aio_result(w->receive) != 0)
        return NULL;
    atomic_store(&s->last_us, sfms_mono_us());
    return nng_aio_get_msg(w->receive);
}

static bool
all_quiet(const sfms_server *s)
{
    return atomic_load(&s->draining) && atomic_load(&s->busy) == 0 &&
           sfms_mono_us() - atomic_load(&s->last_us) >= QUIET_MS * 1000;
}

static void *
work(void *arg)
{
    worker *w = arg;

    for (;;) {
        nng_msg *msg = receive(w);

        if (msg == NULL && all_quiet(w->all->server))
            break;
        if (msg == NULL)
            continue;
        atomic_fetch_add(&w->all->server->busy, 1);
        serve(w, msg);
        atomic_fetch_sub(&w->all->server->busy, 1);
        sfms_arena_reset(w->arena);
    }
    atomic_store(&w->done, true);
    return NULL;
}

static void
start(sfms_workers *all, worker *w)
{
    w->all = all;
    pthread_mutex_init(&w->lock, NULL);
    atomic_init(&w->until_us, INT64_MAX);
    w->arena = sfms_arena_new();
    w->db = sfms_db_open(all->server->env.database);
    if (nng_ctx_open(&w->ctx, all->server->socket) != 0 || nng_aio_alloc(&w->receive, NULL, NULL) != 0 ||
        nng_aio_alloc(&w->send, NULL, NULL) != 0)
        sfms_die("out of memory");
    nng_aio_set_timeout(w->send, SEND_MS);
    if (pthread_create(&w->thread, NULL, work, w) != 0)
        sfms_die("cannot start a thread");
}

sfms_workers *
sfms_workers_start(sfms_server *s, int n)
{
    sfms_workers *all = calloc(1, sizeof(*all) + (size_t)n * sizeof(all->workers[0]));

    if (all == NULL)
        sfms_die("out of memory");
    all->server = s;
    all->admission = sfms_admission_new(n);
    all->n = n;
    for (int i = 0; i < n; i++)
        start(all, &all->workers[i]);
    return all;
}

static int
count_busy(sfms_workers *all)
{
    int busy = 0;

    for (int i = 0; i < all->n; i++)
        busy += !atomic_load(&all->workers[i].done);
    return busy;
}

static void
call_off(worker *w)
{
    pthread_mutex_lock(&w->lock);
    if (w->waiting)
        nng_aio_cancel(w->receive);
    pthread_mutex_unlock(&w->lock);
}

bool
sfms_workers_drain(sfms_workers *all, int timeout_ms)
{
    int64_t until = sfms_mono_us() + (int64_t)timeout_ms * 1000;

    while (count_busy(all) > 0) {
        if (sfms_mono_us() >= until)
            return false;
        /* Wakes those that wait without end because they did not know. One that is about to wait is woken next time. */
        for (int i = 0; i < all->n; i++)
            call_off(&all->workers[i]);
        usleep(QUIET_MS * 1000 / 4);
    }
    for (int i = 0; i < all->n; i++)
        pthread_join(all->workers[i].thread, NULL);
    return true;
}

void
sfms_workers_free(sfms_workers *all)
{
    for (int i = 0; i < all->n; i++) {
        worker *w = &all->workers[i];

        nng_ctx_close(w->ctx);
        pthread_mutex_destroy(&w->lock);
        nng_aio_free(w->receive);
        nng_aio_free(w->send);
        sfms_db_close(w->db);
        sfms_arena_free(w->arena);
    }
    sfms_admission_free(all->admission);
    free(all);
}

void
sfms_workers_watch(sfms_workers *all)
{
    int64_t now = sfms_mono_us();

    for (int i = 0; i < all->n; i++) {
        worker *w = &all->workers[i];
        int64_t until = atomic_load(&w->until_us);

        if (until == INT64_MAX || now < until + OVERTIME_MS * 1000LL)
            continue;
        sfms_db_cancel(w->db); /* nothing happens where that was done before */
    }
}
