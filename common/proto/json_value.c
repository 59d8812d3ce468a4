/* json_value.c -- values of any shape, and field masks. */
#include "proto/json_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"

/* ---- reading ----------------------------------------------------------------------------------------- */

static const ProtobufCFieldDescriptor *
only_field(const ProtobufCMessageDescriptor *desc)
{
    return &desc->fields[0];
}

/* The messages of struct.proto were generated with writable strings; what is read is not written to. */
static char *
text_of(const cJSON *value)
{
    return value->valuestring[0] != '\0' ? value->valuestring : (char *)(uintptr_t)protobuf_c_empty_string;
}

static Google__Protobuf__Value *value_read(sfms_arena *a, const cJSON *value);

static Google__Protobuf__Struct *
struct_read(sfms_arena *a, const cJSON *object)
{
    Google__Protobuf__Struct *s = sfms_new(a, Google__Protobuf__Struct);

    google__protobuf__struct__init(s);
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        Google__Protobuf__Struct__FieldsEntry *entry = sfms_new(a, Google__Protobuf__Struct__FieldsEntry);

        google__protobuf__struct__fields_entry__init(entry);
        entry->key = item->string;
        entry->value = value_read(a, item);
        *(void **)sfms_field_append(a, &s->base, only_field(s->base.descriptor)) = entry;
    }
    return s;
}

static Google__Protobuf__ListValue *
list_read(sfms_arena *a, const cJSON *array)
{
    Google__Protobuf__ListValue *l = sfms_new(a, Google__Protobuf__ListValue);

    google__protobuf__list_value__init(l);
    for (const cJSON *item = array->child; item != NULL; item = item->next)
        *(void **)sfms_field_append(a, &l->base, only_field(l->base.descriptor)) = value_read(a, item);
    return l;
}

static Google__Protobuf__Value *
value_read(sfms_arena *a, const cJSON *value)
{
    Google__Protobuf__Value *v = sfms_new(a, Google__Protobuf__Value);

    google__protobuf__value__init(v);
    if (cJSON_IsObject(value)) {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE;
        v->struct_value = struct_read(a, value);
    } else if (cJSON_IsArray(value)) {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE;
        v->list_value = list_read(a, value);
    } else if (cJSON_IsString(value)) {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
        v->string_value = text_of(value);
    } else if (cJSON_IsNumber(value)) {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
        v->number_value = value->valuedouble;
    } else if (cJSON_IsBool(value)) {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE;
        v->bool_value = cJSON_IsTrue(value);
    } else {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
    }
    return v;
}

ProtobufCMessage *
sfms_json_read_value(sfms_arena *a, const ProtobufCMessageDescriptor *desc, const cJSON *value)
{
    if (desc == &google__protobuf__value__descriptor)
        return &value_read(a, value)->base;
    if (desc == &google__protobuf__struct__descriptor && cJSON_IsObject(value))
        return &struct_read(a, value)->base;
    if (desc == &google__protobuf__list_value__descriptor && cJSON_IsArray(value))
        return &list_read(a, value)->base;
    return NULL;
}

void
sfms_struct_set(sfms_arena *a, Google__Protobuf__Struct *s, const char *key, const char *text)
{
    Google__Protobuf__Value *v = sfms_new(a, Google__Protobuf__Value);

    google__protobuf__value__init(v);
    v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    v->string_value = sfms_strdup(a, text);
    for (size_t i = 0; i < s->n_fields; i++) {
        if (strcmp(s->fields[i]->key, key) != 0)
            continue;
        s->fields[i]->value = v;
        return;
    }

    Google__Protobuf__Struct__FieldsEntry *entry = sfms_new(a, Google__Protobuf__Struct__FieldsEntry);
    google__protobuf__struct__fields_entry__init(entry);
    entry->key = sfms_strdup(a, key);
    entry->value = v;
    *(void **)sfms_field_append(a, &s->base, only_field(s->base.descriptor)) = entry;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

void
sfms_double_write(sfms_buf *b, double number)
{
    char text[32];

    if (isnan(number) || isinf(number)) {
        sfms_buf_add(b, isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    if (number == floor(number) && fabs(number) < 1e15) {
        sfms_buf_int(b, (int64_t)number);
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    sfms_buf_add(b, text);
}

void
sfms_struct_write(sfms_buf *b, const Google__Protobuf__Struct *s)
{
    sfms_buf_char(b, '{');
    for (size_t i = 0; i < s->n_fields; i++) {
        if (i > 0)
            sfms_buf_char(b, ',');
        sfms_buf_json(b, s->fields[i]->key, strlen(s->fields[i]->key));
        sfms_buf_char(b, ':');
        sfms_value_write(b, s->fields[i]->value);
    }
    sfms_buf_char(b, '}');
}

void
sfms_list_value_write(sfms_buf *b, const Google__Protobuf__ListValue *l)
{
    sfms_buf_char(b, '[');
    for (size_t i = 0; i < l->n_values; i++) {
        if (i > 0)
            sfms_buf_char(b, ',');
        sfms_value_write(b, l->values[i]);
    }
    sfms_buf_char(b, ']');
}

void
sfms_value_write(sfms_buf *b, const Google__Protobuf__Value *v)
{
    switch (v != NULL ? (int)v->kind_case : 0) {
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
        sfms_double_write(b, v->number_value);
        return;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
        sfms_buf_json(b, v->string_value, strlen(v->string_value));
        return;
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
        sfms_buf_add(b, v->bool_value ? "true" : "false");
        return;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
        sfms_struct_write(b, v->struct_value);
        return;
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
        sfms_list_value_write(b, v->list_value);
        return;
    default:
        sfms_buf_add(b, "null");
        return;
    }
}

/* ---- field masks ------------------------------------------------------------------------------------- */

void
sfms_mask_add(sfms_arena *a, Google__Protobuf__FieldMask *mask, const char *path)
{
    char **to = sfms_field_append(a, &mask->base, only_field(mask->base.descriptor));

    *to = sfms_strdup(a, path);
}

/* proto_form answers a name in snake_case: "closeDate" as "close_date". */
static char *
proto_form(sfms_arena *a, const char *name, size_t n)
{
    char *text = sfms_alloc(a, 2 * n + 1);
    char *to = text;

    for (size_t i = 0; i < n; i++) {
        bool upper = name[i] >= 'A' && name[i] <= 'Z';

        if (upper)
            *to++ = '_';
        *to++ = upper ? (char)(name[i] - 'A' + 'a') : name[i];
    }
    return text;
}

void
sfms_mask_read(sfms_arena *a, Google__Protobuf__FieldMask *mask, const char *text)
{
    for (const char *p = text; *p != '\0';) {
        p += strspn(p, ", ");
        size_t n = strcspn(p, ", ");

        if (n > 0)
            sfms_mask_add(a, mask, proto_form(a, p, n));
        p += n;
    }
}

/* json_form writes a name in lowerCamelCase: "close_date" as "closeDate". */
static void
json_form(sfms_buf *b, const char *name)
{
    const char *run = name;
    const char *p = name;

    for (; *p != '\0'; p++) {
        if (p[0] != '_' || p[1] < 'a' || p[1] > 'z')
            continue;
        sfms_buf_json_part(b, run, (size_t)(p - run));
        p++;
        sfms_buf_char(b, (char)(*p - 'a' + 'A'));
        run = p + 1;
    }
    sfms_buf_json_part(b, run, (size_t)(p - run));
}

void
sfms_mask_write(sfms_buf *b, const Google__Protobuf__FieldMask *mask)
{
    sfms_buf_char(b, '"');
    for (size_t i = 0; i < mask->n_paths; i++) {
        if (i > 0)
            sfms_buf_char(b, ',');
        json_form(b, mask->paths[i]);
    }
    sfms_buf_char(b, '"');
}
