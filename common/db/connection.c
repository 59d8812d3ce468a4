/* connection.c -- prepare, send, sync. */
#include "db/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "db/pulse.h"

enum { PREPARED_SLOTS = 2 * SFMS_STATEMENTS_MAX, RETRY_US = 200 * 1000, READ_ONLY_US = 1000 * 1000 };

/* A statement kept by the server under the name of its slot. */
struct sfms_prepared {
    char *sql; /* NULL: free slot */
    uint64_t hash;
    bool ready; /* the server has confirmed it */
};

/* Something sent whose answer is still to come. */
struct sfms_sent {
    sfms_prepared *preparing; /* the answer confirms this; NULL: the answer is a statement's */
};

sfms_db *
sfms_db_open(const sfms_db_config *config)
{
    sfms_db *db = calloc(1, sizeof(*db));

    if (db == NULL)
        sfms_die("out of memory");
    db->config = *config;
    db->socket = -1;
    atomic_init(&db->timeout_ms, SFMS_CALL_MS_DEFAULT);
    pthread_mutex_init(&db->handles_lock, NULL);
    sfms_pulse_join(db);
    db->prepared = calloc(PREPARED_SLOTS, sizeof(*db->prepared));
    if (db->prepared == NULL)
        sfms_die("out of memory");
    return db;
}

static void
forget_answers(sfms_db *db)
{
    for (size_t i = 0; i < db->n_answers; i++)
        PQclear(db->answers[i]);
    db->n_answers = 0;
    db->n_sent = 0;
    db->send_failed = false;
}

static void
forget_prepared(sfms_db *db)
{
    for (size_t i = 0; i < PREPARED_SLOTS; i++)
        free(db->prepared[i].sql);
    memset(db->prepared, 0, PREPARED_SLOTS * sizeof(*db->prepared));
    db->n_prepared = 0;
}

void
sfms_connection_forget(sfms_db *db)
{
    forget_answers(db);
    forget_prepared(db);
    db->stale = false;
}

void
sfms_db_close(sfms_db *db)
{
    if (db == NULL)
        return;
    sfms_pulse_leave(db);
    sfms_connection_end(db);
    pthread_mutex_destroy(&db->handles_lock);
    free(db->prepared);
    free(db->sent);
    free(db->answers);
    free(db);
}

bool
sfms_connection_alive(const sfms_db *db)
{
    return db->conn != NULL && PQstatus(db->conn) == CONNECTION_OK && !db->send_failed;
}

/* The server says nothing on an idle connection but goodbye. */
static bool
closed_while_idle(const sfms_db *db)
{
    char byte;
    ssize_t n = recv(PQsocket(db->conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0)
        return errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
    return true;
}

/* Plans are made for tables and functions as they are. PostgreSQL makes them again when those change, but not if the answer
 * would have other columns, nor if somebody between us and the server has given us another session. */
static bool
is_stale(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return state != NULL && (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0);
}

/* False if the connection has broken meanwhile. */
static bool
prepare_anew(sfms_db *db)
{
    forget_prepared(db);
    db->stale = false;
    if (db->config.prepare == SFMS_PREPARE_NEVER)
        return true;
    sfms_connection_send(db, &(sfms_statement){.sql = "DEALLOCATE ALL"});
    return sfms_connection_sync(db) == SFMS_OUTCOME_OK;
}

/* A server that only reads may not be the one to talk to any more: whoever is, is found by connecting again. */
static bool
worth_another(const sfms_db *db)
{
    return db->read_only && sfms_mono_us() - db->begin_us >= READ_ONLY_US;
}

bool
sfms_connection_ready(sfms_db *db)
{
    if (sfms_pulse_silent()) {
        snprintf(db->error, sizeof(db->error), "it does not answer");
        return false;
    }
    if (db->conn != NULL && sfms_connection_alive(db) && db->pipeline && db->stale && !prepare_anew(db))
        sfms_connection_end(db);
    if (db->conn != NULL && (!sfms_connection_alive(db) || closed_while_idle(db) || worth_another(db)))
        sfms_connection_end(db);
    if (db->conn == NULL) {
        if (sfms_mono_us() < db->retry_at_us)
            return false;
        if (!sfms_connection_begin(db)) {
            db->retry_at_us = sfms_mono_us() + RETRY_US;
            return false;
        }
    }
    if (!db->pipeline)
        db->pipeline = PQenterPipelineMode(db->conn) == 1;
    sfms_connection_renew_cancel(db);
    return db->pipeline;
}

bool
sfms_db_ready(sfms_db *db)
{
    return sfms_connection_ready(db);
}

const char *
sfms_db_error(const sfms_db *db)
{
    return db->error;
}

PGconn *
sfms_db_conn(sfms_db *db)
{
    if (!sfms_connection_ready(db))
        return NULL;
    if (PQexitPipelineMode(db->conn) == 1)
        db->pipeline = false;
    return db->conn;
}

static uint64_t
hash_text(const char *s)
{
    uint64_t h = 14695981039346656037ULL; /* FNV-1a */

    for (; *s != '\0'; s++)
        h = (h ^ (uint8_t)*s) * 1099511628211ULL;
    return h;
}

/* The slot of a statement's text, or a free one for it; NULL if the table is full and the text is not in it.
 */
static sfms_prepared *
find_prepared(sfms_db *db, const char *sql, uint64_t hash)
{
    for (size_t i = hash % PREPARED_SLOTS;; i = (i + 1) % PREPARED_SLOTS) {
        sfms_prepared *p = &db->prepared[i];

        if (p->sql == NULL)
            return db->n_prepared < SFMS_STATEMENTS_MAX ? p : NULL;
        if (p->hash == hash && strcmp(p->sql, sql) == 0)
            return p;
    }
}

static void
note_sent(sfms_db *db, sfms_prepared *preparing)
{
    if (db->n_sent == db->cap_sent) {
        db->cap_sent = db->cap_sent == 0 ? 64 : 2 * db->cap_sent;
        db->sent = realloc(db->sent, db->cap_sent * sizeof(*db->sent));
        if (db->sent == NULL)
            sfms_die("out of memory");
    }
    db->sent[db->n_sent++].preparing = preparing;
}

/* Control statements have nothing to plan: preparing them would only cost a message. */
static bool
worth_preparing(const char *sql, int n)
{
    return n > 0 || strncmp(sql, "SELECT", 6) == 0;
}

static bool
send_prepare(sfms_db *db, sfms_prepared *p, const char *name, const char *sql, uint64_t hash)
{
    if (PQsendPrepare(db->conn, name, sql, 0, NULL) != 1)
        return false;
    if (p->sql == NULL) {
        p->sql = strdup(sql);
        if (p->sql == NULL)
            sfms_die("out of memory");
        p->hash = hash;
        db->n_prepared++;
    }
    note_sent(db, p);
    p->ready = true; /* taken back if the answer says otherwise */
    return true;
}

bool
sfms_connection_send(sfms_db *db, const sfms_statement *statement)
{
    const char *sql = statement->sql;
    uint64_t hash;
    sfms_prepared *p = NULL;
    bool ok = true;
    char name[24];

    if (!sfms_connection_alive(db)) {
        db->send_failed = true;
        return false;
    }
    if (db->config.prepare != SFMS_PREPARE_NEVER && worth_preparing(sql, statement->n)) {
        hash = hash_text(sql);
        p = find_prepared(db, sql, hash);
    }
    if (p != NULL) {
        snprintf(name, sizeof(name), "s%td", p - db->prepared);
        if (!p->ready)
            ok = send_prepare(db, p, name, sql, hash);
        ok = ok && PQsendQueryPrepared(
                       db->conn, name, statement->n, statement->values, NULL, NULL, statement->binary) == 1;
    } else {
        ok = PQsendQueryParams(
                 db->conn, sql, statement->n, NULL, statement->values, NULL, NULL, statement->binary) == 1;
    }
    if (!ok) {
        db->send_failed = true;
        return false;
    }
    note_sent(db, NULL);
    return true;
}

static void
note_answer(sfms_db *db, PGresult *result)
{
    if (db->n_answers == db->cap_answers) {
        db->cap_answers = db->cap_answers == 0 ? 64 : 2 * db->cap_answers;
        db->answers = realloc(db->answers, db->cap_answers * sizeof(*db->answers));
        if (db->answers == NULL)
            sfms_die("out of memory");
    }
    db->answers[db->n_answers++] = result;
}

/* Reads the answer to one thing sent; false if the connection broke. */
static bool
read_answer(sfms_db *db, const struct sfms_sent *sent, bool *ret_failed)
{
    PGresult *result = PQgetResult(db->conn);
    ExecStatusType status = PQresultStatus(result);
    PGresult *end;

    if (result == NULL)
        return false;
    *ret_failed = status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK;
    if (sent->preparing != NULL && *ret_failed)
        sent->preparing->ready = false;
    /* A failed preparation is the statement's answer; what follows it is only "aborted". */
    if (sent->preparing == NULL || status == PGRES_FATAL_ERROR)
        note_answer(db, result);
    else
        PQclear(result);
    end = PQgetResult(db->conn);
    PQclear(end);
    return end == NULL && PQstatus(db->conn) == CONNECTION_OK;
}

/* True if the server ended the session: whatever was under way is rolled back, and that is certain. */
static bool
session_ended(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return state != NULL && strncmp(state, "57P", 3) == 0;
}

/* What an error says about the connection. */
static void
note_error(sfms_db *db, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    db->stale |= is_stale(result);
    db->read_only |= state != NULL && strcmp(state, "25006") == 0;
}

/* Reads the answers to all that was sent. An error that ended the session is one: nothing has happened. */
static sfms_outcome
read_answers(sfms_db *db)
{
    sfms_outcome outcome = SFMS_OUTCOME_OK;
    PGresult *sync;

    for (size_t i = 0; i < db->n_sent; i++) {
        bool failed = false;
        bool alive = read_answer(db, &db->sent[i], &failed);

        if (failed && outcome == SFMS_OUTCOME_OK && db->n_answers > 0) {
            outcome = SFMS_OUTCOME_ERROR;
            db->failed_answer = db->n_answers - 1;
            note_error(db, db->answers[db->failed_answer]);
        }
        if (alive)
            continue;
        db->send_failed = true;
        if (outcome == SFMS_OUTCOME_ERROR && session_ended(db->answers[db->failed_answer]))
            return SFMS_OUTCOME_ERROR;
        return SFMS_OUTCOME_LOST;
    }
    sync = PQgetResult(db->conn);
    if (PQresultStatus(sync) != PGRES_PIPELINE_SYNC)
        outcome = SFMS_OUTCOME_LOST;
    PQclear(sync);
    return outcome;
}

sfms_outcome
sfms_connection_sync(sfms_db *db)
{
    sfms_outcome outcome = SFMS_OUTCOME_LOST;

    for (size_t i = 0; i < db->n_answers; i++)
        PQclear(db->answers[i]);
    db->n_answers = 0;
    sfms_pulse_waits(db);
    if (sfms_connection_alive(db) && PQpipelineSync(db->conn) == 1)
        outcome = read_answers(db);
    sfms_pulse_heard(db, outcome != SFMS_OUTCOME_LOST);
    db->n_sent = 0;
    db->send_failed = db->send_failed || outcome == SFMS_OUTCOME_LOST;
    return outcome;
}

PGresult *
sfms_connection_answer(sfms_db *db, sfms_arena *a, size_t number)
{
    PGresult *result = db->answers[number];

    db->answers[number] = NULL;
    if (result != NULL && PQresultMemorySize(result) > SFMS_ARENA_CHUNK)
        sfms_arena_count(a, PQresultMemorySize(result));
    return sfms_arena_own(a, result, (sfms_dtor *)PQclear);
}

PGresult *
sfms_connection_take(sfms_db *db, sfms_arena *a, sfms_outcome outcome)
{
    return sfms_connection_answer(
        db, a, outcome == SFMS_OUTCOME_ERROR ? db->failed_answer : db->n_answers - 1);
}
