/* changes.c -- from a row of the event log to the message that clients read. */
#include "changes.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/time.h"
#include "db/row.h"
#include "google/protobuf/struct.pb-c.h"
#include "proto/json.h"

static Google__Protobuf__Value *
value_new(sfms_call *call)
{
    return (Google__Protobuf__Value *)sfms_message_new(call->arena, &google__protobuf__value__descriptor);
}

static Google__Protobuf__Value *
text_value(sfms_call *call, const char *text)
{
    Google__Protobuf__Value *value = value_new(call);

    value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    value->string_value = (char *)text;
    return value;
}

/* The database writes times with its own offset and decimals; the API in one way. */
static Google__Protobuf__Value *
time_value(sfms_call *call, const char *text)
{
    char written[SFMS_MOMENT_SIZE];
    sfms_moment moment;

    if (!sfms_moment_parse(text, &moment))
        return text_value(call, text);
    sfms_moment_format(moment, written);
    return text_value(call, sfms_strdup(call->arena, written));
}

/* Lists and objects, as JSON. */
static Google__Protobuf__Value *
json_value(sfms_call *call, const char *text)
{
    const cJSON *tree = sfms_json_stored(call->arena, text, strlen(text));

    if (tree == NULL)
        return NULL;
    return (Google__Protobuf__Value *)sfms_json_read_value(
        call->arena, &google__protobuf__value__descriptor, tree);
}

static Google__Protobuf__Value *
number_value(sfms_call *call, const char *text)
{
    Google__Protobuf__Value *value = value_new(call);

    value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
    value->number_value = strtod(text, NULL);
    return value;
}

static Google__Protobuf__Value *
bool_value(sfms_call *call, const char *text)
{
    Google__Protobuf__Value *value = value_new(call);

    value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE;
    value->bool_value = text[0] == 't';
    return value;
}

/* The text of a field in an image as the API would write it; NULL if the field had no value. */
static Google__Protobuf__Value *
field_value(sfms_call *call, const sfms_field *f, const cJSON *text)
{
    if (!cJSON_IsString(text))
        return NULL;
    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
        return json_value(call, text->valuestring);
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return bool_value(call, text->valuestring);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        return number_value(call, text->valuestring);
    case PROTOBUF_C_TYPE_MESSAGE:
        return f->message->kind == SFMS_KIND_TIMESTAMP ? time_value(call, text->valuestring)
                                                       : json_value(call, text->valuestring);
    default:
        return text_value(call, text->valuestring); /* texts, enums by name, 64-bit integers */
    }
}

/* Keys as jsonb orders them. */
static int
key_order(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);

    return n != m ? (n < m ? -1 : 1) : strcmp(a, b);
}

static bool
same_value(sfms_call *call, const Google__Protobuf__Value *a, const Google__Protobuf__Value *b)
{
    size_t n = protobuf_c_message_get_packed_size(&a->base);
    uint8_t *bytes = sfms_alloc_raw(call->arena, 2 * n);

    if (protobuf_c_message_get_packed_size(&b->base) != n)
        return false;
    protobuf_c_message_pack(&a->base, bytes);
    protobuf_c_message_pack(&b->base, bytes + n);
    return memcmp(bytes, bytes + n, n) == 0;
}

static const Google__Protobuf__Struct *
object_in(const Google__Protobuf__Value *value)
{
    static const Google__Protobuf__Struct none = GOOGLE__PROTOBUF__STRUCT__INIT;

    return value != NULL && value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE
               ? value->struct_value
               : &none;
}

/* The keys of an object that are not the same before and after; both are in the order of jsonb. */
static void
fill_keys(sfms_call *call, Pb__FieldChange *change)
{
    const Google__Protobuf__Struct *a = object_in(change->before), *b = object_in(change->after);
    size_t i = 0, k = 0;

    change->keys = sfms_new_array(call->arena, const char *, a->n_fields + b->n_fields + 1);
    while (i < a->n_fields || k < b->n_fields) {
        int order = i == a->n_fields   ? 1
                    : k == b->n_fields ? -1
                                       : key_order(a->fields[i]->key, b->fields[k]->key);

        if (order != 0 || !same_value(call, a->fields[i]->value, b->fields[k]->value))
            change->keys[change->n_keys++] = order > 0 ? b->fields[k]->key : a->fields[i]->key;
        i += order <= 0;
        k += order >= 0;
    }
}

static bool
says_nothing(const sfms_field *f)
{
    return strcmp(f->desc->name, "id") == 0 || strcmp(f->desc->name, "version") == 0 ||
           strcmp(f->desc->name, "update_time") == 0;
}

/* The entry [column, before, after] of a field; NULL if it did not change. */
static const cJSON *
entry_of(const cJSON *difference, const sfms_field *f)
{
    const cJSON *entry;

    cJSON_ArrayForEach(entry, difference)
    {
        const cJSON *column = entry->child;

        if (cJSON_IsString(column) && strcmp(column->valuestring, f->desc->name) == 0)
            return entry;
    }
    return NULL;
}

/* In the order of the message's fields. */
static void
fill_changes(sfms_call *call, Pb__Event *event, const char *text)
{
    const sfms_message *m = sfms_contract_resource(call->contract, event->resource);
    const cJSON *difference = sfms_json_stored(call->arena, text, strlen(text));

    if (difference == NULL)
        sfms_log(
            SFMS_LOG_WARN, "the changes of event %s cannot be answered: %zu bytes", event->id, strlen(text));
    if (m == NULL || difference == NULL)
        return;
    event->changes = sfms_new_array(call->arena, Pb__FieldChange *, m->n_fields);
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];
        const cJSON *entry = f->rule->secret || says_nothing(f) ? NULL : entry_of(difference, f);
        Pb__FieldChange *change;

        if (entry == NULL)
            continue;
        change = (Pb__FieldChange *)sfms_message_new(call->arena, &pb__field_change__descriptor);
        change->field = f->json_name;
        change->before = field_value(call, f, cJSON_GetArrayItem(entry, 1));
        change->after = field_value(call, f, cJSON_GetArrayItem(entry, 2));
        if (f->message != NULL && f->message->kind == SFMS_KIND_STRUCT)
            fill_keys(call, change);
        event->changes[event->n_changes++] = change;
    }
}

Pb__Event *
activities_event(sfms_call *call, const PGresult *result, int r)
{
    Pb__Event *event = (Pb__Event *)sfms_message_new(call->arena, &pb__event__descriptor);
    int difference = PQfnumber(result, "difference");

    sfms_row_read(call->arena, call->contract, result, r, &event->base);
    if (!PQgetisnull(result, r, difference))
        fill_changes(call, event, PQgetvalue(result, r, difference));
    return event;
}
