/* field_text.c -- fields of messages to the texts of parameters. */
#include <string.h>

#include "core/buf.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/seal.h"
#include "core/time.h"
#include "db/row.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/json.h"
#include "proto/json_value.h"

const char *
sfms_array_text(sfms_arena *a, size_t n, const char *const *items)
{
    sfms_buf b;

    sfms_buf_init(&b, a, SFMS_MESSAGE_MAX);
    sfms_buf_char(&b, '{');
    for (size_t i = 0; i < n; i++) {
        sfms_buf_add(&b, i > 0 ? ",\"" : "\"");
        for (const char *p = items[i]; *p != '\0'; p++) {
            if (*p == '"' || *p == '\\')
                sfms_buf_char(&b, '\\');
            sfms_buf_char(&b, *p);
        }
        sfms_buf_char(&b, '"');
    }
    sfms_buf_char(&b, '}');
    return b.data;
}

static const char *
string_array_text(sfms_arena *a, const ProtobufCFieldDescriptor *f, const ProtobufCMessage *msg)
{
    return sfms_array_text(a, *(const size_t *)((const char *)msg + f->quantifier_offset),
        *(const char *const *const *)((const char *)msg + f->offset));
}

static const char *
messages_text(sfms_arena *a, const sfms_field *f, const ProtobufCMessage *msg)
{
    size_t n = *(const size_t *)((const char *)msg + f->desc->quantifier_offset);
    ProtobufCMessage *const *items = *(ProtobufCMessage *const *const *)((const char *)msg + f->desc->offset);
    sfms_buf b;

    sfms_buf_init(&b, a, SFMS_MESSAGE_MAX);
    sfms_buf_char(&b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            sfms_buf_char(&b, ',');
        sfms_json_write(&b, f->message, items[i], NULL);
    }
    sfms_buf_char(&b, ']');
    return b.data;
}

/* An object without its members that are null: a null is no member, also in a new object. What is further down stays. */
static const ProtobufCMessage *
without_nulls(sfms_arena *a, const Google__Protobuf__Struct *from)
{
    Google__Protobuf__Struct *to = sfms_new(a, Google__Protobuf__Struct);

    google__protobuf__struct__init(to);
    to->fields = sfms_new_array(a, Google__Protobuf__Struct__FieldsEntry *, from->n_fields + 1);
    for (size_t i = 0; i < from->n_fields; i++)
        if (!sfms_value_is_null(from->fields[i]->value))
            to->fields[to->n_fields++] = from->fields[i];
    return &to->base;
}

const char *
sfms_object_text(sfms_arena *a, const sfms_field *f, const Google__Protobuf__Struct *object)
{
    sfms_buf b;

    sfms_buf_init(&b, a, SFMS_MESSAGE_MAX);
    sfms_json_write(&b, f->message, without_nulls(a, object), NULL);
    return b.data;
}

static const char *
message_text(sfms_arena *a, const sfms_field *f, const ProtobufCMessage *sub)
{
    char moment[SFMS_MOMENT_SIZE];
    sfms_buf b;

    if (sub == NULL)
        return NULL;
    if (f->message->kind == SFMS_KIND_WRAPPER)
        return sfms_field_text(a, &f->message->fields[0], sub);
    if (f->message->kind == SFMS_KIND_TIMESTAMP) {
        const Google__Protobuf__Timestamp *t = (const void *)sub;

        sfms_moment_format((sfms_moment){t->seconds, t->nanos}, moment);
        return sfms_strdup(a, moment);
    }
    if (f->message->kind == SFMS_KIND_STRUCT)
        return sfms_object_text(a, f, (const Google__Protobuf__Struct *)sub);
    sfms_buf_init(&b, a, SFMS_MESSAGE_MAX);
    sfms_json_write(&b, f->message, sub, NULL);
    return b.data;
}

static const char *
bytes_text(sfms_arena *a, const ProtobufCBinaryData *bytes)
{
    return bytes->len == 0 ? NULL : sfms_printf(a, "\\x%s", sfms_hex(a, bytes->data, bytes->len));
}

const char *
sfms_field_text(sfms_arena *a, const sfms_field *f, const ProtobufCMessage *msg)
{
    const char *member = (const char *)msg + f->desc->offset;

    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
        return f->desc->type == PROTOBUF_C_TYPE_STRING ? string_array_text(a, f->desc, msg)
                                                       : messages_text(a, f, msg);
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        return (*(char *const *)member)[0] == '\0' ? NULL : *(char *const *)member;
    case PROTOBUF_C_TYPE_BOOL:
        return *(const protobuf_c_boolean *)member ? "t" : "f";
    case PROTOBUF_C_TYPE_ENUM:
        return *(const int *)member == 0 ? NULL : sfms_enum_name(f->desc->descriptor, *(const int *)member);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return sfms_printf(a, "%d", (int)*(const int32_t *)member);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return sfms_printf(a, "%u", (unsigned)*(const uint32_t *)member);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return sfms_printf(a, "%lld", (long long)*(const int64_t *)member);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return sfms_printf(a, "%llu", (unsigned long long)*(const uint64_t *)member);
    case PROTOBUF_C_TYPE_DOUBLE:
        return sfms_printf(a, "%.17g", *(const double *)member);
    case PROTOBUF_C_TYPE_FLOAT:
        return sfms_printf(a, "%.9g", (double)*(const float *)member);
    case PROTOBUF_C_TYPE_MESSAGE:
        return message_text(a, f, *(ProtobufCMessage *const *)member);
    case PROTOBUF_C_TYPE_BYTES:
        return bytes_text(a, (const ProtobufCBinaryData *)member);
    default:
        SFMS_WRONG("field type not covered by sfms_field_text");
    }
}
