/* operations.c -- jobs as who has started them sees them. Contract: proto/sfms/exchange/v1/operations.proto. */
#include "operations.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/limits.h"
#include "core/time.h"
#include "db/row.h"
#include "exchange.h"
#include "proto/place.h"
#include "rpc/position.h"

enum {
    WAIT_SECONDS = 5, /* unless the request says otherwise */
    WAITERS_MAX = 2,  /* more would take the workers from who does not wait */
    LOOK_MS = 100,
};

static const sfms_reason has_ended = {
    "OPERATION_ENDED", SFMS_FAILED_PRECONDITION, {"The operation has ended already.", "该操作已结束。"}};

/* ---- reading ----------------------------------------------------------------------------------------- */

#define COLUMNS                                                                                              \
    "id, kind, user_id, state, state IN ('DONE', 'FAILED', 'CANCELLED') AS done, create_time, end_time,"     \
    " done AS done_count, total AS total_count, result, error AS message, encode(failure, 'hex') AS failure"

/* The jobs that are operations of the caller; of everybody, if $2 is true. */
#define SEEN                                                                                                 \
    " FROM app.jobs j WHERE j.org_id = (SELECT app.org_id()) AND j.operation"                                \
    " AND (j.user_id = (SELECT app.user_id()) OR $2::boolean)"

static const char *
sees_all(const sfms_call *call)
{
    return sfms_may(call, "operations.read") ? "t" : "f";
}

static uint8_t
nibble(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The status that a job ended with; NULL if it kept none, or none that can be read. */
static const Pb__Status *
unpack_failure(sfms_arena *a, const char *hex)
{
    size_t n = strlen(hex) / 2;
    uint8_t *bytes = sfms_alloc_raw(a, n + 1);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    return n == 0 ? NULL
                  : (const Pb__Status *)protobuf_c_message_unpack(
                        &pb__status__descriptor, sfms_arena_pb(a), n, bytes);
}

static void
fill_field_errors(sfms_call *call, Pb__OperationError *error, const Pb__Status *failure)
{
    error->errors = sfms_new_array(call->arena, Pb__OperationFieldError *, failure->n_violations + 1);
    for (size_t i = 0; i < failure->n_violations; i++) {
        Pb__OperationFieldError *one =
            (Pb__OperationFieldError *)sfms_message_new(call->arena, &pb__operation_field_error__descriptor);
        sfms_buf pointer;

        sfms_buf_init(&pointer, call->arena, SFMS_URL_MAX);
        sfms_place_pointer(&pointer, NULL, failure->violations[i]->field);
        one->pointer = pointer.data;
        one->detail = failure->violations[i]->description;
        one->reason = failure->violations[i]->reason;
        error->errors[error->n_errors++] = one;
    }
}

/* What an answer with this status would say; of a job that has kept its sentence alone, that. */
static Pb__OperationError *
error_of(sfms_call *call, const Pb__Status *failure, const char *message)
{
    Pb__OperationError *error =
        (Pb__OperationError *)sfms_message_new(call->arena, &pb__operation_error__descriptor);

    error->status = sfms_status_http(failure != NULL ? (sfms_status)failure->code : SFMS_INTERNAL);
    error->code = failure != NULL ? failure->reason : sfms_internal.name;
    error->detail = failure != NULL ? failure->message : message;
    if (failure != NULL)
        fill_field_errors(call, error, failure);
    return error;
}

static void
read_operation(sfms_call *call, const PGresult *rows, int r, Pb__Operation *out)
{
    const char *message = PQgetvalue(rows, r, PQfnumber(rows, "message"));

    sfms_row_read(call->arena, call->contract, rows, r, &out->base);
    if (out->state != PB__OPERATION__STATE__FAILED && out->state != PB__OPERATION__STATE__CANCELLED)
        return;
    out->error =
        error_of(call, unpack_failure(call->arena, PQgetvalue(rows, r, PQfnumber(rows, "failure"))), message);
}

sfms_status
exchange_operation_load(sfms_call *call, const char *id, Pb__Operation *out)
{
    PGresult *row;
    sfms_status status =
        sfms_query(call, &row, "SELECT " COLUMNS SEEN " AND j.id = $1::uuid", SFMS_ARGS(id, sees_all(call)));

    if (status != SFMS_OK)
        return status;
    if (PQntuples(row) == 0)
        return sfms_fail(call, &sfms_not_found);
    read_operation(call, row, 0, out);
    return SFMS_OK;
}

static sfms_status
get_operation(sfms_call *call, const void *in, void *out)
{
    const Pb__GetOperationRequest *request = in;

    return exchange_operation_load(call, request->id, out);
}

/* ---- lists ------------------------------------------------------------------------------------------- */

static const char list_sql[] = "SELECT " COLUMNS ", j.create_time::text AS at" SEEN
                               " AND (j.create_time, j.id) < ($1::timestamptz, $3::uuid)"
                               " ORDER BY j.create_time DESC, j.id DESC LIMIT $4::integer";

static sfms_status
list(sfms_call *call, const Pb__ListOperationsRequest *request, const char *all,
    Pb__ListOperationsResponse *page)
{
    const char *name = all[0] == 't' ? "operations of all" : "operations";
    const char *before[] = {"infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff"};
    int size = sfms_page_size(request->page_size);
    PGresult *rows;
    sfms_status status = sfms_position_open(call, name, request->page_token, before);
    int n;

    if (status == SFMS_OK)
        status = sfms_query(call, &rows, list_sql,
            SFMS_ARGS(before[0], all, before[1], sfms_printf(call->arena, "%d", size + 1)));
    if (status != SFMS_OK)
        return status;
    n = PQntuples(rows) > size ? size : PQntuples(rows);
    page->operations = sfms_new_array(call->arena, Pb__Operation *, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        page->operations[i] = (Pb__Operation *)sfms_message_new(call->arena, &pb__operation__descriptor);
        read_operation(call, rows, i, page->operations[i]);
    }
    page->n_operations = (size_t)n;
    if (PQntuples(rows) > size)
        page->next_page_token = sfms_position_seal(
            call, name, PQgetvalue(rows, n - 1, PQfnumber(rows, "at")), page->operations[n - 1]->id);
    return SFMS_OK;
}

static sfms_status
list_operations(sfms_call *call, const void *in, void *out)
{
    return list(call, in, "f", out);
}

static sfms_status
list_all_operations(sfms_call *call, const void *in, void *out)
{
    return list(call, in, "t", out);
}

/* ---- ending it --------------------------------------------------------------------------------------- */

/* Whoever runs it obeys at the next beat; one that waits is taken up at once, to end as its kind does. */
static sfms_status
cancel_operation(sfms_call *call, const void *in, void *out)
{
    const Pb__CancelOperationRequest *request = in;
    Pb__Operation *operation = out;
    sfms_status status = exchange_operation_load(call, request->id, operation);

    if (status != SFMS_OK || operation->state == PB__OPERATION__STATE__CANCELLED)
        return status;
    if (operation->done)
        return sfms_fail(call, &has_ended);
    return sfms_exec(call, NULL,
        "UPDATE app.jobs SET cancel = true, run_at = CASE state WHEN 'PENDING' THEN now() ELSE run_at END"
        " WHERE org_id = (SELECT app.org_id()) AND id = $1::uuid AND state IN ('PENDING', 'RUNNING')",
        SFMS_ARGS(request->id));
}

/* ---- waiting for it ---------------------------------------------------------------------------------- */

static sfms_status
wait_for(sfms_call *call, const Pb__WaitOperationRequest *request, Pb__Operation *out)
{
    static const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    int seconds = request->timeout_seconds > 0 ? request->timeout_seconds : WAIT_SECONDS;
    int64_t until = sfms_mono_us() + seconds * 1000000LL;
    sfms_status status = exchange_operation_load(call, request->id, out);

    if (until > call->deadline_us - 1000000)
        until = call->deadline_us - 1000000;
    while (status == SFMS_OK && !out->done && sfms_mono_us() < until) {
        nanosleep(&pause, NULL);
        pb__operation__init(out);
        status = exchange_operation_load(call, request->id, out);
    }
    return status;
}

static sfms_status
wait_operation(sfms_call *call, const void *in, void *out)
{
    static atomic_int waiters;
    const Pb__WaitOperationRequest *request = in;
    sfms_status status;

    if (atomic_fetch_add(&waiters, 1) < WAITERS_MAX)
        status = wait_for(call, request, out);
    else
        status = exchange_operation_load(call, request->id, out);
    atomic_fetch_sub(&waiters, 1);
    return status;
}

static const sfms_method_row methods[] = {
    {"sfms.exchange.v1.Operations/GetOperation", get_operation},
    {"sfms.exchange.v1.Operations/ListOperations", list_operations},
    {"sfms.exchange.v1.Operations/ListAllOperations", list_all_operations},
    {"sfms.exchange.v1.Operations/CancelOperation", cancel_operation, .tx = true},
    {"sfms.exchange.v1.Operations/WaitOperation", wait_operation},
    {NULL},
};

const sfms_noun exchange_operations = {.methods = methods};
