/* json_text.c -- one field from the text of a query parameter, a path segment or a CSV cell. */
#include <string.h>

#include "core/time.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/json.h"
#include "proto/json_value.h"
#include "proto/path.h"
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
set_field(
    sfms_call *call, const sfms_field *f, const char *text, const sfms_path *path, ProtobufCMessage *msg)
{
    const char *where = sfms_path_text(call->arena, path);

    return f->message != NULL ? set_message(call, f, text, where, msg)
                              : set_scalar(call, f, text, where, msg);
}

/* walk goes one step along the path. names is what is left of it. */
static bool
walk(sfms_call *call, const sfms_message *m, const char *names, const char *text, const sfms_path *up,
    ProtobufCMessage *msg)
{
    size_t n = strcspn(names, ".");
    const sfms_field *f = sfms_message_field(m, names, n);
    sfms_path place = {up, f != NULL ? f->desc->name : names, -1};

    if (f != NULL && names[n] == '\0')
        return set_field(call, f, text, &place, msg);
    if (f != NULL && f->message != NULL && f->message->kind == SFMS_KIND_STRUCT &&
        f->desc->label != PROTOBUF_C_LABEL_REPEATED && names[n + 1] != '\0') {
        sfms_struct_set(
            call->arena, (Google__Protobuf__Struct *)step_into(call->arena, f, msg), names + n + 1, text);
        return true;
    }
    if (f != NULL && f->message != NULL && f->message->kind == SFMS_KIND_PLAIN) {
        if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
            place.index = 0;
        return walk(call, f->message, names + n + 1, text, &place, step_into(call->arena, f, msg));
    }
    place.name = names;
    sfms_violate(call, sfms_path_text(call->arena, &place), &sfms_unknown_field);
    return false;
}

bool
sfms_json_read_text(
    sfms_call *call, const sfms_message *m, const char *path, const char *text, ProtobufCMessage *msg)
{
    return walk(call, m, path, text, NULL, msg);
}
