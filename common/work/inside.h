/* inside.h -- what the files of common/work know of each other. */
#ifndef SFMS_WORK_INSIDE_H
#define SFMS_WORK_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/id.h"
#include "db/db.h"
#include "work/jobs.h"
#include "work/readers.h"

typedef struct sfms_work_state sfms_work_state;
typedef struct sfms_work_lane sfms_work_lane;

/* A thread that runs jobs, one at a time, and what it works with. */
typedef struct {
    sfms_work_lane *lane;
    sfms_db *db;
    sfms_arena *arena;
    pthread_t thread;
    atomic_bool ended;
} sfms_work_runner;

/* The kinds that share threads: the short ones, or the long ones. */
struct sfms_work_lane {
    sfms_work_state *work;
    const char *kinds;         /* "{import,export}"; NULL if there are none */
    unsigned n_runners, share; /* and how many of them one organisation may have */
    sfms_work_runner *runners;
    pthread_mutex_t
        taking; /* so that two do not look at the same time, and both find that nobody is at work */
    char scanned[SFMS_ID_SIZE]; /* the organisation after which the next look begins */
};

enum { SFMS_WORK_LANES = 2 };

struct sfms_work_state {
    const sfms_server_env *env;
    sfms_arena *kept; /* everything here lives in it */
    unsigned n_rows;
    sfms_job_row *rows;
    sfms_work_lane lanes[SFMS_WORK_LANES];
    struct sfms_work_wake *wake;
    struct sfms_work_reading *reading; /* NULL if there are no readers */
    pthread_mutex_t mutex;             /* guards what follows */
    pthread_cond_t rung;
    unsigned long rings; /* how often it was said that there may be work */
    unsigned long told;  /* and how often, that something was written */
    int64_t purge_at_us;
    bool stopping;
    int64_t stop_at_us;
};

/* sfms_work_call makes a call for a job, or for the work itself with no principal. */
sfms_call sfms_work_call(
    const sfms_work_state *w, sfms_db *db, sfms_arena *a, const Pb__Principal *principal, const char *id);

/* sfms_work_step takes and runs one job; false if there was none, or the database is away. */
bool sfms_work_step(sfms_work_runner *r);

/* sfms_work_stopping is true when no new job is to be begun, and sfms_work_time_is_up when those under way are to be given
 * back. */
bool sfms_work_stopping(sfms_work_state *w);
bool sfms_work_time_is_up(sfms_work_state *w);

/* sfms_work_ring tells the threads that there may be work. */
void sfms_work_ring(sfms_work_state *w);

/* sfms_work_tell tells the readers that something was written; they sleep until they have been told more often than before, so
 * long at most, or until the process stops. */
void sfms_work_tell(sfms_work_state *w);
unsigned long sfms_work_count_told(sfms_work_state *w);
void sfms_work_sleep_until_told(sfms_work_state *w, unsigned long told, int timeout_ms);

/* sfms_work_reading_start starts the thread of the readers, if there are any; sfms_work_reading_stop waits for it.
 * sfms_work_reading_report says how far behind they are. */
unsigned sfms_work_count_readers(const sfms_service *service);
struct sfms_work_reading *sfms_work_reading_start(sfms_work_state *w, const sfms_service *service);
void sfms_work_reading_stop(struct sfms_work_reading *g);
void sfms_work_reading_report(struct sfms_work_reading *g, sfms_arena *a, Pb__HealthStatus *health);

/* sfms_work_wake_start starts the thread that listens to PostgreSQL and rings; sfms_work_wake_stop ends it. */
struct sfms_work_wake *sfms_work_wake_start(sfms_work_state *w);
void sfms_work_wake_stop(struct sfms_work_wake *wake);

#endif
