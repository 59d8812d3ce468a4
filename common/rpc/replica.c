/* replica.c -- the connection to one process that serves a service. */
#include "rpc/link_inside.h"

#include <nng/protocol/reqrep0/req.h>

#include "core/log.h"

enum {
    RECONNECT_MIN_MS = 10,
    RECONNECT_MAX_MS = 100,
    GREETING_MS =
        4000, /* for a server to greet us: a worker is always soon free for that; nng may have lost the hello */
};

/* ---- the watch --------------------------------------------------------------------------------------- */
/* The hello of a connection; then a batch without calls, which the server answers when it is about to stop, and not
 * before: so an idle link, too, learns that it should send nothing more. */

/* Starts what the connection needs next. */
static void
watch_start(sfms_replica *r)
{
    sfms_link *link = r->link;
    static const sfms_bond none;
    Pb__Batch batch = PB__BATCH__INIT;
    nng_msg *msg = NULL;

    pthread_mutex_lock(&link->lock);
    batch.slot = SFMS_LINK_SLOTS;
    batch.number = ++r->watch_number;
    if (r->pipe != 0 && !r->draining && r->watching == SFMS_WATCH_NONE && !link->closed)
        msg = sfms_wire_pack(link->keys.request, r->greeted ? &r->greeting : &none, &batch.base);
    if (msg != NULL) {
        r->watching = r->greeted ? SFMS_WATCH_STOP : SFMS_WATCH_HELLO;
        r->watch_sent = false;
        r->watch_bond = sfms_wire_bond(msg);
        nng_aio_set_timeout(r->watch_aio, r->greeted ? NNG_DURATION_INFINITE : GREETING_MS);
        nng_aio_set_msg(r->watch_aio, msg);
        nng_ctx_send(r->watch, r->watch_aio);
    }
    pthread_mutex_unlock(&link->lock);
}

/* The server has greeted us: what waits may go. Lock held. */
static void
greeted(sfms_replica *r, nng_msg *msg)
{
    if (nng_pipe_id(nng_msg_get_pipe(msg)) != r->pipe)
        return;
    r->greeted = true;
    r->greeting = sfms_wire_bond(msg);
    r->link->been_up = true;
    pthread_cond_broadcast(&r->link->changed);
}

static void
hang_up(sfms_replica *r)
{
    nng_pipe pipe;

    pthread_mutex_lock(&r->link->lock);
    pipe.id = (uint32_t)r->pipe;
    pthread_mutex_unlock(&r->link->lock);
    sfms_hang_up(pipe);
}

static void
watch_answered(sfms_replica *r, nng_msg *msg)
{
    sfms_link *link = r->link;
    sfms_arena *a = sfms_link_arena(link);
    nng_pipe pipe = nng_msg_get_pipe(msg);
    Pb__Replies *replies = (Pb__Replies *)sfms_wire_open(
        a, link->keys.reply, &r->watch_bond, &pb__replies__descriptor, nng_msg_body(msg), nng_msg_len(msg));
    bool trusted = replies != NULL;
    bool greeting;

    pthread_mutex_lock(&link->lock);
    greeting = trusted && r->watching == SFMS_WATCH_HELLO;
    if (greeting)
        greeted(r, msg);
    if (trusted && replies->draining)
        sfms_replica_drains(r, msg);
    r->watching = SFMS_WATCH_NONE;
    pthread_mutex_unlock(&link->lock);
    nng_msg_free(msg);
    sfms_link_arena_back(link, a);
    if (!trusted)
        sfms_hang_up(pipe);
    if (greeting) {
        watch_start(r);
        sfms_news_ask(r);
    }
    sfms_link_pump(link, NULL);
}

static void
watch_event(void *arg)
{
    sfms_replica *r = arg;
    int rv = nng_aio_result(r->watch_aio);
    bool sent;

    pthread_mutex_lock(&r->link->lock);
    sent = r->watch_sent;
    if (!sent && rv == 0) {
        r->watch_sent = true;
        nng_ctx_recv(r->watch, r->watch_aio);
        pthread_mutex_unlock(&r->link->lock);
        return;
    }
    if (rv != 0)
        r->watching = SFMS_WATCH_NONE;
    pthread_mutex_unlock(&r->link->lock);
    if (rv == 0) {
        watch_answered(r, nng_aio_get_msg(r->watch_aio));
        return;
    }
    if (!sent)
        nng_msg_free(nng_aio_get_msg(r->watch_aio));
    if (rv == NNG_ETIMEDOUT)
        hang_up(r); /* it has not greeted us */
    watch_start(r); /* if there is another connection already */
}

/* ---- connections ------------------------------------------------------------------------------------- */

static void
connected(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    sfms_replica *r = arg;

    (void)event;
    pthread_mutex_lock(&r->link->lock);
    r->pipe = nng_pipe_id(pipe);
    r->greeted = r->draining = r->silent = false;
    pthread_mutex_unlock(&r->link->lock);
    watch_start(r);
}

/* nng has failed what was sent over the connection. What it had not sent yet it would keep for the next one:
 * take it back, so that nobody waits for a process that may not return. */
static void
disconnected(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    sfms_replica *r = arg;

    (void)event;
    pthread_mutex_lock(&r->link->lock);
    if (r->pipe != nng_pipe_id(pipe)) {
        pthread_mutex_unlock(&r->link->lock);
        return;
    }
    r->pipe = 0;
    r->greeted = r->draining = r->silent = false;
    for (int i = 0; i < SFMS_LINK_SLOTS; i++) {
        if (r->slots[i].state == SFMS_SLOT_SENDING)
            nng_aio_abort(r->slots[i].aio, NNG_ECONNABORTED);
    }
    if (r->watching != SFMS_WATCH_NONE && !r->watch_sent)
        nng_aio_abort(r->watch_aio, NNG_ECONNABORTED);
    sfms_news_abort(r);
    pthread_mutex_unlock(&r->link->lock);
    sfms_link_pump(r->link, NULL);
}

bool
sfms_replica_ready(const sfms_replica *r)
{
    return r->greeted && !r->draining && !r->silent;
}

void
sfms_replica_drains(sfms_replica *r, const nng_msg *msg)
{
    if (nng_pipe_id(nng_msg_get_pipe(msg)) == r->pipe)
        r->draining = true;
}

/* ---- opening and closing ----------------------------------------------------------------------------- */

static int
set_options(nng_socket socket)
{
    int rv = sfms_socket_options(socket);

    if (rv == 0)
        rv = nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    if (rv == 0)
        rv = nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (rv == 0)
        rv = nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    return rv;
}

void
sfms_replica_open(sfms_replica *r, sfms_link *link, const char *url)
{
    int rv = nng_req0_open(&r->socket);
    int n = 0;

    r->link = link;
    if (rv == 0)
        rv = set_options(r->socket);
    if (rv != 0)
        sfms_die("cannot open a socket: %s", nng_strerror(rv));
    for (sfms_lane lane = 0; lane < SFMS_LANES; lane++) {
        for (unsigned i = 0; i < sfms_link_places(lane); i++)
            sfms_slot_open(&r->slots[n++], r, lane);
    }
    if (nng_ctx_open(&r->watch, r->socket) != 0 || nng_aio_alloc(&r->watch_aio, watch_event, r) != 0)
        sfms_die("out of memory");
    sfms_news_open(r);
    nng_pipe_notify(r->socket, NNG_PIPE_EV_ADD_POST, connected, r);
    nng_pipe_notify(r->socket, NNG_PIPE_EV_REM_POST, disconnected, r);
    rv = sfms_dial(r->socket, url, &link->keys.tls);
    if (rv != 0)
        sfms_die("cannot use the address %s: %s", url, nng_strerror(rv));
}

void
sfms_replica_stop(sfms_replica *r)
{
    nng_aio_stop(r->watch_aio);
    nng_aio_stop(r->news_aio);
    for (int i = 0; i < SFMS_LINK_SLOTS; i++)
        sfms_slot_stop(&r->slots[i]);
}

void
sfms_replica_close(sfms_replica *r)
{
    for (int i = 0; i < SFMS_LINK_SLOTS; i++)
        sfms_slot_close(&r->slots[i]);
    nng_ctx_close(r->watch);
    nng_aio_free(r->watch_aio);
    sfms_news_close(r);
    nng_close(r->socket);
}
