/* bulk.c -- operations on many records: starting them, undoing them, and what they have done. Contract:
 * proto/sfms/exchange/v1/bulk.proto. */
#include "bulk.h"

#include "exchange.h"
#include "operations/operations.h"
#include "rpc/position.h"

static const sfms_reason goes_on = {
    "OPERATION_GOES_ON", SFMS_FAILED_PRECONDITION, {"The operation has not ended yet.", "该操作尚未结束。"}};

static sfms_status
bulk_update_many(sfms_call *call, const void *in, void *out)
{
    Pb__BulkUpdateResponse *response = out;
    const char *id = NULL;
    sfms_status status = bulk_start(call, in, response, &id);

    if (status != SFMS_OK || id == NULL)
        return status;
    response->operation = (Pb__Operation *)sfms_message_new(call->arena, &pb__operation__descriptor);
    return exchange_operation_load(call, id, response->operation);
}

static sfms_status
undo_operation(sfms_call *call, const void *in, void *out)
{
    const Pb__UndoOperationRequest *request = in;
    Pb__Operation *operation = out;
    const char *id;
    sfms_status status = exchange_operation_load(call, request->id, operation);

    if (status == SFMS_OK && !operation->done)
        return sfms_fail(call, &goes_on);
    if (status == SFMS_OK)
        status = sfms_job_add(call,
            &(sfms_job_wish){"undo",
                .payload = sfms_printf(call->arena, "{\"operationId\":\"%s\"}", request->id),
                .key = request->id, .operation = true},
            &id);
    if (status != SFMS_OK)
        return status;
    pb__operation__init(operation);
    return exchange_operation_load(call, id, operation);
}

static const char rows_sql[] =
    "SELECT number, resource, record_id, code, detail FROM exchange.operation_rows"
    " WHERE org_id = (SELECT app.org_id()) AND operation_id = $1::uuid AND done AND number > $2::bigint"
    "   AND (code <> '' OR NOT $3::boolean) ORDER BY number LIMIT $4::integer";

static sfms_status
list_rows(sfms_call *call, const void *in, void *out)
{
    const Pb__ListOperationRowsRequest *request = in;
    Pb__ListOperationRowsResponse *page = out;
    const char *list =
        sfms_printf(call->arena, "%s rows of %s", request->refused_only ? "refused" : "all", request->id);
    const char *after[] = {"0", ""};
    int size = sfms_page_size(request->page_size);
    Pb__Operation operation = PB__OPERATION__INIT;
    sfms_status status = sfms_position_open(call, list, request->page_token, after);

    if (status == SFMS_OK)
        status = exchange_operation_load(call, request->id, &operation);
    if (status == SFMS_OK)
        status = sfms_many(call, page, "rows", rows_sql,
            SFMS_ARGS(request->id, after[0], request->refused_only ? "t" : "f",
                sfms_printf(call->arena, "%d", size + 1)));
    if (status != SFMS_OK || page->n_rows <= (size_t)size)
        return status;
    page->n_rows = (size_t)size;
    page->next_page_token = sfms_position_seal(
        call, list, sfms_printf(call->arena, "%lld", (long long)page->rows[size - 1]->number), "");
    return SFMS_OK;
}

static const sfms_method_row methods[] = {
    {"sfms.exchange.v1.Bulk/BulkUpdate", bulk_update_many},
    {"sfms.exchange.v1.Bulk/UndoOperation", undo_operation, .tx = true},
    {"sfms.exchange.v1.Bulk/ListOperationRows", list_rows},
    {NULL},
};

static const sfms_job_row jobs[] = {
    {"bulk_update", bulk_change_run, .takes_long = true},
    {"undo", bulk_undo_run, .takes_long = true},
    {NULL},
};

const sfms_noun exchange_bulk = {.methods = methods, .jobs = jobs};
