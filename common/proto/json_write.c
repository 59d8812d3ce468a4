/* json_write.c -- a message to JSON text, straight into the buffer. */
#include <float.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/time.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/json.h"
#include "proto/json_value.h"

/* The fields of a resource that a mask names. Worked out once and not for each resource of a page. */
typedef struct {
    const Google__Protobuf__FieldMask *mask;
    const sfms_message *resource;
    bool keep[SFMS_FIELDS_MAX];
} selection;

static void write_message(sfms_buf *b, const sfms_message *m, const ProtobufCMessage *msg, selection *s);

/* kept answers which fields of a resource to write; NULL for all. */
static const bool *
kept(selection *s, const sfms_message *m)
{
    if (s == NULL || m->resource == NULL)
        return NULL;
    if (s->resource == m)
        return s->keep;

    s->resource = m;
    memset(s->keep, 0, sizeof s->keep);
    for (size_t i = 0; i < s->mask->n_paths; i++) {
        const sfms_field *f = sfms_message_field(m, s->mask->paths[i], strcspn(s->mask->paths[i], "."));

        if (f != NULL)
            s->keep[f - m->fields] = true;
    }
    return s->keep;
}

static void
write_float(sfms_buf *b, float number)
{
    char text[32];

    if (!isfinite(number) || (number == floorf(number) && fabsf(number) < 1e15f)) {
        sfms_double_write(b, (double)number);
        return;
    }
    for (int precision = FLT_DIG; precision <= FLT_DECIMAL_DIG; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, (double)number);
        if (strtof(text, NULL) == number)
            break;
    }
    sfms_buf_add(b, text);
}

static void
write_text(sfms_buf *b, const char *text)
{
    if (text == NULL)
        text = "";
    sfms_buf_json(b, text, strlen(text));
}

static void
write_string(sfms_buf *b, const sfms_field *f, const char *text)
{
    bool empty = text == NULL || text[0] == '\0';

    if (empty && f->rule->format != PB__FORMAT__FORMAT_UNSPECIFIED)
        sfms_buf_mem(b, "null", 4);
    else
        write_text(b, text);
}

static void
write_enum(sfms_buf *b, const ProtobufCEnumDescriptor *e, int value)
{
    const char *name = sfms_enum_name(e, value);

    if (name == NULL) {
        sfms_buf_int(b, value);
        return;
    }
    sfms_buf_char(b, '"');
    sfms_buf_add(b, name);
    sfms_buf_char(b, '"');
}

static void
write_bytes(sfms_buf *b, const ProtobufCBinaryData *bytes)
{
    size_t size = sodium_base64_encoded_len(bytes->len, sodium_base64_VARIANT_ORIGINAL);

    sfms_buf_char(b, '"');
    char *to = sfms_buf_grow(b, size);
    if (to != NULL) {
        sodium_bin2base64(to, size, bytes->data, bytes->len, sodium_base64_VARIANT_ORIGINAL);
        b->len += size - 1;
    }
    sfms_buf_char(b, '"');
}

/* write_quoted writes a 64-bit integer as a string, as JSON's readers would round it. */
static void
write_quoted(sfms_buf *b, int64_t value)
{
    sfms_buf_char(b, '"');
    sfms_buf_int(b, value);
    sfms_buf_char(b, '"');
}

static void
write_quoted_unsigned(sfms_buf *b, uint64_t value)
{
    if (value <= INT64_MAX)
        write_quoted(b, (int64_t)value);
    else
        sfms_buf_printf(b, "\"%llu\"", (unsigned long long)value);
}

static void
write_one(sfms_buf *b, const sfms_field *f, const void *at, selection *s)
{
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        sfms_buf_int(b, *(const int32_t *)at);
        return;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        sfms_buf_int(b, *(const uint32_t *)at);
        return;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        write_quoted(b, *(const int64_t *)at);
        return;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        write_quoted_unsigned(b, *(const uint64_t *)at);
        return;
    case PROTOBUF_C_TYPE_FLOAT:
        write_float(b, *(const float *)at);
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
        sfms_double_write(b, *(const double *)at);
        return;
    case PROTOBUF_C_TYPE_BOOL:
        sfms_buf_add(b, *(const protobuf_c_boolean *)at ? "true" : "false");
        return;
    case PROTOBUF_C_TYPE_ENUM:
        write_enum(b, f->desc->descriptor, *(const int *)at);
        return;
    case PROTOBUF_C_TYPE_STRING:
        write_string(b, f, *(const char *const *)at);
        return;
    case PROTOBUF_C_TYPE_BYTES:
        write_bytes(b, at);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        write_message(b, f->message, *(const ProtobufCMessage *const *)at, s);
        return;
    }
    SFMS_WRONG("field type not covered by write_one");
}

static void
write_list(sfms_buf *b, const sfms_field *f, const ProtobufCMessage *msg, selection *s)
{
    size_t n = sfms_field_count(msg, f->desc);
    size_t size = sfms_type_size(f->desc->type);
    const char *items = *(const char *const *)sfms_field_at(msg, f->desc);

    sfms_buf_char(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            sfms_buf_char(b, ',');
        /* An element is never null: that would not be read back. */
        if (f->desc->type == PROTOBUF_C_TYPE_STRING)
            write_text(b, ((const char *const *)(const void *)items)[i]);
        else
            write_one(b, f, items + i * size, s);
    }
    sfms_buf_char(b, ']');
}

/* write_key writes the key of a map's entry, which JSON wants as a string whatever its type. */
static void
write_key(sfms_buf *b, const sfms_field *key, const ProtobufCMessage *entry)
{
    const void *at = sfms_field_at(entry, key->desc);

    if (key->desc->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(const char *const *)at;

        sfms_buf_json(b, text, strlen(text));
        return;
    }
    bool quoted = sfms_type_size(key->desc->type) == 8;
    sfms_buf_add(b, quoted ? "" : "\"");
    write_one(b, key, at, NULL);
    sfms_buf_add(b, quoted ? "" : "\"");
}

static void
write_map(sfms_buf *b, const sfms_field *f, const ProtobufCMessage *msg)
{
    size_t n = sfms_field_count(msg, f->desc);
    ProtobufCMessage *const *entries = *(ProtobufCMessage *const *const *)sfms_field_at(msg, f->desc);
    const sfms_field *value = &f->message->fields[1];

    sfms_buf_char(b, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            sfms_buf_char(b, ',');
        write_key(b, &f->message->fields[0], entries[i]);
        sfms_buf_char(b, ':');
        write_one(b, value, sfms_field_at(entries[i], value->desc), NULL);
    }
    sfms_buf_char(b, '}');
}

static void
write_field(sfms_buf *b, const sfms_field *f, const ProtobufCMessage *msg, selection *s)
{
    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED) {
        if (f->message != NULL && f->message->kind == SFMS_KIND_MAP_ENTRY)
            write_map(b, f, msg);
        else
            write_list(b, f, msg, s);
    } else if (sfms_field_is_set(msg, f->desc)) {
        write_one(b, f, sfms_field_at(msg, f->desc), s);
    } else {
        sfms_buf_mem(b, "null", 4);
    }
}

static void
write_fields(sfms_buf *b, const sfms_message *m, const ProtobufCMessage *msg, selection *s)
{
    const bool *keep = kept(s, m);
    char separator = '{';

    /* What is in a resource is written whole. */
    if (m->resource != NULL)
        s = NULL;
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];

        if ((keep != NULL && !keep[i]) || f->rule->secret)
            continue;
        sfms_buf_char(b, separator);
        separator = ',';
        sfms_buf_mem(b, f->json_key, f->json_key_len);
        write_field(b, f, msg, s);
    }
    if (separator == '{')
        sfms_buf_char(b, '{');
    sfms_buf_char(b, '}');
}

static void
write_time(sfms_buf *b, const Google__Protobuf__Timestamp *t)
{
    char text[SFMS_MOMENT_SIZE];

    sfms_moment_format((sfms_moment){t->seconds, t->nanos}, text);
    sfms_buf_char(b, '"');
    sfms_buf_add(b, text);
    sfms_buf_char(b, '"');
}

static void
write_message(sfms_buf *b, const sfms_message *m, const ProtobufCMessage *msg, selection *s)
{
    if (msg == NULL) {
        sfms_buf_mem(b, "null", 4);
        return;
    }
    switch (m->kind) {
    case SFMS_KIND_TIMESTAMP:
        write_time(b, (const Google__Protobuf__Timestamp *)msg);
        return;
    case SFMS_KIND_FIELD_MASK:
        sfms_mask_write(b, (const Google__Protobuf__FieldMask *)msg);
        return;
    case SFMS_KIND_STRUCT:
        sfms_struct_write(b, (const Google__Protobuf__Struct *)msg);
        return;
    case SFMS_KIND_VALUE:
        sfms_value_write(b, (const Google__Protobuf__Value *)msg);
        return;
    case SFMS_KIND_LIST_VALUE:
        sfms_list_value_write(b, (const Google__Protobuf__ListValue *)msg);
        return;
    default:
        write_fields(b, m, msg, s);
        return;
    }
}

void
sfms_json_write(
    sfms_buf *b, const sfms_message *m, const ProtobufCMessage *msg, const Google__Protobuf__FieldMask *mask)
{
    selection s = {.mask = mask};

    write_message(b, m, msg, mask != NULL && mask->n_paths > 0 ? &s : NULL);
}
