/*
 * jobs.h -- long and later work: one table (app.jobs), leases, retries.
 *
 * A job is written in the transaction that wants it (INSERT INTO app.jobs), and cancelled by its column cancel, or, while
 * no runner has it (PENDING), by its state. One that waits for its user is due at infinity. Runners take due jobs with
 * FOR UPDATE SKIP LOCKED and a lease that they renew; if a process dies, the lease expires and another takes
 * the job. A handler is written so that doing it twice does no harm. A week after its end a job is forgotten.
 */
#ifndef SFMS_DB_JOBS_H
#define SFMS_DB_JOBS_H

#include "proto/call.h"

/* A job that is being run. */
typedef struct {
    const char *id;      /* uuid */
    const char *kind;    /* "import" */
    const char *payload; /* jsonb as text */
    int attempt;         /* 1 for the first */
    bool cancel;         /* somebody wanted it to end when its last runner was gone already */
} sfms_job;

/* Runs a job on behalf of call->principal. OK: done. UNAVAILABLE, ABORTED, DEADLINE_EXCEEDED: tried again
 * with backoff. Other statuses: the job has failed for good; CANCELLED: it was cancelled. */
typedef sfms_status sfms_job_handler(sfms_call *call, const sfms_job *job);

/* Hears that a job has failed for good: its handler said so, it was tried SFMS_JOB_ATTEMPTS times, its
 * user is gone, or it was cancelled (code CANCELLED). call->failure says why. Runs once at least. */
typedef void sfms_job_failed(sfms_call *call, const sfms_job *job);

enum { SFMS_JOB_ATTEMPTS = 8 };

typedef struct sfms_job_row {
    const char *kind;
    sfms_job_handler *run;
    sfms_job_failed *failed; /* NULL if nobody wants to hear it */
    bool waits; /* while its user cannot sign in it is put aside until he is back; otherwise it fails */
} sfms_job_row;

struct sfms_server_env;

/* sfms_jobs_start starts a thread with a connection for each of the given kinds (ends with a NULL kind);
 * sfms_jobs_stop asks them to finish the jobs at hand, or to give them back after timeout_ms or two seconds,
 * and waits. rows must live as long. */
typedef struct sfms_jobs sfms_jobs;
sfms_jobs *sfms_jobs_start(const struct sfms_server_env *env, const sfms_job_row *rows);
void sfms_jobs_stop(sfms_jobs *jobs, int timeout_ms);

/* sfms_job_beat renews the lease of the job at hand and the call's deadline, and stores progress (a JSON
 * object; NULL to keep it). It looks again at what the user may do, so that call->principal is as it is now. Call it every few
 * seconds: a lease lasts 20. A status other than OK ends the job, and is for the handler to return: CANCELLED if somebody wants
 * that, ABORTED if another runner has taken it or the process is stopping, FAILED_PRECONDITION if the user can no longer sign
 * in. */
sfms_status sfms_job_beat(sfms_call *call, const sfms_job *job, const char *progress);

#endif
