/* lanes.c -- the threads that run jobs, and what is done beside. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/time.h"
#include "work/inside.h"

enum {
    SHORT_RUNNERS = 1, /* for jobs that are over in a moment */
    LONG_RUNNERS = 2,
    KINDS_MAX = 1 << 12, /* bytes of a list of kinds */
    FINISH_MS = 2000,    /* a job that takes longer than this to end is given back when the process stops */
    LAST_MS = 1000,      /* for its last statement then */
    JOIN_US = 10000,
    PURGE_SECONDS = 3600, /* between two purges */
    PURGE_ROWS = 10000,   /* at once; if there were as many, there may be more */
};

/* ---- what is said between threads -------------------------------------------------------------------- */

bool
sfms_work_time_is_up(sfms_work_state *w)
{
    bool up;

    pthread_mutex_lock(&w->mutex);
    up = w->stopping && sfms_mono_us() >= w->stop_at_us;
    pthread_mutex_unlock(&w->mutex);
    return up;
}

bool
sfms_work_stopping(sfms_work_state *w)
{
    bool is;

    pthread_mutex_lock(&w->mutex);
    is = w->stopping;
    pthread_mutex_unlock(&w->mutex);
    return is;
}

void
sfms_work_ring(sfms_work_state *w)
{
    pthread_mutex_lock(&w->mutex);
    w->rings++;
    pthread_cond_broadcast(&w->rung);
    pthread_mutex_unlock(&w->mutex);
}

static unsigned long
count_rings(sfms_work_state *w)
{
    unsigned long n;

    pthread_mutex_lock(&w->mutex);
    n = w->rings;
    pthread_mutex_unlock(&w->mutex);
    return n;
}

/* Sleeps until it was rung more often than that, or the runner is to stop. */
static void
sleep_beyond(sfms_work_state *w, unsigned long rings)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->stopping && w->rings == rings)
        pthread_cond_wait(&w->rung, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}

void
sfms_work_tell(sfms_work_state *w)
{
    pthread_mutex_lock(&w->mutex);
    w->told++;
    pthread_cond_broadcast(&w->rung);
    pthread_mutex_unlock(&w->mutex);
}

unsigned long
sfms_work_count_told(sfms_work_state *w)
{
    unsigned long n;

    pthread_mutex_lock(&w->mutex);
    n = w->told;
    pthread_mutex_unlock(&w->mutex);
    return n;
}

void
sfms_work_sleep_until_told(sfms_work_state *w, unsigned long told, int timeout_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&w->mutex);
    while (
        !w->stopping && w->told == told && pthread_cond_timedwait(&w->rung, &w->mutex, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&w->mutex);
}

/* ---- forgetting -------------------------------------------------------------------------------------- */

/* Whether it is time; if so, the next time is an hour later. */
static bool
purge_due(sfms_work_state *w)
{
    int64_t now = sfms_mono_us();
    bool due;

    pthread_mutex_lock(&w->mutex);
    due = now >= w->purge_at_us;
    if (due)
        w->purge_at_us = now + (int64_t)PURGE_SECONDS * 1000000;
    pthread_mutex_unlock(&w->mutex);
    return due;
}

static void
purge_again(sfms_work_state *w)
{
    pthread_mutex_lock(&w->mutex);
    w->purge_at_us = 0;
    pthread_mutex_unlock(&w->mutex);
}

/* Forgets old answers and jobs. If it fails, the next hour does it. */
static void
purge(sfms_work_runner *r)
{
    sfms_work_state *w = r->lane->work;
    sfms_call call = sfms_work_call(w, r->db, r->arena, NULL, "purge");
    PGresult *gone;

    if (!purge_due(w))
        return;
    if (sfms_query(&call, &gone, "SELECT app.purge($1::integer)",
            SFMS_ARGS(sfms_printf(r->arena, "%d", PURGE_ROWS))) == SFMS_OK &&
        strtol(PQgetvalue(gone, 0, 0), NULL, 10) >= PURGE_ROWS)
        purge_again(w);
}

/* ---- starting and stopping --------------------------------------------------------------------------- */

static void *
loop(void *arg)
{
    sfms_work_runner *r = arg;
    sfms_work_state *w = r->lane->work;

    while (!sfms_work_stopping(w)) {
        unsigned long rings = count_rings(w);
        bool worked = sfms_work_step(r);

        purge(r);
        sfms_arena_reset(r->arena);
        if (!worked)
            sleep_beyond(w, rings);
    }
    atomic_store(&r->ended, true);
    return NULL;
}

/* The jobs of all nouns as one table. */
static sfms_job_row *
all_rows(sfms_arena *a, const sfms_service *service, unsigned *ret_n)
{
    sfms_job_row *rows;
    unsigned n = 0;

    for (const sfms_noun *const *noun = service->nouns; *noun != NULL; noun++) {
        for (const sfms_job_row *row = (*noun)->jobs; row != NULL && row->kind != NULL; row++)
            n++;
    }
    rows = sfms_new_array(a, sfms_job_row, n + 1);
    n = 0;
    for (const sfms_noun *const *noun = service->nouns; *noun != NULL; noun++) {
        for (const sfms_job_row *row = (*noun)->jobs; row != NULL && row->kind != NULL; row++)
            rows[n++] = *row;
    }
    *ret_n = n;
    return rows;
}

static unsigned
runners_for(bool takes_long, const sfms_job_row *rows, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (rows[i].takes_long == takes_long)
            return takes_long ? LONG_RUNNERS : SHORT_RUNNERS;
    }
    return 0;
}

static const char *
kinds_of(sfms_arena *a, bool takes_long, const sfms_job_row *rows, unsigned n)
{
    sfms_buf b;

    sfms_buf_init(&b, a, KINDS_MAX);
    for (unsigned i = 0; i < n; i++) {
        if (rows[i].takes_long == takes_long)
            sfms_buf_printf(&b, "%s%s", b.len > 0 ? "," : "{", rows[i].kind);
    }
    sfms_buf_char(&b, '}');
    return b.data;
}

static void
start_lane(sfms_work_state *w, sfms_work_lane *lane, bool takes_long)
{
    lane->work = w;
    lane->n_runners = runners_for(takes_long, w->rows, w->n_rows);
    lane->share = lane->n_runners > 1 ? lane->n_runners - 1 : 1;
    lane->kinds = kinds_of(w->kept, takes_long, w->rows, w->n_rows);
    snprintf(lane->scanned, sizeof(lane->scanned), "%s", "00000000-0000-0000-0000-000000000000");
    lane->runners = sfms_new_array(w->kept, sfms_work_runner, lane->n_runners + 1);
    pthread_mutex_init(&lane->taking, NULL);
    for (unsigned i = 0; i < lane->n_runners; i++) {
        sfms_work_runner *r = &lane->runners[i];

        r->lane = lane;
        r->db = sfms_db_open(w->env->database);
        r->arena = sfms_arena_new();
        if (pthread_create(&r->thread, NULL, loop, r) != 0)
            sfms_die("cannot start a thread for jobs");
    }
}

static void *
start(const sfms_server_env *env, const sfms_service *service)
{
    sfms_arena *kept = sfms_arena_new();
    sfms_work_state *w = sfms_new(kept, sfms_work_state);
    pthread_condattr_t attr;

    w->env = env;
    w->kept = kept;
    w->rows = all_rows(kept, service, &w->n_rows);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->rung, &attr);
    pthread_condattr_destroy(&attr);
    for (unsigned i = 0; i < SFMS_WORK_LANES; i++)
        start_lane(w, &w->lanes[i], i > 0);
    w->reading = sfms_work_reading_start(w, service);
    w->wake = sfms_work_wake_start(w);
    return w;
}

/* Waits for a runner; one that still waits for the database when a job has had its time to end loses it, and with it whatever it
 * has not committed. */
static void
join(sfms_work_runner *r, int64_t until_us)
{
    while (!atomic_load(&r->ended) && sfms_mono_us() < until_us)
        usleep(JOIN_US);
    if (!atomic_load(&r->ended))
        sfms_db_hang_up(r->db);
    pthread_join(r->thread, NULL);
}

static void
stop_lane(sfms_work_lane *lane, int64_t until_us)
{
    for (unsigned i = 0; i < lane->n_runners; i++) {
        join(&lane->runners[i], until_us);
        sfms_db_close(lane->runners[i].db);
        sfms_arena_free(lane->runners[i].arena);
    }
    pthread_mutex_destroy(&lane->taking);
}

static void
stop(void *running, int timeout_ms)
{
    sfms_work_state *w = running;

    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    w->stop_at_us = sfms_mono_us() + (int64_t)(timeout_ms < FINISH_MS ? timeout_ms : FINISH_MS) * 1000;
    pthread_cond_broadcast(&w->rung);
    pthread_mutex_unlock(&w->mutex);
    sfms_work_wake_stop(w->wake);
    sfms_work_reading_stop(w->reading);
    for (unsigned i = 0; i < SFMS_WORK_LANES; i++)
        stop_lane(&w->lanes[i], w->stop_at_us + LAST_MS * 1000);
    pthread_cond_destroy(&w->rung);
    pthread_mutex_destroy(&w->mutex);
    sfms_arena_free(w->kept);
}

static int
connections(const sfms_service *service)
{
    sfms_arena *a = sfms_arena_new();
    unsigned n;
    const sfms_job_row *rows = all_rows(a, service, &n);
    int count = (int)(runners_for(false, rows, n) + runners_for(true, rows, n)) + 1 +
                2 * (sfms_work_count_readers(service) > 0);

    sfms_arena_free(a);
    return count;
}

static void
report(void *running, sfms_arena *a, Pb__HealthStatus *health)
{
    const sfms_work_state *w = running;

    sfms_work_reading_report(w->reading, a, health);
}

const sfms_background sfms_work = {start, stop, connections, report};
