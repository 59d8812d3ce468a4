/* undo.c -- taking back what an operation has written, by its events. */
#include <stdlib.h>
#include <string.h>

#include "../feed/changes.h"
#include "bulk.h"
#include "core/buf.h"
#include "core/limits.h"
#include "db/row.h"
#include "proto/json_value.h"
#include "rpc/ask.h"

static const sfms_reason changed_since = {
    "CHANGED_SINCE", SFMS_FAILED_PRECONDITION, {"It has been changed since: %s.", "此后已被修改：%s。"}};

/* All records that the operation has written, those that it came to last first: what was made to hang on something goes before
 * it. */
static sfms_status
plan(bulk_work *w, long *ret_n)
{
    return sfms_exec(&w->chunk, ret_n,
        "INSERT INTO exchange.operation_rows (operation_id, number, resource, record_id)"
        " SELECT $1::uuid, row_number() OVER (ORDER BY last DESC), resource, record_id"
        "   FROM (SELECT e.resource, e.record_id, max(e.seq) AS last FROM app.events e"
        "          WHERE e.org_id = (SELECT app.org_id()) AND e.cause = $2::uuid"
        "            AND e.action <> 'OUT_OF_SIGHT' AND e.for_id IS NULL"
        "            AND e.resource <> 'imports' GROUP BY 1, 2) written"
        "  WHERE NOT EXISTS (SELECT 1 FROM exchange.operation_rows"
        "                     WHERE org_id = (SELECT app.org_id()) AND operation_id = $1::uuid)",
        SFMS_ARGS(w->job->id, w->arg));
}

/* The events of some records, the newest first, each record's together. */
static const char events_sql[] =
    "SELECT " EXCHANGE_EVENT_COLUMNS("false") " FROM app.events e"
                                              " WHERE e.org_id = (SELECT app.org_id()) AND e.cause = "
                                              "$1::uuid AND e.record_id = ANY ($2::uuid[])"
                                              "   AND e.action <> 'OUT_OF_SIGHT' AND e.for_id IS NULL"
                                              " ORDER BY e.record_id, e.xid DESC, e.seq DESC";

/* What one record was before, of what has been written, and what has been written last. */
typedef struct {
    Pb__Event__Action action; /* of the first event */
    unsigned n;
    const char **fields; /* JSON names */
    const Google__Protobuf__Value **before, **after;
} former;

/* Adds an event that is older than those before. */
static void
add_event(sfms_arena *a, former *f, const sfms_message *m, const Pb__Event *event)
{
    f->action = event->action;
    if (f->fields == NULL) {
        f->fields = sfms_new_array(a, const char *, m->n_fields);
        f->before = sfms_new_array(a, const Google__Protobuf__Value *, m->n_fields);
        f->after = sfms_new_array(a, const Google__Protobuf__Value *, m->n_fields);
    }
    for (size_t i = 0; i < event->n_changes; i++) {
        const Pb__FieldChange *c = event->changes[i];
        const sfms_field *field = sfms_message_field(m, c->field, strlen(c->field));
        unsigned k = 0;

        if (field == NULL || field->rule->output_only || field->rule->immutable)
            continue;
        while (k < f->n && strcmp(f->fields[k], c->field) != 0)
            k++;
        if (k == f->n) {
            f->fields[f->n++] = c->field;
            f->after[k] = c->after;
        }
        f->before[k] = c->before;
    }
}

static void
add_value(sfms_arena *a, sfms_buf *b, const Google__Protobuf__Value *value)
{
    size_t n = value != NULL ? protobuf_c_message_get_packed_size(&value->base) : 0;
    uint8_t *bytes = sfms_alloc_raw(a, n + 1);

    if (value == NULL) {
        sfms_buf_add(b, "null");
        return;
    }
    protobuf_c_message_pack(&value->base, bytes);
    sfms_value_write(b, (sfms_packed){bytes, n}, SFMS_STORED_DEPTH);
}

/* {"city": "Ulm", …}: what the record had. An object is written as a whole, and what has come into it since is cleared. */
static const cJSON *
as_it_was(sfms_arena *a, const former *f)
{
    sfms_buf b;

    sfms_buf_init(&b, a, SFMS_ROW_MAX);
    for (unsigned i = 0; i < f->n; i++) {
        sfms_buf_char(&b, i == 0 ? '{' : ',');
        sfms_buf_json(&b, f->fields[i], strlen(f->fields[i]));
        sfms_buf_char(&b, ':');
        add_value(a, &b, f->before[i]);
    }
    sfms_buf_char(&b, '}');
    return sfms_buf_ok(&b) ? sfms_json_stored(a, b.data, b.len) : NULL;
}

static bool
same(sfms_arena *a, const Google__Protobuf__Value *x, const Google__Protobuf__Value *y)
{
    sfms_buf b[2];

    sfms_buf_init(&b[0], a, SFMS_ROW_MAX);
    sfms_buf_init(&b[1], a, SFMS_ROW_MAX);
    add_value(a, &b[0], x);
    add_value(a, &b[1], y);
    return b[0].len == b[1].len && memcmp(b[0].data, b[1].data, b[0].len) == 0;
}

/* The first field that is not as the operation has left it; NULL if all are. */
static const char *
other_field(sfms_call *call, const sfms_message *m, const former *f, const ProtobufCMessage *record)
{
    sfms_buf json;
    const cJSON *now;

    sfms_buf_init(&json, call->arena, SFMS_ROW_MAX);
    sfms_json_write(&json, m, record, NULL);
    now = sfms_json_stored(call->arena, json.data, json.len);
    for (unsigned i = 0; now != NULL && i < f->n; i++) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(now, f->fields[i]);
        const Google__Protobuf__Value *value =
            member == NULL || cJSON_IsNull(member)
                ? NULL
                : (const Google__Protobuf__Value *)sfms_json_read_value(
                      call->arena, &google__protobuf__value__descriptor, member);

        if (!same(call->arena, value, sfms_value_is_null(f->after[i]) ? NULL : f->after[i]))
            return f->fields[i];
    }
    return NULL;
}

/* ---- what is sent ------------------------------------------------------------------------------------ */

static void
refuse(sfms_call *call, bulk_row *row, const Pb__Status *status)
{
    (void)call;
    row->method = NULL;
    row->code = status->reason;
    row->detail = status->message;
}

/* Something is to be done that the caller may not, or that the collection does not have. */
static void
want(sfms_call *call, bulk_row *row, Pb__Verb verb)
{
    sfms_call own = *call;

    own.failure = NULL;
    row->method = bulk_method(&own, row->resource, verb);
    if (row->method == NULL)
        refuse(call, row, own.failure);
}

/* What was changed is changed back, if it is as it was left. */
static void
change_back(sfms_call *call, bulk_row *row, const former *f, const Pb__Reply *now)
{
    const sfms_message *m = sfms_contract_resource(call->contract, row->resource);
    const ProtobufCMessage *record;
    const cJSON *object = as_it_was(call->arena, f);
    const char *other;

    if (now == NULL || now->status != NULL || object == NULL) {
        refuse(call, row, now != NULL && now->status != NULL ? now->status : call->failure);
        return;
    }
    record =
        protobuf_c_message_unpack(m->desc, sfms_arena_pb(call->arena), now->response.len, now->response.data);
    other = record != NULL ? other_field(call, m, f, record) : "";
    if (other != NULL) {
        row->code = changed_since.name;
        row->detail = sfms_text(call, &changed_since, other);
        return;
    }
    want(call, row, PB__VERB__UPDATE);
    if (row->method != NULL)
        row->request = bulk_update(call, row->method, row->id, object);
}

static void
want_by_id(sfms_call *call, bulk_row *row, Pb__Verb verb)
{
    want(call, row, verb);
    if (row->method != NULL)
        row->request = bulk_of_id(call, row->method, row->id);
}

/* The records of the rows that have been changed, as they are now; one call for each collection and row. */
static sfms_status
get_changed(sfms_call *call, unsigned n, const bulk_row *rows, const former *formers, Pb__Reply **ret)
{
    sfms_status status = SFMS_OK;

    for (unsigned i = 0; status == SFMS_OK && i < n; i++) {
        const sfms_method *get = sfms_contract_standard(call->contract, rows[i].resource, PB__VERB__GET);
        ProtobufCMessage *request;

        ret[i] = NULL;
        if (formers[i].action != PB__EVENT__ACTION__UPDATED || formers[i].n == 0 || get == NULL)
            continue;
        request = bulk_of_id(call, get, rows[i].id);
        status = sfms_ask(call, call->arena, get, 1, &request, &ret[i]);
    }
    return status;
}

static void
prepare_row(sfms_call *call, bulk_row *row, const former *f, const Pb__Reply *now)
{
    if (f->action == PB__EVENT__ACTION__CREATED)
        want_by_id(call, row, PB__VERB__DELETE);
    else if (f->action == PB__EVENT__ACTION__DELETED)
        want_by_id(call, row, PB__VERB__UNDELETE);
    else if (f->action == PB__EVENT__ACTION__UNDELETED)
        want_by_id(call, row, PB__VERB__DELETE);
    else if (f->n > 0)
        change_back(call, row, f, now);
}

static const char *
all_ids(sfms_arena *a, unsigned n, const bulk_row *rows)
{
    const char **ids = sfms_new_array(a, const char *, n + 1);

    for (unsigned i = 0; i < n; i++)
        ids[i] = rows[i].id;
    return sfms_array_text(a, n, ids);
}

static sfms_status
prepare(bulk_work *w, unsigned n, bulk_row *rows)
{
    sfms_call *call = &w->chunk;
    former *formers = sfms_new_array(call->arena, former, n + 1);
    Pb__Reply **now = sfms_new_array(call->arena, Pb__Reply *, n + 1);
    PGresult *events;
    sfms_status status;

    if (!sfms_may(w->call, "bulk.write"))
        return sfms_fail(call, &sfms_no_permission, "bulk.write");
    status = sfms_query(call, &events, events_sql, SFMS_ARGS(w->arg, all_ids(call->arena, n, rows)));
    if (status != SFMS_OK)
        return status;
    for (int r = 0; r < PQntuples(events); r++) {
        const Pb__Event *event = exchange_event(call, events, r);

        for (unsigned i = 0; i < n; i++)
            if (strcmp(rows[i].id, event->record_id) == 0 && strcmp(rows[i].resource, event->resource) == 0)
                add_event(
                    call->arena, &formers[i], sfms_contract_resource(call->contract, event->resource), event);
    }
    status = get_changed(call, n, rows, formers, now);
    for (unsigned i = 0; status == SFMS_OK && i < n; i++)
        prepare_row(call, &rows[i], &formers[i], now[i]);
    return status;
}

sfms_status
bulk_undo_run(sfms_call *call, const sfms_job *job)
{
    const cJSON *payload = sfms_json_stored(call->arena, job->payload, strlen(job->payload));
    const cJSON *cause = cJSON_GetObjectItemCaseSensitive(payload, "operationId");
    bulk_work work = {.call = call, .job = job, .plan = plan, .prepare = prepare, .total = -1};

    if (!cJSON_IsString(cause))
        return sfms_fail(call, &sfms_bad_message);
    work.arg = cause->valuestring;
    return bulk_run(&work);
}
