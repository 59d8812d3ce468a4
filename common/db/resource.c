/* resource.c -- the statements of the standard methods, and what their answers mean. Lists are in page.c. */
#include "db/resource.h"

#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "core/log.h"
#include "db/engine.h"
#include "db/row.h"

void
sfms_composer_init(sfms_composer *w, sfms_arena *a)
{
    sfms_buf_init(&w->sql, a, SFMS_ENGINE_SQL_MAX);
    w->params = (sfms_params){
        .max = SFMS_ENGINE_PARAMS, .values = sfms_new_array(a, const char *, SFMS_ENGINE_PARAMS)};
}

sfms_status
sfms_composer_done(sfms_call *call, sfms_composer *w, sfms_statement *ret)
{
    if (!sfms_buf_ok(&w->sql) || w->params.n == w->params.max)
        return sfms_fail(call, &sfms_bad_request);
    *ret = (sfms_statement){w->sql.data, w->params.n, w->params.values};
    return SFMS_OK;
}

const char *
sfms_engine_org(const sfms_call *call)
{
    return call->principal->org_id;
}

static const sfms_field *
field_named(const sfms_engine *e, const char *name)
{
    return sfms_message_field(e->message, name, strlen(name));
}

static bool
in_mask(const sfms_engine *e, const Google__Protobuf__FieldMask *mask, const sfms_field *f)
{
    for (size_t i = 0; i < mask->n_paths; i++)
        if (field_named(e, mask->paths[i]) == f)
            return true;
    return false;
}

const char *
sfms_engine_columns(const sfms_engine *e, sfms_call *call, const Google__Protobuf__FieldMask *mask)
{
    sfms_buf b;

    if (mask == NULL || mask->n_paths == 0)
        return e->columns;
    for (size_t i = 0; i < mask->n_paths; i++) {
        if (field_named(e, mask->paths[i]) == NULL) {
            sfms_fail(call, &sfms_bad_mask, mask->paths[i]);
            return NULL;
        }
    }
    sfms_buf_init(&b, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_add(&b, "id, version");
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const char *name = e->message->fields[i].desc->name;

        if (strcmp(name, "id") != 0 && strcmp(name, "version") != 0 &&
            in_mask(e, mask, &e->message->fields[i]))
            sfms_buf_printf(&b, ", %s", name);
    }
    return b.data;
}

/* ---- parts of requests
 * -------------------------------------------------------------------------------------------- */

/* The resource in a request: the request itself, or the field that carries it; NULL if a wrapper has none. */
static ProtobufCMessage *
resource_in(const sfms_engine *e, const sfms_call *call, ProtobufCMessage *request)
{
    const sfms_field *f;

    if (request->descriptor == e->resource->message)
        return request;
    f = sfms_message_resource_field(call->method->input);
    return f == NULL ? NULL : *(ProtobufCMessage **)((char *)request + f->desc->offset);
}

static const Google__Protobuf__FieldMask *
mask_in(ProtobufCMessage *request, const char *name)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(request->descriptor, name);

    return f == NULL ? NULL : *(Google__Protobuf__FieldMask **)((char *)request + f->offset);
}

static const char **
text_member(ProtobufCMessage *msg, const char *name)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(msg->descriptor, name);

    return f == NULL ? NULL : (const char **)((char *)msg + f->offset);
}

static bool
is_empty(const ProtobufCMessage *msg, const sfms_field *f)
{
    const char *member = (const char *)msg + f->desc->offset;

    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)((const char *)msg + f->desc->quantifier_offset) == 0;
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        return (*(char *const *)member)[0] == '\0';
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(ProtobufCMessage *const *)member == NULL;
    case PROTOBUF_C_TYPE_BOOL:
        return !*(const protobuf_c_boolean *)member;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)member)->len == 0;
    case PROTOBUF_C_TYPE_DOUBLE:
        return *(const double *)member == 0;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_SINT64:
        return *(const int64_t *)member == 0;
    default:
        return *(const int32_t *)member == 0;
    }
}

static bool
is_id(const sfms_field *f)
{
    return strcmp(f->desc->name, "id") == 0;
}

/* The service sets these; what a request has in them is not written. */
static bool
writable(const sfms_field *f)
{
    return !f->rule->output_only && !is_id(f);
}

/* ---- statements
 * --------------------------------------------------------------------------------------------------- */

static sfms_status
plan_get(const sfms_engine *e, sfms_call *call, const Pb__GetRequest *request, sfms_statement *ret)
{
    const char *columns = sfms_engine_columns(e, call, request->read_mask);
    sfms_composer w;

    if (columns == NULL)
        return SFMS_INVALID_ARGUMENT;
    sfms_composer_init(&w, call->arena);
    sfms_buf_printf(&w.sql, "SELECT %s FROM %s WHERE org_id = $1 AND id = $2", columns, e->resource->table);
    sfms_param(&w.params, sfms_engine_org(call));
    sfms_param(&w.params, request->id);
    return sfms_composer_done(call, &w, ret);
}

static sfms_status
plan_batch_get(const sfms_engine *e, sfms_call *call, const Pb__BatchGetRequest *request, sfms_statement *ret)
{
    const char *columns = sfms_engine_columns(e, call, request->read_mask);
    sfms_composer w;
    sfms_buf ids;

    if (columns == NULL)
        return SFMS_INVALID_ARGUMENT;
    sfms_composer_init(&w, call->arena);
    sfms_buf_init(&ids, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_char(&ids, '{');
    for (size_t i = 0; i < request->n_ids; i++) /* UUIDs, by validation: no quoting */
        sfms_buf_printf(&ids, "%s%s", i > 0 ? "," : "", request->ids[i]);
    sfms_buf_char(&ids, '}');
    sfms_buf_printf(&w.sql,
        "SELECT %s FROM %s WHERE org_id = $1 AND id = ANY ($2::uuid[]) ORDER BY array_position($2::uuid[], "
        "id)",
        columns, e->resource->table);
    sfms_param(&w.params, sfms_engine_org(call));
    sfms_param(&w.params, ids.data);
    return sfms_composer_done(call, &w, ret);
}

/* INSERT INTO table (org_id, id, ...) VALUES ($1, $2, ...) for what the message has and, for an upsert, the
 * mask names. */
static void
write_insert(const sfms_engine *e, sfms_call *call, sfms_composer *w, const ProtobufCMessage *msg)
{
    sfms_buf values;

    sfms_buf_init(&values, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_printf(&w->sql, "INSERT INTO %s (org_id, id", e->resource->table);
    sfms_param(&w->params, sfms_engine_org(call));
    sfms_param(&w->params, *text_member((ProtobufCMessage *)msg, "id"));
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];

        if (!writable(f) || is_empty(msg, f))
            continue;
        sfms_buf_printf(&w->sql, ", %s", f->desc->name);
        sfms_buf_printf(&values, ", $%d", sfms_param(&w->params, sfms_field_text(call->arena, f, msg)));
    }
    sfms_buf_printf(&w->sql, ") VALUES ($1, $2%s)", values.data);
}

/* A create may bring its own id; otherwise it gets one here, so that running the call again cannot make two.
 */
static void
give_id(sfms_call *call, ProtobufCMessage *msg)
{
    const char **id = text_member(msg, "id");
    char fresh[SFMS_ID_SIZE];

    if ((*id)[0] != '\0')
        return;
    sfms_id_make(fresh);
    *id = sfms_strdup(call->arena, fresh);
}

static sfms_status
plan_create(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg, sfms_statement *ret)
{
    sfms_composer w;

    give_id(call, msg);
    sfms_composer_init(&w, call->arena);
    write_insert(e, call, &w, msg);
    /* DO NOTHING rather than an error: an error would roll back the whole batch. finish_create tells what was
     * there. */
    sfms_buf_printf(&w.sql, " ON CONFLICT DO NOTHING RETURNING %s", e->columns);
    return sfms_composer_done(call, &w, ret);
}

static sfms_status
plan_upsert(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg,
    const Google__Protobuf__FieldMask *mask, sfms_statement *ret)
{
    sfms_composer w;

    give_id(call, msg);
    sfms_composer_init(&w, call->arena);
    write_insert(e, call, &w, msg);
    sfms_buf_add(&w.sql, " ON CONFLICT (org_id, external_source, external_id) WHERE external_id IS NOT NULL"
                         " DO UPDATE SET delete_time = NULL");
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];

        if (writable(f) && !f->rule->immutable && mask != NULL && in_mask(e, mask, f))
            sfms_buf_printf(&w.sql, ", %s = $%d", f->desc->name,
                sfms_param(&w.params, sfms_field_text(call->arena, f, msg)));
    }
    /* xmax is 0 in a row that this statement has made. */
    sfms_buf_printf(&w.sql, " RETURNING %s, (xmax = 0) AS created_", e->columns);
    return sfms_composer_done(call, &w, ret);
}

static void
write_expected_version(sfms_call *call, sfms_composer *w)
{
    if (call->if_match != 0)
        sfms_buf_printf(&w->sql, " AND version = $%d",
            sfms_param(&w->params, sfms_printf(call->arena, "%llu", (unsigned long long)call->if_match)));
}

static sfms_status
plan_update(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg,
    const Google__Protobuf__FieldMask *mask, sfms_statement *ret)
{
    sfms_composer w;
    sfms_buf where;
    bool any = false;

    sfms_composer_init(&w, call->arena);
    sfms_buf_init(&where, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_param(&w.params, sfms_engine_org(call));
    sfms_param(&w.params, *text_member(msg, "id"));
    sfms_buf_printf(&w.sql, "UPDATE %s SET ", e->resource->table);
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];
        int p;

        if (!writable(f) || mask == NULL || !in_mask(e, mask, f))
            continue;
        p = sfms_param(&w.params, sfms_field_text(call->arena, f, msg));
        /* A field that cannot change may be sent as it is: clients send back what they have read. */
        if (f->rule->immutable) {
            sfms_buf_printf(&where, " AND %s IS NOT DISTINCT FROM $%d", f->desc->name, p);
            continue;
        }
        sfms_buf_printf(&w.sql, "%s%s = $%d", any ? ", " : "", f->desc->name, p);
        any = true;
    }
    if (!any) { /* nothing to write: the row is answered as it is */
        sfms_buf_clear(&w.sql);
        sfms_buf_printf(&w.sql, "SELECT %s FROM %s", e->columns, e->resource->table);
    }
    sfms_buf_printf(&w.sql, " WHERE org_id = $1 AND id = $2 AND delete_time IS NULL%s", where.data);
    write_expected_version(call, &w);
    if (any)
        sfms_buf_printf(&w.sql, " RETURNING %s", e->columns);
    return sfms_composer_done(call, &w, ret);
}

static sfms_status
plan_delete(
    const sfms_engine *e, sfms_call *call, const Pb__DeleteRequest *request, bool delete, sfms_statement *ret)
{
    sfms_composer w;

    sfms_composer_init(&w, call->arena);
    sfms_param(&w.params, sfms_engine_org(call));
    sfms_param(&w.params, request->id);
    sfms_buf_printf(&w.sql,
        "UPDATE %s SET delete_time = %s WHERE org_id = $1 AND id = $2 AND delete_time IS %s",
        e->resource->table, delete ? "now()" : "NULL", delete ? "NULL" : "NOT NULL");
    write_expected_version(call, &w);
    sfms_buf_printf(&w.sql, " RETURNING %s", e->columns);
    return sfms_composer_done(call, &w, ret);
}

static sfms_status
run_check(
    const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg, const Google__Protobuf__FieldMask *mask)
{
    return e->resource->check == NULL ? SFMS_OK : e->resource->check(call, msg, mask);
}

sfms_status
sfms_engine_plan(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, sfms_statement *ret)
{
    Pb__Verb verb = call->method->rule->verb;
    bool writes = verb == PB__VERB__CREATE || verb == PB__VERB__UPDATE || verb == PB__VERB__UPSERT;
    ProtobufCMessage *msg = writes ? resource_in(e, call, request) : NULL;
    const Google__Protobuf__FieldMask *mask = writes ? mask_in(request, "update_mask") : NULL;
    sfms_status status;

    if (writes) {
        if (msg == NULL)
            return sfms_fail(call, &sfms_bad_request);
        status = run_check(e, call, msg, mask);
        if (status != SFMS_OK)
            return status;
    }
    switch (verb) {
    case PB__VERB__GET:
        return plan_get(e, call, (const Pb__GetRequest *)request, ret);
    case PB__VERB__BATCH_GET:
        return plan_batch_get(e, call, (const Pb__BatchGetRequest *)request, ret);
    case PB__VERB__LIST:
        return sfms_list_plan(e, call, (const Pb__ListRequest *)request, ret);
    case PB__VERB__CREATE:
        return plan_create(e, call, msg, ret);
    case PB__VERB__UPDATE:
        return plan_update(e, call, msg, mask, ret);
    case PB__VERB__DELETE:
        return plan_delete(e, call, (const Pb__DeleteRequest *)request, true, ret);
    case PB__VERB__UNDELETE:
        return plan_delete(e, call, (const Pb__DeleteRequest *)request, false, ret);
    case PB__VERB__UPSERT:
        return plan_upsert(e, call, msg, mask, ret);
    default:
        SFMS_WRONG("a method without a verb in the engine");
    }
}

/* ---- answers
 * ------------------------------------------------------------------------------------------------------ */

static sfms_status
read_single(const sfms_engine *e, sfms_call *call, const PGresult *result, ProtobufCMessage *out)
{
    const sfms_field *version = field_named(e, "version");

    sfms_row_read(call->arena, call->contract, result, 0, out);
    call->version = *(uint64_t *)((char *)out + version->desc->offset);
    return SFMS_OK;
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

        if (!writable(f) || is_empty(asked, f) || f->desc->type == PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (is_empty(stored, f) ||
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
    const char **external = text_member(msg, "external_id");
    PGresult *result;

    if (!e->has_external || external == NULL || (*external)[0] == '\0')
        return;
    if (sfms_query(call, &result,
            sfms_printf(call->arena,
                "SELECT id FROM %s WHERE org_id = $1 AND external_source IS NOT DISTINCT FROM nullif($2, '')"
                " AND external_id = $3",
                e->resource->table),
            SFMS_ARGS(sfms_engine_org(call), *text_member(msg, "external_source"), *external)) == SFMS_OK &&
        PQntuples(result) == 1)
        failure->existing_id = sfms_strdup(call->arena, PQgetvalue(result, 0, 0));
    call->failure = failure;
}

/* Nothing was inserted: the same create came before, or a key is taken. */
static sfms_status
explain_create(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg, ProtobufCMessage *out)
{
    PGresult *result;
    sfms_composer w;
    sfms_statement plain = {0};
    sfms_status status = read_current(e, call, *text_member(msg, "id"), &result);

    if (status != SFMS_OK)
        return status;
    if (PQntuples(result) == 1) {
        read_single(e, call, result, out);
        if (same_as_stored(e, call, msg, out))
            return SFMS_OK;
        status = sfms_fail(call, &sfms_exists);
        call->failure->existing_id = *text_member(msg, "id");
        return status;
    }
    /* Without DO NOTHING the server names the key. */
    sfms_composer_init(&w, call->arena);
    write_insert(e, call, &w, msg);
    sfms_buf_printf(&w.sql, " RETURNING %s", e->columns);
    status = sfms_composer_done(call, &w, &plain);
    if (status == SFMS_OK)
        status = sfms_query(call, &result, plain.sql, plain.n, plain.values);
    if (status == SFMS_OK) { /* what was in the way has gone in the meantime */
        call->created = true;
        return read_single(e, call, result, out);
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
    const ProtobufCMessage *asked = resource_in(e, call, request);
    const Google__Protobuf__FieldMask *mask = mask_in(request, "update_mask");
    const sfms_field *wrapped = sfms_message_resource_field(call->method->input);

    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];
        const char *a;
        const char *s;

        if (!f->rule->immutable || !writable(f) || mask == NULL || !in_mask(e, mask, f))
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
    const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, const char *id, ProtobufCMessage *out)
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
    read_single(e, call, result, out);
    if (verb == PB__VERB__UNDELETE ? deleted : !deleted) {
        if (call->if_match != 0 && call->if_match != call->version)
            return sfms_fail(call, &sfms_version);
        if (verb == PB__VERB__UPDATE)
            note_immutable(e, call, request, out);
        if (sfms_violations(call) != SFMS_OK)
            return sfms_fail(call, &sfms_bad_fields);
        return sfms_fail(call, &sfms_conflict); /* it changed between the two statements */
    }
    return verb == PB__VERB__UNDELETE ? SFMS_OK : sfms_fail(call, &sfms_not_found);
}

static const char *
id_in(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request)
{
    ProtobufCMessage *msg = resource_in(e, call, request);

    return *text_member(msg != NULL ? msg : request, "id");
}

sfms_status
sfms_engine_finish(
    const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, PGresult *result, ProtobufCMessage *out)
{
    bool found = PQntuples(result) > 0;

    switch (call->method->rule->verb) {
    case PB__VERB__GET:
        return found ? read_single(e, call, result, out) : sfms_fail(call, &sfms_not_found);
    case PB__VERB__BATCH_GET:
        sfms_rows_read(call->arena, call->contract, result, out,
            sfms_message_resource_field(call->method->output)->desc->name);
        return SFMS_OK;
    case PB__VERB__LIST:
        return sfms_list_finish(e, call, (const Pb__ListRequest *)request, result, out);
    case PB__VERB__CREATE:
        if (!found)
            return explain_create(e, call, resource_in(e, call, request), out);
        call->created = true;
        return read_single(e, call, result, out);
    case PB__VERB__UPSERT:
        if (!found)
            return sfms_fail(call, &sfms_not_found);
        call->created = PQgetvalue(result, 0, PQfnumber(result, "created_"))[0] == 't';
        return read_single(e, call, result, out);
    case PB__VERB__UPDATE:
    case PB__VERB__DELETE:
    case PB__VERB__UNDELETE:
        return found ? read_single(e, call, result, out)
                     : explain_change(e, call, request, id_in(e, call, request), out);
    default:
        SFMS_WRONG("a method without a verb in the engine");
    }
}
