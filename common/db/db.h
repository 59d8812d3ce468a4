/*
 * db.h -- one connection to PostgreSQL and the statements on it.
 *
 * Each worker has one. It connects when first needed and again after it was lost. Statements are prepared
 * on first use and kept. The principal is set in the same pipeline as the first statement of each
 * transaction, so it costs no round trip; nothing set means that row-level security shows nothing.
 */
#ifndef SFMS_DB_DB_H
#define SFMS_DB_DB_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/seal.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "proto/call.h"

typedef struct sfms_db sfms_db;

/* Whether statements are kept by the server under names. A pooler gives us another session for each transaction: what we have
 * named in one is not there in the next, or is somebody else's. */
typedef enum { SFMS_PREPARE_AUTO, SFMS_PREPARE_NEVER, SFMS_PREPARE_ALWAYS } sfms_prepare;

typedef struct sfms_db_config {
    const char *url;      /* libpq connection string */
    const char *user;     /* overrides the user in url; NULL or "" to keep it */
    const char *password; /* overrides; NULL or "" to keep it */
    const char *name;     /* application_name */
    /* Options whose files have password and url as they are now: each new connection reads them again. NULL for none. */
    const char *password_name, *url_name;
    sfms_prepare prepare; /* AUTO counts as ALWAYS until sfms_db_settle has looked */
    bool
        pooled; /* found out by sfms_db_settle: a session is ours for a transaction only, so LISTEN hears nothing */
} sfms_db_config;

/* A statement to run. values[i] is the text of $i+1; NULL for SQL NULL. */
typedef struct {
    const char *sql;
    int n;
    const char *const *values;
    bool binary; /* the result in binary format; parameters are text always */
} sfms_statement;

/* The arguments of a statement: sfms_query(call, &res, "... $1 ... $2", SFMS_ARGS(a, b)). */
#define SFMS_ARGS(...)                                                                                       \
    (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)), (const char *const[])                \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define SFMS_NO_ARGS 0, NULL

/* sfms_db_open makes a connection object; it does not connect yet. */
sfms_db *sfms_db_open(const sfms_db_config *config);
void sfms_db_close(sfms_db *db);

/* sfms_db_ready connects if necessary; false if the database cannot be reached. sfms_db_error says why. */
bool sfms_db_ready(sfms_db *db);
const char *sfms_db_error(const sfms_db *db);
/* sfms_db_settle looks once, over a connection that is ready, at what a session is like: ends the process with a sentence if
 * the role has other settings than those that services rely on, and decides whether to prepare statements. */
void sfms_db_settle(sfms_db *db, sfms_db_config *config);

/* sfms_db_watch starts to watch whether the database answers, with a connection now and then, until sfms_db_watch_end. What
 * waits for one that does not is lost within 4 seconds, and nothing is sent until it answers again. */
void sfms_db_watch(const sfms_db_config *config);
void sfms_db_watch_end(void);

/* sfms_db_hang_up makes whoever waits for an answer on the connection lose it. Like sfms_db_cancel it may be called from any
 * thread.
 *
 * sfms_db_cancel asks the server to end the statement that runs on the connection now. */
void sfms_db_hang_up(sfms_db *db);
void sfms_db_cancel(sfms_db *db);
/* The libpq connection, for start-up checks and tools; NULL while there is none. */
PGconn *sfms_db_conn(sfms_db *db);

/* sfms_query runs one statement as the call's principal. On success *ret is a result with rows (or a command
 * tag) that the arena owns. On failure the call has failed: constraint violations become violations of the
 * field that the constraint's name ends in; a lost connection OUTCOME_UNKNOWN or UNAVAILABLE. Outside a
 * transaction each statement is one of its own: one round trip. */
sfms_status sfms_query(sfms_call *call, PGresult **ret, const char *sql, int n, const char *const *values);

/* sfms_run_statement is sfms_query for a statement that was composed. */
sfms_status sfms_run_statement(sfms_call *call, PGresult **ret, const sfms_statement *statement);

/* A trigger refuses a write in words of its own by RAISE EXCEPTION USING MESSAGE = 'English sentence', DETAIL
 * = 'the same in Chinese', HINT = 'REASON_NAME', and, if one field is to blame, COLUMN = 'field_name' (a
 * violation of that field then).
 *
 * sfms_exec is sfms_query for a statement without rows of interest; *ret_rows, if not NULL, is how many it
 * touched. */
sfms_status sfms_exec(sfms_call *call, long *ret_rows, const char *sql, int n, const char *const *values);

/* The principal of a user, by org_id and user_id; all NULL if there is none who may work. */
#define SFMS_CALLER_SQL                                                                                      \
    "SELECT permissions, visibility, time_zone, seen_owners, currency, country, reach, granted,"             \
    "       hidden_fields, read_only_fields, app.shape_version($1::uuid) AS shape_version"                   \
    "  FROM app.caller($1::uuid, $2::uuid), app.standing($1::uuid, $2::uuid)"

/* The same for the organisation itself, by org_id. */
#define SFMS_ORG_CALLER_SQL                                                                                  \
    "SELECT permissions, visibility, time_zone, seen_owners, currency, country,"                             \
    " app.shape_version($1::uuid) AS shape_version FROM app.org_caller($1::uuid)"

/* sfms_one reads the only row into out, column name = field name; NOT_FOUND if there is none. In the SQL of this and of
 * sfms_many, {columns} stands for the columns of all fields of the message that a row becomes. Never say *: the version
 * that runs while a migration adds a column has statements that were prepared before. */
sfms_status sfms_one(sfms_call *call, void *out, const char *sql, int n, const char *const *values);

/* sfms_many appends every row to the repeated message field of out with that name. */
sfms_status
sfms_many(sfms_call *call, void *out, const char *field, const char *sql, int n, const char *const *values);

/* sfms_tx_begin starts a transaction on the call's connection: BEGIN and the principal travel with the first
 * statement. sfms_in_tx is true until sfms_tx_end, which commits if status is OK, otherwise rolls back;
 * answers how the call stands then. */
void sfms_tx_begin(sfms_call *call);
bool sfms_in_tx(const sfms_call *call);
sfms_status sfms_tx_end(sfms_call *call, sfms_status status);

/* A part of a transaction that may fail without the rest of it: begun before its first statement, with which it travels, so
 * it costs no round trip. sfms_part_end takes back what the part did if status is not SFMS_OK, and answers it. Parts do not
 * nest. */
void sfms_part_begin(sfms_call *call);
sfms_status sfms_part_end(sfms_call *call, sfms_status status);

/* sfms_tx_again is true, once, if a transaction has failed because a statement in it had been prepared before something was
 * migrated. All of it was rolled back, and it works when it is run again. Outside of transactions, and for the first
 * statement of one, this happens by itself. */
bool sfms_tx_again(sfms_call *call);

/* One call of a batch. */
typedef struct {
    sfms_call *call;
    sfms_statement statement;
    PGresult *result; /* set by sfms_batch, owned by the call's arena; NULL if the call failed */
} sfms_batch_item;

/* sfms_batch runs the items as one pipeline and one transaction, one principal setting for neighbours of the
 * same principal. If any fails, all is rolled back and they are run one by one; each then succeeds or fails
 * alone. If the connection dies between sending and the answer, they fail with OUTCOME_UNKNOWN (writes) or
 * UNAVAILABLE (idempotent). */
void sfms_batch(sfms_db *db, size_t n, sfms_batch_item *items);

#endif
