/*
 * connection.h -- libpq in pipeline mode, with prepared statements kept by their text. Inside common/db only.
 *
 * Send any number of statements, then sync once: that is one implicit transaction unless BEGIN was sent. The
 * answers are numbered in the order of sending.
 */
#ifndef SFMS_DB_CONNECTION_H
#define SFMS_DB_CONNECTION_H

#include <pthread.h>
#include <stdatomic.h>

#include "db/db.h"

typedef enum { SFMS_TX_NONE, SFMS_TX_WANTED, SFMS_TX_OPEN } sfms_tx;

typedef enum {
    SFMS_OUTCOME_OK,    /* every statement succeeded, and the sync after them */
    SFMS_OUTCOME_ERROR, /* one failed; outside BEGIN nothing has happened */
    SFMS_OUTCOME_LOST,  /* the connection broke before the sync was answered: what happened is not known */
} sfms_outcome;

typedef struct sfms_prepared sfms_prepared;

struct sfms_db {
    PGconn *conn;
    sfms_db_config config;
    sfms_tx tx;
    sfms_tx part;                 /* of a transaction: see sfms_part_begin */
    bool part_done;               /* its savepoint is still to be let go of */
    pthread_mutex_t handles_lock; /* guards the next two, which other threads use */
    PGcancel *cancel;             /* how to end what runs on it */
    int socket;                   /* how to hang up; -1 if there is no connection */
    struct sfms_db *next;         /* all of them, known to the watch */
    _Atomic int64_t timeout_ms;   /* that the server was told last: each statement is answered by then */
    _Atomic int64_t waiting_us;   /* since when it waits for the database; 0 if it does not */
    bool pipeline;                /* libpq is in pipeline mode */
    bool read_only;               /* the server has refused to write */
    int64_t begin_us;             /* of the session */
    int64_t retry_at_us;          /* do not try to connect before this */
    char error[256];              /* why the last attempt to connect failed */

    sfms_prepared *prepared; /* open-addressed by hash of the text */
    unsigned n_prepared;
    bool
        stale; /* a statement has failed because of what it was prepared for: all are prepared again before the next pipeline */
    bool again; /* so a transaction failed, see sfms_tx_again */

    struct sfms_sent *sent; /* what was sent since the last sync */
    size_t n_sent, cap_sent;
    bool send_failed;
    PGresult **answers; /* of the statements, without those of preparing */
    size_t n_answers, cap_answers;
    size_t failed_answer; /* the first that failed, with SFMS_OUTCOME_ERROR */

    unsigned
        careful; /* so many batches more are run so that a refused statement costs only itself: one was refused lately */
};

/* sfms_connect opens a session; PQstatus says whether it could, and PQfinish ends it in any case. */
PGconn *sfms_connect(const sfms_db_config *config);

/* sfms_connection_begin opens the session of a connection object, sfms_connection_end ends it, and sfms_connection_forget
 * forgets what belonged to it. */
bool sfms_connection_begin(sfms_db *db);
void sfms_connection_end(sfms_db *db);
void sfms_connection_forget(sfms_db *db);

/* sfms_connection_renew_cancel makes it possible to cancel a statement once more, after that was done. */
void sfms_connection_renew_cancel(sfms_db *db);

/* sfms_connection_ready connects if there is no live connection; false if it cannot. Notices a connection
 * that the server has closed while it was idle. */
bool sfms_connection_ready(sfms_db *db);

/* sfms_connection_alive is true unless the connection is known to be broken. */
bool sfms_connection_alive(const sfms_db *db);

/* sfms_connection_send queues a statement, preparing it if its text is new. False if the connection is
 * broken. */
bool sfms_connection_send(sfms_db *db, const sfms_statement *statement);

/* sfms_connection_sync flushes, waits for all answers and keeps them. */
sfms_outcome sfms_connection_sync(sfms_db *db);

/* sfms_connection_take hands the last answer, or with an error the one that failed, to the arena. */
PGresult *sfms_connection_take(sfms_db *db, sfms_arena *a, sfms_outcome outcome);

/* sfms_connection_answer hands one answer by number to the arena. */
PGresult *sfms_connection_answer(sfms_db *db, sfms_arena *a, size_t number);

/* How long an impatient call waits for a lock. */
enum { SFMS_LOCK_MS = 200 };

/* sfms_send_principal queues the statement that says who is asking; it holds for the rest of the transaction. timeout_ms bounds
 * each statement that follows, and lock_ms each wait for a lock if the call is impatient. */
bool sfms_send_principal(sfms_db *db, const sfms_call *call, int64_t timeout_ms, int lock_ms);

/* sfms_time_left_ms answers how long the call may still take, 1 at least. */
int64_t sfms_time_left_ms(const sfms_call *call);

/* sfms_fail_lost fails a call whose statement may have reached the server over a connection that was lost;
 * sfms_fail_unreachable one for which there is no connection. */
sfms_status sfms_fail_lost(sfms_call *call);
sfms_status sfms_fail_unreachable(sfms_call *call);

/* sfms_sql_error fails the call for what the server said. */
sfms_status sfms_sql_error(sfms_call *call, const PGresult *result);

#endif
