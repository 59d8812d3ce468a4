/* use.c -- standard methods inside a handler's transaction. */
#include "db/use.h"

#include <string.h>

#include "core/log.h"
#include "db/engine.h"
#include "proto/validate.h"

static const sfms_engine *const *engines;

void
sfms_use_open(const sfms_engine *const *known)
{
    engines = known;
}

static const sfms_engine *
engine_of(const sfms_message *resource)
{
    for (const sfms_engine *const *e = engines; e != NULL && *e != NULL; e++)
        if ((*e)->message == resource)
            return *e;
    SFMS_WRONG("a handler works with a resource that no noun lists");
}

/* A call of the standard method that does verb with what the message is. */
static sfms_call
aside(const sfms_call *call, const ProtobufCMessageDescriptor *desc, Pb__Verb verb)
{
    const sfms_message *m = sfms_contract_message(call->contract, desc);
    const sfms_field *list = m->resource == NULL ? sfms_message_resource_field(m) : NULL;
    const sfms_method *method =
        sfms_contract_standard(call->contract, list != NULL ? list->message->resource : m->resource, verb);

    if (method == NULL)
        SFMS_WRONG("a handler works with a resource in a way that its contract does not have");
    return sfms_aside(call, method);
}

/* Runs a standard method, and reads its answer into out. */
static sfms_status
run(sfms_call *part, void *request, ProtobufCMessage *out)
{
    const sfms_engine *e = engine_of(part->method->resource);
    bool writes = !part->method->rule->idempotent;
    const sfms_message *m = sfms_contract_message(part->contract, out->descriptor);
    sfms_statement statement;
    ProtobufCMessage *answer;
    PGresult *result;
    sfms_buf packed;
    sfms_status status = sfms_allowed(part, true);
    bool refused;

    if (writes && !sfms_in_tx(part))
        SFMS_WRONG("a handler writes through the engine outside of a transaction");
    if (status == SFMS_OK)
        status = sfms_validate(part, request);
    if (status == SFMS_OK)
        status = sfms_engine_plan(e, part, request, &statement);
    if (status != SFMS_OK)
        return status;
    sfms_buf_init(&packed, part->arena, SIZE_MAX / 2);
    if (writes)
        sfms_part_begin(part);
    status = sfms_run_statement(part, &result, &statement);
    refused = status != SFMS_OK;
    if (status == SFMS_OK)
        status = sfms_engine_finish(e, part, request, result, &packed);
    if (writes)
        status = sfms_part_end(part, status);
    if (refused)
        sfms_engine_failed(e, part, request);
    if (status != SFMS_OK)
        return status;
    answer = protobuf_c_message_unpack(
        m->desc, sfms_arena_pb(part->arena), packed.len, (const uint8_t *)packed.data);
    if (answer == NULL)
        SFMS_WRONG("the engine's answer is none");
    memcpy(out, answer, m->desc->sizeof_message);
    return SFMS_OK;
}

sfms_status
sfms_get(sfms_call *call, const char *pointer, const char *id, void *out)
{
    sfms_call part = aside(call, ((ProtobufCMessage *)out)->descriptor, PB__VERB__GET);
    Pb__GetRequest request = PB__GET_REQUEST__INIT;
    sfms_status status;

    request.id = id;
    status = run(&part, &request, out);
    if (status == SFMS_NOT_FOUND && pointer != NULL)
        return sfms_violate(call, pointer, &sfms_bad_reference);
    return sfms_blame(call, &part, pointer);
}

sfms_status
sfms_list(sfms_call *call, const Pb__ListRequest *request, void *out)
{
    sfms_call part = aside(call, ((ProtobufCMessage *)out)->descriptor, PB__VERB__LIST);
    Pb__ListRequest copy = *request; /* validation brings it to its form */

    run(&part, &copy, out);
    return sfms_blame(call, &part, NULL);
}

sfms_status
sfms_create(sfms_call *call, const char *pointer, void *record)
{
    sfms_call part = aside(call, ((ProtobufCMessage *)record)->descriptor, PB__VERB__CREATE);

    run(&part, record, record);
    return sfms_blame(call, &part, pointer);
}

/* The paths of a mask, "a,b". */
static Google__Protobuf__FieldMask *
mask_of(sfms_arena *a, const char *text)
{
    Google__Protobuf__FieldMask *mask =
        (Google__Protobuf__FieldMask *)sfms_message_new(a, &google__protobuf__field_mask__descriptor);
    size_t n = 1;

    for (const char *p = text; *p != '\0'; p++)
        n += *p == ',';
    mask->paths = sfms_new_array(a, char *, n);
    for (const char *p = text; *p != '\0'; p += *p == ',') {
        size_t len = strcspn(p, ",");

        mask->paths[mask->n_paths++] = sfms_strndup(a, p, len);
        p += len;
    }
    return mask;
}

sfms_status
sfms_update(sfms_call *call, const char *pointer, void *record, const char *mask)
{
    sfms_call part = aside(call, ((ProtobufCMessage *)record)->descriptor, PB__VERB__UPDATE);
    const sfms_message *input = part.method->input;
    ProtobufCMessage *request = sfms_message_new(call->arena, input->desc);
    const sfms_field *update_mask = sfms_message_field(input, "update_mask", strlen("update_mask"));

    *(void **)sfms_field_at(request, sfms_message_resource_field(input)->desc) = record;
    *(void **)sfms_field_at(request, update_mask->desc) = mask_of(call->arena, mask);
    run(&part, request, record);
    return sfms_blame(call, &part, pointer);
}

sfms_status
sfms_delete(sfms_call *call, const char *id, void *record)
{
    sfms_call part = aside(call, ((ProtobufCMessage *)record)->descriptor, PB__VERB__DELETE);
    Pb__DeleteRequest request = PB__DELETE_REQUEST__INIT;

    request.id = id;
    run(&part, &request, record);
    return sfms_blame(call, &part, NULL);
}

/* ---- start-up ---------------------------------------------------------------------------------------- */

void
sfms_use_check(PGconn *conn, const char *service, const sfms_engine *e, unsigned rights)
{
    static const char sql[] = "SELECT 'create' = ANY (rights), 'update' = ANY (rights) FROM app.loans"
                              " WHERE relation = $1::regclass AND borrower = $2";
    PGresult *loan =
        PQexecParams(conn, sql, 2, NULL, (const char *const[]){e->table, service}, NULL, NULL, 0);
    bool lent = PQresultStatus(loan) == PGRES_TUPLES_OK && PQntuples(loan) == 1;

    if (!lent || ((rights & SFMS_CREATES) && PQgetvalue(loan, 0, 0)[0] != 't') ||
        ((rights & SFMS_UPDATES) && PQgetvalue(loan, 0, 1)[0] != 't'))
        sfms_die("%s uses %s, which is not lent to it for that (app.lend)", service, e->table);
    PQclear(loan);
}

void
sfms_use_warn(PGconn *conn, const char *service, const sfms_engine *const *used)
{
    PGresult *loans = PQexecParams(conn,
        "SELECT n.nspname || '.' || c.relname FROM app.loans l JOIN pg_catalog.pg_class c ON c.oid = "
        "l.relation"
        "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE l.borrower = $1",
        1, NULL, (const char *const[]){service}, NULL, NULL, 0);

    for (int i = 0; i < PQntuples(loans); i++) {
        const char *table = PQgetvalue(loans, i, 0);
        bool is_used = false;

        for (const sfms_engine *const *e = used; *e != NULL; e++)
            is_used |= strcmp((*e)->table, table) == 0;
        if (!is_used)
            sfms_log(SFMS_LOG_WARN, "%s is lent to %s, which does not use it", table, service);
    }
    PQclear(loans);
}
