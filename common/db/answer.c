/* answer.c -- what the answers of the statements mean: the row, or why there is none. */
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "db/engine.h"
#include "db/row.h"

static sfms_status
pack_single(const sfms_engine *e, sfms_call *call, const PGresult *result, sfms_buf *out)
{
    const char *version = sfms_cell_text(call->arena, result, 0, PQfnumber(result, "version"));

    sfms_row_pack(out, call->contract, e->message, result, 0);
    call->version = strtoull(version, NULL, 10);
    return SFMS_OK;
}

/* A row as a message, to be compared with what was asked for. */
static const ProtobufCMessage *
stored_in(const sfms_engine *e, sfms_call *call, const PGresult *result)
{
    ProtobufCMessage *msg = sfms_message_new(call->arena, e->message->desc);

    sfms_row_read(call->arena, call->contract, result, 0, msg);
    return msg;
}

/* The row as it is, whatever its state; no rows if it is not there or not visible. */
static sfms_status
read_current(const sfms_engine *e, sfms_call *call, const char *id, PGresult **ret)
{
    return sfms_query(call, ret,
        sfms_printf(
            call->arena, "SELECT %s FROM %s WHERE org_id = $1 AND id = $2", e->columns, e->resource->table),
        SFMS_ARGS(sfms_engine_org(call), id));
}

/* Whether what was asked for is what is stored. Messages are not compared: triggers complete them. */
static bool
same_as_stored(
    const sfms_engine *e, sfms_call *call, const ProtobufCMessage *asked, const ProtobufCMessage *stored)
{
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];

        if (!sfms_field_writable(f) || sfms_field_empty(asked, f) || f->desc->type == PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (sfms_field_empty(stored, f) ||
            strcmp(sfms_field_text(call->arena, f, asked), sfms_field_text(call->arena, f, stored)) != 0)
            return false;
    }
    return true;
}

/* The record that already has the external id, for the answer. */
static void
name_existing(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg)
{
    Pb__Status *failure = call->failure;
    const char **external = sfms_request_text(msg, "external_id");
    PGresult *result;

    if (!e->has_external || external == NULL || (*external)[0] == '\0')
        return;
    if (sfms_query(call, &result,
            sfms_printf(call->arena,
                "SELECT id FROM %s WHERE org_id = $1 AND external_source IS NOT DISTINCT FROM nullif($2, '')"
                " AND external_id = $3",
                e->resource->table),
            SFMS_ARGS(sfms_engine_org(call), *sfms_request_text(msg, "external_source"), *external)) ==
            SFMS_OK &&
        PQntuples(result) == 1)
        failure->existing_id = sfms_strdup(call->arena, PQgetvalue(result, 0, 0));
    call->failure = failure;
}

/* Nothing was inserted: the same create came before, or a key is taken. */
static sfms_status
explain_create(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg, sfms_buf *out)
{
    PGresult *result;
    sfms_composer w;
    sfms_statement plain = {0};
    sfms_status status = read_current(e, call, *sfms_request_text(msg, "id"), &result);

    if (status != SFMS_OK)
        return status;
    if (PQntuples(result) == 1) {
        if (same_as_stored(e, call, msg, stored_in(e, call, result)))
            return pack_single(e, call, result, out);
        status = sfms_fail(call, &sfms_exists);
        call->failure->existing_id = *sfms_request_text(msg, "id");
        return status;
    }
    /* Without DO NOTHING the server names the key. */
    sfms_composer_init(e, &w, call->arena);
    sfms_insert_sql(e, call, &w, msg);
    sfms_buf_printf(&w.sql, " RETURNING %s", e->columns);
    status = sfms_composer_done(call, &w, &plain);
    if (status == SFMS_OK)
        status = sfms_run_statement(call, &result, &plain);
    if (status == SFMS_OK) { /* what was in the way has gone in the meantime */
        call->created = true;
        return pack_single(e, call, result, out);
    }
    if (status == SFMS_ALREADY_EXISTS && call->db != NULL && !sfms_in_tx(call))
        name_existing(e, call, msg);
    return status;
}

/* The immutable field that the update would have changed, as violations. */
static void
note_immutable(
    const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, const ProtobufCMessage *stored)
{
    const ProtobufCMessage *asked = sfms_request_resource(e, call, request);
    const Google__Protobuf__FieldMask *mask = sfms_request_mask(request, "update_mask");
    const sfms_field *wrapped = sfms_message_resource_field(call->method->input);

    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];
        const char *a;
        const char *s;

        if (!f->rule->immutable || !sfms_field_writable(f) || mask == NULL || !sfms_engine_masked(e, mask, f))
            continue;
        a = sfms_field_text(call->arena, f, asked);
        s = sfms_field_text(call->arena, f, stored);
        if (strcmp(a != NULL ? a : "", s != NULL ? s : "") != 0)
            sfms_violate(
                call, sfms_printf(call->arena, "%s.%s", wrapped->desc->name, f->desc->name), &sfms_immutable);
    }
}

/* Nothing was changed: the row is not there, is deleted, has moved on, or a field cannot change. */
static sfms_status
explain_change(
    const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, const char *id, sfms_buf *out)
{
    Pb__Verb verb = call->method->rule->verb;
    PGresult *result;
    bool deleted;
    sfms_status status = read_current(e, call, id, &result);

    if (status != SFMS_OK)
        return status;
    if (PQntuples(result) == 0)
        return sfms_fail(call, &sfms_not_found);
    deleted = !PQgetisnull(result, 0, PQfnumber(result, "delete_time"));
    pack_single(e, call, result, out);
    if (verb == PB__VERB__UNDELETE ? deleted : !deleted) {
        if (call->if_match != 0 && call->if_match != call->version)
            return sfms_fail(call, &sfms_version);
        if (verb == PB__VERB__UPDATE)
            note_immutable(e, call, request, stored_in(e, call, result));
        if (sfms_violations(call) != SFMS_OK)
            return sfms_fail(call, &sfms_bad_fields);
        return sfms_fail(call, &sfms_conflict); /* it changed between the two statements */
    }
    return verb == PB__VERB__UNDELETE ? SFMS_OK : sfms_fail(call, &sfms_not_found);
}

static const char *
id_in(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request)
{
    ProtobufCMessage *msg = sfms_request_resource(e, call, request);

    return *sfms_request_text(msg != NULL ? msg : request, "id");
}

sfms_status
sfms_engine_finish(
    const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, PGresult *result, sfms_buf *out)
{
    bool found = PQntuples(result) > 0;

    switch (call->method->rule->verb) {
    case PB__VERB__GET:
        return found ? pack_single(e, call, result, out) : sfms_fail(call, &sfms_not_found);
    case PB__VERB__BATCH_GET:
        sfms_rows_pack(out, call->contract, sfms_message_resource_field(call->method->output), result,
            PQntuples(result));
        return SFMS_OK;
    case PB__VERB__LIST:
        return sfms_list_finish(e, call, (const Pb__ListRequest *)request, result, out);
    case PB__VERB__CREATE:
        if (!found)
            return explain_create(e, call, sfms_request_resource(e, call, request), out);
        call->created = true;
        return pack_single(e, call, result, out);
    case PB__VERB__UPSERT:
        if (!found)
            return sfms_fail(call, &sfms_not_found);
        call->created = sfms_cell_text(call->arena, result, 0, PQfnumber(result, "created_"))[0] == 't';
        return pack_single(e, call, result, out);
    case PB__VERB__UPDATE:
    case PB__VERB__DELETE:
    case PB__VERB__UNDELETE:
        return found ? pack_single(e, call, result, out)
                     : explain_change(e, call, request, id_in(e, call, request), out);
    default:
        SFMS_WRONG("a method without a verb in the engine");
    }
}
