/* statement.c -- the statements of the standard methods. Lists are in page.c. */
#include <string.h>

#include "core/id.h"
#include "core/log.h"
#include "db/engine.h"
#include "db/row.h"

static sfms_status
plan_get(const sfms_engine *e, sfms_call *call, const Pb__GetRequest *request, sfms_statement *ret)
{
    const char *columns = sfms_engine_columns(e, call, request->read_mask);
    sfms_composer w;

    if (columns == NULL)
        return SFMS_INVALID_ARGUMENT;
    sfms_composer_init(e, &w, call->arena);
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
    sfms_composer_init(e, &w, call->arena);
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
void
sfms_insert_sql(const sfms_engine *e, sfms_call *call, sfms_composer *w, const ProtobufCMessage *msg)
{
    sfms_buf values;

    sfms_buf_init(&values, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_printf(&w->sql, "INSERT INTO %s (org_id, id", e->resource->table);
    sfms_param(&w->params, sfms_engine_org(call));
    sfms_param(&w->params, *sfms_request_text((ProtobufCMessage *)msg, "id"));
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];

        if (!sfms_field_writable(f) || sfms_field_empty(msg, f))
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
    sfms_insert_sql(e, call, &w, msg);
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
    sfms_composer_init(e, &w, call->arena);
    sfms_insert_sql(e, call, &w, msg);
    sfms_buf_add(&w.sql, " ON CONFLICT (org_id, external_source, external_id) WHERE external_id IS NOT NULL"
                         " DO UPDATE SET delete_time = NULL");
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];

        if (sfms_field_writable(f) && !f->rule->immutable && mask != NULL && sfms_engine_masked(e, mask, f)) {
            sfms_buf_add(&w.sql, ", ");
            sfms_assign_sql(e, call, &w, f, msg, mask);
        }
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

    sfms_composer_init(e, &w, call->arena);
    sfms_buf_init(&where, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_param(&w.params, sfms_engine_org(call));
    sfms_param(&w.params, *sfms_request_text(msg, "id"));
    sfms_buf_printf(&w.sql, "UPDATE %s SET ", e->resource->table);
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];

        if (!sfms_field_writable(f) || mask == NULL || !sfms_engine_masked(e, mask, f))
            continue;
        /* A field that cannot change may be sent as it is: clients send back what they have read. */
        if (f->rule->immutable) {
            sfms_buf_printf(&where, " AND %s IS NOT DISTINCT FROM $%d", f->desc->name,
                sfms_param(&w.params, sfms_field_text(call->arena, f, msg)));
            continue;
        }
        sfms_buf_add(&w.sql, any ? ", " : "");
        sfms_assign_sql(e, call, &w, f, msg, mask);
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

    sfms_composer_init(e, &w, call->arena);
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
    ProtobufCMessage *msg = writes ? sfms_request_resource(e, call, request) : NULL;
    const Google__Protobuf__FieldMask *mask = writes ? sfms_request_mask(request, "update_mask") : NULL;
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
