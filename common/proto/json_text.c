/* json_text.c -- one field from the text of a query parameter, a path segment or a CSV cell. */
#include <string.h>

#include "core/time.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/json.h"
#include "proto/json_value.h"
#include "proto/path.h"
#include "proto/place.h"
#include "proto/scalar.h"

/* step_into answers the message in a field, made if it is not there: of a list, the first element. */
static ProtobufCMessage *
step_into(sfms_arena *a, const sfms_field *f, ProtobufCMessage *msg)
{
    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED) {
        if (sfms_field_count(msg, f->desc) > 0)
            return (*(ProtobufCMessage ***)sfms_field_at(msg, f->desc))[0];
        ProtobufCMessage **at = sfms_field_append(a, msg, f->desc);
        *at = sfms_message_new(a, f->message->desc);
        return *at;
    }

    ProtobufCMessage **at = sfms_field_at(msg, f->desc);
    if (!sfms_field_is_set(msg, f->desc) || *at == NULL) {
        *at = sfms_message_new(a, f->message->desc);
        sfms_field_mark(msg, f->desc);
    }
    return *at;
}

static bool
set_time(sfms_call *call, const sfms_field *f, const char *text, const char *path, ProtobufCMessage *msg)
{
    sfms_moment moment;

    if (!sfms_moment_parse(text, &moment)) {
        sfms_type_wrong(call, SFMS_TYPE_TIME, path);
        return false;
    }
    Google__Protobuf__Timestamp *t = (Google__Protobuf__Timestamp *)step_into(call->arena, f, msg);
    t->seconds = moment.seconds;
    t->nanos = moment.nanos;
    return true;
}

static bool
set_scalar(sfms_call *call, const sfms_field *f, const char *text, const char *path, ProtobufCMessage *msg);

static bool
set_message(sfms_call *call, const sfms_field *f, const char *text, const char *path, ProtobufCMessage *msg)
{
    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED) {
        sfms_type_wrong(call, SFMS_TYPE_ARRAY, path);
        return false;
    }
    switch (f->message->kind) {
    case SFMS_KIND_TIMESTAMP:
        return set_time(call, f, text, path, msg);
    case SFMS_KIND_FIELD_MASK:
        sfms_mask_read(call->arena, (Google__Protobuf__FieldMask *)step_into(call->arena, f, msg), text);
        return true;
    case SFMS_KIND_WRAPPER:
        return set_scalar(call, &f->message->fields[0], text, path, step_into(call->arena, f, msg));
    default:
        sfms_type_wrong(call, SFMS_TYPE_OBJECT, path);
        return false;
    }
}

static bool
set_scalar(sfms_call *call, const sfms_field *f, const char *text, const char *path, ProtobufCMessage *msg)
{
    uint64_t value[2] = {0}; /* room for any scalar */

    if (!sfms_scalar_text(call->arena, f, sfms_strdup(call->arena, text), value)) {
        sfms_scalar_wrong(call, f, path);
        return false;
    }
    bool repeated = f->desc->label == PROTOBUF_C_LABEL_REPEATED;
    void *at = repeated ? sfms_field_append(call->arena, msg, f->desc) : sfms_field_at(msg, f->desc);
    memcpy(at, value, sfms_type_size(f->desc->type));
    if (!repeated)
        sfms_field_mark(msg, f->desc);
    return true;
}

static bool
set_field(sfms_call *call, const sfms_field *f, const char *text, const char *path, ProtobufCMessage *msg)
{
    return f->message != NULL ? set_message(call, f, text, path, msg) : set_scalar(call, f, text, path, msg);
}

/* The path as violations have it: proto names as far as they lead to fields, and an element of each list on the way. */
static const char *
where(sfms_arena *a, const sfms_place *p, const char *path)
{
    sfms_path steps[SFMS_PLACE_DEPTH + 1];
    const sfms_path *up = NULL;

    for (unsigned i = 0; i < p->n; i++) {
        const ProtobufCFieldDescriptor *f = p->fields[i]->desc;
        bool within = strchr(path, '.') != NULL && f->label == PROTOBUF_C_LABEL_REPEATED;

        steps[i] = (sfms_path){up, f->name, within ? 0 : -1};
        up = &steps[i];
        path += strcspn(path, ".");
        path += *path == '.';
    }
    steps[p->n] = (sfms_path){up, path, -1};
    return sfms_path_text(a, *path != '\0' || up == NULL ? &steps[p->n] : up);
}

bool
sfms_json_read_text(
    sfms_call *call, const sfms_message *m, const char *path, const char *text, ProtobufCMessage *msg)
{
    sfms_arena *a = call->arena;
    sfms_place place;

    if (!sfms_place_find(a, m, path, strlen(path), &place)) {
        sfms_violate(call, where(a, &place, path), &sfms_unknown_field);
        return false;
    }
    for (unsigned i = 0; i + 1 < place.n; i++)
        msg = step_into(a, place.fields[i], msg);
    if (place.key == NULL)
        return set_field(call, place.leaf, text, where(a, &place, path), msg);
    sfms_struct_set(a, (Google__Protobuf__Struct *)step_into(a, place.leaf, msg), place.key, text);
    return true;
}
