/* import_run.c -- the job that brings in the rows of an import, a chunk at a time. */
#include "import_run.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/limits.h"
#include "core/log.h"
#include "db/db.h"
#include "existing.h"
#include "import_store.h"
#include "keys.h"
#include "proto/json.h"
#include "rows.h"
#include "rpc/ask.h"

enum {
    CHUNK = 4 * SFMS_BATCH_CALLS, /* rows whose calls travel together */
    REFUSED_MAX = 100000,         /* rows; beyond, the mapping is wrong rather than the rows */
};

static const sfms_reason too_many_refused = {"TOO_MANY_REFUSED", SFMS_FAILED_PRECONDITION,
    {"The import was ended after %s refused rows.", "被拒绝的行已达 %s 行，导入已终止。"}};

/* An import that is being run. */
typedef struct {
    sfms_call *call;
    const sfms_job *job;
    import_stored import; /* what the database has of it */
    import_plan plan;
    import_lookups *lookups;
    import_keys *aside; /* of the rows that are put aside: others with the same keys wait behind them */
    sfms_call chunk;    /* as call, with an arena that is emptied after each chunk */
    import_row *rows;
    unsigned n_rows;
    int64_t last_read; /* number of the last row that was put into a chunk */
    int64_t furthest;  /* the highest such number */
    bool refused_rows; /* the file is one of refused rows, with its cells made harmless */
    bool again;        /* rows were put aside before */
    bool may_wait;     /* rows may be put aside */
    bool progress;     /* of rows put aside, one has come through in this pass */
    bool repeated;     /* the chunk before was mostly there already: this file has been here before */
    sfms_status status;
} run;

/* ---- a chunk ----------------------------------------------------------------------------------------- */

/* The calls of good rows, at once, from a row on and up to the first whose key is that of another: what travels together
 * has no order, and the file has one. Moves *at behind them. */
static sfms_status
send_some(run *r, unsigned *at)
{
    sfms_arena *a = r->chunk.arena;
    ProtobufCMessage **requests = sfms_new_array(a, ProtobufCMessage *, r->n_rows);
    Pb__Reply **replies = sfms_new_array(a, Pb__Reply *, r->n_rows);
    import_row **sent = sfms_new_array(a, import_row *, r->n_rows);
    import_keys *keys = import_keys_new(a);
    size_t n = 0;
    sfms_status status;

    for (; *at < r->n_rows; (*at)++) {
        import_row *row = &r->rows[*at];

        if (row->state != IMPORT_ROW_READY)
            continue;
        if (!import_keys_add(keys, row))
            break;
        requests[n] = row->request;
        sent[n++] = row;
    }
    status = sfms_ask(&r->chunk, a, r->plan.method, n, requests, replies);
    for (size_t i = 0; status == SFMS_OK && i < n; i++)
        import_row_settle(&r->chunk, &r->plan, sent[i], replies[i]);
    return status;
}

static sfms_status
send_rows(run *r)
{
    sfms_status status = SFMS_OK;

    for (unsigned at = 0; status == SFMS_OK && at < r->n_rows;)
        status = send_some(r, &at);
    return status;
}

/* Makes the requests. Rows with one key come in by the order of the file: behind one that waits, the others wait, too. */
static void
build_rows(run *r)
{
    for (unsigned i = 0; i < r->n_rows; i++) {
        import_row *row = &r->rows[i];

        import_row_build(&r->chunk, &r->plan, row, r->lookups, r->import.id, r->may_wait);
        if (row->state == IMPORT_ROW_READY && r->may_wait && import_keys_has(r->aside, row))
            row->state = IMPORT_ROW_ASIDE;
        if (row->state == IMPORT_ROW_ASIDE)
            import_keys_add(r->aside, row);
    }
}

static void
count(run *r, import_counts *ret)
{
    *ret = (import_counts){0};
    for (unsigned i = 0; i < r->n_rows; i++) {
        import_row_state state = r->rows[i].state;

        ret->created += state == IMPORT_ROW_CREATED;
        ret->updated += state == IMPORT_ROW_UPDATED;
        ret->skipped += state == IMPORT_ROW_SKIPPED;
        ret->failed += state == IMPORT_ROW_REFUSED;
        r->progress = r->progress || state == IMPORT_ROW_CREATED || state == IMPORT_ROW_UPDATED;
    }
}

/* Brings in the rows at hand and stores how it went. */
static sfms_status
run_chunk(run *r)
{
    import_counts counts;
    sfms_status status;

    if (r->n_rows == 0)
        return SFMS_OK;
    for (unsigned i = 0; i < r->n_rows; i++) {
        import_row_read(&r->chunk, &r->plan, &r->rows[i]);
        import_row_want(&r->plan, &r->rows[i], r->lookups);
    }
    status = import_lookup_fetch(r->lookups, &r->chunk);
    if (status != SFMS_OK)
        return status;
    build_rows(r);
    status = r->repeated ? import_find_existing(&r->chunk, &r->plan, r->n_rows, r->rows) : SFMS_OK;
    if (status == SFMS_OK)
        status = send_rows(r);
    if (status != SFMS_OK)
        return status;
    count(r, &counts);
    r->repeated = 2 * counts.skipped > r->n_rows;
    status =
        import_store_chunk(&r->chunk, &r->import, r->n_rows, r->rows, &counts, r->again ? 0 : r->last_read);
    if (status == SFMS_OK && r->import.failed_rows > REFUSED_MAX)
        return sfms_fail(&r->chunk, &too_many_refused, sfms_printf(r->chunk.arena, "%d", REFUSED_MAX));
    return status;
}

/* Runs the chunk, renews the lease, and makes room for the next one. */
static sfms_status
flush(run *r)
{
    sfms_status status = run_chunk(r);

    r->call->failure = r->chunk.failure; /* its text lives as long as the call: see prepare() */
    if (status != SFMS_OK)
        return status;
    status = sfms_job_beat(r->call, r->job, r->furthest, r->import.total_rows);
    if (status == SFMS_OK)
        status = import_plan_check_rights(r->call, &r->plan);
    if (status != SFMS_OK)
        return status;
    r->chunk.deadline_us = r->call->deadline_us;
    import_lookup_forget_missing(r->lookups);
    sfms_arena_reset(r->chunk.arena);
    r->rows = sfms_new_array(r->chunk.arena, import_row, CHUNK);
    r->n_rows = 0;
    return SFMS_OK;
}

static sfms_status
add_row(run *r, int64_t number, unsigned n_cells, const char *const *cells)
{
    import_row *row = &r->rows[r->n_rows++];
    unsigned kept = n_cells < IMPORT_COLUMNS_MAX ? n_cells : IMPORT_COLUMNS_MAX;

    row->number = number;
    row->n_cells = n_cells;
    row->cells = sfms_new_array(r->chunk.arena, const char *, kept + 1);
    for (unsigned i = 0; i < kept; i++)
        row->cells[i] = sfms_strdup(r->chunk.arena, cells[i]);
    r->last_read = number;
    r->furthest = number > r->furthest ? number : r->furthest;
    return r->n_rows == CHUNK ? flush(r) : SFMS_OK;
}

/* ---- the passes -------------------------------------------------------------------------------------- */

static bool
on_row(void *arg, const import_csv_row *row)
{
    run *r = arg;
    const char **cells;

    if (row->number <= r->import.processed_rows) /* the header, and what an earlier run has done */
        return true;
    cells = (const char **)row->cells;
    for (unsigned i = 0; r->refused_rows && i < row->n_cells && i < IMPORT_COLUMNS_MAX; i++)
        cells[i] = import_csv_as_it_was(cells[i]);
    r->status = add_row(r, row->number, row->n_cells, cells);
    return r->status == SFMS_OK;
}

/* A run before this one may have put rows aside. */
static sfms_status
note_aside(run *r)
{
    int64_t after = 0;

    r->aside = import_keys_new(r->call->arena);
    while (r->import.processed_rows > 0) {
        import_aside *rows;
        unsigned n;
        sfms_status status = import_store_aside(&r->chunk, &r->import, after, CHUNK, &n, &rows);

        if (status != SFMS_OK || n == 0)
            return status;
        after = rows[n - 1].number;
        for (unsigned i = 0; i < n; i++) {
            import_row row = {
                .number = rows[i].number, .n_cells = rows[i].n_cells, .cells = (const char **)rows[i].cells};

            import_row_read(&r->chunk, &r->plan, &row);
            import_keys_add(r->aside, &row);
        }
    }
    return SFMS_OK;
}

/* All rows of the file, in its order. */
static sfms_status
run_file(run *r)
{
    import_csv_file file = {r->import.content, 0, r->import.delimiter};
    int64_t row;

    r->may_wait = true;
    r->status = note_aside(r);
    if (r->status != SFMS_OK)
        return r->status;
    if (r->import.content == NULL)
        return SFMS_OK;
    file.len = strlen(file.text);
    import_csv_read(&file, on_row, r, &row);
    return r->status == SFMS_OK ? flush(r) : r->status;
}

/* One pass over the rows that were put aside. */
static sfms_status
run_aside(run *r)
{
    int64_t after = 0;

    r->again = true;
    r->progress = false;
    r->aside = import_keys_new(r->call->arena);
    for (;;) {
        import_aside *rows;
        unsigned n;
        sfms_status status = import_store_aside(&r->chunk, &r->import, after, CHUNK, &n, &rows);

        r->call->failure = r->chunk.failure;
        if (status != SFMS_OK || n == 0)
            return status;
        after = rows[n - 1].number;
        for (unsigned i = 0; status == SFMS_OK && i < n; i++)
            status = add_row(r, rows[i].number, rows[i].n_cells, rows[i].cells);
        if (status == SFMS_OK)
            status = flush(r);
        if (status != SFMS_OK)
            return status;
    }
}

/* Rows that look up rows of the same file come through once those are there. When a pass brings nothing, a
 * last one refuses what is left. */
static sfms_status
run_all(run *r)
{
    sfms_status status = run_file(r);

    do {
        if (status == SFMS_OK)
            status = run_aside(r);
    } while (status == SFMS_OK && r->progress);
    r->may_wait = false;
    if (status == SFMS_OK)
        status = run_aside(r);
    return status;
}

/* ---- the job ----------------------------------------------------------------------------------------- */

static sfms_status
prepare(run *r)
{
    sfms_call *call = r->call;
    const Pb__ImportMapping *mapping;
    sfms_status status = import_store_load(call, r->job->id, &r->import);

    if (status != SFMS_OK || r->import.done)
        return status;
    call->locale = r->import.locale;
    mapping = import_mapping_parse(call, r->import.mapping);
    if (mapping == NULL)
        return SFMS_INVALID_ARGUMENT;
    status =
        import_plan_make(call, r->import.resource, mapping, r->import.n_header, r->import.header, &r->plan);
    if (status != SFMS_OK)
        return status;
    r->refused_rows = import_is_refused_rows(r->import.n_header, r->import.header);
    status = import_plan_check_rights(call, &r->plan);
    if (status != SFMS_OK)
        return status;
    r->lookups = import_lookups_new(call);
    r->chunk = sfms_aside(call, call->method);
    /* Owned by the call's arena, so that a failure noted in it can be read until the job is settled. */
    r->chunk.arena = sfms_arena_own(call->arena, sfms_arena_new(), (sfms_dtor *)sfms_arena_free);
    r->rows = sfms_new_array(r->chunk.arena, import_row, CHUNK);
    return import_store_begin(call, &r->import);
}

sfms_status
import_run(sfms_call *call, const sfms_job *job)
{
    run r = {.call = call, .job = job};
    sfms_status status = prepare(&r);

    if (status == SFMS_OK && !r.import.done)
        status = run_all(&r);
    if (status == SFMS_OK && !r.import.done)
        status = import_store_end(call, &r.import);
    return status;
}

void
import_failed(sfms_call *call, const sfms_job *job)
{
    Pb__Status *failure = call->failure; /* that of the import, not of what follows */
    const char *message = failure != NULL ? failure->message : sfms_text(call, &sfms_internal);

    if (failure != NULL && failure->code == SFMS_CANCELLED)
        import_store_cancel(call, job->id);
    else
        import_store_fail(call, job->id, message);
    call->failure = failure;
}
