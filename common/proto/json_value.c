/* json_value.c -- values of any shape, and field masks. */
#include "proto/json_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "proto/number.h"

/* ---- reading ----------------------------------------------------------------------------------------- */

static const ProtobufCFieldDescriptor *
only_field(const ProtobufCMessageDescriptor *desc)
{
    return &desc->fields[0];
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
        v->string_value = value->valuestring;
    } else if (cJSON_IsNumber(value) && value->valuestring != NULL) {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
        v->string_value = value->valuestring;
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

bool
sfms_value_is_null(const Google__Protobuf__Value *value)
{
    return value == NULL || value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE ||
           value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND__NOT_SET;
}

Google__Protobuf__Struct__FieldsEntry *
sfms_struct_entry(const Google__Protobuf__Struct *object, const char *key)
{
    for (size_t i = 0; object != NULL && i < object->n_fields; i++)
        if (strcmp(object->fields[i]->key, key) == 0)
            return object->fields[i];
    return NULL;
}

void
sfms_struct_set(sfms_arena *a, Google__Protobuf__Struct *s, const char *key, const char *text)
{
    Google__Protobuf__Value *v = sfms_new(a, Google__Protobuf__Value);

    google__protobuf__value__init(v);
    v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    v->string_value = sfms_strdup(a, text);
    sfms_struct_put(a, s, key, v);
}

void
sfms_struct_put(sfms_arena *a, Google__Protobuf__Struct *s, const char *key, Google__Protobuf__Value *v)
{
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

/* Numbers of the fields in google/protobuf/struct.proto. */
enum {
    STRUCT_FIELDS = 1,
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2,
    LIST_VALUES = 1,
    VALUE_NUMBER = 2,
    VALUE_STRING = 3,
    VALUE_BOOL = 4,
    VALUE_STRUCT = 5,
    VALUE_LIST = 6,
};

static void
text_write(sfms_buf *b, sfms_packed text)
{
    sfms_buf_json(b, text.n > 0 ? (const char *)text.at : "", text.n);
}

bool
sfms_struct_write(sfms_buf *b, sfms_packed msg, int depth)
{
    sfms_packed_field entry;
    char separator = '{';

    while (sfms_packed_next(&msg, &entry)) {
        sfms_packed_field key = {0}, value = {0};

        if (entry.number != STRUCT_FIELDS)
            continue;
        (void)sfms_packed_find(entry.bytes, ENTRY_KEY, &key);
        (void)sfms_packed_find(entry.bytes, ENTRY_VALUE, &value);
        sfms_buf_char(b, separator);
        separator = ',';
        text_write(b, key.bytes);
        sfms_buf_char(b, ':');
        if (!sfms_value_write(b, value.bytes, depth))
            return false;
    }
    if (separator == '{')
        sfms_buf_char(b, '{');
    sfms_buf_char(b, '}');
    return msg.n == 0;
}

bool
sfms_list_value_write(sfms_buf *b, sfms_packed msg, int depth)
{
    sfms_packed_field value;
    bool first = true;

    sfms_buf_char(b, '[');
    while (sfms_packed_next(&msg, &value)) {
        if (value.number != LIST_VALUES)
            continue;
        if (!first)
            sfms_buf_char(b, ',');
        first = false;
        if (!sfms_value_write(b, value.bytes, depth))
            return false;
    }
    sfms_buf_char(b, ']');
    return msg.n == 0;
}

bool
sfms_value_write(sfms_buf *b, sfms_packed msg, int depth)
{
    sfms_packed_field kind = {0}, v;
    double number;

    if (depth == 0)
        return false;
    while (sfms_packed_next(&msg, &v))
        kind = v;
    switch (kind.number) {
    case VALUE_NUMBER:
        memcpy(&number, &kind.bits, sizeof number);
        sfms_number_write(b, number);
        break;
    case VALUE_STRING:
        text_write(b, kind.bytes);
        break;
    case VALUE_BOOL:
        sfms_buf_add(b, kind.bits != 0 ? "true" : "false");
        break;
    case VALUE_STRUCT:
        return sfms_struct_write(b, kind.bytes, depth - 1) && msg.n == 0;
    case VALUE_LIST:
        return sfms_list_value_write(b, kind.bytes, depth - 1) && msg.n == 0;
    default:
        sfms_buf_add(b, "null");
        break;
    }
    return msg.n == 0;
}

/* ---- field masks ------------------------------------------------------------------------------------- */

void
sfms_mask_add(sfms_arena *a, Google__Protobuf__FieldMask *mask, const char *path)
{
    char **to = sfms_field_append(a, &mask->base, only_field(mask->base.descriptor));

    *to = sfms_strdup(a, path);
}

/* proto_form answers a path with its first name in snake_case: "closeDate" as "close_date". */
static char *
proto_form(sfms_arena *a, const char *path, size_t n)
{
    char *text = sfms_alloc(a, 2 * n + 1);
    char *to = text;
    bool first = true;

    for (size_t i = 0; i < n; i++) {
        bool upper = first && path[i] >= 'A' && path[i] <= 'Z';

        first &= path[i] != '.';
        if (upper)
            *to++ = '_';
        *to++ = upper ? (char)(path[i] - 'A' + 'a') : path[i];
    }
    return text;
}

/* path_len is the length of the path that a list begins with: up to a comma or a blank that is not between backticks. */
static size_t
path_len(const char *list)
{
    bool quoted = false;
    size_t n = 0;

    for (; list[n] != '\0' && (quoted || strchr(", ", list[n]) == NULL); n++)
        if (list[n] == '`')
            quoted = !quoted;
    return n;
}

void
sfms_mask_read(sfms_arena *a, Google__Protobuf__FieldMask *mask, const char *text)
{
    for (const char *p = text; *p != '\0';) {
        p += strspn(p, ", ");
        size_t n = path_len(p);

        if (n > 0)
            sfms_mask_add(a, mask, proto_form(a, p, n));
        p += n;
    }
}

/* json_form writes a path with its first name in lowerCamelCase: "close_date" as "closeDate". */
static void
json_form(sfms_buf *b, const char *name, size_t n)
{
    size_t run = 0;

    for (size_t i = 0; i + 1 < n && name[i] != '.'; i++) {
        if (name[i] != '_' || name[i + 1] < 'a' || name[i + 1] > 'z')
            continue;
        sfms_buf_json_part(b, name + run, i - run);
        i++;
        sfms_buf_char(b, (char)(name[i] - 'a' + 'A'));
        run = i + 1;
    }
    sfms_buf_json_part(b, name + run, n - run);
}

void
sfms_mask_write(sfms_buf *b, sfms_packed mask)
{
    sfms_packed_field path;
    bool first = true;

    sfms_buf_char(b, '"');
    while (sfms_packed_next(&mask, &path)) {
        if (path.bytes.n == 0)
            continue;
        if (!first)
            sfms_buf_char(b, ',');
        first = false;
        json_form(b, (const char *)path.bytes.at, path.bytes.n);
    }
    sfms_buf_char(b, '"');
}
