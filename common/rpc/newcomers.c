/*
 * newcomers.c -- connections that have not yet said anything.
 *
 * Every client of ours sends a message as soon as it is connected. One that stays silent is closed: nobody may hold
 * connections for nothing; and in nng 1.5.2 a client that goes at the very moment at which its connection is taken into
 * service leaves one behind that is never read again, while the poller's thread spins over its hang-up.
 */
#include "rpc/serving.h"

#include <stdlib.h>

#include "core/log.h"
#include "core/time.h"

enum {
    SILENCE_MS = 30000, /* longer than a message waits for a worker on the busiest day */
    NEWCOMERS_MAX = 1024,
};

typedef struct {
    nng_pipe pipe;
    int64_t since_us;
} newcomer;

struct sfms_newcomers {
    pthread_mutex_t lock;
    nng_aio *timer; /* runs while there are newcomers */
    bool ticking;
    atomic_uint n;
    newcomer all[NEWCOMERS_MAX];
};

/* Lock held. */
static void
forget(sfms_newcomers *w, size_t i)
{
    unsigned n = atomic_load(&w->n) - 1;

    w->all[i] = w->all[n];
    atomic_store(&w->n, n);
}

/* Lock held. */
static void
tick(sfms_newcomers *w)
{
    w->ticking = atomic_load(&w->n) > 0;
    if (w->ticking)
        nng_sleep_aio(SILENCE_MS, w->timer);
}

static void
arrived(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    sfms_newcomers *w = arg;
    unsigned n;

    (void)event;
    pthread_mutex_lock(&w->lock);
    n = atomic_load(&w->n);
    if (n < NEWCOMERS_MAX) {
        w->all[n] = (newcomer){pipe, sfms_mono_us()};
        atomic_store(&w->n, n + 1);
    }
    if (!w->ticking)
        tick(w);
    pthread_mutex_unlock(&w->lock);
    if (n == NEWCOMERS_MAX)
        nng_pipe_close(pipe);
}

/* Closes those that have been silent for long enough. */
static void
sweep(void *arg)
{
    sfms_newcomers *w = arg;
    int64_t before = sfms_mono_us() - SILENCE_MS * 1000;
    nng_pipe silent[NEWCOMERS_MAX];
    size_t n = 0;

    if (nng_aio_result(w->timer) != 0)
        return; /* we are stopping */
    pthread_mutex_lock(&w->lock);
    for (size_t i = atomic_load(&w->n); i-- > 0;) {
        if (w->all[i].since_us > before)
            continue;
        silent[n++] = w->all[i].pipe;
        forget(w, i);
    }
    tick(w);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < n; i++)
        nng_pipe_close(silent[i]);
}

sfms_newcomers *
sfms_newcomers_new(nng_socket socket)
{
    sfms_newcomers *w = calloc(1, sizeof(*w));

    if (w == NULL || nng_aio_alloc(&w->timer, sweep, w) != 0)
        sfms_die("out of memory");
    pthread_mutex_init(&w->lock, NULL);
    nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, arrived, w);
    return w;
}

void
sfms_newcomers_heard(sfms_newcomers *w, nng_pipe pipe)
{
    if (atomic_load_explicit(&w->n, memory_order_relaxed) == 0)
        return;
    pthread_mutex_lock(&w->lock);
    for (size_t i = atomic_load(&w->n); i-- > 0;)
        if (nng_pipe_id(w->all[i].pipe) == nng_pipe_id(pipe))
            forget(w, i);
    pthread_mutex_unlock(&w->lock);
}

void
sfms_newcomers_free(sfms_newcomers *w)
{
    nng_aio_stop(w->timer);
    nng_aio_free(w->timer);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
