/* schema_value.c -- the schema of one value. */
#include "schema_value.h"

#include <string.h>

#include "core/limits.h"
#include "core/log.h"

/* Formats that JSON Schema knows stand in "format". Others do not: generators of clients take what they do not know for
 * a number ("decimal") or refuse it. What is answered has been brought to its form already. */
static const struct {
    const char *format, *own, *given, *answered, *example;
} formats[] = {
    [PB__FORMAT__UUID] = {"uuid", NULL, NULL, NULL, "01900a6e-7c1b-7d6e-9a43-3f1c5d2e8b07"},
    [PB__FORMAT__DATE] = {"date", NULL, NULL, NULL, "2026-11-23"},
    [PB__FORMAT__DECIMAL] = {NULL, "decimal", "^-?[0-9]{1,18}(\\.[0-9]{1,6})?$", "^-?[0-9]+(\\.[0-9]+)?$",
        "12.5"},
    [PB__FORMAT__MONEY] = {NULL, "money", "^-?[0-9]{1,18}(\\.[0-9]{1,6})?$", "^-?[0-9]+(\\.[0-9]+)?$",
        "125000"},
    [PB__FORMAT__CURRENCY] = {NULL, "currency", "^[A-Za-z]{3}$", "^[A-Z]{3}$", "CNY"},
    [PB__FORMAT__EMAIL] = {"idn-email", NULL, NULL, NULL, "lin.yue@example.com"},
    [PB__FORMAT__PHONE] = {NULL, "phone", NULL, NULL, "+861065529988"},
    [PB__FORMAT__URL] = {"iri", NULL, "^[Hh][Tt][Tt][Pp][Ss]?://", "^[Hh][Tt][Tt][Pp][Ss]?://",
        "https://www.example.com"},
    [PB__FORMAT__TIME_ZONE] = {NULL, "time-zone", NULL, NULL, "Asia/Shanghai"},
    [PB__FORMAT__LANGUAGE] = {NULL, "language", NULL, NULL, "zh-CN"},
    [PB__FORMAT__COUNTRY] = {NULL, "country", "^[A-Za-z]{2}$", "^[A-Z]{2}$", "CN"},
    [PB__FORMAT__TIME_OF_DAY] = {NULL, "time-of-day", "^([01][0-9]|2[0-3]):[0-5][0-9]$",
        "^([01][0-9]|2[0-3]):[0-5][0-9]$", "14:30"},
    [PB__FORMAT__PERMISSION] = {NULL, "permission", NULL, NULL, "deals.write"},
};

void
schema_type(writer *w, const char *type, bool nullable)
{
    if (!nullable || w->v30) {
        writer_text(w, "type", type);
        if (nullable)
            writer_bool(w, "nullable", true);
        return;
    }
    writer_array(w, "type");
    writer_text(w, NULL, type);
    writer_text(w, NULL, "null");
    writer_end_array(w);
}

void
schema_open(writer *w)
{
    writer_bool(w, "additionalProperties", true);
}

/* ---- examples ---------------------------------------------------------------------------------------- */

static void
write_example(writer *w, const char *text)
{
    if (text == NULL)
        return;
    if (w->v30) {
        writer_text(w, "example", text);
        return;
    }
    writer_array(w, "examples");
    writer_text(w, NULL, text);
    writer_end_array(w);
}

/* What a comment quotes after "e.g."; NULL if it quotes nothing. */
static const char *
quoted(sfms_arena *a, const char *comment)
{
    const char *from = strstr(comment, "e.g. \"");

    if (from == NULL)
        return NULL;
    from += strlen("e.g. \"");
    return sfms_strndup(a, from, strcspn(from, "\""));
}

/* "Display name" for display_name. */
static const char *
words_of(sfms_arena *a, const char *name)
{
    char *words = sfms_strdup(a, name);

    for (char *p = words; *p != '\0'; p++)
        if (*p == '_')
            *p = ' ';
    if (words[0] >= 'a' && words[0] <= 'z')
        words[0] = (char)(words[0] - 'a' + 'A');
    return words;
}

/* An example for a text without a format. A page that comes from examples is the last one. */
static const char *
text_example(sfms_arena *a, const sfms_field *f, schema_place place)
{
    const Pb__FieldRule *rule = f->rule;

    if (rule->example[0] != '\0')
        return rule->example;
    if (rule->n_one_of > 0)
        return rule->one_of[0];
    const char *text = quoted(a, f->comment);
    if (text != NULL || place.argument)
        return text;
    return strcmp(f->desc->name, "next_page_token") == 0 ? "" : words_of(a, f->desc->name);
}

/* ---- texts and numbers ------------------------------------------------------------------------------- */

static void
write_words(schemas *s, writer *w, const Pb__FieldRule *rule)
{
    if (rule->collection != PB__VERB__VERB_UNSPECIFIED) {
        schemas_collections(s, w, "enum", rule->collection);
        return;
    }
    writer_array(w, "enum");
    for (size_t i = 0; i < rule->n_one_of; i++)
        writer_text(w, NULL, rule->one_of[i]);
    writer_end_array(w);
}

static void
write_length(writer *w, const Pb__FieldRule *rule, schema_place place)
{
    if (place.required)
        writer_number(w, "minLength", 1);
    writer_number(w, "maxLength", rule->max_length != 0 ? rule->max_length : SFMS_TEXT_DEFAULT);
}

static void
write_string(schemas *s, writer *w, const sfms_field *f, schema_place place)
{
    const Pb__FieldRule *rule = f->rule;
    bool given = place.use != SCHEMA_ANSWER;
    bool words = given && (rule->n_one_of > 0 || rule->collection != PB__VERB__VERB_UNSPECIFIED);

    schema_type(w, "string", place.nullable && !words);
    if (rule->format != PB__FORMAT__FORMAT_UNSPECIFIED) {
        const char *pattern = given ? formats[rule->format].given : formats[rule->format].answered;
        if (formats[rule->format].format != NULL)
            writer_text(w, "format", formats[rule->format].format);
        else
            writer_text(w, "x-format", formats[rule->format].own);
        if (pattern != NULL)
            writer_text(w, "pattern", pattern);
        bool of_one_length = rule->format == PB__FORMAT__UUID || rule->format == PB__FORMAT__DATE;
        if (given && !of_one_length)
            write_length(w, rule, place);
        write_example(w, formats[rule->format].example);
        return;
    }
    if (words)
        write_words(s, w, rule);
    else if (given)
        write_length(w, rule, place);
    write_example(w, text_example(w->out->arena, f, place));
}

static void
write_number(writer *w, const char *type, const char *format, const Pb__FieldRule *rule, bool nullable)
{
    schema_type(w, type, nullable);
    writer_text(w, "format", format);
    if (rule->min == 0 && rule->max == 0)
        return;
    writer_number(w, "minimum", rule->min);
    writer_number(w, "maximum", rule->max);
}

/* A number of 64 bits is a text, as JavaScript's numbers have 53. */
static void
write_long(writer *w, bool has_sign, bool nullable)
{
    schema_type(w, "string", nullable);
    writer_text(w, "format", has_sign ? "int64" : "uint64");
    write_example(w, "3");
}

/* ---- messages ---------------------------------------------------------------------------------------- */

/* type is that of what ref points to: in 3.0 null is one of the values of a type that is named beside it. */
static void
write_reference(writer *w, const char *type, const char *ref, bool nullable)
{
    if (!nullable && !w->v30) {
        writer_text(w, "$ref", ref);
        return;
    }
    if (nullable && w->v30)
        schema_type(w, type, true);
    writer_array(w, w->v30 ? "allOf" : "anyOf"); /* in 3.0 nothing may stand beside a $ref */
    writer_object(w, NULL);
    writer_text(w, "$ref", ref);
    writer_end_object(w);
    if (!w->v30) {
        writer_object(w, NULL);
        writer_text(w, "type", "null");
        writer_end_object(w);
    }
    writer_end_array(w);
}

static void
write_open_object(writer *w, bool nullable)
{
    schema_type(w, "object", nullable);
    schema_open(w);
}

static void
write_message(schemas *s, writer *w, const sfms_field *f, schema_place place)
{
    const sfms_message *m = f->message;

    switch (m->kind) {
    case SFMS_KIND_TIMESTAMP:
        schema_type(w, "string", place.nullable);
        writer_text(w, "format", "date-time");
        write_example(w, "2026-11-23T09:30:00Z");
        return;
    case SFMS_KIND_FIELD_MASK:
        schema_type(w, "string", place.nullable);
        writer_text(w, "x-format", "field-mask");
        write_example(w, "id,version");
        return;
    case SFMS_KIND_STRUCT:
    case SFMS_KIND_EMPTY:
        write_open_object(w, place.nullable);
        return;
    case SFMS_KIND_LIST_VALUE:
        schema_type(w, "array", place.nullable);
        writer_object(w, "items");
        writer_end_object(w);
        return;
    case SFMS_KIND_RAW:
        writer_text(w, "type", "string");
        writer_text(w, "format", "binary");
        return;
    case SFMS_KIND_WRAPPER:
        schema_value(s, w, &m->fields[0], place);
        return;
    case SFMS_KIND_VALUE:
        return; /* anything */
    case SFMS_KIND_MAP_ENTRY:
        SFMS_WRONG("an entry of a map outside of its map");
    case SFMS_KIND_PLAIN:
        break;
    }
    write_reference(w, "object", schemas_address(s, m, schema_use_of(f, place.use)), place.nullable);
}

void
schema_value(schemas *s, writer *w, const sfms_field *f, schema_place place)
{
    const Pb__FieldRule *rule = f->rule;

    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        write_string(s, w, f, place);
        return;
    case PROTOBUF_C_TYPE_BYTES:
        schema_type(w, "string", place.nullable);
        if (w->v30)
            writer_text(w, "format", "byte");
        else
            writer_text(w, "contentEncoding", "base64");
        return;
    case PROTOBUF_C_TYPE_BOOL:
        schema_type(w, "boolean", place.nullable);
        return;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        write_number(w, "number", "double", rule, place.nullable);
        return;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        write_long(w, true, place.nullable);
        return;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        write_long(w, false, place.nullable);
        return;
    case PROTOBUF_C_TYPE_ENUM:
        write_reference(w, "string", schemas_address(s, f->desc->descriptor, schema_use_inside(place.use)),
            place.nullable);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        write_message(s, w, f, place);
        return;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        write_number(w, "integer", "uint32", rule, place.nullable);
        return;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        write_number(w, "integer", "int32", rule, place.nullable);
        return;
    }
}
