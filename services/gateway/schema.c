/* schema.c -- messages as JSON Schemas (draft 2020-12, which OpenAPI 3.1 uses). */
#include "schema.h"

#include <string.h>

#include "core/limits.h"
#include "core/log.h"

static const struct {
    const char *format, *pattern;
} formats[] = {
    [PB__FORMAT__UUID] = {"uuid", NULL},
    [PB__FORMAT__DATE] = {"date", NULL},
    [PB__FORMAT__DECIMAL] = {"decimal", "^-?[0-9]{1,18}(\\.[0-9]{1,6})?$"},
    [PB__FORMAT__CURRENCY] = {"currency", "^[A-Z]{3}$"},
    [PB__FORMAT__EMAIL] = {"email", NULL},
    [PB__FORMAT__PHONE] = {"phone", NULL},
    [PB__FORMAT__URL] = {"uri", NULL},
    [PB__FORMAT__TIME_ZONE] = {"time-zone", NULL},
    [PB__FORMAT__LANGUAGE] = {"language", NULL},
    [PB__FORMAT__COUNTRY] = {"country", "^[A-Z]{2}$"},
    [PB__FORMAT__MONEY] = {"money", "^-?[0-9]{1,18}(\\.[0-9]{1,6})?$"},
};

void
schema_ref(schemas *s, writer *w, const char *name, const sfms_message *m, schema_use use)
{
    writer_object(w, name);
    writer_text(w, "$ref", schemas_address(s, m, use));
    writer_end_object(w);
}

static bool
is_required(const sfms_field *f, schema_use use)
{
    switch (use) {
    case SCHEMA_ANSWER:
        return true;
    case SCHEMA_PATCH:
        return false;
    case SCHEMA_UPSERT:
        return strcmp(f->desc->name, "external_id") == 0;
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

/* In an answer null is said where there is no value and no other way to say so; in a body it clears. */
static bool
is_nullable(const sfms_message *m, const sfms_field *f, schema_use use)
{
    if (use != SCHEMA_ANSWER)
        return !f->rule->required && !is_required(f, use);
    return f->desc->label != PROTOBUF_C_LABEL_REPEATED && !is_always_set(m, f) &&
           (f->message != NULL || f->rule->format != PB__FORMAT__FORMAT_UNSPECIFIED);
}

static void
write_type(writer *w, const char *type, bool nullable)
{
    if (!nullable) {
        writer_text(w, "type", type);
        return;
    }
    writer_array(w, "type");
    writer_text(w, NULL, type);
    writer_text(w, NULL, "null");
    writer_end_array(w);
}

static void
write_string(writer *w, const Pb__FieldRule *rule, schema_use use, bool nullable)
{
    write_type(w, "string", nullable);
    if (rule->format != PB__FORMAT__FORMAT_UNSPECIFIED) {
        writer_text(w, "format", formats[rule->format].format);
        if (formats[rule->format].pattern != NULL)
            writer_text(w, "pattern", formats[rule->format].pattern);
    } else if (use != SCHEMA_ANSWER) {
        writer_number(w, "maxLength", rule->max_length != 0 ? rule->max_length : SFMS_TEXT_DEFAULT);
        if (rule->required)
            writer_number(w, "minLength", 1);
    }
}

static void
write_number(writer *w, const char *type, const char *format, const Pb__FieldRule *rule, bool nullable)
{
    write_type(w, type, nullable);
    writer_text(w, "format", format);
    if (rule->min == 0 && rule->max == 0)
        return;
    writer_number(w, "minimum", rule->min);
    writer_number(w, "maximum", rule->max);
}

static void
write_reference(writer *w, const char *ref, bool nullable)
{
    if (!nullable) {
        writer_text(w, "$ref", ref);
        return;
    }
    writer_array(w, "anyOf");
    writer_object(w, NULL);
    writer_text(w, "$ref", ref);
    writer_end_object(w);
    writer_object(w, NULL);
    writer_text(w, "type", "null");
    writer_end_object(w);
    writer_end_array(w);
}

static void write_value(schemas *s, writer *w, const sfms_field *f, schema_use use, bool nullable);

static void
write_message(schemas *s, writer *w, const sfms_message *m, schema_use use, bool nullable)
{
    switch (m->kind) {
    case SFMS_KIND_TIMESTAMP:
        write_type(w, "string", nullable);
        writer_text(w, "format", "date-time");
        return;
    case SFMS_KIND_FIELD_MASK:
        write_type(w, "string", nullable);
        writer_text(w, "format", "field-mask");
        return;
    case SFMS_KIND_STRUCT:
    case SFMS_KIND_EMPTY:
        write_type(w, "object", nullable);
        return;
    case SFMS_KIND_LIST_VALUE:
        write_type(w, "array", nullable);
        return;
    case SFMS_KIND_RAW:
        writer_text(w, "type", "string");
        writer_text(w, "contentMediaType", "application/octet-stream");
        return;
    case SFMS_KIND_WRAPPER:
        write_value(s, w, &m->fields[0], use, nullable);
        return;
    case SFMS_KIND_VALUE:
        return; /* anything */
    case SFMS_KIND_MAP_ENTRY:
        SFMS_WRONG("an entry of a map outside of its map");
    case SFMS_KIND_PLAIN:
        break;
    }
    write_reference(w, schemas_address(s, m, schema_use_inside(use)), nullable);
}

/* The members of the schema of one value of a field. */
static void
write_value(schemas *s, writer *w, const sfms_field *f, schema_use use, bool nullable)
{
    const Pb__FieldRule *rule = f->rule;

    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        write_string(w, rule, use, nullable);
        return;
    case PROTOBUF_C_TYPE_BYTES:
        write_type(w, "string", nullable);
        writer_text(w, "contentEncoding", "base64");
        return;
    case PROTOBUF_C_TYPE_BOOL:
        write_type(w, "boolean", nullable);
        return;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        write_number(w, "number", "double", rule, nullable);
        return;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        write_type(w, "string", nullable);
        writer_text(w, "format", "int64");
        return;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        write_type(w, "string", nullable);
        writer_text(w, "format", "uint64");
        return;
    case PROTOBUF_C_TYPE_ENUM:
        write_reference(w, schemas_address(s, f->desc->descriptor, SCHEMA_ANSWER), nullable);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        write_message(s, w, f->message, use, nullable);
        return;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        write_number(w, "integer", "uint32", rule, nullable);
        return;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        write_number(w, "integer", "int32", rule, nullable);
        return;
    }
}

static void
write_repeated(schemas *s, writer *w, const sfms_field *f, schema_use use, bool nullable)
{
    if (f->desc->type == PROTOBUF_C_TYPE_MESSAGE && f->message->kind == SFMS_KIND_MAP_ENTRY) {
        write_type(w, "object", nullable);
        writer_object(w, "additionalProperties");
        write_value(s, w, sfms_message_field(f->message, "value", 5), use, false);
        writer_end_object(w);
        return;
    }
    write_type(w, "array", nullable);
    writer_object(w, "items");
    write_value(s, w, f, use, false);
    writer_end_object(w);
    if (use != SCHEMA_ANSWER)
        writer_number(w, "maxItems", f->rule->max_items != 0 ? f->rule->max_items : SFMS_ITEMS_DEFAULT);
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
    if (rule->references[0] != '\0')
        writer_text(w, "x-references", rule->references);
}

/* The members of a field's schema. */
static void
write_field(schemas *s, writer *w, const sfms_field *f, schema_use use, bool nullable)
{
    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
        write_repeated(s, w, f, use, nullable);
    else
        write_value(s, w, f, use, nullable);
    write_rule(w, f->rule);
}

void
schema_parameter(schemas *s, writer *w, const char *name, const sfms_field *f)
{
    writer_object(w, name);
    write_field(s, w, f, SCHEMA_REQUEST, false);
    writer_end_object(w);
}

void
schema_field(
    schemas *s, writer *w, const char *name, const sfms_message *m, const sfms_field *f, schema_use use)
{
    writer_object(w, name);
    writer_prose(w, "description", f->comment);
    write_field(s, w, f, use, is_nullable(m, f, use));
    writer_end_object(w);
}

static bool
is_skipped(const char *const *skip, const char *name)
{
    for (; skip != NULL && *skip != NULL; skip++) {
        if (strcmp(*skip, name) == 0)
            return true;
    }
    return false;
}

void
schema_body(
    schemas *s, writer *w, const char *name, const sfms_message *m, const char *const *skip, schema_use use)
{
    bool any = false;

    writer_object(w, name);
    writer_text(w, "type", "object");
    writer_prose(w, "description", m->comment);
    if (m->resource != NULL)
        writer_text(w, "x-resource", m->resource);
    if (use != SCHEMA_ANSWER)
        writer_bool(w, "additionalProperties", false);
    writer_object(w, "properties");
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];
        if (schema_is_there(f, use) && !is_skipped(skip, f->desc->name))
            schema_field(s, w, f->json_name, m, f, use);
    }
    writer_end_object(w);
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];
        if (!schema_is_there(f, use) || is_skipped(skip, f->desc->name) || !is_required(f, use))
            continue;
        if (!any)
            writer_array(w, "required");
        any = true;
        writer_text(w, NULL, f->json_name);
    }
    if (any)
        writer_end_array(w);
    writer_end_object(w);
}
