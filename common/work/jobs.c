/* jobs.c -- one job, from the moment that it is wanted to its end. */
#include "work/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/time.h"
#include "db/shapes.h"
#include "work/inside.h"

enum { CALL_US = 60 * 1000000 }; /* time that a job's statements get, from beat to beat */

static const sfms_reason org_gone = {
    "ORG_GONE", SFMS_FAILED_PRECONDITION, {"The organisation is not there any more.", "该组织已不存在。"}};
static const sfms_reason cancelled = {"CANCELLED", SFMS_CANCELLED, {"It was cancelled.", "已取消。"}};
static const sfms_reason gave_up = {
    "GAVE_UP", SFMS_INTERNAL, {"It did not come to an end in %s attempts.", "尝试 %s 次后仍未完成。"}};

/* The job at hand; job comes first, so that sfms_job_beat finds the rest. */
typedef struct {
    sfms_job job;
    sfms_work_runner *runner;
    const sfms_job_row *row;
    Pb__Principal *principal;
    const char *locale;
    unsigned depth;
    sfms_arena *rights
        [2]; /* of the principal, in turn: each beat looks again, and frees what the one before has read */
    int turn;
} running;

/* ---- being wanted ------------------------------------------------------------------------------------ */

static const char *
truth(bool is)
{
    return is ? "t" : "f";
}

sfms_status
sfms_job_add(sfms_call *call, const sfms_job_wish *wish, const char **ret_id)
{
    PGresult *row;
    sfms_status status = sfms_query(call, &row,
        "SELECT app.add_job($1, coalesce($2::jsonb, '{}'), $3, coalesce($4::timestamptz, now()),"
        " coalesce($5::uuid, gen_random_uuid()), $6::boolean, $7::boolean, $8::boolean, $9)",
        SFMS_ARGS(wish->kind, wish->payload, wish->key, wish->run_at, wish->id, truth(wish->as_org),
            truth(wish->operation), truth(wish->once), sfms_locale_name(call->locale)));

    if (status == SFMS_OK && ret_id != NULL)
        *ret_id = PQgetvalue(row, 0, 0);
    return status;
}

/* ---- being taken ------------------------------------------------------------------------------------- */

sfms_call
sfms_work_call(
    const sfms_work_state *w, sfms_db *db, sfms_arena *a, const Pb__Principal *principal, const char *id)
{
    return (sfms_call){
        .arena = a,
        .db = db,
        .contract = w->env->contract,
        .principal = principal,
        .request_id = id,
        .traceparent = "",
        .idempotency_key = "",
        .peer = "",
        .deadline_us = sfms_mono_us() + CALL_US,
    };
}

static const sfms_job_row *
row_of(const sfms_work_state *w, const char *kind)
{
    for (unsigned i = 0; i < w->n_rows; i++) {
        if (strcmp(w->rows[i].kind, kind) == 0)
            return &w->rows[i];
    }
    SFMS_WRONG("a job of a kind that was not asked for");
}

/* Where the next look begins: after what was looked at, or from the first organisation again. */
static void
note_scanned(sfms_work_lane *lane, const char *scanned)
{
    snprintf(lane->scanned, sizeof(lane->scanned), "%s",
        scanned[0] != '\0' ? scanned : "00000000-0000-0000-0000-000000000000");
}

static const char take_sql[] =
    "SELECT scanned, org_id, user_id, id, kind, payload, attempt, cancel, depth, locale"
    " FROM app.take_job($1::text[], $2::integer, $3::uuid)";

/* Takes one due job. False if there is none, or the database is away. */
static bool
take(sfms_work_runner *r, Pb__Principal *principal, running *ret)
{
    sfms_work_lane *lane = r->lane;
    sfms_call call = sfms_work_call(lane->work, r->db, r->arena, NULL, "take");
    PGresult *row;
    sfms_status status;

    pthread_mutex_lock(&lane->taking);
    status = sfms_query(&call, &row, take_sql,
        SFMS_ARGS(lane->kinds, sfms_printf(r->arena, "%u", lane->share), lane->scanned));
    if (status == SFMS_OK)
        note_scanned(lane, PQgetvalue(row, 0, 0));
    pthread_mutex_unlock(&lane->taking);
    if (call.note != NULL)
        sfms_log(SFMS_LOG_ERROR, "jobs cannot be taken: %s", call.note);
    if (status != SFMS_OK || PQgetisnull(row, 0, 3))
        return false;
    principal->org_id = PQgetvalue(row, 0, 1);
    principal->user_id = PQgetvalue(row, 0, 2);
    *ret = (running){
        .job = {PQgetvalue(row, 0, 3), PQgetvalue(row, 0, 4), PQgetvalue(row, 0, 5),
            (int)strtol(PQgetvalue(row, 0, 6), NULL, 10), PQgetvalue(row, 0, 7)[0] == 't'},
        .runner = r,
        .row = row_of(lane->work, PQgetvalue(row, 0, 4)),
        .principal = principal,
        .depth = (unsigned)strtoul(PQgetvalue(row, 0, 8), NULL, 10) + 1,
        .locale = PQgetvalue(row, 0, 9),
    };
    return true;
}

/* What the user, or the organisation, may do now, not when the job was written. */
static sfms_status
load_principal(sfms_call *call, Pb__Principal *principal)
{
    bool org = principal->user_id[0] == '\0';
    sfms_status status =
        org ? sfms_one(call, principal, SFMS_ORG_CALLER_SQL, SFMS_ARGS(principal->org_id))
            : sfms_one(call, principal, SFMS_CALLER_SQL, SFMS_ARGS(principal->org_id, principal->user_id));

    if (status != SFMS_OK)
        return status;
    if (principal->visibility == PB__VISIBILITY__VISIBILITY_UNSPECIFIED)
        return sfms_fail(call, org ? &org_gone : &sfms_user_gone);
    return sfms_shape_enter(call);
}

static sfms_status
run(sfms_call *call, running *at)
{
    sfms_status status;

    if (at->job.cancel)
        return sfms_fail(call, &cancelled);
    if (at->job.attempt > SFMS_JOB_ATTEMPTS)
        return sfms_fail(call, &gave_up, sfms_printf(call->arena, "%d", SFMS_JOB_ATTEMPTS));
    status = load_principal(call, at->principal);
    return status == SFMS_OK ? at->row->run(call, &at->job) : status;
}

/* ---- its end ----------------------------------------------------------------------------------------- */

static bool
worth_retrying(sfms_status status)
{
    return status == SFMS_UNAVAILABLE || status == SFMS_ABORTED || status == SFMS_DEADLINE_EXCEEDED;
}

/* Every change of a job says which attempt it comes from: a runner whose lease has run out changes nothing. */
#define MINE                                                                                                 \
    " WHERE org_id = (SELECT app.org_id()) AND id = $1::uuid AND attempt = $2::int AND state = 'RUNNING'"

static const char *
state_after(sfms_status status)
{
    if (status == SFMS_OK)
        return "DONE";
    return status == SFMS_CANCELLED ? "CANCELLED" : "FAILED";
}

/* A status as a bytea; NULL if there is none. */
static const char *
packed_failure(sfms_arena *a, const Pb__Status *failure)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = failure != NULL ? protobuf_c_message_get_packed_size(&failure->base) : 0;
    uint8_t *bytes = sfms_alloc_raw(a, n + 1);
    char *text = sfms_alloc_raw(a, 2 * n + 3);

    if (failure == NULL)
        return NULL;
    protobuf_c_message_pack(&failure->base, bytes);
    text[0] = '\\';
    text[1] = 'x';
    for (size_t i = 0; i < n; i++) {
        text[2 + 2 * i] = digits[bytes[i] >> 4];
        text[3 + 2 * i] = digits[bytes[i] & 15];
    }
    text[2 + 2 * n] = '\0';
    return text;
}

static void
end(sfms_call *call, const sfms_job *job, const char *attempt, sfms_status status, const Pb__Status *failure)
{
    sfms_exec(call, NULL,
        "UPDATE app.jobs SET state = $3, error = $4, failure = $5::bytea, end_time = now(), lease_until = "
        "NULL" MINE,
        SFMS_ARGS(job->id, attempt, state_after(status), failure != NULL ? failure->message : NULL,
            packed_failure(call->arena, failure)));
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
parks(const running *at, sfms_status status, const sfms_call *call)
{
    return at->row->waits && status == SFMS_FAILED_PRECONDITION && call->failure != NULL &&
           strcmp(call->failure->reason, sfms_user_gone.name) == 0;
}

/* Whether the job is still this runner's: who has lost its lease has nothing to say any more. */
static bool
is_mine(sfms_call *call, const sfms_job *job, const char *attempt)
{
    PGresult *row;

    return sfms_query(call, &row, "SELECT 1 FROM app.jobs" MINE, SFMS_ARGS(job->id, attempt)) == SFMS_OK &&
           PQntuples(row) > 0;
}

/* Whoever hears that a job has failed writes so into the job's records. It may have failed before it was known what its user may
 * do, or as he may do nothing any more: then the organisation sees them for him. */
static void
tell_failed(const running *at, sfms_call *call, const char *attempt)
{
    const sfms_work_runner *r = at->runner;
    sfms_call own = sfms_work_call(r->lane->work, r->db, r->arena, call->principal, at->job.id);

    if (at->row->failed == NULL || !is_mine(&own, &at->job, attempt))
        return;
    if (at->principal->visibility == PB__VISIBILITY__VISIBILITY_UNSPECIFIED)
        sfms_one(&own, at->principal, SFMS_ORG_CALLER_SQL, SFMS_ARGS(at->principal->org_id));
    at->row->failed(call, &at->job);
}

/* Writes how the job ended, with a call of its own: the handler's may have failed. */
static void
settle(const running *at, sfms_call *call, sfms_status status)
{
    const sfms_work_runner *r = at->runner;
    const sfms_job *job = &at->job;
    const char *attempt = sfms_printf(r->arena, "%d", job->attempt);
    const Pb__Status *failure = status != SFMS_OK ? call->failure : NULL;
    const char *error = failure != NULL ? failure->message : NULL;
    sfms_call last = sfms_work_call(r->lane->work, r->db, r->arena, call->principal, job->id);

    if (worth_retrying(status) && job->attempt < SFMS_JOB_ATTEMPTS) {
        put_back(&last, job, attempt, error, status == SFMS_ABORTED && sfms_work_time_is_up(r->lane->work));
        return;
    }
    if (parks(at, status, call)) {
        sfms_exec(&last, NULL, "SELECT app.park_job($1::uuid, $2::integer, $3)",
            SFMS_ARGS(job->id, attempt, error));
        return;
    }
    if (status != SFMS_OK)
        tell_failed(at, call, attempt);
    end(&last, job, attempt, status, failure);
}

static void
log_end(const sfms_job *job, sfms_status status, const sfms_call *call, int64_t us)
{
    sfms_log(status == SFMS_OK ? SFMS_LOG_INFO : SFMS_LOG_WARN,
        "job=%s kind=%s attempt=%d status=%s ms=%.1f \"%s\"", job->id, job->kind, job->attempt,
        sfms_status_name(status), (double)us / 1000.0,
        status != SFMS_OK && call->failure != NULL ? call->failure->message : "");
}

bool
sfms_work_step(sfms_work_runner *r)
{
    Pb__Principal principal = PB__PRINCIPAL__INIT;
    running at;
    sfms_call call;
    sfms_status status;
    int64_t start;

    if (!take(r, &principal, &at))
        return false;
    start = sfms_mono_us();
    call = sfms_work_call(r->lane->work, r->db, r->arena, &principal, at.job.id);
    call.locale = sfms_locale_parse(at.locale);
    call.cause = at.job.id;
    call.depth = at.depth;
    status = run(&call, &at);
    settle(&at, &call, status);
    log_end(&at.job, status, &call, sfms_mono_us() - start);
    return true;
}

/* ---- on the way -------------------------------------------------------------------------------------- */

/* What a user may do ends for his jobs when it ends for him. */
static sfms_status
look_again(sfms_call *call, running *at)
{
    Pb__Principal now = PB__PRINCIPAL__INIT;
    sfms_call own = *call;
    sfms_status status;

    at->turn = !at->turn;
    if (at->rights[at->turn] == NULL)
        at->rights[at->turn] =
            sfms_arena_own(at->runner->arena, sfms_arena_new(), (sfms_dtor *)sfms_arena_free);
    own.arena = at->rights[at->turn];
    sfms_arena_reset(own.arena);
    now.org_id = at->principal->org_id;
    now.user_id = at->principal->user_id;
    status = load_principal(&own, &now);
    call->failure = own.failure;
    if (status == SFMS_OK)
        *at->principal = now;
    return status;
}

sfms_status
sfms_job_beat(sfms_call *call, const sfms_job *job, int64_t done, int64_t total)
{
    running *at = (running *)job;
    char attempt[16], counts[2][24];
    PGresult *row;
    sfms_status status;

    if (sfms_work_time_is_up(at->runner->lane->work))
        return SFMS_ABORTED;
    call->deadline_us = sfms_mono_us() + CALL_US;
    snprintf(attempt, sizeof(attempt), "%d", job->attempt);
    snprintf(counts[0], sizeof(counts[0]), "%lld", (long long)done);
    snprintf(counts[1], sizeof(counts[1]), "%lld", (long long)total);
    status = sfms_query(call, &row,
        "UPDATE app.jobs SET lease_until = now() + interval '20 seconds', done = coalesce($3::bigint, done),"
        " total = coalesce($4::bigint, total)" MINE " RETURNING cancel",
        SFMS_ARGS(job->id, attempt, done < 0 ? NULL : counts[0], total < 0 ? NULL : counts[1]));
    if (status != SFMS_OK || PQntuples(row) == 0)
        return SFMS_ABORTED;
    return PQgetvalue(row, 0, 0)[0] == 't' ? sfms_fail(call, &cancelled) : look_again(call, at);
}

sfms_status
sfms_job_result(sfms_call *call, const sfms_job *job, const char *json)
{
    return sfms_exec(call, NULL, "UPDATE app.jobs SET result = $3::jsonb" MINE,
        SFMS_ARGS(job->id, sfms_printf(call->arena, "%d", job->attempt), json));
}
