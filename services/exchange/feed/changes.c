/* changes.c -- from a row of the event log to the message that clients read. */
#include "changes.h"

#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "db/row.h"
#include "google/protobuf/struct.pb-c.h"
#include "proto/json.h"
#include "proto/place.h"

/* The place in an entry of the difference: [column, before, after]. */
enum { BEFORE = 1, AFTER = 2 };

/* The record as GET would answer it, of what the difference has of it: an object of all fields, in the order of the message. */
static const cJSON *
as_answered(sfms_call *call, const sfms_message *m, const cJSON *difference, int place)
{
    const cJSON *entry;
    sfms_buf row, json;

    sfms_buf_init(&row, call->arena, SFMS_ROW_MAX);
    sfms_buf_init(&json, call->arena, SFMS_ROW_MAX);
    cJSON_ArrayForEach(entry, difference)
    {
        const char *column = cJSON_GetArrayItem(entry, 0)->valuestring;
        const cJSON *text = cJSON_GetArrayItem(entry, place);
        const sfms_field *f = sfms_message_field(m, column, strlen(column));

        if (f != NULL && cJSON_IsString(text))
            sfms_image_pack(&row, call->contract, f, text->valuestring);
    }
    if (!sfms_json_write_packed(&json, m, (sfms_packed){(const uint8_t *)row.data, row.len}, NULL))
        return NULL;
    return sfms_json_stored(call->arena, json.data, json.len);
}

static Google__Protobuf__Value *
value_of(sfms_call *call, const cJSON *record, const sfms_field *f)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(record, f->json_name);

    return member == NULL ? NULL
                          : (Google__Protobuf__Value *)sfms_json_read_value(
                                call->arena, &google__protobuf__value__descriptor, member);
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
list_changes(sfms_call *call, Pb__Event *event, const sfms_message *m, const cJSON *difference)
{
    const cJSON *before = as_answered(call, m, difference, BEFORE);
    const cJSON *after = as_answered(call, m, difference, AFTER);

    event->changes = sfms_new_array(call->arena, Pb__FieldChange *, m->n_fields);
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];
        const cJSON *entry =
            f->rule->secret || says_nothing(f) || sfms_field_hidden(call, f) ? NULL : entry_of(difference, f);
        Pb__FieldChange *change;

        if (entry == NULL)
            continue;
        change = (Pb__FieldChange *)sfms_message_new(call->arena, &pb__field_change__descriptor);
        change->field = f->json_name;
        if (cJSON_IsString(cJSON_GetArrayItem(entry, BEFORE)))
            change->before = value_of(call, before, f);
        change->after = value_of(call, after, f);
        if (f->message != NULL && f->message->kind == SFMS_KIND_STRUCT)
            fill_keys(call, change);
        event->changes[event->n_changes++] = change;
    }
}

static void
fill_changes(sfms_call *call, Pb__Event *event, const char *text)
{
    const sfms_message *m = sfms_contract_resource(call->contract, event->resource);
    const cJSON *difference = sfms_json_stored(call->arena, text, strlen(text));

    if (m != NULL && difference != NULL)
        list_changes(call, event, m, difference);
    else
        sfms_log(
            SFMS_LOG_WARN, "the changes of event %s cannot be answered: %zu bytes", event->id, strlen(text));
}

Pb__Event *
exchange_event(sfms_call *call, const PGresult *result, int r)
{
    Pb__Event *event = (Pb__Event *)sfms_message_new(call->arena, &pb__event__descriptor);
    int difference = PQfnumber(result, "difference");

    sfms_row_read(call->arena, call->contract, result, r, &event->base);
    if (!PQgetisnull(result, r, difference))
        fill_changes(call, event, PQgetvalue(result, r, difference));
    return event;
}
