/* request.c -- the parts of a standard method's request, and how a statement is put together from them. */
#include <string.h>

#include "db/engine.h"
#include "proto/place.h"
#include "proto/shape.h"

void
sfms_composer_init(const sfms_engine *e, sfms_composer *w, sfms_arena *a)
{
    w->binary = e->binary;
    sfms_buf_init(&w->sql, a, SFMS_ENGINE_SQL_MAX);
    w->params = (sfms_params){
        .max = SFMS_ENGINE_PARAMS, .values = sfms_new_array(a, const char *, SFMS_ENGINE_PARAMS)};
}

sfms_status
sfms_composer_done(sfms_call *call, sfms_composer *w, sfms_statement *ret)
{
    if (!sfms_buf_ok(&w->sql) || w->params.n == w->params.max)
        return sfms_fail(call, &sfms_bad_request);
    *ret = (sfms_statement){w->sql.data, w->params.n, w->params.values, .binary = w->binary};
    return SFMS_OK;
}

const char *
sfms_engine_org(const sfms_call *call)
{
    return call->principal->org_id;
}

const sfms_field *
sfms_engine_field(const sfms_engine *e, const char *name)
{
    return sfms_message_field(e->message, name, strlen(name));
}

bool
sfms_engine_masked(const sfms_engine *e, const Google__Protobuf__FieldMask *mask, const sfms_field *f)
{
    for (size_t i = 0; mask != NULL && i < mask->n_paths; i++)
        if (sfms_place_top(e->message, mask->paths[i]) == f)
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
        if (sfms_place_top(e->message, mask->paths[i]) == NULL) {
            sfms_fail(call, &sfms_bad_mask, mask->paths[i]);
            return NULL;
        }
    }
    sfms_buf_init(&b, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_add(&b, "id, version");
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const char *name = e->message->fields[i].desc->name;

        if (e->column[i] != NULL && strcmp(name, "id") != 0 && strcmp(name, "version") != 0 &&
            sfms_engine_masked(e, mask, &e->message->fields[i]))
            sfms_buf_printf(&b, ", %s", e->column[i]);
    }
    return b.data;
}

ProtobufCMessage *
sfms_request_resource(const sfms_engine *e, const sfms_call *call, ProtobufCMessage *request)
{
    const sfms_field *f;

    if (request->descriptor == e->message->desc)
        return request;
    f = sfms_message_resource_field(call->method->input);
    return f == NULL ? NULL : *(ProtobufCMessage **)((char *)request + f->desc->offset);
}

const char *
sfms_request_parent(const sfms_engine *e, const sfms_call *call, ProtobufCMessage *request)
{
    const char **parent;

    if (e->parent == NULL)
        return "";
    parent = sfms_request_text(request, "parent");
    if (parent == NULL)
        parent = sfms_request_text(sfms_request_resource(e, call, request), e->parent->desc->name);
    return *parent;
}

void
sfms_parent_sql(const sfms_engine *e, const sfms_call *call, sfms_composer *w, ProtobufCMessage *request)
{
    const char *parent = sfms_request_parent(e, call, request);

    if (parent[0] != '\0')
        sfms_buf_printf(&w->sql, " AND %s = $%d", e->parent->desc->name, sfms_param(&w->params, parent));
}

const Pb__GetRequest *
sfms_request_get(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request)
{
    const Pb__GetSingletonRequest *asked = (const Pb__GetSingletonRequest *)request;
    Pb__GetRequest *get;

    if (!e->message->rule->singleton)
        return (const Pb__GetRequest *)request;
    get = (Pb__GetRequest *)sfms_message_new(call->arena, &pb__get_request__descriptor);
    get->id = sfms_engine_org(call);
    get->read_mask = asked->read_mask;
    get->access = asked->access;
    return get;
}

const Google__Protobuf__FieldMask *
sfms_request_mask(ProtobufCMessage *request, const char *name)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(request->descriptor, name);

    return f == NULL ? NULL : *(Google__Protobuf__FieldMask **)((char *)request + f->offset);
}

const char **
sfms_request_text(ProtobufCMessage *msg, const char *name)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(msg->descriptor, name);

    return f == NULL ? NULL : (const char **)((char *)msg + f->offset);
}

static bool
is_id(const sfms_field *f)
{
    return strcmp(f->desc->name, "id") == 0;
}

/* The service sets these; what a request has in them is not written. */
bool
sfms_field_writable(const sfms_field *f)
{
    return !f->rule->output_only && !f->rule->on_request && !is_id(f);
}

bool
sfms_field_fixed(
    const sfms_engine *e, const sfms_call *call, const sfms_field *f, const Google__Protobuf__FieldMask *mask)
{
    if (mask == NULL || f->rule->on_request || !sfms_engine_masked(e, mask, f))
        return false;
    if (is_id(f)) /* an UPDATE says by it which record it means */
        return call->method->rule->verb == PB__VERB__UPSERT;
    return f->rule->immutable || f->rule->output_only || sfms_field_kept(call, f);
}

bool
sfms_upsert_creates(const sfms_engine *e, const sfms_call *call, const ProtobufCMessage *msg,
    const Google__Protobuf__FieldMask *mask)
{
    for (unsigned i = 0; mask != NULL && i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];
        bool masked = !f->rule->on_request && sfms_engine_masked(e, mask, f);

        /* That what the mask names is not empty, the validation has seen to. */
        if (f->rule->required ? !masked
                              : (f->rule->output_only || sfms_field_kept(call, f)) && masked &&
                                    !sfms_field_is_default(msg, f->desc))
            return false;
    }
    return !call->condition.exists &&
           !sfms_custom_missing(NULL, call->shape, e->message->resource, sfms_request_custom(e, msg), NULL);
}

const Google__Protobuf__Struct *
sfms_request_custom(const sfms_engine *e, const ProtobufCMessage *msg)
{
    const sfms_field *f = sfms_engine_field(e, "custom_fields");

    return f == NULL ? NULL : *(Google__Protobuf__Struct *const *)sfms_field_at(msg, f->desc);
}

const char *
sfms_key_sql(sfms_call *call, sfms_composer *w, const ProtobufCMessage *msg)
{
    const char *source = *sfms_request_text((ProtobufCMessage *)msg, "external_source");
    int org = sfms_param(&w->params, sfms_engine_org(call));
    int id = sfms_param(&w->params, *sfms_request_text((ProtobufCMessage *)msg, "external_id"));

    /* IS NOT DISTINCT FROM would take no index. */
    if (source[0] == '\0')
        return sfms_printf(
            call->arena, "org_id = $%d AND external_source IS NULL AND external_id = $%d", org, id);
    return sfms_printf(call->arena, "org_id = $%d AND external_source = $%d AND external_id = $%d", org,
        sfms_param(&w->params, source), id);
}
