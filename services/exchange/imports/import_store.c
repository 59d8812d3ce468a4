/* import_store.c -- what the database keeps of an import. */
#include "import_store.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/limits.h"
#include "proto/json.h"

/* ---- lists of cells ---------------------------------------------------------------------------------- */

const char *const *
import_cells(sfms_call *call, const char *json, unsigned *ret_n)
{
    const cJSON *list = sfms_json_stored(call->arena, json, strlen(json));
    unsigned n = list != NULL ? (unsigned)cJSON_GetArraySize(list) : 0;
    const char **cells = sfms_new_array(call->arena, const char *, n + 1);
    const cJSON *item;

    *ret_n = 0;
    cJSON_ArrayForEach(item, list) cells[(*ret_n)++] = cJSON_IsString(item) ? item->valuestring : "";
    return cells;
}

void
import_cells_json(sfms_buf *b, unsigned n, const char *const *cells)
{
    sfms_buf_char(b, '[');
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            sfms_buf_char(b, ',');
        sfms_buf_json(b, cells[i], strlen(cells[i]));
    }
    sfms_buf_char(b, ']');
}

/* ---- the import -------------------------------------------------------------------------------------- */

static const char load_sql[] =
    "SELECT i.id, i.version, i.resource, i.mapping, f.content, f.delimiter, f.locale, f.header, "
    "i.processed_rows,"
    "       i.failed_rows, i.done, i.total_rows"
    "  FROM exchange.imports i JOIN exchange.import_files f ON f.org_id = i.org_id AND f.import_id = i.id"
    " WHERE i.org_id = (SELECT app.org_id()) AND i.id = $1::uuid";

sfms_status
import_store_load(sfms_call *call, const char *id, import_stored *ret)
{
    PGresult *row;
    sfms_status status = sfms_query(call, &row, load_sql, SFMS_ARGS(id));

    if (status != SFMS_OK)
        return status;
    if (PQntuples(row) == 0)
        return sfms_fail(call, &sfms_not_found);
    *ret = (import_stored){
        .id = PQgetvalue(row, 0, 0),
        .version = PQgetvalue(row, 0, 1),
        .resource = PQgetvalue(row, 0, 2),
        .mapping = PQgetvalue(row, 0, 3),
        .content = PQgetisnull(row, 0, 4) ? NULL : PQgetvalue(row, 0, 4),
        .delimiter = PQgetvalue(row, 0, 5)[0],
        .locale = sfms_locale_parse(PQgetvalue(row, 0, 6)),
        .processed_rows = strtoll(PQgetvalue(row, 0, 8), NULL, 10),
        .failed_rows = strtoll(PQgetvalue(row, 0, 9), NULL, 10),
        .done = PQgetvalue(row, 0, 10)[0] == 't',
        .total_rows = strtoll(PQgetvalue(row, 0, 11), NULL, 10),
    };
    ret->header = import_cells(call, PQgetvalue(row, 0, 7), &ret->n_header);
    return SFMS_OK;
}

/* The statements that write progress name the version that they know: if a runner whose lease has run out is
 * still at work, only one of the two goes on. */
static sfms_status
take_version(sfms_call *call, import_stored *import, PGresult *result)
{
    size_t n;

    if (PQntuples(result) == 0)
        return sfms_fail(call, &sfms_conflict);
    n = strlen(PQgetvalue(result, 0, 0));
    memcpy((char *)import->version, PQgetvalue(result, 0, 0), n + 1);
    return SFMS_OK;
}

sfms_status
import_store_begin(sfms_call *call, import_stored *import)
{
    enum { DIGITS = 24 };
    char *version = sfms_alloc(call->arena, DIGITS); /* outlives chunks */
    PGresult *result;
    sfms_status status;

    memcpy(version, import->version, strlen(import->version) + 1);
    import->version = version;
    if (import->done)
        return SFMS_OK;
    status = sfms_query(call, &result,
        "UPDATE exchange.imports SET state = 'RUNNING'"
        " WHERE org_id = (SELECT app.org_id()) AND id = $1::uuid AND version = $2::bigint RETURNING version",
        SFMS_ARGS(import->id, import->version));
    return status == SFMS_OK ? take_version(call, import, result) : status;
}

/* ---- a chunk ----------------------------------------------------------------------------------------- */

/* Rows that are dealt with leave the table if they were in it because they had been put aside. */
static const char chunk_sql[] =
    "WITH kept AS (INSERT INTO exchange.import_errors (import_id, row_number, cells, reason)"
    "   SELECT $1::uuid, r.n, r.cells, r.reason FROM jsonb_to_recordset($3::jsonb) AS r(n bigint, cells "
    "jsonb, reason text)"
    "   ON CONFLICT (org_id, import_id, row_number) DO UPDATE SET reason = excluded.reason),"
    " gone AS (DELETE FROM exchange.import_errors e WHERE e.org_id = (SELECT app.org_id())"
    "   AND e.import_id = $1::uuid AND e.row_number = ANY ($4::bigint[]))"
    " UPDATE exchange.imports i SET created_rows = i.created_rows + $5::bigint,"
    "   updated_rows = i.updated_rows + $6::bigint, skipped_rows = i.skipped_rows + $7::bigint,"
    "   failed_rows = i.failed_rows + $8::bigint, processed_rows = greatest(i.processed_rows, $9::bigint)"
    " WHERE i.org_id = (SELECT app.org_id()) AND i.id = $1::uuid AND i.version = $2::bigint RETURNING "
    "i.version";

static void
write_row(sfms_buf *b, const import_row *row)
{
    unsigned n = row->n_cells < IMPORT_COLUMNS_MAX ? row->n_cells : IMPORT_COLUMNS_MAX;

    sfms_buf_printf(b, "%s{\"n\":%lld,\"cells\":", b->len > 1 ? "," : "", (long long)row->number);
    import_cells_json(b, n, row->cells);
    sfms_buf_add(b, ",\"reason\":");
    if (row->state == IMPORT_ROW_REFUSED)
        sfms_buf_json(b, row->reason, strlen(row->reason));
    else
        sfms_buf_add(b, "null");
    sfms_buf_char(b, '}');
}

sfms_status
import_store_chunk(sfms_call *call, import_stored *import, unsigned n, const import_row *rows,
    const import_counts *counts, int64_t last_row)
{
    sfms_arena *a = call->arena;
    const char *numbers[5];
    const int64_t values[5] = {counts->created, counts->updated, counts->skipped, counts->failed, last_row};
    sfms_buf kept, gone;
    PGresult *result;
    sfms_status status;

    sfms_buf_init(&kept, a, SFMS_MESSAGE_MAX);
    sfms_buf_init(&gone, a, SFMS_MESSAGE_MAX);
    sfms_buf_char(&kept, '[');
    sfms_buf_char(&gone, '{');
    for (unsigned i = 0; i < n; i++) {
        if (rows[i].state == IMPORT_ROW_REFUSED || rows[i].state == IMPORT_ROW_ASIDE)
            write_row(&kept, &rows[i]);
        else if (last_row == 0)
            sfms_buf_printf(&gone, "%s%lld", gone.len > 1 ? "," : "", (long long)rows[i].number);
    }
    sfms_buf_char(&kept, ']');
    sfms_buf_char(&gone, '}');
    if (!sfms_buf_ok(&kept) || !sfms_buf_ok(&gone))
        return sfms_fail(call, &sfms_internal);
    for (int i = 0; i < 5; i++)
        numbers[i] = sfms_printf(a, "%lld", (long long)values[i]);
    status = sfms_query(call, &result, chunk_sql,
        SFMS_ARGS(import->id, import->version, kept.data, gone.data, numbers[0], numbers[1], numbers[2],
            numbers[3], numbers[4]));
    if (status != SFMS_OK)
        return status;
    import->failed_rows += counts->failed;
    return take_version(call, import, result);
}

sfms_status
import_store_aside(sfms_call *call, const import_stored *import, int64_t after, int max, unsigned *ret_n,
    import_aside **ret_rows)
{
    PGresult *result;
    sfms_status status = sfms_query(call, &result,
        "SELECT row_number, cells FROM exchange.import_errors WHERE org_id = (SELECT app.org_id())"
        " AND import_id = $1::uuid AND row_number > $2::bigint AND reason IS NULL ORDER BY row_number LIMIT "
        "$3::int",
        SFMS_ARGS(import->id, sfms_printf(call->arena, "%lld", (long long)after),
            sfms_printf(call->arena, "%d", max)));

    if (status != SFMS_OK)
        return status;
    *ret_n = (unsigned)PQntuples(result);
    *ret_rows = sfms_new_array(call->arena, import_aside, *ret_n + 1);
    for (unsigned i = 0; i < *ret_n; i++) {
        import_aside *row = &(*ret_rows)[i];

        row->number = strtoll(PQgetvalue(result, (int)i, 0), NULL, 10);
        row->cells = import_cells(call, PQgetvalue(result, (int)i, 1), &row->n_cells);
    }
    return SFMS_OK;
}

/* ---- the end ----------------------------------------------------------------------------------------- */

/* The file is forgotten; its header stays, for the file of refused rows. */
#define END                                                                                                  \
    "WITH file AS (UPDATE exchange.import_files SET content = NULL"                                          \
    "   WHERE org_id = (SELECT app.org_id()) AND import_id = $1::uuid)"                                      \
    " UPDATE exchange.imports SET state = $2, error = $3, end_time = now()"                                  \
    " WHERE org_id = (SELECT app.org_id()) AND id = $1::uuid AND NOT done"

sfms_status
import_store_end(sfms_call *call, import_stored *import)
{
    return sfms_exec(
        call, NULL, END " AND version = $4::bigint", SFMS_ARGS(import->id, "DONE", NULL, import->version));
}

sfms_status
import_store_fail(sfms_call *call, const char *id, const char *message)
{
    return sfms_exec(call, NULL, END, SFMS_ARGS(id, "FAILED", message));
}

sfms_status
import_store_cancel(sfms_call *call, const char *id)
{
    return sfms_exec(call, NULL, END, SFMS_ARGS(id, "CANCELLED", NULL));
}
