/* row.c -- one field at a time between libpq's text and a message. */
#include "db/row.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/seal.h"
#include "core/time.h"
#include "db/binary.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/json.h"

/* ---- text to field ----------------------------------------------------------------------------------- */

/* The next element of '{a,"b, \"c\"",NULL}' from *at on; NULL at the end. */
static char *
array_element(sfms_arena *a, const char **at)
{
    const char *p = *at;
    sfms_buf b;

    while (*p == '{' || *p == ',')
        p++;
    if (*p == '}' || *p == '\0')
        return NULL;
    sfms_buf_init(&b, a, SFMS_MESSAGE_MAX);
    if (*p == '"') {
        for (p++; *p != '"' && *p != '\0'; p++) {
            if (*p == '\\' && p[1] != '\0')
                p++;
            sfms_buf_char(&b, *p);
        }
        p += *p == '"';
    } else {
        while (*p != ',' && *p != '}' && *p != '\0')
            sfms_buf_char(&b, *p++);
    }
    *at = p;
    return b.data;
}

static void
read_string_array(sfms_arena *a, const ProtobufCFieldDescriptor *f, const char *text, ProtobufCMessage *msg)
{
    size_t n = 0;
    size_t cap = 1;
    char **items;

    for (const char *p = text; *p != '\0'; p++)
        cap += *p == ',';
    items = sfms_new_array(a, char *, cap);
    for (const char *at = text; n < cap; n++) {
        items[n] = array_element(a, &at);
        if (items[n] == NULL)
            break;
    }
    *(size_t *)((char *)msg + f->quantifier_offset) = n;
    *(char ***)((char *)msg + f->offset) = items;
}

static int
enum_number(const ProtobufCEnumDescriptor *e, const char *name)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(e, name);

    return value != NULL ? value->value : 0;
}

/* A call of no one's, for readers that want one; what it says is dropped, as the database's own data is
 * right. */
static sfms_call
scratch_call(sfms_arena *a, const sfms_contract *c)
{
    return (sfms_call){.arena = a, .contract = c, .request_id = ""};
}

static void
read_json(sfms_arena *a, const sfms_contract *c, const sfms_field *f, const char *text, ProtobufCMessage *msg)
{
    sfms_call call = scratch_call(a, c);
    cJSON *json = sfms_json_parse(&call, text, strlen(text));

    if (json == NULL || f->message == NULL)
        return;
    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t n = (size_t)cJSON_GetArraySize(json);
        ProtobufCMessage **items = sfms_new_array(a, ProtobufCMessage *, n + 1);
        size_t i = 0;

        for (const cJSON *item = json->child; item != NULL; item = item->next, i++) {
            items[i] = sfms_message_new(a, f->message->desc);
            sfms_json_read(&call, f->message, item, "", items[i], NULL);
        }
        *(size_t *)((char *)msg + f->desc->quantifier_offset) = n;
        *(ProtobufCMessage ***)((char *)msg + f->desc->offset) = items;
        return;
    }
    if (f->message->kind == SFMS_KIND_PLAIN) {
        ProtobufCMessage *sub = sfms_message_new(a, f->message->desc);

        sfms_json_read(&call, f->message, json, "", sub, NULL);
        *(ProtobufCMessage **)((char *)msg + f->desc->offset) = sub;
    } else {
        *(ProtobufCMessage **)((char *)msg + f->desc->offset) =
            sfms_json_read_value(a, f->message->desc, json);
    }
}

static void
set_moment(sfms_arena *a, const sfms_field *f, sfms_moment moment, ProtobufCMessage *msg)
{
    Google__Protobuf__Timestamp *t = sfms_new(a, Google__Protobuf__Timestamp);

    google__protobuf__timestamp__init(t);
    t->seconds = moment.seconds;
    t->nanos = moment.nanos;
    *(Google__Protobuf__Timestamp **)((char *)msg + f->desc->offset) = t;
}

static void
read_message(
    sfms_arena *a, const sfms_contract *c, const sfms_field *f, const char *text, ProtobufCMessage *msg)
{
    sfms_moment moment;

    if (f->message == NULL || f->message->kind != SFMS_KIND_TIMESTAMP ||
        f->desc->label == PROTOBUF_C_LABEL_REPEATED) {
        read_json(a, c, f, text, msg);
        return;
    }
    if (sfms_moment_parse(text, &moment))
        set_moment(a, f, moment, msg);
}

/* Text is not copied: it lives in the result, which the arena owns. */
static void
read_field(
    sfms_arena *a, const sfms_contract *c, const sfms_field *f, const char *text, ProtobufCMessage *msg)
{
    char *member = (char *)msg + f->desc->offset;

    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED && f->desc->type == PROTOBUF_C_TYPE_STRING) {
        read_string_array(a, f->desc, text, msg);
        return;
    }
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        *(const char **)member = text;
        break;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)member = text[0] == 't';
        break;
    case PROTOBUF_C_TYPE_ENUM:
        *(int *)member = enum_number(f->desc->descriptor, text);
        break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        *(int32_t *)member = (int32_t)strtol(text, NULL, 10);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        *(uint32_t *)member = (uint32_t)strtoul(text, NULL, 10);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        *(int64_t *)member = strtoll(text, NULL, 10);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        *(uint64_t *)member = strtoull(text, NULL, 10);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        *(double *)member = strtod(text, NULL);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        *(float *)member = strtof(text, NULL);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        read_message(a, c, f, text, msg);
        break;
    case PROTOBUF_C_TYPE_BYTES: {
        ProtobufCBinaryData *bytes = (ProtobufCBinaryData *)member;
        size_t len = 0;
        unsigned char *raw = PQunescapeBytea((const unsigned char *)text, &len);

        bytes->data = sfms_memdup(a, raw, len);
        bytes->len = len;
        PQfreemem(raw);
        break;
    }
    default:
        SFMS_WRONG("field type not covered by read_field");
    }
}

/* A cell in binary: what needs no text is set directly, the rest by its text. */
static void
read_binary(sfms_arena *a, const sfms_contract *c, const sfms_field *f, Oid type, const char *value, int n,
    ProtobufCMessage *msg)
{
    char *member = (char *)msg + f->desc->offset;
    sfms_moment moment;

    switch (type) {
    case SFMS_OID_TEXT_ARRAY:
    case SFMS_OID_UUID_ARRAY:
        *(size_t *)((char *)msg + f->desc->quantifier_offset) =
            sfms_binary_array(a, value, n, (char ***)member);
        return;
    case SFMS_OID_TIMESTAMPTZ:
        if (f->desc->type != PROTOBUF_C_TYPE_MESSAGE)
            break;
        if (sfms_binary_moment(value, &moment))
            set_moment(a, f, moment, msg);
        return;
    case SFMS_OID_BYTEA:
        ((ProtobufCBinaryData *)member)->data = sfms_memdup(a, value, (size_t)n);
        ((ProtobufCBinaryData *)member)->len = (size_t)n;
        return;
    case SFMS_OID_FLOAT8:
        if (f->desc->type != PROTOBUF_C_TYPE_DOUBLE)
            break;
        *(double *)member = sfms_binary_double(type, value);
        return;
    case SFMS_OID_INT8:
        if (f->desc->type != PROTOBUF_C_TYPE_INT64 && f->desc->type != PROTOBUF_C_TYPE_UINT64)
            break;
        *(int64_t *)member = sfms_binary_int(type, value);
        return;
    default:
        break;
    }
    read_field(a, c, f, sfms_binary_text(a, type, value, n), msg);
}

/* What is to be known about a column, looked up once for all rows. */
typedef struct {
    const sfms_field *field; /* NULL if the message has none of its name */
    Oid type;
    bool binary;
} column;

static const column *
columns_of(sfms_arena *a, const sfms_message *m, const PGresult *res)
{
    int n = PQnfields(res);
    column *columns = sfms_new_array(a, column, n + 1);

    for (int i = 0; i < n; i++) {
        columns[i].field = sfms_message_field(m, PQfname(res, i), strlen(PQfname(res, i)));
        columns[i].type = PQftype(res, i);
        columns[i].binary = PQfformat(res, i) != 0;
    }
    return columns;
}

static void
read_row(sfms_arena *a, const sfms_contract *c, const PGresult *res, int r, const column *columns,
    ProtobufCMessage *msg)
{
    int n = PQnfields(res);

    for (int i = 0; i < n; i++) {
        const sfms_field *f = columns[i].field;

        if (f == NULL || PQgetisnull(res, r, i))
            continue;
        if (!columns[i].binary)
            read_field(a, c, f, PQgetvalue(res, r, i), msg);
        else if (columns[i].type == SFMS_OID_TEXT && f->desc->type == PROTOBUF_C_TYPE_STRING)
            *(const char **)((char *)msg + f->desc->offset) = PQgetvalue(res, r, i);
        else
            read_binary(a, c, f, columns[i].type, PQgetvalue(res, r, i), PQgetlength(res, r, i), msg);
    }
}

static const sfms_message *
message_of(const sfms_contract *c, const ProtobufCMessageDescriptor *desc)
{
    const sfms_message *m = sfms_contract_message(c, desc);

    if (m == NULL)
        SFMS_WRONG("a message that no method of the contract reaches");
    return m;
}

void
sfms_row_read(sfms_arena *a, const sfms_contract *c, const PGresult *res, int r, ProtobufCMessage *msg)
{
    read_row(a, c, res, r, columns_of(a, message_of(c, msg->descriptor), res), msg);
}

void
sfms_rows_read(
    sfms_arena *a, const sfms_contract *c, const PGresult *res, ProtobufCMessage *out, const char *field)
{
    const sfms_field *f = sfms_message_field(message_of(c, out->descriptor), field, strlen(field));
    size_t n = (size_t)PQntuples(res);
    const column *columns;
    size_t *count;
    ProtobufCMessage ***list;
    ProtobufCMessage **items;

    if (f == NULL || f->message == NULL || f->desc->label != PROTOBUF_C_LABEL_REPEATED)
        SFMS_WRONG("rows go into a repeated message field");
    count = (size_t *)((char *)out + f->desc->quantifier_offset);
    list = (ProtobufCMessage ***)((char *)out + f->desc->offset);
    items = sfms_new_array(a, ProtobufCMessage *, *count + n + 1);
    if (*count > 0)
        memcpy(items, *list, *count * sizeof(*items));
    columns = columns_of(a, f->message, res);
    for (size_t r = 0; r < n; r++) {
        items[*count + r] = sfms_message_new(a, f->message->desc);
        read_row(a, c, res, (int)r, columns, items[*count + r]);
    }
    *list = items;
    *count += n;
}

/* ---- field to text ----------------------------------------------------------------------------------- */

static const char *
string_array_text(sfms_arena *a, const ProtobufCFieldDescriptor *f, const ProtobufCMessage *msg)
{
    size_t n = *(const size_t *)((const char *)msg + f->quantifier_offset);
    char *const *items = *(char *const *const *)((const char *)msg + f->offset);
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

static const char *
message_text(sfms_arena *a, const sfms_field *f, const ProtobufCMessage *sub)
{
    char moment[SFMS_MOMENT_SIZE];
    sfms_buf b;

    if (sub == NULL)
        return NULL;
    if (f->message->kind == SFMS_KIND_TIMESTAMP) {
        const Google__Protobuf__Timestamp *t = (const void *)sub;

        sfms_moment_format((sfms_moment){t->seconds, t->nanos}, moment);
        return sfms_strdup(a, moment);
    }
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
