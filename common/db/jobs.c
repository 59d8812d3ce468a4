/* jobs.c -- runs jobs: a thread for each kind, one job at a time. */
#include "db/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/time.h"
#include "db/db.h"
#include "rpc/server.h"

enum {
    POLL_MS = 500,          /* sleep while nothing is due */
    CALL_US = 60 * 1000000, /* time that a job's statements get, from beat to beat */
    FINISH_MS = 2000, /* a job that takes longer than this to end is given back when the process stops */
    LAST_MS = 1000,   /* for its last statement then */
    JOIN_US = 10000,
    PURGE_SECONDS = 3600, /* between two purges */
    PURGE_ROWS = 10000,   /* at once; if there were as many, there may be more */
};

static const sfms_reason user_gone = {"USER_GONE", SFMS_FAILED_PRECONDITION,
    {"The user on whose behalf this would be done can no longer sign in.", "该任务所属用户已无法登录。"}};
static const sfms_reason cancelled = {"CANCELLED", SFMS_CANCELLED, {"It was cancelled.", "已取消。"}};
static const sfms_reason gave_up = {
    "GAVE_UP", SFMS_INTERNAL, {"It did not come to an end in %s attempts.", "尝试 %s 次后仍未完成。"}};

/* One thread for one kind of job, so that a long import does not hold up reminders. */
typedef struct {
    sfms_jobs *jobs;
    const sfms_job_row *row;
    const char *kinds; /* "{import}" */
    sfms_db *db;
    sfms_arena *arena;
    pthread_t thread;
    atomic_bool ended;
} runner;

struct sfms_jobs {
    const sfms_server_env *env;
    sfms_arena *kept; /* everything here lives in it */
    unsigned n_runners;
    runner *runners;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    int64_t purge_at_us;
    bool stopping;
    int64_t stop_at_us;
};

/* The job at hand; job comes first, so that sfms_job_beat finds the rest. */
typedef struct {
    sfms_job job;
    runner *runner;
    Pb__Principal *principal;
    sfms_arena *rights
        [2]; /* of the principal, in turn: each beat looks again, and frees what the one before has read */
    int turn;
} running;

/* The parts of app.jobs that a runner wants. */
typedef struct {
    const char *org_id, *user_id;
    running run;
} claimed;

static bool
time_is_up(sfms_jobs *jobs)
{
    bool up;

    pthread_mutex_lock(&jobs->mutex);
    up = jobs->stopping && sfms_mono_us() >= jobs->stop_at_us;
    pthread_mutex_unlock(&jobs->mutex);
    return up;
}

static bool
stopping(sfms_jobs *jobs)
{
    bool is;

    pthread_mutex_lock(&jobs->mutex);
    is = jobs->stopping;
    pthread_mutex_unlock(&jobs->mutex);
    return is;
}

/* Sleeps until there may be work, or until the runner is to stop. */
static void
idle(sfms_jobs *jobs)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += POLL_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&jobs->mutex);
    while (!jobs->stopping && pthread_cond_timedwait(&jobs->wake, &jobs->mutex, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&jobs->mutex);
}

static sfms_call
call_new(runner *r, const Pb__Principal *principal, const char *request_id)
{
    return (sfms_call){
        .arena = r->arena,
        .db = r->db,
        .contract = r->jobs->env->contract,
        .principal = principal,
        .request_id = request_id,
        .traceparent = "",
        .idempotency_key = "",
        .peer = "",
        .deadline_us = sfms_mono_us() + CALL_US,
    };
}

/* Takes one due job. False if there is none, or the database is away. */
static bool
claim(runner *r, claimed *ret)
{
    sfms_call call = call_new(r, NULL, "claim");
    PGresult *result;

    if (sfms_query(&call, &result,
            "SELECT org_id, user_id, id, kind, payload, attempt, cancel FROM app.claim_job($1::text[])",
            SFMS_ARGS(r->kinds)) != SFMS_OK)
        return false;
    if (PQntuples(result) == 0)
        return false;
    *ret = (claimed){
        .org_id = PQgetvalue(result, 0, 0),
        .user_id = PQgetvalue(result, 0, 1),
        .run.job = {PQgetvalue(result, 0, 2), PQgetvalue(result, 0, 3), PQgetvalue(result, 0, 4),
            (int)strtol(PQgetvalue(result, 0, 5), NULL, 10), PQgetvalue(result, 0, 6)[0] == 't'},
        .run.runner = r,
    };
    return true;
}

/* What the user may do now, not when the job was written. */
static sfms_status
load_principal(sfms_call *call, Pb__Principal *principal)
{
    sfms_status status =
        sfms_one(call, principal, SFMS_CALLER_SQL, SFMS_ARGS(principal->org_id, principal->user_id));

    if (status == SFMS_OK && principal->visibility == PB__VISIBILITY__VISIBILITY_UNSPECIFIED)
        return sfms_fail(call, &user_gone);
    return status;
}

static sfms_status
run(const runner *r, sfms_call *call, Pb__Principal *principal, const sfms_job *job)
{
    sfms_status status;

    if (job->cancel)
        return sfms_fail(call, &cancelled);
    if (job->attempt > SFMS_JOB_ATTEMPTS)
        return sfms_fail(call, &gave_up, sfms_printf(call->arena, "%d", SFMS_JOB_ATTEMPTS));
    status = load_principal(call, principal);
    if (status != SFMS_OK)
        return status;
    return r->row->run(call, job);
}

static bool
worth_retrying(sfms_status status)
{
    return status == SFMS_UNAVAILABLE || status == SFMS_ABORTED || status == SFMS_DEADLINE_EXCEEDED;
}

/* Every change of a job says which attempt it comes from: a runner whose lease has run out changes nothing.
 */
#define MINE                                                                                                 \
    " WHERE org_id = (SELECT app.org_id()) AND id = $1::uuid AND attempt = $2::int AND state = 'RUNNING'"

static const char *
state_after(sfms_status status)
{
    if (status == SFMS_OK)
        return "DONE";
    return status == SFMS_CANCELLED ? "CANCELLED" : "FAILED";
}

static void
end(sfms_call *call, const sfms_job *job, const char *attempt, sfms_status status, const char *error)
{
    sfms_exec(call, NULL,
        "UPDATE app.jobs SET state = $3, error = $4, end_time = now(), lease_until = NULL" MINE,
        SFMS_ARGS(job->id, attempt, state_after(status), error));
}

static void
put_back(sfms_call *call, const sfms_job *job, const char *attempt, const char *error, bool at_once)
{
    /* A job that is given back because the process stops has not used up an attempt. */
    if (at_once)
        sfms_exec(call, NULL,
            "UPDATE app.jobs SET state = 'PENDING', lease_until = NULL, attempt = attempt - 1" MINE,
            SFMS_ARGS(job->id, attempt));
    else
        sfms_exec(call, NULL,
            "UPDATE app.jobs SET state = 'PENDING', error = $3, lease_until = NULL,"
            " run_at = now() + make_interval(secs => 2 ^ attempt)" MINE,
            SFMS_ARGS(job->id, attempt, error));
}

/* What is for a user who is away waits for him. */
static bool
parks(const runner *r, sfms_status status, const sfms_call *call)
{
    return r->row->waits && status == SFMS_FAILED_PRECONDITION && call->failure != NULL &&
           strcmp(call->failure->reason, user_gone.name) == 0;
}

/* Writes how the job ended, with a call of its own: the handler's may have failed. */
static void
settle(runner *r, sfms_call *call, const sfms_job *job, sfms_status status)
{
    const char *attempt = sfms_printf(r->arena, "%d", job->attempt);
    const char *error = status != SFMS_OK && call->failure != NULL ? call->failure->message : NULL;
    sfms_call last = call_new(r, call->principal, job->id);

    if (worth_retrying(status) && job->attempt < SFMS_JOB_ATTEMPTS) {
        put_back(&last, job, attempt, error, status == SFMS_ABORTED && time_is_up(r->jobs));
        return;
    }
    if (parks(r, status, call)) {
        sfms_exec(&last, NULL, "SELECT app.park_job($1::uuid, $2::integer, $3)",
            SFMS_ARGS(job->id, attempt, error));
        return;
    }
    if (status != SFMS_OK && r->row->failed != NULL)
        r->row->failed(call, job);
    end(&last, job, attempt, status, error);
}

static void
log_end(const sfms_job *job, sfms_status status, const sfms_call *call, int64_t us)
{
    sfms_log(status == SFMS_OK ? SFMS_LOG_INFO : SFMS_LOG_WARN,
        "job=%s kind=%s attempt=%d status=%s ms=%.1f \"%s\"", job->id, job->kind, job->attempt,
        sfms_status_name(status), (double)us / 1000.0,
        status != SFMS_OK && call->failure != NULL ? call->failure->message : "");
}

/* Takes and runs one job; false if there was none. */
static bool
step(runner *r)
{
    Pb__Principal principal = PB__PRINCIPAL__INIT;
    claimed c;
    sfms_call call;
    sfms_status status;
    int64_t start;

    if (!claim(r, &c))
        return false;
    start = sfms_mono_us();
    principal.org_id = c.org_id;
    principal.user_id = c.user_id;
    c.run.principal = &principal;
    call = call_new(r, &principal, c.run.job.id);
    call.cause = c.run.job.id;
    status = run(r, &call, &principal, &c.run.job);
    settle(r, &call, &c.run.job, status);
    log_end(&c.run.job, status, &call, sfms_mono_us() - start);
    return true;
}

/* Whether it is time; if so, the next time is an hour later. */
static bool
purge_due(sfms_jobs *jobs)
{
    int64_t now = sfms_mono_us();
    bool due;

    pthread_mutex_lock(&jobs->mutex);
    due = now >= jobs->purge_at_us;
    if (due)
        jobs->purge_at_us = now + (int64_t)PURGE_SECONDS * 1000000;
    pthread_mutex_unlock(&jobs->mutex);
    return due;
}

static void
purge_again(sfms_jobs *jobs)
{
    pthread_mutex_lock(&jobs->mutex);
    jobs->purge_at_us = 0;
    pthread_mutex_unlock(&jobs->mutex);
}

/* Forgets old answers and jobs. If it fails, the next hour does it. */
static void
purge(runner *r)
{
    sfms_call call = call_new(r, NULL, "purge");
    PGresult *gone;

    if (!purge_due(r->jobs))
        return;
    if (sfms_query(&call, &gone, "SELECT app.purge($1::integer)",
            SFMS_ARGS(sfms_printf(r->arena, "%d", PURGE_ROWS))) == SFMS_OK &&
        strtol(PQgetvalue(gone, 0, 0), NULL, 10) >= PURGE_ROWS)
        purge_again(r->jobs);
}

static void *
loop(void *arg)
{
    runner *r = arg;

    while (!stopping(r->jobs)) {
        bool worked = step(r);

        purge(r);
        sfms_arena_reset(r->arena);
        if (!worked)
            idle(r->jobs);
    }
    atomic_store(&r->ended, true);
    return NULL;
}

/* What a user may do ends for his jobs when it ends for him. */
static sfms_status
look_again(sfms_call *call, running *run)
{
    Pb__Principal now = PB__PRINCIPAL__INIT;
    sfms_call own = *call;
    sfms_status status;

    run->turn = !run->turn;
    if (run->rights[run->turn] == NULL)
        run->rights[run->turn] =
            sfms_arena_own(run->runner->arena, sfms_arena_new(), (sfms_dtor *)sfms_arena_free);
    own.arena = run->rights[run->turn];
    sfms_arena_reset(own.arena);
    now.org_id = run->principal->org_id;
    now.user_id = run->principal->user_id;
    status = load_principal(&own, &now);
    call->failure = own.failure;
    if (status == SFMS_OK)
        *run->principal = now;
    return status;
}

sfms_status
sfms_job_beat(sfms_call *call, const sfms_job *job, const char *progress)
{
    running *run = (running *)job;
    const runner *r = run->runner;
    char attempt[16];
    PGresult *row;
    sfms_status status;

    if (time_is_up(r->jobs))
        return SFMS_ABORTED;
    call->deadline_us = sfms_mono_us() + CALL_US;
    snprintf(attempt, sizeof(attempt), "%d", job->attempt);
    status = sfms_query(call, &row,
        "UPDATE app.jobs SET lease_until = now() + interval '20 seconds', progress = coalesce($3::jsonb, "
        "progress)" MINE " RETURNING cancel",
        SFMS_ARGS(job->id, attempt, progress));
    if (status != SFMS_OK || PQntuples(row) == 0)
        return SFMS_ABORTED;
    return PQgetvalue(row, 0, 0)[0] == 't' ? sfms_fail(call, &cancelled) : look_again(call, run);
}

static void
init_wake(sfms_jobs *jobs)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&jobs->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->wake, &attr);
    pthread_condattr_destroy(&attr);
}

static void
start(sfms_jobs *jobs, runner *r, const sfms_job_row *row)
{
    r->jobs = jobs;
    r->row = row;
    r->kinds = sfms_printf(jobs->kept, "{%s}", row->kind);
    r->db = sfms_db_open(jobs->env->database);
    r->arena = sfms_arena_new();
    if (pthread_create(&r->thread, NULL, loop, r) != 0)
        sfms_die("cannot start a thread for jobs");
}

sfms_jobs *
sfms_jobs_start(const sfms_server_env *env, const sfms_job_row *rows)
{
    sfms_arena *kept = sfms_arena_new();
    sfms_jobs *jobs = sfms_new(kept, sfms_jobs);

    jobs->env = env;
    jobs->kept = kept;
    init_wake(jobs);
    while (rows[jobs->n_runners].kind != NULL)
        jobs->n_runners++;
    jobs->runners = sfms_new_array(kept, runner, jobs->n_runners + 1);
    for (unsigned i = 0; i < jobs->n_runners; i++)
        start(jobs, &jobs->runners[i], &rows[i]);
    return jobs;
}

/* Waits for a runner; one that still waits for the database when a job has had its time to end loses it, and with it whatever it
 * has not committed. */
static void
join(runner *r, int64_t until_us)
{
    while (!atomic_load(&r->ended) && sfms_mono_us() < until_us)
        usleep(JOIN_US);
    if (!atomic_load(&r->ended))
        sfms_db_hang_up(r->db);
    pthread_join(r->thread, NULL);
}

void
sfms_jobs_stop(sfms_jobs *jobs, int timeout_ms)
{
    if (jobs == NULL)
        return;
    pthread_mutex_lock(&jobs->mutex);
    jobs->stopping = true;
    jobs->stop_at_us = sfms_mono_us() + (int64_t)(timeout_ms < FINISH_MS ? timeout_ms : FINISH_MS) * 1000;
    pthread_cond_broadcast(&jobs->wake);
    pthread_mutex_unlock(&jobs->mutex);
    for (unsigned i = 0; i < jobs->n_runners; i++) {
        join(&jobs->runners[i], jobs->stop_at_us + LAST_MS * 1000);
        sfms_db_close(jobs->runners[i].db);
        sfms_arena_free(jobs->runners[i].arena);
    }
    pthread_cond_destroy(&jobs->wake);
    pthread_mutex_destroy(&jobs->mutex);
    sfms_arena_free(jobs->kept);
}
