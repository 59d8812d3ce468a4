/* explain.c -- why a write has no row to answer: asked of the database only then. */
#include <string.h>

#include "db/engine.h"
#include "db/row.h"
#include "proto/place.h"
#include "proto/shape.h"

static const sfms_reason deleted_key = {
    "DELETED_RECORD", SFMS_ALREADY_EXISTS, {"belongs to a deleted record", "属于一条已删除的记录"}};
static const sfms_reason not_owner = {"NOT_YOURS", SFMS_PERMISSION_DENIED,
    {"The record belongs to %s: you see it, but may not change it.",
        "记录的负责人为%s，您可以查看但不能修改。"}};

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
        sfms_printf(call->arena, "SELECT %s FROM %s WHERE org_id = $1 AND id = $2", e->columns, e->table),
        SFMS_ARGS(sfms_engine_org(call), id));
}

/* The row that has the external key of a message; no rows if it has no key. */
static sfms_status
read_by_key(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg, PGresult **ret)
{
    const char **external = sfms_request_text(msg, "external_id");
    bool keyed = e->has_external && external != NULL && (*external)[0] != '\0';
    sfms_statement statement = {0};
    sfms_composer w;
    sfms_status status;

    sfms_composer_init(e, &w, call->arena);
    sfms_buf_printf(&w.sql, "SELECT %s FROM %s WHERE %s", e->columns, e->table,
        keyed ? sfms_key_sql(call, &w, msg) : "false");
    w.binary = false;
    status = sfms_composer_done(call, &w, &statement);
    return status == SFMS_OK ? sfms_run_statement(call, ret, &statement) : status;
}

static bool
is_deleted(const PGresult *result)
{
    int column = PQfnumber(result, "delete_time");

    return column >= 0 && !PQgetisnull(result, 0, column);
}

/* A record is in the way: said with its id, and whether it is deleted. key: it has the external key, rather than the id. */
static sfms_status
fail_existing(const sfms_engine *e, sfms_call *call, const PGresult *result, bool key)
{
    const char *id = *sfms_request_text((ProtobufCMessage *)stored_in(e, call, result), "id");
    bool deleted = is_deleted(result);
    sfms_status status;

    if (call->condition.absent && !deleted) {
        status = sfms_fail(call, &sfms_there_already);
    } else {
        if (key)
            sfms_violate_field(call, "external_id", deleted ? &deleted_key : &sfms_taken);
        status = sfms_fail(call, deleted ? &sfms_is_deleted : &sfms_exists);
    }
    call->failure->existing_id = id;
    return status;
}

/* Whether what was asked for is what is stored. Messages are not compared: triggers complete them. */
static bool
same_as_stored(
    const sfms_engine *e, sfms_call *call, const ProtobufCMessage *asked, const ProtobufCMessage *stored)
{
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];

        if (!sfms_field_writable(f) || sfms_field_is_default(asked, f->desc) ||
            f->desc->type == PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (sfms_field_is_default(stored, f->desc) ||
            strcmp(sfms_field_text(call->arena, f, asked), sfms_field_text(call->arena, f, stored)) != 0)
            return false;
    }
    return true;
}

/* Without ON CONFLICT DO NOTHING the server names the key that is taken. What was in the way may have gone by now. */
static sfms_status
insert_plainly(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg, sfms_buf *out)
{
    sfms_statement plain = {0};
    sfms_composer w;
    PGresult *result;
    sfms_status status;

    sfms_composer_init(e, &w, call->arena);
    sfms_insert_sql(e, call, &w, msg, NULL);
    sfms_buf_printf(&w.sql, " RETURNING %s", e->columns);
    status = sfms_composer_done(call, &w, &plain);
    if (status == SFMS_OK)
        status = sfms_run_statement(call, &result, &plain);
    if (status != SFMS_OK)
        return status;
    call->created = true;
    return sfms_pack_single(e, call, result, out);
}

sfms_status
sfms_explain_create(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg, sfms_buf *out)
{
    PGresult *result;
    sfms_status status = read_current(e, call, *sfms_request_text(msg, "id"), &result);

    if (status != SFMS_OK)
        return status;
    if (PQntuples(result) == 1) {
        if (!is_deleted(result) && !call->condition.absent &&
            same_as_stored(e, call, msg, stored_in(e, call, result)))
            return sfms_pack_single(e, call, result, out); /* the same create came before */
        return fail_existing(e, call, result, false);
    }
    status = read_by_key(e, call, msg, &result);
    if (status != SFMS_OK)
        return status;
    return PQntuples(result) == 1 ? fail_existing(e, call, result, true) : insert_plainly(e, call, msg, out);
}

/* What the request would have changed of fields that cannot change, as violations. */
static sfms_status
check_fixed(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, const ProtobufCMessage *stored)
{
    const ProtobufCMessage *asked = sfms_request_resource(e, call, request);
    const Google__Protobuf__FieldMask *mask = sfms_request_mask(request, "update_mask");

    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];
        const char *a;
        const char *s;

        if (!sfms_field_fixed(e, call, f, mask))
            continue;
        a = sfms_field_text(call->arena, f, asked);
        s = sfms_field_text(call->arena, f, stored);
        if (strcmp(a != NULL ? a : "", s != NULL ? s : "") != 0)
            sfms_violate_field(call, f->desc->name,
                f->rule->output_only ? &sfms_output_only
                : f->rule->immutable ? &sfms_immutable
                                     : &sfms_kept_field);
    }
    return sfms_violations(call) == SFMS_OK ? SFMS_OK : sfms_fail(call, &sfms_bad_fields);
}

/* Who sees a record may not change it for that: policies for reading and writing differ. A lock asks for the right to write. */
static sfms_status
check_may_write(const sfms_engine *e, sfms_call *call, const char *id)
{
    PGresult *result;
    sfms_status status = sfms_query(call, &result,
        sfms_printf(call->arena, "SELECT 1 FROM %s WHERE org_id = $1 AND id = $2 FOR KEY SHARE", e->table),
        SFMS_ARGS(sfms_engine_org(call), id));

    if (status != SFMS_OK || PQntuples(result) == 1)
        return status;
    if (!e->has_owner)
        return sfms_fail(call, &sfms_not_yours);
    status = sfms_query(call, &result,
        sfms_printf(call->arena,
            "SELECT coalesce('\"' || app.user_name(owner_id) || '\"', owner_id::text) FROM %s"
            " WHERE org_id = $1 AND id = $2",
            e->table),
        SFMS_ARGS(sfms_engine_org(call), id));
    if (status != SFMS_OK || PQntuples(result) == 0)
        return status;
    return sfms_fail(call, &not_owner, sfms_strdup(call->arena, PQgetvalue(result, 0, 0)));
}

/* Why a row that the caller sees was not changed; OK if nothing speaks against it: another change came in between. */
static sfms_status
check_change(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, const PGresult *result)
{
    ProtobufCMessage *stored = (ProtobufCMessage *)stored_in(e, call, result);
    Pb__Verb verb = call->method->rule->verb;
    sfms_status status = check_may_write(e, call, *sfms_request_text(stored, "id"));

    if (status != SFMS_OK)
        return status;
    if (!sfms_expects_version(call, call->version))
        return sfms_fail(call, &sfms_version);
    return verb == PB__VERB__UPDATE || verb == PB__VERB__UPSERT ? check_fixed(e, call, request, stored)
                                                                : SFMS_OK;
}

static const char *
id_in(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request)
{
    ProtobufCMessage *msg = sfms_request_resource(e, call, request);

    return *sfms_request_text(msg != NULL ? msg : request, "id");
}

/* A part is looked for below the record that the request names. */
static bool
is_below(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, const PGresult *result)
{
    const char *parent = sfms_request_parent(e, call, request);

    return parent[0] == '\0' || strcmp(parent, sfms_cell_text(call->arena, result, 0,
                                                   PQfnumber(result, e->parent->desc->name))) == 0;
}

sfms_status
sfms_explain_change(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, sfms_buf *out)
{
    Pb__Verb verb = call->method->rule->verb;
    PGresult *result;
    sfms_status status = read_current(e, call, id_in(e, call, request), &result);

    if (status != SFMS_OK)
        return status;
    if (PQntuples(result) == 0 || !is_below(e, call, request, result))
        return sfms_fail(call, &sfms_not_found);
    sfms_pack_single(e, call, result, out);
    if (verb == PB__VERB__UNDELETE ? is_deleted(result) : !is_deleted(result)) {
        status = check_change(e, call, request, result);
        return status == SFMS_OK ? sfms_fail(call, &sfms_conflict) : status;
    }
    if (verb != PB__VERB__UNDELETE)
        return sfms_fail(call, &sfms_not_found);
    return check_change(e, call, request, result); /* it is as it should be already */
}

/* What a new record lacks, or has too much, as violations. */
static sfms_status
check_complete(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request)
{
    const ProtobufCMessage *asked = sfms_request_resource(e, call, request);
    const Google__Protobuf__FieldMask *mask = sfms_request_mask(request, "update_mask");
    const sfms_path custom = {NULL, sfms_field_path(call, "custom_fields"), -1};

    for (unsigned i = 0; mask != NULL && i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];
        bool masked = !f->rule->on_request && sfms_engine_masked(e, mask, f);

        if (f->rule->required && !masked)
            sfms_violate_field(call, f->desc->name, &sfms_required);
        if (masked && sfms_field_kept(call, f) && !sfms_field_is_default(asked, f->desc))
            sfms_violate_field(call, f->desc->name, &sfms_kept_field);
        if (f->rule->output_only && masked && !sfms_field_is_default(asked, f->desc))
            sfms_violate_field(call, f->desc->name, &sfms_output_only);
    }
    sfms_custom_missing(call, call->shape, e->message->resource, sfms_request_custom(e, asked), &custom);
    return sfms_violations(call) == SFMS_OK ? SFMS_OK : sfms_fail(call, &sfms_bad_fields);
}

/* The only thing wrong is that the external key is taken. */
static bool
is_about_key(sfms_call *call)
{
    const Pb__Status *failure = call->failure;

    return failure->code == SFMS_ALREADY_EXISTS && failure->n_violations == 1 &&
           strcmp(failure->violations[0]->field, sfms_field_path(call, "external_id")) == 0;
}

/* There is no record with the key that the caller sees, and none was made. */
static sfms_status
explain_unmade(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, sfms_buf *out)
{
    ProtobufCMessage *msg = sfms_request_resource(e, call, request);
    PGresult *result;
    sfms_status status;

    if (call->condition.exists)
        return sfms_fail(call, &sfms_none_there);
    status = check_complete(e, call, request);
    if (status == SFMS_OK)
        status = read_current(e, call, *sfms_request_text(msg, "id"), &result);
    if (status != SFMS_OK)
        return status;
    if (PQntuples(result) == 1)
        return fail_existing(e, call, result, false);
    status = insert_plainly(e, call, msg, out);
    if (status == SFMS_OK || !is_about_key(call))
        return status;
    call->failure = NULL; /* a record has the key, and the caller does not see it */
    return sfms_fail(call, &sfms_not_yours);
}

sfms_status
sfms_explain_upsert(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, sfms_buf *out)
{
    ProtobufCMessage *msg = sfms_request_resource(e, call, request);
    sfms_statement again;
    PGresult *result;
    sfms_status status = read_by_key(e, call, msg, &result);

    if (status != SFMS_OK)
        return status;
    if (PQntuples(result) == 0)
        return explain_unmade(e, call, request, out);
    if (is_deleted(result) || call->condition.absent)
        return fail_existing(e, call, result, true);
    sfms_pack_single(e, call, result, out);
    status = check_change(e, call, request, result);
    sfms_buf_clear(out);
    /* Another call has made it in the meantime: now it is changed. */
    if (status == SFMS_OK)
        status = sfms_engine_plan(e, call, request, &again);
    if (status == SFMS_OK)
        status = sfms_run_statement(call, &result, &again);
    if (status != SFMS_OK)
        return status;
    return PQntuples(result) == 1 ? sfms_pack_single(e, call, result, out) : sfms_fail(call, &sfms_conflict);
}

/* The key that an update asks for: what it does not name of it, is as it is stored. */
static sfms_status
complete_key(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request)
{
    static const char *const parts[] = {"external_id", "external_source"};
    ProtobufCMessage *msg = sfms_request_resource(e, call, request);
    const Google__Protobuf__FieldMask *mask = sfms_request_mask(request, "update_mask");
    PGresult *result;
    sfms_status status = read_current(e, call, *sfms_request_text(msg, "id"), &result);
    ProtobufCMessage *stored;

    if (status != SFMS_OK || PQntuples(result) == 0)
        return status;
    stored = (ProtobufCMessage *)stored_in(e, call, result);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (!sfms_engine_masked(e, mask, sfms_engine_field(e, parts[i])))
            *sfms_request_text(msg, parts[i]) = *sfms_request_text(stored, parts[i]);
    return SFMS_OK;
}

void
sfms_engine_failed(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request)
{
    ProtobufCMessage *msg = sfms_request_resource(e, call, request);
    Pb__Status *failure = call->failure;
    PGresult *result;

    /* In a transaction that has failed nothing can be asked any more. */
    if (call->method->rule->verb != PB__VERB__UPDATE || !is_about_key(call) ||
        PQtransactionStatus(sfms_db_conn(call->db)) == PQTRANS_INERROR)
        return;
    call->failure = NULL;
    if (complete_key(e, call, request) == SFMS_OK && read_by_key(e, call, msg, &result) == SFMS_OK &&
        PQntuples(result) == 1)
        fail_existing(e, call, result, true);
    else
        call->failure = failure;
}
