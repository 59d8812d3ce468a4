/*
 * many.c -- writes of many records in one call: each is a call of the method for one, without its way over the wire.
 *
 * They share a pipeline as calls of a message do, and each succeeds or fails alone. Where all or none is asked for, or an
 * Idempotency-Key has opened a transaction, each has a savepoint in it instead.
 */
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "proto/packed.h"
#include "proto/place.h"
#include "proto/validate.h"
#include "rpc/serving.h"
#include "sfms/api/v1/requests.pb-c.h"

typedef struct {
    sfms_run *all;
    size_t n;
    sfms_run *runs;
    sfms_run **sorted; /* in the order in which their records are locked */
} many;

bool
sfms_run_is_many(const sfms_run *run)
{
    return sfms_verb_of_one(run->call.method->rule->verb) != PB__VERB__VERB_UNSPECIFIED;
}

bool
sfms_run_is_atomic(const sfms_run *run)
{
    const sfms_field *f = sfms_message_field(run->call.method->input, "atomic", 6);

    return *(const protobuf_c_boolean *)sfms_field_at(run->in, f->desc);
}

/* ---- one of them ------------------------------------------------------------------------------------- */

/* The mask of the record i; NULL if the request has none. */
static ProtobufCMessage *
mask_of(const sfms_run *all, size_t i)
{
    const sfms_field *f = sfms_message_field(all->call.method->input, "update_masks", 12);

    if (f == NULL || i >= sfms_field_count(all->in, f->desc))
        return NULL;
    return (*(ProtobufCMessage ***)sfms_field_at(all->in, f->desc))[i];
}

/* What the method for one takes: the record itself, or a request that holds it and its mask. */
static ProtobufCMessage *
request_of(const sfms_run *all, const sfms_method *method, size_t i)
{
    const sfms_field *list = sfms_message_resource_field(all->call.method->input);
    ProtobufCMessage *record = (*(ProtobufCMessage ***)sfms_field_at(all->in, list->desc))[i];
    ProtobufCMessage *request;

    if (method->rule->verb == PB__VERB__CREATE)
        return record;
    request = sfms_message_new(all->call.arena, method->input->desc);
    *(ProtobufCMessage **)sfms_field_at(request, sfms_message_resource_field(method->input)->desc) = record;
    *(ProtobufCMessage **)sfms_field_at(request, sfms_message_field(method->input, "update_mask", 11)->desc) =
        mask_of(all, i);
    return request;
}

static void
init_one(sfms_run *run, const sfms_run *all, const sfms_method *method, size_t i)
{
    *run = (sfms_run){
        .server = all->server,
        .wire = all->wire,
        .call = all->call,
        .served = sfms_served_find(all->server, method),
        .in = request_of(all, method, i),
    };
    run->call.method = method;
    run->call.condition = (sfms_condition){0};
    run->call.idempotency_key = NULL;
    run->call.impatient = false;
    sfms_buf_init(&run->packed, run->call.arena, SIZE_MAX / 2);
    if (sfms_validate(&run->call, run->in) != SFMS_OK)
        sfms_fail(&run->call, &sfms_bad_fields);
    else
        run->target = sfms_engine_target(run->served->engine, &run->call, run->in);
}

/* ---- running them ------------------------------------------------------------------------------------ */

/* Each with a savepoint before it, to which a refused one goes back. */
static sfms_status
run_in_transaction(const many *m)
{
    sfms_call *call = &m->all->call;

    for (size_t i = 0; i < m->n; i++) {
        sfms_run *run = m->sorted[i];
        sfms_status status;

        if (run->call.failure != NULL)
            continue;
        status = sfms_exec(call, NULL, "SAVEPOINT one", SFMS_NO_ARGS);
        if (status == SFMS_OK && sfms_run_method(run) != SFMS_OK)
            status = sfms_exec(call, NULL, "ROLLBACK TO SAVEPOINT one", SFMS_NO_ARGS);
        if (status != SFMS_OK)
            return status;
    }
    return SFMS_OK;
}

static void
run_alone_each(const many *m)
{
    sfms_run_pipeline(m->all->call.db, m->all->call.arena, m->n, m->runs);
    for (size_t i = 0; i < m->n; i++)
        if (m->runs[i].item == NULL && m->runs[i].call.failure == NULL)
            sfms_run_method(&m->runs[i]);
}

/* ---- what became of them ----------------------------------------------------------------------------- */

/* Where a field of the method for one is in this request: "requests[3].amount" of "deal.amount". */
static const char *
path_of(const many *m, size_t i, const char *field)
{
    const sfms_method *one = m->runs[i].call.method;
    const sfms_field *list = sfms_message_resource_field(m->all->call.method->input);
    const sfms_field *holder = one->input == one->output ? NULL : sfms_message_resource_field(one->input);
    size_t n = holder != NULL ? strlen(holder->desc->name) : 0;

    if (n > 0 && strncmp(field, holder->desc->name, n) == 0 && (field[n] == '.' || field[n] == '\0'))
        field += n + (field[n] == '.');
    return sfms_printf(
        m->all->call.arena, "%s[%zu]%s%s", list->desc->name, i, field[0] != '\0' ? "." : "", field);
}

/* A reason that another call has given, in its own words. */
static void
violate_as(sfms_call *call, const char *path, const char *reason, const char *text)
{
    const sfms_reason said = {reason, SFMS_INVALID_ARGUMENT, {"%s", "%s"}};

    sfms_violate(call, path, &said, text);
}

static sfms_status
refuse_all(const many *m)
{
    sfms_call *call = &m->all->call;

    for (size_t i = 0; i < m->n; i++) {
        const Pb__Status *failure = m->runs[i].call.failure;

        for (size_t v = 0; failure != NULL && v < failure->n_violations; v++)
            violate_as(call, path_of(m, i, failure->violations[v]->field), failure->violations[v]->reason,
                failure->violations[v]->description);
        if (failure != NULL && failure->n_violations == 0)
            violate_as(call, path_of(m, i, ""), failure->reason, failure->message);
    }
    return sfms_fail(call, &sfms_batch_refused);
}

static void
pack_problem(const many *m, size_t i, sfms_buf *out, uint32_t number)
{
    sfms_arena *a = m->all->call.arena;
    const Pb__Status *failure = m->runs[i].call.failure;
    Pb__WriteProblem problem = PB__WRITE_PROBLEM__INIT;

    problem.status = sfms_status_http((sfms_status)failure->code);
    problem.code = failure->reason;
    problem.detail = failure->message;
    problem.existing_id = failure->existing_id;
    problem.n_errors = failure->n_violations;
    problem.errors = sfms_new_array(a, Pb__FieldProblem *, failure->n_violations);
    for (size_t v = 0; v < failure->n_violations; v++) {
        Pb__FieldProblem *error = problem.errors[v] = sfms_new(a, Pb__FieldProblem);
        sfms_buf pointer;

        pb__field_problem__init(error);
        sfms_buf_init(&pointer, a, SIZE_MAX / 2);
        sfms_place_pointer(
            &pointer, m->all->call.method->input, path_of(m, i, failure->violations[v]->field));
        error->pointer = pointer.data;
        error->detail = failure->violations[v]->description;
        error->reason = failure->violations[v]->reason;
    }
    sfms_pack_message(out, number, &problem.base);
}

/* The results, and how many went well. */
static void
pack_all(const many *m)
{
    const sfms_message *output = m->all->call.method->output;
    const sfms_field *results = sfms_message_field(output, "results", 7);
    const sfms_message *result = results->message;
    uint32_t resource = sfms_message_resource_field(result)->desc->id;
    uint32_t created = sfms_message_field(result, "created", 7)->desc->id;
    uint32_t problem = sfms_message_field(result, "problem", 7)->desc->id;
    sfms_buf *out = &m->all->packed;
    size_t failed = 0;

    for (size_t i = 0; i < m->n; i++) {
        sfms_run *run = &m->runs[i];
        size_t begin = sfms_pack_begin(out, results->desc->id);

        if (run->call.failure != NULL) {
            failed++;
            pack_problem(m, i, out, problem);
        } else {
            sfms_pack_bytes(out, resource, run->packed.data, run->packed.len);
            if (run->call.created)
                sfms_pack_varint(out, created, 1);
        }
        sfms_pack_end(out, begin);
    }
    sfms_pack_varint(out, sfms_message_field(output, "succeeded_count", 15)->desc->id, m->n - failed);
    sfms_pack_varint(out, sfms_message_field(output, "failed_count", 12)->desc->id, failed);
}

static bool
any_failed(const many *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->runs[i].call.failure != NULL)
            return true;
    return false;
}

sfms_status
sfms_run_many(sfms_run *all)
{
    sfms_call *call = &all->call;
    const sfms_method *one = sfms_contract_standard(
        call->contract, call->method->resource->resource, sfms_verb_of_one(call->method->rule->verb));
    many m = {
        .all = all, .n = sfms_field_count(all->in, sfms_message_resource_field(call->method->input)->desc)};
    char cause[SFMS_ID_SIZE];
    sfms_status status = SFMS_OK;

    if (call->cause == NULL ||
        call->cause[0] == '\0') { /* what is written together can be found and undone together */
        sfms_id_make(cause);
        call->cause = sfms_strdup(call->arena, cause);
    }
    m.runs = sfms_new_array(call->arena, sfms_run, m.n);
    m.sorted = sfms_new_array(call->arena, sfms_run *, m.n);
    for (size_t i = 0; i < m.n; i++) {
        init_one(&m.runs[i], all, one, i);
        m.sorted[i] = &m.runs[i];
    }
    if (sfms_in_tx(call)) {
        qsort(m.sorted, m.n, sizeof(m.sorted[0]), sfms_run_by_target);
        status = run_in_transaction(&m);
    } else {
        run_alone_each(&m);
    }
    if (status != SFMS_OK)
        return status;
    if (sfms_run_is_atomic(all) && any_failed(&m))
        return refuse_all(&m);
    pack_all(&m);
    return SFMS_OK;
}
