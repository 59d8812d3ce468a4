/*
 * wake.c -- tells the threads that run jobs when there may be work: when PostgreSQL says so, or the time of a job has come.
 *
 * One connection listens. It is told of jobs that are due soon when they are written; for those that come later, and for what
 * was not told as the connection was lost, it looks every ten seconds. Behind a pooler nobody is told anything, as a session is
 * ours for a transaction only: then it looks twice a second.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/log.h"
#include "core/time.h"
#include "work/inside.h"

enum {
    LOOK_MS = 10000,
    LOOK_POOLED_MS = 500,
    AGAIN_MS =
        1000, /* while jobs are due that nobody takes, as all threads are busy, or their turn has not come */
    PLAN_SECONDS = 60, /* between two looks at schedules */
};

struct sfms_work_wake {
    sfms_work_state *work;
    sfms_db *db;
    sfms_arena *arena;
    pthread_t thread;
    int stop;      /* an eventfd */
    int listening; /* the server's process that we have told that we listen; 0 for none */
    int64_t plan_at_us;
};

/* Listens, if that is of use; answers the connection, NULL if there is none. */
static PGconn *
listen_again(struct sfms_work_wake *wake)
{
    PGconn *conn = sfms_db_conn(wake->db);
    PGresult *result;

    if (conn == NULL || PQbackendPID(conn) == wake->listening || wake->work->env->database->pooled)
        return conn;
    result = PQexec(conn, "LISTEN sfms_jobs");
    wake->listening = PQresultStatus(result) == PGRES_COMMAND_OK ? PQbackendPID(conn) : 0;
    PQclear(result);
    return conn;
}

/* Writes the next jobs of the schedules. */
static void
plan(struct sfms_work_wake *wake, sfms_call *call)
{
    const sfms_work_state *w = wake->work;
    bool planned = true;

    if (sfms_mono_us() < wake->plan_at_us)
        return;
    for (unsigned i = 0; i < w->n_rows; i++) {
        if (w->rows[i].every != NULL)
            planned &= sfms_exec(call, NULL, "SELECT app.plan_jobs($1, $2::interval, $3::interval)",
                           SFMS_ARGS(w->rows[i].kind, w->rows[i].every,
                               w->rows[i].at != NULL ? w->rows[i].at : "0")) == SFMS_OK;
    }
    if (planned)
        wake->plan_at_us = sfms_mono_us() + (int64_t)PLAN_SECONDS * 1000000;
}

/* In how many milliseconds a job is due; a long time if none waits. False if the database is away. */
static bool
look(sfms_call *call, const sfms_work_lane *lane, int64_t *ret_ms)
{
    PGresult *row;

    *ret_ms = LOOK_MS;
    if (lane->n_runners == 0)
        return true;
    if (sfms_query(call, &row, "SELECT app.next_job($1::text[])", SFMS_ARGS(lane->kinds)) != SFMS_OK)
        return false;
    if (!PQgetisnull(row, 0, 0))
        *ret_ms = strtoll(PQgetvalue(row, 0, 0), NULL, 10);
    return true;
}

/* Rings if something is due; answers when to look again. */
static int
look_all(struct sfms_work_wake *wake)
{
    const sfms_work_state *w = wake->work;
    sfms_call call = sfms_work_call(w, wake->db, wake->arena, NULL, "wake");
    int64_t next = w->env->database->pooled ? LOOK_POOLED_MS : LOOK_MS;

    plan(wake, &call);
    for (unsigned i = 0; i < SFMS_WORK_LANES; i++) {
        int64_t ms;

        if (!look(&call, &w->lanes[i], &ms))
            return AGAIN_MS;
        if (ms == 0)
            sfms_work_ring(wake->work);
        if (ms == 0)
            ms = AGAIN_MS;
        if (ms < next)
            next = ms;
    }
    sfms_arena_reset(wake->arena);
    return (int)next;
}

/* Waits until PostgreSQL tells of something, the time has come, or this is to end. Rings if it was told. */
static void
wait_for(struct sfms_work_wake *wake, PGconn *conn, int ms)
{
    struct pollfd fds[] = {
        {.fd = wake->stop, .events = POLLIN}, {.fd = conn != NULL ? PQsocket(conn) : -1, .events = POLLIN}};
    PGnotify *told;
    bool any = false;

    if (poll(fds, 2, ms) <= 0 || conn == NULL)
        return;
    if (fds[1].revents != 0 && PQconsumeInput(conn) == 0)
        wake->listening = 0;
    while ((told = PQnotifies(conn)) != NULL) {
        any = true;
        PQfreemem(told);
    }
    if (any)
        sfms_work_ring(wake->work);
}

static void *
loop(void *arg)
{
    struct sfms_work_wake *wake = arg;

    while (!sfms_work_stopping(wake->work)) {
        PGconn *conn = listen_again(wake);
        int ms = look_all(wake);

        wait_for(wake, conn != NULL ? sfms_db_conn(wake->db) : NULL, ms);
    }
    return NULL;
}

struct sfms_work_wake *
sfms_work_wake_start(sfms_work_state *w)
{
    struct sfms_work_wake *wake = sfms_new(w->kept, struct sfms_work_wake);

    *wake =
        (struct sfms_work_wake){.work = w, .db = sfms_db_open(w->env->database), .arena = sfms_arena_new()};
    wake->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake->stop < 0 || pthread_create(&wake->thread, NULL, loop, wake) != 0)
        sfms_die("cannot start a thread for jobs");
    if (w->env->database->pooled)
        sfms_log(SFMS_LOG_INFO, "jobs are looked for every %d ms: behind a pooler nobody tells of them",
            LOOK_POOLED_MS);
    return wake;
}

void
sfms_work_wake_stop(struct sfms_work_wake *wake)
{
    uint64_t one = 1;

    if (write(wake->stop, &one, sizeof(one)) != sizeof(one))
        SFMS_WRONG("an eventfd that takes nothing");
    pthread_join(wake->thread, NULL);
    close(wake->stop);
    sfms_db_close(wake->db);
    sfms_arena_free(wake->arena);
}
