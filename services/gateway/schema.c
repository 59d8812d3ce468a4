/* schema.c -- messages as JSON Schemas: draft 2020-12, which OpenAPI 3.1 uses, or the dialect of OpenAPI 3.0. */
#include "schema.h"

#include <string.h>

#include "core/limits.h"
#include "schema_value.h"

void
schema_ref(schemas *s, writer *w, const char *name, const sfms_message *m, schema_use use)
{
    writer_object(w, name);
    writer_text(w, "$ref", schemas_address(s, m, use));
    writer_end_object(w);
}

/* ---- what a field may be ----------------------------------------------------------------------------- */

/* In an answer everything is there, unless a readMask can leave it out. */
static bool
is_required(const schemas *s, const sfms_message *m, const sfms_field *f, schema_use use)
{
    switch (use) {
    case SCHEMA_ANSWER:
        return !schemas_are_masked(s, m) && !f->rule->on_request;
    case SCHEMA_PATCH:
    case SCHEMA_DRAFT:
        return false;
    case SCHEMA_UPSERT:
        return strcmp(f->desc->name, "external_id") == 0;
    case SCHEMA_UPDATE:
        return strcmp(f->desc->name, "id") == 0;
    default:
        return f->rule->required;
    }
}

/* Of these fields every record has a value. */
static bool
is_always_set(const sfms_message *m, const sfms_field *f)
{
    static const char *const names[] = {"id", "create_time", "update_time"};

    for (size_t i = 0; m->resource != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(f->desc->name, names[i]) == 0)
            return true;
    }
    return f->rule->required;
}

/* In an answer null is said where there is no value and no other way to say so; in a body it clears. A form has no
 * null. */
static bool
is_nullable(const schemas *s, const sfms_message *m, const sfms_field *f, schema_use use)
{
    if (use == SCHEMA_FORM)
        return false;
    if (use != SCHEMA_ANSWER)
        return !f->rule->required && !is_required(s, m, f, use);
    return f->desc->label != PROTOBUF_C_LABEL_REPEATED && !f->rule->on_request && !is_always_set(m, f) &&
           (f->message != NULL || f->rule->format != PB__FORMAT__FORMAT_UNSPECIFIED);
}

/* ---- fields ------------------------------------------------------------------------------------------ */

static void
write_repeated(schemas *s, writer *w, const sfms_field *f, schema_place place)
{
    schema_place element = {.use = place.use, .argument = place.argument};

    if (f->desc->type == PROTOBUF_C_TYPE_MESSAGE && f->message->kind == SFMS_KIND_MAP_ENTRY) {
        schema_type(w, "object", place.nullable);
        writer_object(w, "additionalProperties");
        schema_value(s, w, sfms_message_field(f->message, "value", 5), element);
        writer_end_object(w);
        return;
    }
    schema_type(w, "array", place.nullable);
    writer_object(w, "items");
    schema_value(s, w, f, element);
    writer_end_object(w);
    if (place.use != SCHEMA_ANSWER)
        writer_number(w, "maxItems", f->rule->max_items != 0 ? f->rule->max_items : SFMS_ITEMS_DEFAULT);
    if (place.required)
        writer_number(w, "minItems", 1);
}

void
schema_label(writer *w, const char *name, const Pb__Label *label)
{
    if (label == NULL)
        return;
    writer_object(w, name);
    writer_text(w, "en", label->en);
    writer_text(w, "zh", label->zh);
    writer_end_object(w);
}

static void
write_rule(writer *w, const Pb__FieldRule *rule)
{
    if (rule->output_only)
        writer_bool(w, "readOnly", true);
    if (rule->secret)
        writer_bool(w, "writeOnly", true);
    if (rule->immutable)
        writer_bool(w, "x-immutable", true);
    if (rule->personal)
        writer_bool(w, "x-personal", true);
    if (rule->sortable)
        writer_bool(w, "x-sortable", true);
    if (rule->lookup)
        writer_bool(w, "x-lookup", true);
    if (rule->references[0] != '\0')
        writer_text(w, "x-references", rule->references);
}

/* The members of a field's schema. */
static void
write_field(schemas *s, writer *w, const sfms_field *f, schema_place place)
{
    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
        write_repeated(s, w, f, place);
    else
        schema_value(s, w, f, place);
    write_rule(w, f->rule);
    schema_label(w, "x-label", f->label);
}

void
schema_field(
    schemas *s, writer *w, const char *name, const sfms_message *m, const sfms_field *f, schema_use use)
{
    schema_place place = {
        .use = use,
        .required = use != SCHEMA_ANSWER && is_required(s, m, f, use),
        .nullable = is_nullable(s, m, f, use),
    };

    writer_object(w, name);
    writer_prose(w, "description", f->comment);
    write_field(s, w, f, place);
    writer_end_object(w);
}

/* ---- parameters -------------------------------------------------------------------------------------- */

/* The orders that a list takes: sortable fields by commas, each with a direction or without. */
static void
write_orders(writer *w, const sfms_message *resource)
{
    sfms_buf names;

    sfms_buf_init(&names, w->out->arena, SFMS_MESSAGE_MAX);
    for (unsigned i = 0; i < resource->n_fields; i++) {
        if (resource->fields[i].rule->sortable)
            sfms_buf_printf(&names, "%s%s", names.len > 0 ? "|" : "", resource->fields[i].json_name);
    }
    writer_text(w, "pattern",
        sfms_printf(w->out->arena, "^(%s)( (asc|desc))?(, ?(%s)( (asc|desc))?){0,%d}$", names.data,
            names.data, SFMS_ORDER_FIELDS - 1));
}

void
schema_parameter(
    schemas *s, writer *w, const char *name, const sfms_field *f, bool required, const sfms_message *listed)
{
    writer_object(w, name);
    write_field(s, w, f, (schema_place){.use = SCHEMA_REQUEST, .required = required, .argument = true});
    if (listed != NULL && strcmp(f->desc->name, "order_by") == 0)
        write_orders(w, listed);
    writer_end_object(w);
}

/* ---- messages ---------------------------------------------------------------------------------------- */

static bool
is_skipped(const char *const *skip, const char *name)
{
    for (; skip != NULL && *skip != NULL; skip++) {
        if (strcmp(*skip, name) == 0)
            return true;
    }
    return false;
}

static void
write_required(const schemas *s, writer *w, const sfms_message *m, const char *const *skip, schema_use use)
{
    bool any = false;

    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];
        if (!schema_is_there(f, use) || is_skipped(skip, f->desc->name) || !is_required(s, m, f, use))
            continue;
        if (!any)
            writer_array(w, "required");
        any = true;
        writer_text(w, NULL, f->json_name);
    }
    if (any)
        writer_end_array(w);
}

/* Labels are no "title": generators of clients name types by that. */
static void
write_resource(writer *w, const Pb__ResourceRule *rule)
{
    writer_text(w, "x-resource", rule->name);
    schema_label(w, "x-label", rule->label);
    schema_label(w, "x-plural", rule->plural);
}

void
schema_body(
    schemas *s, writer *w, const char *name, const sfms_message *m, const char *const *skip, schema_use use)
{
    writer_object(w, name);
    writer_text(w, "type", "object");
    writer_prose(w, "description", m->comment);
    if (m->resource != NULL)
        write_resource(w, m->rule);
    if (use != SCHEMA_ANSWER && use != SCHEMA_FORM) /* generators of clients do not know it of forms */
        writer_bool(w, "additionalProperties", false);
    else if (m->n_fields == 0) /* says nothing yet */
        schema_open(w);
    writer_object(w, "properties");
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];
        if (schema_is_there(f, use) && !is_skipped(skip, f->desc->name))
            schema_field(s, w, f->json_name, m, f, use);
    }
    writer_end_object(w);
    write_required(s, w, m, skip, use);
    writer_end_object(w);
}
