/*
 * peers.c -- the connections to a server: what each has said so far, and who is to hear that this process is about to stop.
 *
 * The greeting that a connection was given, and the last number of each of its slots, are kept here as long as it is open: what
 * comes is checked against them (wire.h). A batch without calls is not answered until the server stops: so a client whose
 * connection is idle, too, knows in time that it must send its next call elsewhere, and no call is on its way when the
 * connection closes.
 *
 * Every client of ours speaks as soon as it is connected. One that stays silent is closed: nobody may hold connections for
 * nothing; and in nng 1.5.2 a client that goes at the very moment at which its connection is taken into service leaves one
 * behind that is never read again, while the poller's thread spins over its hang-up.
 */
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/time.h"
#include "rpc/serving.h"

enum {
    SILENCE_MS = 30000, /* longer than a message waits for a worker on the busiest day */
    PEERS_MAX = 1024,
    TELL_MS = 500, /* to tell all that we are about to stop */
};

typedef struct {
    nng_pipe pipe;
    int64_t since_us;
    bool greeted;
    bool heard; /* has sent what only a client of ours can */
    sfms_bond greeting;
    uint64_t taken[SFMS_WIRE_SLOTS]; /* the last number of each slot */
    bool watching;
    nng_ctx watch; /* holds the batch without calls, to which watch_bond belongs */
    sfms_bond watch_bond;
} peer;

struct sfms_peers {
    const sfms_ring *reply_ring;
    sfms_news *news;
    pthread_mutex_t lock;
    nng_aio *timer; /* runs while there are peers */
    bool ticking, told;
    size_t n;
    int ids[PEERS_MAX]; /* of the pipes, beside them, as they are looked through for every message */
    peer all[PEERS_MAX];
};

/* NULL if the connection has been closed. Lock held. */
static peer *
find(sfms_peers *p, nng_pipe pipe)
{
    int id = nng_pipe_id(pipe);

    for (size_t i = 0; i < p->n; i++) {
        if (p->ids[i] == id)
            return &p->all[i];
    }
    return NULL;
}

/* ---- connections come and go ------------------------------------------------------------------------- */

/* Lock held. */
static void
tick(sfms_peers *p)
{
    p->ticking = p->n > 0;
    if (p->ticking)
        nng_sleep_aio(SILENCE_MS, p->timer);
}

static void
arrived(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    sfms_peers *p = arg;
    bool room;

    (void)event;
    pthread_mutex_lock(&p->lock);
    room = p->n < PEERS_MAX;
    if (room) {
        p->ids[p->n] = nng_pipe_id(pipe);
        p->all[p->n++] = (peer){.pipe = pipe, .since_us = sfms_mono_us()};
    }
    if (!p->ticking)
        tick(p);
    pthread_mutex_unlock(&p->lock);
    if (!room)
        nng_pipe_close(pipe);
}

static void
gone(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    sfms_peers *p = arg;
    peer *who;

    (void)event;
    pthread_mutex_lock(&p->lock);
    who = find(p, pipe);
    if (who != NULL && who->watching)
        nng_ctx_close(who->watch);
    if (who != NULL) {
        p->n--;
        *who = p->all[p->n];
        p->ids[who - p->all] = p->ids[p->n];
    }
    pthread_mutex_unlock(&p->lock);
    sfms_news_forget(p->news, pipe);
}

/* Closes those that have been silent for long enough. */
static void
sweep(void *arg)
{
    sfms_peers *p = arg;
    int64_t before = sfms_mono_us() - SILENCE_MS * 1000;
    nng_pipe silent[PEERS_MAX];
    size_t n = 0;

    if (nng_aio_result(p->timer) != 0)
        return; /* we are stopping */
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n; i++) {
        if (!p->all[i].heard && p->all[i].since_us <= before)
            silent[n++] = p->all[i].pipe;
    }
    tick(p);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < n; i++)
        sfms_hang_up(silent[i]);
}

sfms_peers *
sfms_peers_new(nng_socket socket, const sfms_ring *reply_ring, sfms_news *news)
{
    sfms_peers *p = calloc(1, sizeof(*p));

    if (p == NULL || nng_aio_alloc(&p->timer, sweep, p) != 0)
        sfms_die("out of memory");
    p->reply_ring = reply_ring;
    p->news = news;
    pthread_mutex_init(&p->lock, NULL);
    nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, arrived, p); /* before it can say anything */
    nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, gone, p);
    return p;
}

void
sfms_peers_free(sfms_peers *p)
{
    nng_aio_stop(p->timer);
    nng_aio_free(p->timer);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- what they say ----------------------------------------------------------------------------------- */

sfms_peer_state
sfms_peers_state(sfms_peers *p, nng_pipe pipe, sfms_bond *ret_greeting)
{
    sfms_peer_state state = SFMS_PEER_GONE;
    const peer *who;

    *ret_greeting = (sfms_bond){0};
    pthread_mutex_lock(&p->lock);
    who = find(p, pipe);
    if (who != NULL) {
        state = who->greeted ? SFMS_PEER_GREETED : SFMS_PEER_NEW;
        *ret_greeting = who->greeting;
    }
    pthread_mutex_unlock(&p->lock);
    return state;
}

bool
sfms_peers_greet(sfms_peers *p, nng_pipe pipe, const sfms_bond *greeting)
{
    peer *who;
    bool first;

    pthread_mutex_lock(&p->lock);
    who = find(p, pipe);
    first = who != NULL && !who->greeted;
    if (first) {
        who->greeted = true;
        who->greeting = *greeting;
    }
    pthread_mutex_unlock(&p->lock);
    return first;
}

bool
sfms_peers_take(sfms_peers *p, nng_pipe pipe, uint32_t slot, uint64_t number)
{
    peer *who;
    bool new;

    pthread_mutex_lock(&p->lock);
    who = find(p, pipe);
    new = who != NULL &&slot < SFMS_WIRE_SLOTS &&number > who->taken[slot];
    if (new) {
        who->taken[slot] = number;
        who->heard = true;
    }
    pthread_mutex_unlock(&p->lock);
    return new;
}

/* ---- who hears that we stop -------------------------------------------------------------------------- */

bool
sfms_peers_park(sfms_peers *p, nng_pipe pipe, nng_ctx ctx, const sfms_bond *bond)
{
    peer *who;
    bool parked;

    pthread_mutex_lock(&p->lock);
    who = find(p, pipe);
    parked = who != NULL && !who->watching && !p->told;
    if (parked) {
        who->watching = true;
        who->watch = ctx;
        who->watch_bond = *bond;
    }
    pthread_mutex_unlock(&p->lock);
    return parked;
}

/* Takes the watch of some connection; false if there is none left. */
static bool
next_watch(sfms_peers *p, nng_ctx *ret, sfms_bond *ret_bond)
{
    peer *who = NULL;

    pthread_mutex_lock(&p->lock);
    p->told = true;
    for (size_t i = 0; i < p->n && who == NULL; i++) {
        if (p->all[i].watching)
            who = &p->all[i];
    }
    if (who != NULL) {
        who->watching = false;
        *ret = who->watch;
        *ret_bond = who->watch_bond;
    }
    pthread_mutex_unlock(&p->lock);
    return who != NULL;
}

static void
tell(const sfms_peers *p, nng_aio *aio, nng_ctx ctx, const sfms_bond *bond, int64_t until_us)
{
    Pb__Replies replies = PB__REPLIES__INIT;
    int64_t left_ms = (until_us - sfms_mono_us()) / 1000;
    nng_msg *msg;

    replies.draining = true;
    msg = sfms_wire_pack(p->reply_ring, bond, &replies.base);
    if (msg == NULL)
        return;
    nng_aio_set_msg(aio, msg);
    nng_aio_set_timeout(aio, left_ms > 0 ? (nng_duration)left_ms : NNG_DURATION_ZERO);
    nng_ctx_send(ctx, aio);
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0)
        nng_msg_free(msg);
}

void
sfms_peers_tell(sfms_peers *p)
{
    int64_t until = sfms_mono_us() + TELL_MS * 1000;
    nng_aio *aio;
    nng_ctx ctx;
    sfms_bond bond;

    if (nng_aio_alloc(&aio, NULL, NULL) != 0)
        return;
    while (next_watch(p, &ctx, &bond)) {
        tell(p, aio, ctx, &bond, until);
        nng_ctx_close(ctx);
    }
    nng_aio_free(aio);
}
