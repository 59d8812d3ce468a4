/* run.c -- the work of an operation on many records: chunk by chunk, each record once. */
#include <stdlib.h>
#include <string.h>

#include "bulk.h"
#include "core/buf.h"
#include "core/limits.h"
#include "db/row.h"
#include "proto/place.h"
#include "rpc/ask.h"

enum { CHUNK = 200, ROW_REASON_MAX = 1000 };

/* The next rows of which it is not known what has become of them. */
static sfms_status
load_open(bulk_work *w, unsigned *ret_n, bulk_row **ret)
{
    PGresult *rows;
    sfms_status status = sfms_query(&w->chunk, &rows,
        "SELECT number, resource, record_id FROM exchange.operation_rows"
        " WHERE org_id = (SELECT app.org_id()) AND operation_id = $1::uuid AND NOT done"
        " ORDER BY number LIMIT $2::integer",
        SFMS_ARGS(w->job->id, sfms_printf(w->chunk.arena, "%d", CHUNK)));

    if (status != SFMS_OK)
        return status;
    *ret_n = (unsigned)PQntuples(rows);
    *ret = sfms_new_array(w->chunk.arena, bulk_row, *ret_n + 1);
    for (unsigned i = 0; i < *ret_n; i++)
        (*ret)[i] = (bulk_row){.number = PQgetvalue(rows, (int)i, 0),
            .resource = PQgetvalue(rows, (int)i, 1),
            .id = PQgetvalue(rows, (int)i, 2)};
    return SFMS_OK;
}

/* What is wrong in one sentence: with the fields, if it is they. */
static const char *
sentence_of(sfms_call *call, const sfms_method *method, const Pb__Status *status)
{
    const char *separator = call->locale == SFMS_LOCALE_ZH ? "；" : "; ";
    sfms_buf b;

    if (status->n_violations == 0)
        return status->message;
    sfms_buf_init(&b, call->arena, ROW_REASON_MAX);
    for (size_t i = 0; i < status->n_violations; i++) {
        const Pb__Violation *v = status->violations[i];

        sfms_buf_add(&b, i > 0 ? separator : "");
        sfms_place_parameter(&b, method->input, v->field);
        sfms_buf_printf(&b, call->locale == SFMS_LOCALE_ZH ? "：%s" : ": %s", v->description);
    }
    return sfms_buf_ok(&b) ? b.data : status->message;
}

static void
note_reply(sfms_call *call, bulk_row *row, const Pb__Reply *reply)
{
    if (reply->status == NULL)
        return;
    row->code = reply->status->reason;
    row->detail = sentence_of(call, row->method, reply->status);
}

/* Sends the rows that want the same method as the first that is left; answers whether there was one. */
static sfms_status
send_alike(bulk_work *w, unsigned n, bulk_row *rows, bool *sent, bool *ret_any)
{
    sfms_arena *a = w->chunk.arena;
    ProtobufCMessage **requests = sfms_new_array(a, ProtobufCMessage *, n + 1);
    Pb__Reply **replies = sfms_new_array(a, Pb__Reply *, n + 1);
    bulk_row **which = sfms_new_array(a, bulk_row *, n + 1);
    const sfms_method *method = NULL;
    size_t k = 0;
    sfms_status status;

    for (unsigned i = 0; i < n; i++) {
        if (sent[i] || rows[i].method == NULL || (method != NULL && rows[i].method != method))
            continue;
        method = rows[i].method;
        requests[k] = rows[i].request;
        which[k++] = &rows[i];
        sent[i] = true;
    }
    *ret_any = k > 0;
    status = k > 0 ? sfms_ask(&w->chunk, a, method, k, requests, replies) : SFMS_OK;
    for (size_t i = 0; status == SFMS_OK && i < k; i++)
        note_reply(&w->chunk, which[i], replies[i]);
    return status;
}

static sfms_status
send_all(bulk_work *w, unsigned n, bulk_row *rows)
{
    bool *sent = sfms_new_array(w->chunk.arena, bool, n + 1);
    bool any = true;
    sfms_status status = SFMS_OK;

    while (status == SFMS_OK && any)
        status = send_alike(w, n, rows, sent, &any);
    return status;
}

static const char *
column(sfms_arena *a, unsigned n, const bulk_row *rows, size_t offset)
{
    const char **texts = sfms_new_array(a, const char *, n + 1);

    for (unsigned i = 0; i < n; i++) {
        const char *text = *(const char *const *)((const char *)&rows[i] + offset);

        texts[i] = text != NULL ? text : "";
    }
    return sfms_array_text(a, n, texts);
}

static sfms_status
store(bulk_work *w, unsigned n, const bulk_row *rows)
{
    sfms_arena *a = w->chunk.arena;

    return sfms_exec(&w->chunk, NULL,
        "UPDATE exchange.operation_rows r SET done = true, code = new.code, detail = new.detail"
        "  FROM unnest($2::bigint[], $3::text[], $4::text[]) new (number, code, detail)"
        " WHERE r.org_id = (SELECT app.org_id()) AND r.operation_id = $1::uuid AND r.number = new.number",
        SFMS_ARGS(w->job->id, column(a, n, rows, offsetof(bulk_row, number)),
            column(a, n, rows, offsetof(bulk_row, code)), column(a, n, rows, offsetof(bulk_row, detail))));
}

/* Does a chunk, or writes the next one down. *ret_more is false when there is no more. */
static sfms_status
step(bulk_work *w, bool *ret_more)
{
    bulk_row *rows;
    unsigned n;
    long planned;
    int64_t done;
    sfms_status status = load_open(w, &n, &rows);

    *ret_more = true;
    if (status != SFMS_OK)
        return status;
    if (n == 0) {
        status = w->plan(w, &planned);
        *ret_more = planned > 0;
        return status;
    }
    done = strtoll(rows[n - 1].number, NULL, 10);
    status = w->prepare(w, n, rows);
    if (status == SFMS_OK)
        status = send_all(w, n, rows);
    if (status == SFMS_OK)
        status = store(w, n, rows);
    w->call->failure = w->chunk.failure;
    return status == SFMS_OK ? sfms_job_beat(w->call, w->job, done, w->total) : status;
}

static sfms_status
finish(bulk_work *w)
{
    PGresult *counts;
    sfms_status status = sfms_query(w->call, &counts,
        "SELECT jsonb_build_object('changed', count(*) FILTER (WHERE code = ''),"
        " 'refused', count(*) FILTER (WHERE code <> '')), count(*) FROM exchange.operation_rows"
        " WHERE org_id = (SELECT app.org_id()) AND operation_id = $1::uuid",
        SFMS_ARGS(w->job->id));
    int64_t n;

    if (status != SFMS_OK)
        return status;
    n = strtoll(PQgetvalue(counts, 0, 1), NULL, 10);
    status = sfms_job_result(w->call, w->job, PQgetvalue(counts, 0, 0));
    return status == SFMS_OK ? sfms_job_beat(w->call, w->job, n, n) : status;
}

sfms_status
bulk_run(bulk_work *w)
{
    bool more = true;
    sfms_status status = SFMS_OK;

    w->chunk = *w->call;
    /* Owned by the call's arena, so that a failure noted in it can be read until the job is settled. */
    w->chunk.arena = sfms_arena_own(w->call->arena, sfms_arena_new(), (sfms_dtor *)sfms_arena_free);
    while (more) {
        status = step(w, &more);
        if (status != SFMS_OK) {
            if (w->call->failure == NULL)
                w->call->failure = w->chunk.failure;
            return status;
        }
        w->chunk.deadline_us = w->call->deadline_us;
        sfms_arena_reset(w->chunk.arena);
    }
    return finish(w);
}
