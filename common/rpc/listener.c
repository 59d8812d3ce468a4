/*
 * listener.c -- where clients connect.
 *
 * A client that connects and goes before both sides have greeted each other makes nng 1.5.2's listener stop for good (its
 * issue 1518): who is connected stays so, but nobody else gets in, and the poller's thread spins. The listener's count of
 * "other" errors tells when that has happened; a new listener is the cure. nng closes the connections of a listener with
 * it, so clients are asked first to send nothing for a moment, as when stopping: no call is lost.
 */
#include "rpc/serving.h"

#include <nng/supplemental/util/platform.h>

#include "core/log.h"
#include "core/time.h"

enum {
    QUIET_MS = 100,  /* no message for so long: clients have heard us */
    RENEW_MS = 5000, /* time for calls under way to end */
};

static int
listen_now(sfms_server *s)
{
    int rv = nng_listener_create(&s->listener, s->socket, s->url);

    return rv != 0 ? rv : nng_listener_start(s->listener, 0);
}

/* A socket file that a killed process left behind is no hindrance: nng removes it if nobody answers there. */
void
sfms_listener_start(sfms_server *s, const char *url)
{
    int rv;

    s->url = url;
    rv = listen_now(s);
    if (rv == NNG_EADDRINUSE)
        sfms_die("cannot listen at %s: another process does", url);
    if (rv != 0)
        sfms_die("cannot listen at %s: %s", url, nng_strerror(rv));
}

/* True if nng takes no more connections. */
static bool
has_stopped(const sfms_server *s)
{
    nng_stat *all = NULL;
    nng_stat *other;
    bool stopped = false;

    if (nng_stats_get(&all) != 0)
        return false;
    other = nng_stat_find_listener(all, s->listener);
    other = other != NULL ? nng_stat_find(other, "other") : NULL;
    stopped = other != NULL && nng_stat_value(other) > 0;
    nng_stats_free(all);
    return stopped;
}

static void
wait_until_quiet(const sfms_server *s)
{
    int64_t start = sfms_mono_us();

    for (;;) {
        int64_t now = sfms_mono_us();

        if (atomic_load(&s->busy) == 0 && now - atomic_load(&s->last_us) >= QUIET_MS * 1000)
            return;
        if (now - start >= RENEW_MS * 1000)
            return;
        nng_msleep(10);
    }
}

void
sfms_listener_check(sfms_server *s)
{
    int rv;

    if (!has_stopped(s))
        return;
    atomic_store(&s->last_us, sfms_mono_us());
    atomic_store(&s->draining, true);
    sfms_watchers_tell(s->watchers, /* for_good = */ false);
    wait_until_quiet(s);
    nng_listener_close(s->listener);
    rv = listen_now(s);
    if (rv != 0)
        sfms_die("cannot listen at %s again: %s", s->url, nng_strerror(rv));
    atomic_store(&s->draining, false);
    sfms_log(SFMS_LOG_WARN, "listening anew listen=%s reason=\"a client went while connecting\"", s->url);
}
