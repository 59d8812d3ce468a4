/*
 * watchers.c -- who hears that this process is about to stop.
 *
 * A batch without calls is not answered until then. So a client whose connection is idle, too, knows in time that it
 * must send its next call elsewhere, and no call is on its way when the connection closes.
 */
#include "rpc/serving.h"

#include <stdlib.h>

#include "core/log.h"

enum { WATCHERS_MAX = 1024, TELL_MS = 500 };

typedef struct {
    nng_ctx ctx;
    int pipe;
} watcher;

struct sfms_watchers {
    sfms_server *server;
    pthread_mutex_t lock;
    bool told;
    size_t n;
    watcher all[WATCHERS_MAX];
};

/* A client has gone, and does not want to hear any more. */
static void
gone(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    sfms_watchers *w = arg;

    (void)event;
    pthread_mutex_lock(&w->lock);
    for (size_t i = w->n; i-- > 0;) {
        if (w->all[i].pipe != nng_pipe_id(pipe))
            continue;
        nng_ctx_close(w->all[i].ctx);
        w->all[i] = w->all[--w->n];
    }
    pthread_mutex_unlock(&w->lock);
}

sfms_watchers *
sfms_watchers_new(sfms_server *s)
{
    sfms_watchers *w = calloc(1, sizeof(*w));

    if (w == NULL)
        sfms_die("out of memory");
    w->server = s;
    pthread_mutex_init(&w->lock, NULL);
    nng_pipe_notify(s->socket, NNG_PIPE_EV_REM_POST, gone, w);
    return w;
}

bool
sfms_watchers_park(sfms_watchers *w, nng_ctx ctx, nng_pipe pipe)
{
    bool room;

    pthread_mutex_lock(&w->lock);
    room = !w->told && w->n < WATCHERS_MAX;
    if (room)
        w->all[w->n++] = (watcher){ctx, nng_pipe_id(pipe)};
    pthread_mutex_unlock(&w->lock);
    return room;
}

static void
tell(const sfms_server *s, nng_ctx ctx, nng_aio *aio)
{
    Pb__Replies replies = PB__REPLIES__INIT;
    nng_msg *msg;

    replies.draining = true;
    msg = sfms_wire_pack(&s->keys.reply, &replies.base);
    if (msg == NULL)
        return;
    nng_aio_set_msg(aio, msg);
    nng_aio_set_timeout(aio, TELL_MS);
    nng_ctx_send(ctx, aio);
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0)
        nng_msg_free(msg);
}

void
sfms_watchers_tell(sfms_watchers *w)
{
    nng_aio *aio;

    if (nng_aio_alloc(&aio, NULL, NULL) != 0)
        return;
    pthread_mutex_lock(&w->lock);
    w->told = true;
    for (size_t i = 0; i < w->n; i++) {
        tell(w->server, w->all[i].ctx, aio);
        nng_ctx_close(w->all[i].ctx);
    }
    w->n = 0;
    pthread_mutex_unlock(&w->lock);
    nng_aio_free(aio);
}

void
sfms_watchers_free(sfms_watchers *w)
{
    pthread_mutex_destroy(&w->lock);
    free(w);
}
