/* db.c -- statements on one connection: alone, in a transaction, or many in one pipeline. */
#include "db/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/id.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "db/connection.h"
#include "db/row.h"

enum { SQL_MAX = 64 << 10 }; /* bytes of a statement that is written in a handler */

/* The deadline travels with the principal: the server stops a statement that nobody waits for any more. */
#define PRINCIPAL_SQL                                                                                        \
    "SELECT set_config('sfms.org_id', $1, true), set_config('sfms.user_id', $2, true),"                      \
    " set_config('sfms.visibility', $3, true), set_config('sfms.time_zone', $4, true),"                      \
    " set_config('statement_timeout', $5, true), set_config('sfms.cause', $6, true)"
static const char patient_sql[] = PRINCIPAL_SQL;
static const char impatient_sql[] = PRINCIPAL_SQL ", set_config('lock_timeout', $7, true)";

/* The setting that the policies read: the visibility, and behind it how far the role reaches where it says more. */
static const char *
visibility_text(const sfms_call *call)
{
    static const char *const names[] = {"", "OWN", "TEAM", "ORG"};
    const Pb__Principal *p = call->principal;
    const char *name = (unsigned)p->visibility <= PB__VISIBILITY__ORG ? names[p->visibility] : "";

    return p->reach[0] == '\0' ? name : sfms_printf(call->arena, "%s %s", name, p->reach);
}

bool
sfms_send_principal(sfms_db *db, const sfms_call *call, int64_t timeout_ms, int lock_ms)
{
    const Pb__Principal *p = call->principal;
    char timeout[24], lock[24], cause[SFMS_ID_SIZE + 12] = "";
    const char *values[7] = {"", "", "", "", timeout, cause, lock};

    atomic_store_explicit(&db->timeout_ms, timeout_ms, memory_order_relaxed);
    snprintf(timeout, sizeof(timeout), "%lld", (long long)timeout_ms);
    snprintf(lock, sizeof(lock), "%d", lock_ms);
    if (call->cause != NULL && call->cause[0] != '\0')
        snprintf(cause, sizeof(cause), "%s/%u", call->cause, call->depth);
    if (p != NULL) {
        values[0] = p->org_id;
        values[1] = p->user_id;
        values[2] = visibility_text(call);
        values[3] = p->time_zone;
    }
    if (call->impatient)
        return sfms_connection_send(db, &(sfms_statement){impatient_sql, 7, values});
    return sfms_connection_send(db, &(sfms_statement){patient_sql, 6, values});
}

int64_t
sfms_time_left_ms(const sfms_call *call)
{
    int64_t left = (call->deadline_us - sfms_mono_us()) / 1000;

    return left < 1 ? 1 : left;
}

sfms_status
sfms_fail_lost(sfms_call *call)
{
    if (call->method != NULL && !call->method->rule->idempotent)
        return sfms_fail(call, &sfms_outcome_unknown);
    return sfms_fail(call, &sfms_unavailable);
}

sfms_status
sfms_fail_unreachable(sfms_call *call)
{
    sfms_status status = sfms_fail(call, &sfms_unavailable);

    call->failure->retry_after = 1;
    return status;
}

/* Sends BEGIN (if a transaction is wanted but not open), the principal and one statement, and reads the
 * answers up to the sync. */
static sfms_outcome
send_statement(sfms_call *call, const sfms_statement *statement)
{
    sfms_db *db = call->db;

    if (db->tx == SFMS_TX_WANTED)
        sfms_connection_send(db, &(sfms_statement){.sql = "BEGIN"});
    if (db->tx != SFMS_TX_OPEN)
        sfms_send_principal(db, call, sfms_time_left_ms(call), SFMS_LOCK_MS);
    if (db->part_done)
        sfms_connection_send(db, &(sfms_statement){.sql = "RELEASE SAVEPOINT part"});
    if (db->part == SFMS_TX_WANTED)
        sfms_connection_send(db, &(sfms_statement){.sql = "SAVEPOINT part"});
    sfms_connection_send(db, statement);
    return sfms_connection_sync(db);
}

/* What failed did nothing, so its first statement can be prepared and sent again. */
static sfms_outcome
send_again(sfms_call *call, const sfms_statement *statement)
{
    sfms_db *db = call->db;

    if (db->tx == SFMS_TX_WANTED) {
        sfms_connection_send(db, &(sfms_statement){.sql = "ROLLBACK"});
        if (sfms_connection_sync(db) != SFMS_OUTCOME_OK)
            return SFMS_OUTCOME_LOST;
    }
    return sfms_connection_ready(db) ? send_statement(call, statement) : SFMS_OUTCOME_LOST;
}

sfms_status
sfms_run_statement(sfms_call *call, PGresult **ret, const sfms_statement *statement)
{
    sfms_db *db = call->db;
    bool first = db->tx != SFMS_TX_OPEN;
    PGresult *result = NULL;
    sfms_outcome outcome;

    *ret = NULL;
    if (first && !sfms_connection_ready(db))
        return sfms_fail_unreachable(call);
    outcome = send_statement(call, statement);
    if (outcome == SFMS_OUTCOME_ERROR && db->stale && first)
        outcome = send_again(call, statement);
    if (outcome == SFMS_OUTCOME_LOST)
        return sfms_fail_lost(call);
    if (db->tx == SFMS_TX_WANTED)
        db->tx = SFMS_TX_OPEN;
    if (db->part == SFMS_TX_WANTED)
        db->part = SFMS_TX_OPEN;
    db->part_done = false;
    db->again |= outcome == SFMS_OUTCOME_ERROR && db->stale && !first;
    result = sfms_connection_take(db, call->arena, outcome);
    if (outcome == SFMS_OUTCOME_ERROR)
        return sfms_sql_error(call, result);
    *ret = result;
    return SFMS_OK;
}

sfms_status
sfms_query(sfms_call *call, PGresult **ret, const char *sql, int n, const char *const *values)
{
    return sfms_run_statement(call, ret, &(sfms_statement){sql, n, values});
}

sfms_status
sfms_exec(sfms_call *call, long *ret_rows, const char *sql, int n, const char *const *values)
{
    PGresult *result;
    sfms_status status = sfms_query(call, &result, sql, n, values);

    if (status == SFMS_OK && ret_rows != NULL)
        *ret_rows = strtol(PQcmdTuples(result), NULL, 10);
    return status;
}

/* The SQL with the columns of a message in the place of {columns}. */
static const char *
with_columns(sfms_call *call, const char *sql, const ProtobufCMessageDescriptor *desc)
{
    static const char word[] = "{columns}";
    const sfms_message *m = sfms_contract_message(call->contract, desc);
    const char *at = strstr(sql, word);
    const char *comma = "";
    sfms_buf b;

    if (at == NULL)
        return sql;
    sfms_buf_init(&b, call->arena, SQL_MAX);
    sfms_buf_mem(&b, sql, (size_t)(at - sql));
    for (unsigned i = 0; m != NULL && i < m->n_fields; i++) {
        if (m->fields[i].rule->on_request)
            continue;
        sfms_buf_printf(&b, "%s%s", comma, m->fields[i].desc->name);
        comma = ", ";
    }
    sfms_buf_add(&b, at + strlen(word));
    return b.data;
}

sfms_status
sfms_one(sfms_call *call, void *out, const char *sql, int n, const char *const *values)
{
    const ProtobufCMessageDescriptor *desc = ((const ProtobufCMessage *)out)->descriptor;
    PGresult *result;
    sfms_status status = sfms_query(call, &result, with_columns(call, sql, desc), n, values);

    if (status != SFMS_OK)
        return status;
    if (PQntuples(result) == 0)
        return sfms_fail(call, &sfms_not_found);
    sfms_row_read(call->arena, call->contract, result, 0, out);
    return SFMS_OK;
}

sfms_status
sfms_many(sfms_call *call, void *out, const char *field, const char *sql, int n, const char *const *values)
{
    const ProtobufCMessageDescriptor *desc = ((const ProtobufCMessage *)out)->descriptor;
    const ProtobufCFieldDescriptor *list = protobuf_c_message_descriptor_get_field_by_name(desc, field);
    PGresult *result;
    sfms_status status;

    if (list == NULL || list->type != PROTOBUF_C_TYPE_MESSAGE)
        SFMS_WRONG("rows for a field that holds no messages");
    status = sfms_query(call, &result, with_columns(call, sql, list->descriptor), n, values);
    if (status != SFMS_OK)
        return status;
    sfms_rows_read(call->arena, call->contract, result, out, field);
    return SFMS_OK;
}

void
sfms_tx_begin(sfms_call *call)
{
    if (call->db->tx != SFMS_TX_NONE)
        SFMS_WRONG("a transaction inside a transaction");
    call->db->tx = SFMS_TX_WANTED;
    call->db->again = false;
}

void
sfms_part_begin(sfms_call *call)
{
    if (call->db->tx == SFMS_TX_NONE || call->db->part != SFMS_TX_NONE)
        SFMS_WRONG("a part of no transaction, or of another part");
    call->db->part = SFMS_TX_WANTED;
}

sfms_status
sfms_part_end(sfms_call *call, sfms_status status)
{
    sfms_db *db = call->db;
    bool open = db->part == SFMS_TX_OPEN;

    db->part = SFMS_TX_NONE;
    if (!open || !sfms_connection_alive(db))
        return status;
    db->part_done = true;
    if (status == SFMS_OK)
        return SFMS_OK;
    sfms_connection_send(db, &(sfms_statement){.sql = "ROLLBACK TO SAVEPOINT part"});
    if (sfms_connection_sync(db) != SFMS_OUTCOME_OK)
        db->part_done = false;
    return status;
}

bool
sfms_in_tx(const sfms_call *call)
{
    return call->db->tx != SFMS_TX_NONE;
}

sfms_status
sfms_tx_end(sfms_call *call, sfms_status status)
{
    sfms_db *db = call->db;
    bool open = db->tx == SFMS_TX_OPEN;
    sfms_outcome outcome;
    PGresult *result;

    db->tx = SFMS_TX_NONE;
    db->part = SFMS_TX_NONE;
    db->part_done = false;
    if (!open)
        return status;
    if (!sfms_connection_alive(db))
        return status == SFMS_OK ? sfms_fail_lost(call) : status;
    sfms_connection_send(db, &(sfms_statement){.sql = status == SFMS_OK ? "COMMIT" : "ROLLBACK"});
    outcome = sfms_connection_sync(db);
    if (status != SFMS_OK)
        return status;
    if (outcome == SFMS_OUTCOME_LOST)
        return sfms_fail_lost(call);
    result = sfms_connection_take(db, call->arena, outcome);
    if (outcome == SFMS_OUTCOME_ERROR)
        return sfms_sql_error(call, result);
    /* COMMIT of an aborted transaction says ROLLBACK and no error. */
    if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
        return sfms_fail(call, &sfms_internal);
    return SFMS_OK;
}

bool
sfms_tx_again(sfms_call *call)
{
    bool again = call->db != NULL && call->db->again;

    if (again)
        call->db->again = false;
    return again;
}
