/* change.c -- one change of many records. Contract: proto/sfms/exchange/v1/bulk.proto. */
#include <stdlib.h>
#include <string.h>

#include "bulk.h"
#include "core/buf.h"
#include "core/limits.h"
#include "db/row.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "proto/json_value.h"
#include "rpc/ask.h"
#include "sfms/api/v1/requests.pb-c.h"

enum { PAGE = 200, SAMPLE = 5, COUNT_MAX = 10000, FILTER_MAX = 4096 };

static const sfms_reason one_of_two = {"ONE_OF_TWO", SFMS_INVALID_ARGUMENT,
    {"is one of %s and %s: exactly one must be given", "%s 与 %s 须且只能给出一个"}};
static const sfms_reason no_collection = {"NO_COLLECTION", SFMS_INVALID_ARGUMENT,
    {"is no collection whose records can be changed", "不是可修改的集合"}};
static const sfms_reason no_delete = {"NO_DELETE", SFMS_INVALID_ARGUMENT,
    {"records of this collection are not deleted", "该集合的记录不能删除"}};
static const sfms_reason not_with_key = {"NOT_WITH_KEY", SFMS_INVALID_ARGUMENT,
    {"starts nothing, so it goes without an Idempotency-Key", "不会启动任何操作，请勿携带 Idempotency-Key"}};
static const sfms_reason is_empty = {"EMPTY", SFMS_INVALID_ARGUMENT, {"sets nothing", "未设置任何字段"}};

/* ---- which records ----------------------------------------------------------------------------------- */

static Pb__ListRequest *
list_request(sfms_arena *a, const char *filter, int size)
{
    Pb__ListRequest *request = (Pb__ListRequest *)sfms_message_new(a, &pb__list_request__descriptor);

    request->filter = filter;
    request->page_size = size;
    return request;
}

/* Asks for a page of records, or fails as the list does. */
static sfms_status
list(sfms_call *call, const char *resource, const Pb__ListRequest *request, ProtobufCMessage **ret_page)
{
    const sfms_method *method = bulk_method(call, resource, PB__VERB__LIST);
    ProtobufCMessage *message = (ProtobufCMessage *)&request->base;
    Pb__Reply *reply;
    sfms_status status = method == NULL ? (sfms_status)call->failure->code
                                        : sfms_ask(call, call->arena, method, 1, &message, &reply);

    if (status != SFMS_OK)
        return status;
    if (reply->status != NULL) {
        call->failure = reply->status;
        return (sfms_status)reply->status->code;
    }
    *ret_page = protobuf_c_message_unpack(
        method->output->desc, sfms_arena_pb(call->arena), reply->response.len, reply->response.data);
    return *ret_page != NULL ? SFMS_OK : sfms_fail(call, &sfms_internal);
}

static const sfms_field *
field(const sfms_message *m, const char *name)
{
    return sfms_message_field(m, name, strlen(name));
}

static const char *
id_of(const sfms_message *m, const ProtobufCMessage *record)
{
    return *(const char **)sfms_field_at(record, field(m, "id")->desc);
}

/* The ids of the records that come after the one with the id last, as an array of the database. */
static sfms_status
next_ids(bulk_work *w, const Pb__BulkUpdateRequest *request, const char *last, const char **ret)
{
    static const char *const paths[] = {"id"};
    sfms_call *call = &w->chunk;
    const sfms_message *m = sfms_contract_resource(call->contract, request->resource);
    Google__Protobuf__FieldMask *mask = (Google__Protobuf__FieldMask *)sfms_message_new(
        call->arena, &google__protobuf__field_mask__descriptor);
    Pb__ListRequest *ask = list_request(
        call->arena, sfms_printf(call->arena, "(%s) AND id > \"%s\"", request->filter, last), PAGE);
    const sfms_field *items;
    const char **ids;
    ProtobufCMessage *page;
    size_t n;
    sfms_status status;

    mask->n_paths = 1;
    mask->paths = sfms_memdup(call->arena, paths, sizeof(paths));
    ask->read_mask = mask;
    status = list(call, request->resource, ask, &page);
    if (status != SFMS_OK)
        return status;
    items = sfms_message_resource_field(
        sfms_contract_standard(call->contract, request->resource, PB__VERB__LIST)->output);
    n = sfms_field_count(page, items->desc);
    ids = sfms_new_array(call->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        ids[i] = id_of(m, (*(ProtobufCMessage ***)sfms_field_at(page, items->desc))[i]);
    *ret = sfms_array_text(call->arena, n, ids);
    return SFMS_OK;
}

/* The ids of a request that come after the first so many. */
static const char *
given_ids(sfms_arena *a, const Pb__BulkUpdateRequest *request, size_t from)
{
    size_t n = request->n_ids > from ? request->n_ids - from : 0;

    return sfms_array_text(a, n > PAGE ? PAGE : n, (const char *const *)request->ids + from);
}

static sfms_status
plan(bulk_work *w, long *ret_n)
{
    const Pb__BulkUpdateRequest *request = w->arg;
    sfms_call *call = &w->chunk;
    const char *ids;
    PGresult *last;
    size_t number;
    sfms_status status = sfms_query(call, &last,
        "SELECT number, record_id FROM exchange.operation_rows WHERE org_id = (SELECT app.org_id())"
        " AND operation_id = $1::uuid ORDER BY number DESC LIMIT 1",
        SFMS_ARGS(w->job->id));

    if (status != SFMS_OK)
        return status;
    number = PQntuples(last) > 0 ? strtoul(PQgetvalue(last, 0, 0), NULL, 10) : 0;
    if (request->n_ids > 0)
        ids = given_ids(call->arena, request, number);
    else
        status = next_ids(
            w, request, number > 0 ? PQgetvalue(last, 0, 1) : "00000000-0000-0000-0000-000000000000", &ids);
    if (status != SFMS_OK)
        return status;
    return sfms_exec(call, ret_n,
        "INSERT INTO exchange.operation_rows (operation_id, number, resource, record_id)"
        " SELECT $1::uuid, $2::bigint + n, $3, id FROM unnest($4::uuid[]) WITH ORDINALITY new (id, n)",
        SFMS_ARGS(w->job->id, sfms_printf(call->arena, "%zu", number), request->resource, ids));
}

/* ---- what is done ------------------------------------------------------------------------------------ */

static const sfms_method *
method_of(sfms_call *call, const Pb__BulkUpdateRequest *request)
{
    return bulk_method(call, request->resource, request->delete_ ? PB__VERB__DELETE : PB__VERB__UPDATE);
}

/* What the user may do is looked at again with each chunk. */
static sfms_status
prepare(bulk_work *w, unsigned n, bulk_row *rows)
{
    const Pb__BulkUpdateRequest *request = w->arg;
    sfms_call *call = &w->chunk;
    const sfms_method *method;
    const cJSON *object = request->set != NULL ? bulk_object(call->arena, request->set) : NULL;

    if (!sfms_may(w->call, "bulk.write"))
        return sfms_fail(call, &sfms_no_permission, "bulk.write");
    method = method_of(call, request);
    if (method == NULL)
        return (sfms_status)call->failure->code;
    for (unsigned i = 0; i < n; i++) {
        rows[i].method = method;
        rows[i].request = request->delete_ ? bulk_of_id(call, method, rows[i].id)
                                           : bulk_update(call, method, rows[i].id, object);
    }
    return sfms_violations(call);
}

/* How many records there are, as far as lists count; -1 if there are more. */
static sfms_status
count(sfms_call *call, const Pb__BulkUpdateRequest *request, Pb__ListRequest *ask,
    ProtobufCMessage **ret_page, int64_t *ret_n, bool *ret_more)
{
    const sfms_message *output =
        sfms_contract_standard(call->contract, request->resource, PB__VERB__LIST)->output;
    const Google__Protobuf__Int64Value *total;
    sfms_status status;

    ask->count_total = true;
    status = list(call, request->resource, ask, ret_page);
    if (status != SFMS_OK)
        return status;
    total = *(Google__Protobuf__Int64Value **)sfms_field_at(*ret_page, field(output, "total_size")->desc);
    *ret_n = total != NULL ? total->value : 0;
    *ret_more = *ret_n >= COUNT_MAX &&
                *(protobuf_c_boolean *)sfms_field_at(*ret_page, field(output, "total_is_estimate")->desc);
    return SFMS_OK;
}

sfms_status
bulk_change_run(sfms_call *call, const sfms_job *job)
{
    Pb__BulkUpdateRequest request = PB__BULK_UPDATE_REQUEST__INIT;
    const sfms_message *m = sfms_contract_message(call->contract, &pb__bulk_update_request__descriptor);
    const cJSON *payload = sfms_json_stored(call->arena, job->payload, strlen(job->payload));
    bulk_work work = {
        .call = call, .job = job, .plan = plan, .prepare = prepare, .arg = &request, .total = -1};
    ProtobufCMessage *page;
    bool more = false;
    sfms_status status = SFMS_OK;

    if (payload == NULL || !sfms_json_read(call, m, payload, "", &request.base, NULL))
        return sfms_fail(call, &sfms_bad_message);
    work.total = (int64_t)request.n_ids;
    if (request.n_ids == 0)
        status =
            count(call, &request, list_request(call->arena, request.filter, 1), &page, &work.total, &more);
    if (more)
        work.total = -1;
    return status == SFMS_OK ? bulk_run(&work) : status;
}

/* ---- being asked ------------------------------------------------------------------------------------- */

static sfms_status
check(sfms_call *call, const Pb__BulkUpdateRequest *request)
{
    const sfms_method *method;
    const cJSON *object;

    if (sfms_contract_standard(call->contract, request->resource, PB__VERB__UPDATE) == NULL)
        return sfms_violate(call, "resource", &no_collection);
    if ((request->filter[0] != '\0') == (request->n_ids > 0))
        sfms_violate(call, "filter", &one_of_two, "filter", "ids");
    if ((request->set != NULL) == request->delete_)
        sfms_violate(call, "set", &one_of_two, "set", "delete");
    else if (request->set != NULL && request->set->n_fields == 0)
        sfms_violate(call, "set", &is_empty);
    if (request->delete_ &&
        sfms_contract_standard(call->contract, request->resource, PB__VERB__DELETE) == NULL)
        sfms_violate(call, "delete", &no_delete);
    if (request->validate_only && sfms_in_tx(call))
        sfms_violate(call, "validate_only", &not_with_key);
    if (sfms_violations(call) != SFMS_OK)
        return sfms_violations(call);
    method = method_of(call, request);
    if (method == NULL)
        return (sfms_status)call->failure->code;
    object = request->set != NULL ? bulk_object(call->arena, request->set) : NULL;
    return object != NULL ? bulk_check(call, method, object) : SFMS_OK;
}

/* Some of the records as GET answers them. */
static void
show(sfms_call *call, const sfms_field *items, const ProtobufCMessage *page, Pb__BulkUpdateResponse *out)
{
    size_t n = sfms_field_count(page, items->desc);

    out->sample = sfms_new_array(call->arena, Google__Protobuf__Struct *, n + 1);
    for (size_t i = 0; i < n; i++) {
        sfms_buf json;
        const cJSON *tree;

        sfms_buf_init(&json, call->arena, SFMS_MESSAGE_MAX);
        sfms_json_write(
            &json, items->message, (*(ProtobufCMessage ***)sfms_field_at(page, items->desc))[i], NULL);
        tree = sfms_json_stored(call->arena, json.data, json.len);
        if (tree != NULL)
            out->sample[out->n_sample++] = (Google__Protobuf__Struct *)sfms_json_read_value(
                call->arena, &google__protobuf__struct__descriptor, tree);
    }
}

/* "id = a OR id = b …" for the first few of the ids. */
static const char *
filter_of_ids(sfms_arena *a, const Pb__BulkUpdateRequest *request)
{
    sfms_buf b;

    sfms_buf_init(&b, a, FILTER_MAX);
    for (size_t i = 0; i < request->n_ids && i < SAMPLE; i++)
        sfms_buf_printf(&b, "%sid = \"%s\"", i > 0 ? " OR " : "", request->ids[i]);
    return b.data;
}

static sfms_status
preview(sfms_call *call, const Pb__BulkUpdateRequest *request, Pb__BulkUpdateResponse *out)
{
    bool named = request->n_ids > 0;
    Pb__ListRequest *ask =
        list_request(call->arena, named ? filter_of_ids(call->arena, request) : request->filter, SAMPLE);
    ProtobufCMessage *page;
    int64_t n;
    bool more;
    sfms_status status;

    if (bulk_method(call, request->resource, PB__VERB__LIST) == NULL)
        return (sfms_status)call->failure->code;
    status = count(call, request, ask, &page, &n, &more);
    if (status != SFMS_OK)
        return status;
    out->total_count = (Google__Protobuf__Int64Value *)sfms_message_new(
        call->arena, &google__protobuf__int64_value__descriptor);
    out->total_count->value = named ? (int64_t)request->n_ids : n;
    out->total_is_estimate = !named && more;
    if (request->validate_only)
        show(call,
            sfms_message_resource_field(
                sfms_contract_standard(call->contract, request->resource, PB__VERB__LIST)->output),
            page, out);
    return SFMS_OK;
}

sfms_status
bulk_start(
    sfms_call *call, const Pb__BulkUpdateRequest *request, Pb__BulkUpdateResponse *out, const char **ret_id)
{
    sfms_buf payload;
    sfms_status status = check(call, request);

    if (status == SFMS_OK && !sfms_in_tx(call))
        status = preview(call, request, out);
    if (status != SFMS_OK || request->validate_only)
        return status;
    sfms_buf_init(&payload, call->arena, SFMS_MESSAGE_MAX);
    sfms_json_write(&payload, sfms_contract_message(call->contract, &pb__bulk_update_request__descriptor),
        &request->base, NULL);
    return sfms_job_add(
        call, &(sfms_job_wish){"bulk_update", .payload = payload.data, .operation = true}, ret_id);
}
