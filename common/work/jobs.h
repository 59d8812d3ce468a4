/*
 * jobs.h -- later, repeated or long work: one table (app.jobs), leases, retries.
 *
 * A job is written in the transaction that wants it (sfms_job_add, or app.add_job in SQL), and cancelled by its column cancel,
 * or, while nobody runs it (PENDING), by its state. It is done on behalf of who wrote it, with what he may do then, or of the
 * organisation itself. Of the jobs with one kind and key one runs at a time. Processes whose nouns list the kind take due jobs,
 * turn by turn between organisations, with a lease that they renew; if a process dies, the lease expires and another takes the
 * job. A handler is written so that doing it twice does no harm. All that it writes has the job as its cause. A week after its
 * end a job is forgotten.
 *
 * A process has one thread for jobs that are over in a moment and two for those that take long; of the latter no organisation has
 * both. The threads sleep until PostgreSQL tells of a job (NOTIFY), or one is due.
 */
#ifndef SFMS_WORK_JOBS_H
#define SFMS_WORK_JOBS_H

#include "proto/call.h"
#include "rpc/server.h"

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

/* A kind of job. With every it is a schedule: each organisation has a job at every such time, on the clocks of its own time
 * zone, on behalf of the organisation. every is an interval as PostgreSQL reads it, from a Monday on, or "1 month"; at, how
 * long after its beginning: "1 day" at "02:30", "7 days" at "1 day 09:00" for Tuesdays. A time that was missed is made up for
 * once. */
typedef struct sfms_job_row {
    const char *kind;
    sfms_job_handler *run;
    sfms_job_failed *failed; /* NULL if nobody wants to hear it */
    bool waits;      /* while its user cannot sign in it is put aside until he is back; otherwise it fails */
    bool takes_long; /* more than a moment */
    const char *every, *at; /* NULL if it is none */
} sfms_job_row;

/* A job that is wanted. All but kind may be left out. */
typedef struct {
    const char *kind;
    const char *payload; /* a JSON object */
    const char *id;      /* uuid */
    const char *key;     /* one of a key at a time */
    const char *run_at;  /* not before */
    bool once;           /* one of this key that has not begun is taken instead of a new one */
    bool as_org;         /* on behalf of the organisation, not of the caller */
    bool operation;      /* shown to the caller at /v1/operations */
} sfms_job_wish;

/* sfms_job_add writes a job, and answers its id. */
sfms_status sfms_job_add(sfms_call *call, const sfms_job_wish *wish, const char **ret_id);

/* sfms_job_beat renews the lease of the job at hand and the call's deadline, and says how far it is: so many of so many, of
 * rows for example; a negative number is not known, or as before. It looks again at what the user may do, so that
 * call->principal is as it is now. Call it every few seconds: a lease lasts 20. A status other than OK ends the job, and is for
 * the handler to return: CANCELLED if somebody wants that, ABORTED if another runner has taken it or the process is stopping,
 * FAILED_PRECONDITION if the user can no longer sign in. */
sfms_status sfms_job_beat(sfms_call *call, const sfms_job *job, int64_t done, int64_t total);

/* sfms_job_result keeps what the job has come to: a JSON object. */
sfms_status sfms_job_result(sfms_call *call, const sfms_job *job, const char *json);

/* What a service whose nouns have jobs names as its background. */
extern const sfms_background sfms_work;

#endif
