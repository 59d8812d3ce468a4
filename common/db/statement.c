/* statement.c -- the statements of the standard methods. Lists are in page.c. */
#include <string.h>

#include "core/id.h"
#include "core/log.h"
#include "db/engine.h"
#include "db/row.h"
#include "proto/place.h"
#include "proto/shape.h"

static sfms_status
plan_get(const sfms_engine *e, sfms_call *call, const Pb__GetRequest *request, sfms_statement *ret)
{
    const char *columns = sfms_engine_columns(e, call, request->read_mask);
    sfms_composer w;

    if (columns == NULL)
        return SFMS_INVALID_ARGUMENT;
    sfms_composer_init(e, &w, call->arena);
    sfms_param(&w.params, sfms_engine_org(call));
    sfms_param(&w.params, request->id);
    sfms_buf_printf(&w.sql, "SELECT %s%s", columns, sfms_access_column(e, call, &w, request->access));
    sfms_buf_printf(&w.sql, " FROM %s WHERE org_id = $1 AND id = $2", e->table);
    sfms_parent_sql(e, call, &w, (ProtobufCMessage *)(uintptr_t)&request->base);
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
    sfms_composer_init(e, &w, call->arena);
    sfms_buf_init(&ids, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_char(&ids, '{');
    for (size_t i = 0; i < request->n_ids; i++) /* UUIDs, by validation: no quoting */
        sfms_buf_printf(&ids, "%s%s", i > 0 ? "," : "", request->ids[i]);
    sfms_buf_char(&ids, '}');
    sfms_param(&w.params, sfms_engine_org(call));
    sfms_param(&w.params, ids.data);
    sfms_buf_printf(&w.sql, "SELECT %s%s", columns, sfms_access_column(e, call, &w, request->access));
    sfms_buf_printf(&w.sql, " FROM %s WHERE org_id = $1 AND id = ANY ($2::uuid[])", e->table);
    sfms_parent_sql(e, call, &w, (ProtobufCMessage *)(uintptr_t)&request->base);
    sfms_buf_add(&w.sql, " ORDER BY array_position($2::uuid[], id)");
    return sfms_composer_done(call, &w, ret);
}

/* What a new row gets in a column; NULL for what the column does by itself. */
static const char *
inserted(const sfms_engine *e, sfms_call *call, const sfms_field *f, const ProtobufCMessage *msg)
{
    Google__Protobuf__Struct *const *custom = sfms_field_at(msg, f->desc);
    Google__Protobuf__Struct *complete;

    if (call->shape == NULL || !sfms_field_is_custom(e->message, f))
        return sfms_field_is_default(msg, f->desc) ? NULL : sfms_field_text(call->arena, f, msg);
    complete = sfms_custom_complete(call->arena, call->shape, e->message->resource, *custom);
    return complete != NULL ? sfms_object_text(call->arena, f, complete) : NULL;
}

/* INSERT INTO table (org_id, id, ...) for all that the message has. */
void
sfms_insert_sql(
    const sfms_engine *e, sfms_call *call, sfms_composer *w, const ProtobufCMessage *msg, const char *unless)
{
    sfms_buf values;

    sfms_buf_init(&values, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_printf(&w->sql, "INSERT INTO %s (org_id, id", e->table);
    sfms_buf_printf(&values, "$%d", sfms_param(&w->params, sfms_engine_org(call)));
    sfms_buf_printf(
        &values, ", $%d", sfms_param(&w->params, *sfms_request_text((ProtobufCMessage *)msg, "id")));
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];

        const char *text;

        if (!sfms_field_writable(f))
            continue;
        text = inserted(e, call, f, msg);
        if (text == NULL)
            continue;
        sfms_buf_printf(&w->sql, ", %s", f->desc->name);
        sfms_buf_printf(&values, ", $%d", sfms_param(&w->params, text));
    }
    if (unless == NULL)
        sfms_buf_printf(&w->sql, ") VALUES (%s)", values.data);
    else
        sfms_buf_printf(&w->sql, ") SELECT %s WHERE NOT EXISTS (SELECT 1 FROM %s WHERE %s)", values.data,
            e->table, unless);
}

/* A create may bring its own id; otherwise it gets one here, so that running the call again cannot make two.
 */
static void
give_id(sfms_call *call, ProtobufCMessage *msg)
{
    const char **id = sfms_request_text(msg, "id");
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
    sfms_composer_init(e, &w, call->arena);
    sfms_insert_sql(e, call, &w, msg, NULL);
    /* DO NOTHING rather than an error: an error would roll back the whole batch. finish_create tells what was
     * there. */
    sfms_buf_printf(&w.sql, " ON CONFLICT DO NOTHING RETURNING %s", e->columns);
    return sfms_composer_done(call, &w, ret);
}

/* What the caller's condition says of the row, and what the request has of fields that it cannot change: they may be sent as they
 * are, as clients send back what they have read. */
static void
write_expected(const sfms_engine *e, sfms_call *call, sfms_composer *w, const ProtobufCMessage *msg,
    const Google__Protobuf__FieldMask *mask)
{
    const sfms_condition *c = &call->condition;
    sfms_buf versions;

    for (unsigned i = 0; msg != NULL && i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];

        if (!sfms_field_fixed(e, call, f, mask))
            continue;
        sfms_buf_printf(&w->sql, " AND %s IS NOT DISTINCT FROM $%d%s", f->desc->name,
            sfms_param(&w->params, sfms_field_text(call->arena, f, msg)),
            f->desc->type == PROTOBUF_C_TYPE_UINT64 ? "::numeric" : ""); /* more than a column may hold */
    }
    if (c->n_versions == 0)
        return;
    sfms_buf_init(&versions, call->arena, SFMS_ENGINE_SQL_MAX);
    for (size_t i = 0; i < c->n_versions; i++)
        sfms_buf_printf(&versions, "%s%llu", i > 0 ? "," : "{", (unsigned long long)c->versions[i]);
    sfms_buf_char(&versions, '}');
    sfms_buf_printf(&w->sql, " AND version = ANY ($%d::bigint[])", sfms_param(&w->params, versions.data));
}

/* Appends "field = $n, ..." for what the request changes; answers whether that is anything. */
static bool
write_changes(const sfms_engine *e, sfms_call *call, sfms_composer *w, const ProtobufCMessage *msg,
    const Google__Protobuf__FieldMask *mask)
{
    bool any = false;

    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];

        if (!sfms_field_writable(f) || f->rule->immutable || !sfms_engine_masked(e, mask, f) ||
            sfms_field_kept(call, f))
            continue;
        sfms_buf_add(&w->sql, any ? ", " : "");
        sfms_assign_sql(e, call, w, f, msg, mask);
        any = true;
    }
    return any;
}

/* One statement, so that it can share a batch: what is there is changed, and only if nothing is there, not even a deleted
 * record, one is made. INSERT ... ON CONFLICT DO UPDATE would not do: it asks of a change all that a new record must have. That
 * another call made the record in between, or that a key is taken, shows in that there is no row: see explain.c. */
static sfms_status
plan_upsert(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg,
    const Google__Protobuf__FieldMask *mask, sfms_statement *ret)
{
    bool create = sfms_upsert_creates(e, call, msg, mask);
    sfms_composer w;
    const char *key;

    sfms_composer_init(e, &w, call->arena);
    key = sfms_key_sql(call, &w, msg);
    sfms_buf_printf(&w.sql, "WITH changed AS (UPDATE %s SET ", e->table);
    if (!write_changes(e, call, &w, msg, mask))
        sfms_buf_add(&w.sql, "external_id = external_id");
    sfms_buf_printf(
        &w.sql, " WHERE %s AND delete_time IS NULL%s", key, call->condition.absent ? " AND false" : "");
    sfms_parent_sql(e, call, &w, msg);
    write_expected(e, call, &w, msg, mask);
    sfms_buf_printf(&w.sql, " RETURNING %s)", e->columns);
    if (create) {
        give_id(call, msg);
        sfms_buf_add(&w.sql, ", made AS (");
        sfms_insert_sql(e, call, &w, msg, key);
        sfms_buf_printf(&w.sql, " ON CONFLICT DO NOTHING RETURNING %s)", e->columns);
    }
    sfms_buf_printf(&w.sql, " SELECT %s, false AS created_ FROM changed", e->names);
    if (create)
        sfms_buf_printf(&w.sql, " UNION ALL SELECT %s, true FROM made", e->names);
    return sfms_composer_done(call, &w, ret);
}

static sfms_status
plan_update(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg,
    const Google__Protobuf__FieldMask *mask, sfms_statement *ret)
{
    sfms_composer w;
    bool any;

    sfms_composer_init(e, &w, call->arena);
    sfms_param(&w.params, sfms_engine_org(call));
    sfms_param(&w.params, *sfms_request_text(msg, "id"));
    sfms_buf_printf(&w.sql, "UPDATE %s SET ", e->table);
    any = write_changes(e, call, &w, msg, mask);
    if (!any) { /* nothing to write: the row is answered as it is, if the caller could change it */
        sfms_buf_clear(&w.sql);
        sfms_buf_printf(&w.sql, "SELECT %s FROM %s", e->columns, e->table);
    }
    sfms_buf_add(&w.sql, " WHERE org_id = $1 AND id = $2 AND delete_time IS NULL");
    sfms_parent_sql(e, call, &w, msg);
    write_expected(e, call, &w, msg, mask);
    if (any)
        sfms_buf_printf(&w.sql, " RETURNING %s", e->columns);
    else
        sfms_buf_add(&w.sql, " FOR KEY SHARE");
    return sfms_composer_done(call, &w, ret);
}

static sfms_status
plan_delete(
    const sfms_engine *e, sfms_call *call, const Pb__DeleteRequest *request, bool delete, sfms_statement *ret)
{
    sfms_composer w;

    sfms_composer_init(e, &w, call->arena);
    sfms_param(&w.params, sfms_engine_org(call));
    sfms_param(&w.params, request->id);
    sfms_buf_printf(&w.sql,
        "UPDATE %s SET delete_time = %s WHERE org_id = $1 AND id = $2 AND delete_time IS %s", e->table,
        delete ? "now()" : "NULL", delete ? "NULL" : "NOT NULL");
    sfms_parent_sql(e, call, &w, (ProtobufCMessage *)(uintptr_t)&request->base);
    write_expected(e, call, &w, NULL, NULL);
    sfms_buf_printf(&w.sql, " RETURNING %s", e->columns);
    return sfms_composer_done(call, &w, ret);
}

const char *
sfms_engine_target(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request)
{
    ProtobufCMessage *msg;

    switch (call->method->rule->verb) {
    case PB__VERB__UPDATE:
        msg = sfms_request_resource(e, call, request);
        return msg == NULL ? "" : *sfms_request_text(msg, "id");
    case PB__VERB__UPSERT:
        msg = sfms_request_resource(e, call, request);
        return msg == NULL ? "" : *sfms_request_text(msg, "external_id");
    case PB__VERB__DELETE:
    case PB__VERB__UNDELETE:
        return ((const Pb__DeleteRequest *)request)->id;
    default:
        return "";
    }
}

/* What a role hides cannot be written, be it as it is stored: that would tell. What it keeps from being written, a new record
 * does not have; in a change it may be as it is stored, see write_expected. */
static sfms_status
check_kept(const sfms_engine *e, sfms_call *call, const ProtobufCMessage *msg,
    const Google__Protobuf__FieldMask *mask)
{
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];
        bool given = mask == NULL ? !sfms_field_is_default(msg, f->desc) : sfms_engine_masked(e, mask, f);

        if (given && (mask == NULL ? sfms_field_kept(call, f) : sfms_field_hidden(call, f)))
            sfms_violate_field(call, f->desc->name, &sfms_kept_field);
    }
    return sfms_violations(call) == SFMS_OK ? SFMS_OK : sfms_fail(call, &sfms_bad_fields);
}

sfms_status
sfms_engine_plan(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, sfms_statement *ret)
{
    Pb__Verb verb = call->method->rule->verb;
    bool writes = verb == PB__VERB__CREATE || verb == PB__VERB__UPDATE || verb == PB__VERB__UPSERT;
    ProtobufCMessage *msg = writes ? sfms_request_resource(e, call, request) : NULL;
    const Google__Protobuf__FieldMask *mask = writes ? sfms_request_mask(request, "update_mask") : NULL;

    if (writes && msg == NULL)
        return sfms_fail(call, &sfms_bad_request);
    if (writes && e->message->rule->singleton)
        *sfms_request_text(msg, "id") = sfms_engine_org(call);
    if (writes && check_kept(e, call, msg, mask) != SFMS_OK)
        return SFMS_INVALID_ARGUMENT;
    switch (verb) {
    case PB__VERB__GET:
        return plan_get(e, call, sfms_request_get(e, call, request), ret);
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
    case PB__VERB__SHARE:
        return sfms_share_plan(e, call, (const Pb__ShareRequest *)request, ret);
    case PB__VERB__UNSHARE:
        return sfms_unshare_plan(e, call, (const Pb__UnshareRequest *)request, ret);
    case PB__VERB__ACCESS:
        return sfms_access_plan(e, call, (const Pb__AccessRequest *)request, ret);
    case PB__VERB__AGGREGATE:
        return sfms_aggregate_plan(e, call, (const Pb__AggregateRequest *)request, ret);
    default:
        SFMS_WRONG("a method without a verb in the engine");
    }
}
