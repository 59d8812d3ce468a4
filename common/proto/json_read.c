/* json_read.c -- a cJSON tree to a message. */
#include <string.h>

#include "core/limits.h"
#include "core/time.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/json.h"
#include "proto/json_value.h"
#include "proto/path.h"
#include "proto/scalar.h"

typedef struct {
    sfms_call *call;
    bool ok;
} reader;

static void read_object(reader *r, const sfms_message *m, const cJSON *object, const sfms_path *path,
    ProtobufCMessage *msg, Google__Protobuf__FieldMask *mask);

static void
wrong_type(reader *r, sfms_type type, const sfms_path *path)
{
    sfms_type_wrong(r->call, type, sfms_path_text(r->call->arena, path));
    r->ok = false;
}

static void
refuse(reader *r, const sfms_reason *reason, const sfms_path *path)
{
    sfms_violate(r->call, sfms_path_text(r->call->arena, path), reason);
    r->ok = false;
}

static bool
is_floating(const sfms_field *f)
{
    return f->desc->type == PROTOBUF_C_TYPE_DOUBLE || f->desc->type == PROTOBUF_C_TYPE_FLOAT;
}

static bool
scalar_fits(reader *r, const sfms_field *f, const cJSON *value, void *at)
{
    if (cJSON_IsNumber(value) && value->valuestring != NULL && !is_floating(f))
        return false; /* another number than was sent */
    if (cJSON_IsNumber(value))
        return sfms_scalar_number(r->call->arena, f, value->valuedouble, at);
    if (cJSON_IsBool(value) && f->desc->type == PROTOBUF_C_TYPE_BOOL) {
        *(protobuf_c_boolean *)at = cJSON_IsTrue(value);
        return true;
    }
    if (!cJSON_IsString(value))
        return false;
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return sfms_scalar_text(r->call->arena, f, value->valuestring, at);
    default:
        return false;
    }
}

static ProtobufCMessage *
read_time(reader *r, const cJSON *value, const sfms_path *path)
{
    sfms_moment moment;

    if (!cJSON_IsString(value) || !sfms_moment_parse(value->valuestring, &moment)) {
        wrong_type(r, SFMS_TYPE_TIME, path);
        return NULL;
    }
    Google__Protobuf__Timestamp *t = sfms_new(r->call->arena, Google__Protobuf__Timestamp);
    google__protobuf__timestamp__init(t);
    t->seconds = moment.seconds;
    t->nanos = moment.nanos;
    return &t->base;
}

static ProtobufCMessage *
read_mask(reader *r, const cJSON *value, const sfms_path *path)
{
    if (!cJSON_IsString(value)) {
        wrong_type(r, SFMS_TYPE_MASK, path);
        return NULL;
    }
    Google__Protobuf__FieldMask *mask = sfms_new(r->call->arena, Google__Protobuf__FieldMask);
    google__protobuf__field_mask__init(mask);
    sfms_mask_read(r->call->arena, mask, value->valuestring);
    return &mask->base;
}

/* refuse_odd refuses the numbers in a value of any shape that a double does not hold, each at its place. */
static void
refuse_odd(reader *r, const cJSON *value, const sfms_path *path)
{
    sfms_path element = {path->up, path->name, 0};

    if (cJSON_IsNumber(value) && value->valuestring != NULL)
        refuse(r, &sfms_not_held, path);
    for (const cJSON *item = value->child; item != NULL; item = item->next, element.index++) {
        sfms_path member = {path, item->string, -1};

        if (item->string == NULL) {
            refuse_odd(r, item, path->index < 0 ? &element : &(sfms_path){path, "", element.index});
            continue;
        }
        member.name = sfms_path_key(r->call->arena, item->string);
        refuse_odd(r, item, &member);
    }
}

static ProtobufCMessage *
read_value(reader *r, const sfms_message *m, const cJSON *value, const sfms_path *path)
{
    if (r->call->method != NULL)
        refuse_odd(r, value, path);
    ProtobufCMessage *made = sfms_json_read_value(r->call->arena, m->desc, value);

    if (made == NULL)
        wrong_type(r, m->kind == SFMS_KIND_LIST_VALUE ? SFMS_TYPE_ARRAY : SFMS_TYPE_OBJECT, path);
    return made;
}

static void read_one(reader *r, const sfms_field *f, const cJSON *value, const sfms_path *path, void *at);

static ProtobufCMessage *
read_wrapped(reader *r, const sfms_message *m, const cJSON *value, const sfms_path *path)
{
    ProtobufCMessage *made = sfms_message_new(r->call->arena, m->desc);

    read_one(r, &m->fields[0], value, path, sfms_field_at(made, m->fields[0].desc));
    return made;
}

static ProtobufCMessage *
read_message(reader *r, const sfms_message *m, const cJSON *value, const sfms_path *path)
{
    switch (m->kind) {
    case SFMS_KIND_TIMESTAMP:
        return read_time(r, value, path);
    case SFMS_KIND_FIELD_MASK:
        return read_mask(r, value, path);
    case SFMS_KIND_STRUCT:
    case SFMS_KIND_VALUE:
    case SFMS_KIND_LIST_VALUE:
        return read_value(r, m, value, path);
    case SFMS_KIND_WRAPPER:
        return read_wrapped(r, m, value, path);
    default:
        break;
    }
    ProtobufCMessage *made = sfms_message_new(r->call->arena, m->desc);
    read_object(r, m, value, path, made, NULL);
    return made;
}

/* read_one reads one value of a field to its place. Null is no value: it clears fields, but an element cannot be it. */
static void
read_one(reader *r, const sfms_field *f, const cJSON *value, const sfms_path *path, void *at)
{
    if (f->message != NULL) {
        *(ProtobufCMessage **)at = read_message(r, f->message, value, path);
        return;
    }
    /* An element of a list that does not fit must still be a string, for whoever walks the list. */
    if (f->desc->type == PROTOBUF_C_TYPE_STRING && *(const char **)at == NULL)
        *(const char **)at = protobuf_c_empty_string;
    if (scalar_fits(r, f, value, at))
        return;
    sfms_scalar_wrong(r->call, f, sfms_path_text(r->call->arena, path));
    r->ok = false;
}

/* too_many is true if a request has more elements than the field's rule allows; they are not read, so that a small body
 * does not become a large message. */
static bool
too_many(reader *r, const sfms_field *f, const cJSON *list, const sfms_path *path)
{
    unsigned most = f->rule->max_items > 0 ? f->rule->max_items : SFMS_ITEMS_DEFAULT;

    if (r->call->method == NULL || (unsigned)cJSON_GetArraySize(list) <= most)
        return false;
    sfms_violate(r->call, sfms_path_text(r->call->arena, path), &sfms_too_many_items,
        sfms_printf(r->call->arena, "%u", most));
    r->ok = false;
    return true;
}

static void
read_list(reader *r, const sfms_field *f, const cJSON *list, const sfms_path *path, ProtobufCMessage *msg)
{
    sfms_path element = {path->up, path->name, 0};

    if (!cJSON_IsArray(list)) {
        wrong_type(r, SFMS_TYPE_ARRAY, path);
        return;
    }
    if (too_many(r, f, list, path))
        return;
    for (const cJSON *item = list->child; item != NULL; item = item->next, element.index++) {
        void *at = sfms_field_append(r->call->arena, msg, f->desc);

        read_one(r, f, item, &element, at);
    }
}

/* read_map reads an object to entries: messages of a key and a value. */
static void
read_map(reader *r, const sfms_field *f, const cJSON *object, const sfms_path *path, ProtobufCMessage *msg)
{
    const sfms_field *key = &f->message->fields[0];
    const sfms_field *value = &f->message->fields[1];

    if (!cJSON_IsObject(object)) {
        wrong_type(r, SFMS_TYPE_OBJECT, path);
        return;
    }
    if (too_many(r, f, object, path))
        return;
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        ProtobufCMessage *entry = sfms_message_new(r->call->arena, f->message->desc);
        sfms_path place = {path, sfms_path_key(r->call->arena, item->string), -1};

        if (!sfms_scalar_text(r->call->arena, key, item->string, sfms_field_at(entry, key->desc)))
            refuse(r, &sfms_unknown_field, &place);
        read_one(r, value, item, &place, sfms_field_at(entry, value->desc));
        *(ProtobufCMessage **)sfms_field_append(r->call->arena, msg, f->desc) = entry;
    }
}

static void
read_field(reader *r, const sfms_field *f, const cJSON *value, const sfms_path *path, ProtobufCMessage *msg)
{
    if (f->message != NULL && f->message->kind == SFMS_KIND_MAP_ENTRY) {
        read_map(r, f, value, path, msg);
        return;
    }
    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED) {
        read_list(r, f, value, path, msg);
        return;
    }
    read_one(r, f, value, path, sfms_field_at(msg, f->desc));
    sfms_field_mark(msg, f->desc);
}

/* What a body has is written: of a section, its members. */
static void
add_to_mask(reader *r, Google__Protobuf__FieldMask *mask, const sfms_field *f, const cJSON *value)
{
    sfms_arena *a = r->call->arena;

    if (!f->rule->section || !cJSON_IsObject(value)) {
        sfms_mask_add(a, mask, f->desc->name);
        return;
    }
    for (const cJSON *item = value->child; item != NULL; item = item->next) {
        const sfms_field *inside = sfms_message_field(f->message, item->string, strlen(item->string));

        if (inside != NULL) /* else it is refused */
            sfms_mask_add(a, mask, sfms_printf(a, "%s.%s", f->desc->name, inside->desc->name));
    }
}

/* Of several records to change, each changes what its JSON has, unless the request says it otherwise. */
static void
give_masks(reader *r, const sfms_message *m, const cJSON *object, ProtobufCMessage *msg)
{
    const sfms_field *masks = sfms_message_field(m, "update_masks", 12);
    const sfms_field *records = sfms_message_resource_field(m);
    const cJSON *list;

    if (masks == NULL || records == NULL || sfms_field_count(msg, masks->desc) > 0)
        return;
    list = cJSON_GetObjectItemCaseSensitive(object, records->json_name);
    for (const cJSON *record = list != NULL ? list->child : NULL; record != NULL; record = record->next) {
        Google__Protobuf__FieldMask *mask = sfms_new(r->call->arena, Google__Protobuf__FieldMask);

        google__protobuf__field_mask__init(mask);
        for (const cJSON *item = record->child; item != NULL && item->string != NULL; item = item->next) {
            const sfms_field *f = sfms_message_field(records->message, item->string, strlen(item->string));

            if (f != NULL)
                add_to_mask(r, mask, f, item);
        }
        *(ProtobufCMessage **)sfms_field_append(r->call->arena, msg, masks->desc) = &mask->base;
    }
}

static void
read_object(reader *r, const sfms_message *m, const cJSON *object, const sfms_path *path,
    ProtobufCMessage *msg, Google__Protobuf__FieldMask *mask)
{
    bool seen[SFMS_FIELDS_MAX] = {false};

    if (!cJSON_IsObject(object)) {
        wrong_type(r, SFMS_TYPE_OBJECT, path);
        return;
    }
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        const sfms_field *f = sfms_message_field(m, item->string, strlen(item->string));
        sfms_path place = {path, f != NULL ? f->desc->name : "", -1};

        if (f == NULL) {
            place.name = sfms_path_key(r->call->arena, item->string);
            refuse(r, &sfms_unknown_field, &place);
            continue;
        }
        /* Once under its JSON name and once under its proto name. */
        if (seen[f - m->fields]) {
            refuse(r, &sfms_bad_value, &place);
            continue;
        }
        seen[f - m->fields] = true;
        if (mask != NULL)
            add_to_mask(r, mask, f, item);
        if (!cJSON_IsNull(item))
            read_field(r, f, item, &place, msg);
    }
    give_masks(r, m, object, msg);
}

bool
sfms_json_read(sfms_call *call, const sfms_message *m, const cJSON *object, const char *prefix,
    ProtobufCMessage *msg, Google__Protobuf__FieldMask *mask)
{
    reader r = {.call = call, .ok = true};
    sfms_path root = {NULL, prefix, -1};

    read_object(&r, m, object, &root, msg, mask);
    return r.ok;
}
