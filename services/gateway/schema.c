/* schema.c -- messages as JSON Schemas (draft 2020-12, which OpenAPI 3.1 uses). */
#include "schema.h"

#include <string.h>

#include "core/limits.h"
#include "core/log.h"

typedef struct entry {
    const sfms_message *message;          /* or */
    const ProtobufCEnumDescriptor *enum_; /* one of the two */
    const char *name;
    unsigned uses;
    struct entry *next;
} entry;

struct schemas {
    sfms_arena *arena;
    entry *first, **end;
};

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
};

/* ---- collecting -------------------------------------------------------------------------------------- */

schemas *
schemas_new(sfms_arena *a)
{
    schemas *s = sfms_new(a, schemas);

    s->arena = a;
    s->end = &s->first;
    return s;
}

static entry *
find(const schemas *s, const void *thing)
{
    for (entry *e = s->first; e != NULL; e = e->next) {
        if (e->message == thing || e->enum_ == thing)
            return e;
    }
    return NULL;
}

/* "sfms.pipeline.v1.Deal" is Deal; PipelineDeal if the name is taken. */
static const char *
free_name(const schemas *s, const char *full, const char *short_name)
{
    bool taken = false;

    for (const entry *e = s->first; e != NULL && !taken; e = e->next)
        taken = strcmp(e->name, short_name) == 0;
    const char *word = strchr(full, '.');
    if (!taken || word == NULL)
        return short_name;
    size_t n = strcspn(word + 1, ".");
    char *name = sfms_printf(s->arena, "%.*s%s", (int)n, word + 1, short_name);
    if (name[0] >= 'a' && name[0] <= 'z')
        name[0] = (char)(name[0] - 'a' + 'A');
    return name;
}

/* Direction of the message PhoneCall is PhoneCallDirection: a name that says nothing without its message. */
static const char *
name_of_enum(sfms_arena *a, const ProtobufCEnumDescriptor *d)
{
    size_t n = strlen(d->name) - strlen(d->short_name) - 1; /* up to the last dot */
    size_t from = n;

    while (from > 0 && d->name[from - 1] != '.')
        from--;
    bool nested = d->name[from] >= 'A' && d->name[from] <= 'Z';
    return nested ? sfms_printf(a, "%.*s%s", (int)(n - from), d->name + from, d->short_name) : d->short_name;
}

static entry *
append(schemas *s, const char *full, const char *short_name)
{
    entry *e = sfms_new(s->arena, entry);

    e->name = free_name(s, full, short_name);
    *s->end = e;
    s->end = &e->next;
    return e;
}

void
schemas_add_enum(schemas *s, const ProtobufCEnumDescriptor *d)
{
    if (find(s, d) == NULL)
        append(s, d->name, name_of_enum(s->arena, d))->enum_ = d;
}

/* What is inside of a partial update is given whole. */
static schema_use
use_inside(schema_use use)
{
    return use == SCHEMA_ANSWER ? SCHEMA_ANSWER : SCHEMA_REQUEST;
}

/* True if the field can be there at all. */
static bool
is_there(const sfms_field *f, schema_use use)
{
    if (use == SCHEMA_ANSWER)
        return !f->rule->secret;
    return !f->rule->output_only && !(use == SCHEMA_PATCH && f->rule->immutable);
}

static void
add_fields(schemas *s, const sfms_message *m, schema_use use)
{
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];
        if (!is_there(f, use))
            continue;
        if (f->desc->type == PROTOBUF_C_TYPE_ENUM)
            schemas_add_enum(s, f->desc->descriptor);
        else if (f->message != NULL)
            schemas_add(s, f->message, use_inside(use));
    }
}

void
schemas_add(schemas *s, const sfms_message *m, schema_use use)
{
    if (m->kind == SFMS_KIND_MAP_ENTRY) {
        add_fields(s, m, use);
        return;
    }
    if (m->kind != SFMS_KIND_PLAIN)
        return;
    entry *e = find(s, m);
    if (e == NULL) {
        e = append(s, m->desc->name, m->desc->short_name);
        e->message = m;
    }
    if ((e->uses & use) != 0)
        return;
    e->uses |= use;
    add_fields(s, m, use);
}

/* ---- writing ----------------------------------------------------------------------------------------- */

/* Deal is what is answered; DealInput, DealPatch and DealUpsert are what is sent. A message that only requests hold
 * needs no such distinction. */
static const char *
name_for(const schemas *s, const entry *e, schema_use use)
{
    const char *suffix = "";

    if (use == SCHEMA_PATCH)
        suffix = "Patch";
    else if (use == SCHEMA_UPSERT)
        suffix = "Upsert";
    else if (use == SCHEMA_REQUEST && (e->uses & SCHEMA_ANSWER) != 0)
        suffix = "Input";
    return suffix[0] == '\0' ? e->name : sfms_printf(s->arena, "%s%s", e->name, suffix);
}

static const char *
ref_to(const schemas *s, const entry *e, schema_use use)
{
    return sfms_printf(s->arena, "#/components/schemas/%s", name_for(s, e, use));
}

void
schema_ref(schemas *s, writer *w, const char *name, const sfms_message *m, schema_use use)
{
    writer_object(w, name);
    writer_text(w, "$ref", ref_to(s, find(s, m), use));
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
    case SFMS_KIND_VALUE:
        return; /* anything */
    case SFMS_KIND_MAP_ENTRY:
        SFMS_WRONG("an entry of a map outside of its map");
    case SFMS_KIND_PLAIN:
        break;
    }
    write_reference(w, ref_to(s, find(s, m), use_inside(use)), nullable);
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
        write_reference(w, ref_to(s, find(s, f->desc->descriptor), SCHEMA_ANSWER), nullable);
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
    if (f->message != NULL && f->message->kind == SFMS_KIND_MAP_ENTRY) {
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
        if (is_there(f, use) && !is_skipped(skip, f->desc->name))
            schema_field(s, w, f->json_name, m, f, use);
    }
    writer_end_object(w);
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];
        if (!is_there(f, use) || is_skipped(skip, f->desc->name) || !is_required(f, use))
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

static void
write_enum(writer *w, const char *name, const ProtobufCEnumDescriptor *d)
{
    writer_object(w, name);
    writer_text(w, "type", "string");
    writer_array(w, "enum");
    for (unsigned i = 0; i < d->n_values; i++)
        writer_text(w, NULL, d->values[i].name);
    writer_end_array(w);
    writer_end_object(w);
}

void
schemas_write(schemas *s, writer *w)
{
    static const schema_use uses[] = {SCHEMA_ANSWER, SCHEMA_REQUEST, SCHEMA_PATCH, SCHEMA_UPSERT};

    for (const entry *e = s->first; e != NULL; e = e->next) {
        if (e->enum_ != NULL)
            write_enum(w, e->name, e->enum_);
        for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
            if ((e->uses & uses[i]) != 0)
                schema_body(s, w, name_for(s, e, uses[i]), e->message, NULL, uses[i]);
        }
    }
}
