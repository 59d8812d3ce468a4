/*
 * pulse.c -- whether the database answers at all.
 *
 * A host that was stopped, has gone or is cut off says nothing, and who waits for it waits for as long as the kernel likes: a
 * quarter of an hour by TCP, for ever on a unix socket. So one thread looks whether something is waited for and nothing has been
 * heard for a while, on any connection of the process. Then it asks the database itself, over a connection of its own. If that
 * is not answered either, all connections are hung up, and nothing is sent, until it is.
 */
#include "db/pulse.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "core/log.h"
#include "core/time.h"
#include "db/connection.h"

enum {
    LOOK_MS = 100,
    SUSPECT_US = 1500000, /* so long without a word, while somebody waits for one */
    PROBE_MS = 2000,      /* for the answer to a question that takes no time */
    LOST_MS =
        3000, /* after a statement should have been answered, at the latest, the connection leads nowhere */
};

static struct {
    pthread_mutex_t lock; /* guards what follows, up to silent */
    pthread_cond_t wake;
    bool stopping;
    sfms_db *first;
    _Atomic int64_t heard_us; /* when the database last said something */
    atomic_bool silent;
    const sfms_db_config *config;
    pthread_t thread;
} pulse = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

void
sfms_pulse_join(sfms_db *db)
{
    pthread_mutex_lock(&pulse.lock);
    db->next = pulse.first;
    pulse.first = db;
    pthread_mutex_unlock(&pulse.lock);
}

void
sfms_pulse_leave(sfms_db *db)
{
    pthread_mutex_lock(&pulse.lock);
    for (sfms_db **at = &pulse.first; *at != NULL; at = &(*at)->next) {
        if (*at != db)
            continue;
        *at = db->next;
        break;
    }
    pthread_mutex_unlock(&pulse.lock);
}

void
sfms_pulse_waits(sfms_db *db)
{
    atomic_store_explicit(&db->waiting_us, sfms_mono_us(), memory_order_relaxed);
}

void
sfms_pulse_heard(sfms_db *db, bool anything)
{
    atomic_store_explicit(&db->waiting_us, 0, memory_order_relaxed);
    if (anything)
        atomic_store_explicit(&pulse.heard_us, sfms_mono_us(), memory_order_relaxed);
}

bool
sfms_pulse_silent(void)
{
    return atomic_load_explicit(&pulse.silent, memory_order_relaxed);
}

/* ---- asking ------------------------------------------------------------------------------------------ */

/* Reads until the statement is answered; false if that takes too long. */
static bool
answered(PGconn *conn, int64_t until_us)
{
    while (PQisBusy(conn)) {
        struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
        int64_t left_ms = (until_us - sfms_mono_us()) / 1000;

        if (left_ms <= 0 || (poll(&fd, 1, (int)left_ms) < 0 && errno != EINTR))
            return false;
        if (fd.revents != 0 && PQconsumeInput(conn) != 1)
            return true; /* goodbye is an answer */
    }
    return true;
}

/* Whether the database says anything: no is an answer, too. */
static bool
probe(void)
{
    int64_t begin = sfms_mono_us();
    PGconn *conn = sfms_connect(pulse.config);
    bool alive;

    if (PQstatus(conn) != CONNECTION_OK)
        alive = sfms_mono_us() - begin < PROBE_MS * 1000LL * 9 / 10;
    else
        alive = PQsendQuery(conn, "SELECT 1") != 1 || answered(conn, sfms_mono_us() + PROBE_MS * 1000LL);
    PQfinish(conn);
    return alive;
}

/* Hangs up everywhere: where an answer is waited for none will come, and a connection that is idle now may lead nowhere
 * afterwards. */
static void
hang_up_all(void)
{
    pthread_mutex_lock(&pulse.lock);
    for (sfms_db *db = pulse.first; db != NULL; db = db->next)
        sfms_db_hang_up(db);
    pthread_mutex_unlock(&pulse.lock);
}

/* Something on the way may have forgotten a single connection, while the database answers others. */
static void
hang_up_lost(void)
{
    int64_t now = sfms_mono_us();

    pthread_mutex_lock(&pulse.lock);
    for (sfms_db *db = pulse.first; db != NULL; db = db->next) {
        int64_t since = atomic_load_explicit(&db->waiting_us, memory_order_relaxed);
        int64_t timeout_ms = atomic_load_explicit(&db->timeout_ms, memory_order_relaxed);

        if (since != 0 && now - since > (timeout_ms + LOST_MS) * 1000)
            sfms_db_hang_up(db);
    }
    pthread_mutex_unlock(&pulse.lock);
}

/* When the database should have said something at the latest; INT64_MAX if nobody waits for it. */
static int64_t
expected_us(void)
{
    int64_t first = INT64_MAX, heard = atomic_load(&pulse.heard_us);

    pthread_mutex_lock(&pulse.lock);
    for (sfms_db *db = pulse.first; db != NULL; db = db->next) {
        int64_t since = atomic_load_explicit(&db->waiting_us, memory_order_relaxed);

        if (since != 0 && since < first)
            first = since;
    }
    pthread_mutex_unlock(&pulse.lock);
    if (first == INT64_MAX)
        return INT64_MAX;
    return (first > heard ? first : heard) + SUSPECT_US;
}

static void
look(void)
{
    int64_t begin = sfms_mono_us();
    bool silent = sfms_pulse_silent();

    if (!silent && begin < expected_us())
        return;
    if (probe()) {
        atomic_store(&pulse.heard_us, sfms_mono_us());
        atomic_store(&pulse.silent, false);
        if (silent)
            sfms_log(SFMS_LOG_INFO, "the database answers again");
    } else if (atomic_load(&pulse.heard_us) < begin) {
        atomic_store(&pulse.silent, true);
        hang_up_all();
        if (!silent)
            sfms_log(SFMS_LOG_WARN, "the database does not answer; calls are refused until it does");
    }
}

/* ---- the thread -------------------------------------------------------------------------------------- */

/* Sleeps a little; false if the watch is over. */
static bool
rest(void)
{
    struct timespec until;
    bool on;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&pulse.lock);
    if (!pulse.stopping)
        pthread_cond_timedwait(&pulse.wake, &pulse.lock, &until);
    on = !pulse.stopping;
    pthread_mutex_unlock(&pulse.lock);
    return on;
}

static void *
watch(void *arg)
{
    (void)arg;
    while (rest()) {
        look();
        hang_up_lost();
    }
    return NULL;
}

void
sfms_db_watch(const sfms_db_config *config)
{
    pulse.config = config;
    if (pthread_create(&pulse.thread, NULL, watch, NULL) != 0)
        sfms_die("cannot start a thread");
}

void
sfms_db_watch_end(void)
{
    pthread_mutex_lock(&pulse.lock);
    pulse.stopping = true;
    pthread_cond_signal(&pulse.wake);
    pthread_mutex_unlock(&pulse.lock);
    pthread_join(pulse.thread, NULL);
}
