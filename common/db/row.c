/*
 * row.c -- rows to messages.
 *
 * A row becomes the bytes of its message, as they will travel. Who wants the message itself unpacks them.
 */
#include "db/row.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "db/binary.h"
#include "proto/json.h"
#include "proto/packed.h"

/* ---- cells to fields --------------------------------------------------------------------------------- */

/* A field that holds its default is not on the wire; elements of lists always are. */
static void
pack_text(sfms_buf *b, const sfms_field *f, const char *text, size_t n)
{
    if (n > 0 || f->desc->label == PROTOBUF_C_LABEL_REPEATED)
        sfms_pack_bytes(b, f->desc->id, text, n);
}

static void
pack_integer(sfms_buf *b, const sfms_field *f, uint64_t value)
{
    if (value == 0)
        return;
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SINT64:
        sfms_pack_varint(b, f->desc->id, sfms_zigzag((int64_t)value));
        return;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
        sfms_pack_32(b, f->desc->id, (uint32_t)value);
        return;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
        sfms_pack_64(b, f->desc->id, value);
        return;
    default:
        sfms_pack_varint(b, f->desc->id, value);
        return;
    }
}

static void
pack_double(sfms_buf *b, const sfms_field *f, double value)
{
    float narrow = (float)value;
    uint32_t bits32;
    uint64_t bits64;

    memcpy(&bits32, &narrow, sizeof bits32);
    memcpy(&bits64, &value, sizeof bits64);
    if (f->desc->type == PROTOBUF_C_TYPE_FLOAT && bits32 != 0)
        sfms_pack_32(b, f->desc->id, bits32);
    else if (f->desc->type == PROTOBUF_C_TYPE_DOUBLE && bits64 != 0)
        sfms_pack_64(b, f->desc->id, bits64);
}

static void
pack_moment(sfms_buf *b, const sfms_field *f, sfms_moment moment)
{
    size_t begin = sfms_pack_begin(b, f->desc->id);

    if (moment.seconds != 0)
        sfms_pack_varint(b, 1, (uint64_t)moment.seconds);
    if (moment.nanos != 0)
        sfms_pack_varint(b, 2, (uint64_t)moment.nanos);
    sfms_pack_end(b, begin);
}

static void
pack_bytea(sfms_buf *b, const sfms_field *f, const char *text)
{
    size_t n = 0;
    unsigned char *raw = PQunescapeBytea((const unsigned char *)text, &n);

    pack_text(b, f, (const char *)raw, n);
    PQfreemem(raw);
}

/* Elements of '{a,"b, \"c\"",NULL}'. */
static void
pack_text_array(sfms_buf *b, const sfms_field *f, const char *text)
{
    const char *p = text;

    for (;;) {
        sfms_buf element;

        while (*p == '{' || *p == ',')
            p++;
        if (*p == '}' || *p == '\0')
            return;
        sfms_buf_init(&element, b->arena, SFMS_MESSAGE_MAX);
        if (*p == '"') {
            for (p++; *p != '"' && *p != '\0'; p++) {
                if (*p == '\\' && p[1] != '\0')
                    p++;
                sfms_buf_char(&element, *p);
            }
            p += *p == '"';
        } else {
            while (*p != ',' && *p != '}' && *p != '\0')
                sfms_buf_char(&element, *p++);
        }
        pack_text(b, f, element.data, element.len);
    }
}

/* One value of JSON as a message. call is no one's: what it says is dropped, as no rule for requests judges what is stored. */
static void
pack_json_value(sfms_buf *b, sfms_call *call, const sfms_field *f, const cJSON *json)
{
    ProtobufCMessage *msg;

    if (f->message->kind == SFMS_KIND_PLAIN) {
        msg = sfms_message_new(call->arena, f->message->desc);
        sfms_json_read(call, f->message, json, "", msg, NULL);
    } else {
        msg = sfms_json_read_value(call->arena, f->message->desc, json);
    }
    if (msg != NULL)
        sfms_pack_message(b, f->desc->id, msg);
}

static void
pack_json(sfms_buf *b, const sfms_contract *c, const sfms_field *f, const char *text)
{
    sfms_call call = {.arena = b->arena, .contract = c, .request_id = ""};
    const cJSON *json = sfms_json_stored(b->arena, text, strlen(text));

    if (json == NULL) {
        sfms_log(SFMS_LOG_WARN, "a stored value of %s cannot be answered: %zu bytes of JSON", f->desc->name,
            strlen(text));
        return;
    }
    if (f->desc->label != PROTOBUF_C_LABEL_REPEATED) {
        pack_json_value(b, &call, f, json);
        return;
    }
    for (const cJSON *item = json->child; item != NULL; item = item->next)
        pack_json_value(b, &call, f, item);
}

/* A cell by its text. */
static void
pack_cell(sfms_buf *b, const sfms_contract *c, const sfms_field *f, const char *text)
{
    const ProtobufCEnumValue *value;
    sfms_moment moment;

    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
            pack_text_array(b, f, text);
        else
            pack_text(b, f, text, strlen(text));
        return;
    case PROTOBUF_C_TYPE_BOOL:
        pack_integer(b, f, text[0] == 't');
        return;
    case PROTOBUF_C_TYPE_ENUM:
        value = protobuf_c_enum_descriptor_get_value_by_name(f->desc->descriptor, text);
        pack_integer(b, f, value != NULL ? (uint64_t)value->value : 0);
        return;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        pack_integer(b, f, strtoull(text, NULL, 10));
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        pack_double(b, f, strtod(text, NULL));
        return;
    case PROTOBUF_C_TYPE_BYTES:
        pack_bytea(b, f, text);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (f->message->kind == SFMS_KIND_WRAPPER) {
            size_t begin = sfms_pack_begin(b, f->desc->id);

            pack_cell(b, c, &f->message->fields[0], text);
            sfms_pack_end(b, begin);
        } else if (f->message->kind != SFMS_KIND_TIMESTAMP || f->desc->label == PROTOBUF_C_LABEL_REPEATED)
            pack_json(b, c, f, text);
        else if (sfms_moment_parse(text, &moment))
            pack_moment(b, f, moment);
        return;
    default:
        pack_integer(b, f, (uint64_t)strtoll(text, NULL, 10));
        return;
    }
}

static void
pack_binary_array(sfms_buf *b, const sfms_field *f, const char *value, int n)
{
    char **items;
    size_t count = sfms_binary_array(b->arena, value, n, &items);

    for (size_t i = 0; i < count; i++)
        pack_text(b, f, items[i], strlen(items[i]));
}

/* A cell in binary: what needs no text goes as it is, the rest by its text. */
static void
pack_binary(sfms_buf *b, const sfms_contract *c, const sfms_field *f, Oid type, const char *value, int n)
{
    ProtobufCType to = f->desc->type;
    sfms_moment moment;

    switch (type) {
    case SFMS_OID_TEXT:
        if (to != PROTOBUF_C_TYPE_STRING)
            break;
        pack_text(b, f, value, (size_t)n);
        return;
    case SFMS_OID_TEXT_ARRAY:
    case SFMS_OID_UUID_ARRAY:
        pack_binary_array(b, f, value, n);
        return;
    case SFMS_OID_TIMESTAMPTZ:
        if (to != PROTOBUF_C_TYPE_MESSAGE)
            break;
        if (sfms_binary_moment(value, &moment))
            pack_moment(b, f, moment);
        return;
    case SFMS_OID_BYTEA:
        pack_text(b, f, value, (size_t)n);
        return;
    case SFMS_OID_FLOAT4:
    case SFMS_OID_FLOAT8:
        pack_double(b, f, sfms_binary_double(type, value));
        return;
    case SFMS_OID_BOOL:
    case SFMS_OID_INT2:
    case SFMS_OID_INT4:
    case SFMS_OID_INT8:
        if (to == PROTOBUF_C_TYPE_STRING || to == PROTOBUF_C_TYPE_DOUBLE || to == PROTOBUF_C_TYPE_FLOAT)
            break;
        pack_integer(b, f, (uint64_t)sfms_binary_int(type, value));
        return;
    default:
        break;
    }
    pack_cell(b, c, f, sfms_binary_text(b->arena, type, value, n));
}

/* In an image, arrays are JSON too. */
void
sfms_image_pack(sfms_buf *b, const sfms_contract *c, const sfms_field *f, const char *text)
{
    const cJSON *items, *item;

    if (f->desc->label != PROTOBUF_C_LABEL_REPEATED || f->desc->type != PROTOBUF_C_TYPE_STRING) {
        pack_cell(b, c, f, text);
        return;
    }
    items = sfms_json_stored(b->arena, text, strlen(text));
    cJSON_ArrayForEach(item, items)
    {
        if (cJSON_IsString(item))
            pack_text(b, f, item->valuestring, strlen(item->valuestring));
    }
}

/* ---- rows -------------------------------------------------------------------------------------------- */

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
pack_row(sfms_buf *b, const sfms_contract *c, const PGresult *res, int r, const column *columns)
{
    int n = PQnfields(res);

    for (int i = 0; i < n; i++) {
        const sfms_field *f = columns[i].field;

        if (f == NULL || PQgetisnull(res, r, i))
            continue;
        if (columns[i].binary)
            pack_binary(b, c, f, columns[i].type, PQgetvalue(res, r, i), PQgetlength(res, r, i));
        else
            pack_cell(b, c, f, PQgetvalue(res, r, i));
    }
}

void
sfms_row_pack(sfms_buf *b, const sfms_contract *c, const sfms_message *m, const PGresult *res, int r)
{
    pack_row(b, c, res, r, columns_of(b->arena, m, res));
}

void
sfms_rows_pack(sfms_buf *b, const sfms_contract *c, const sfms_field *list, const PGresult *res, int n)
{
    const column *columns = columns_of(b->arena, list->message, res);

    for (int r = 0; r < n; r++) {
        size_t begin = sfms_pack_begin(b, list->desc->id);

        pack_row(b, c, res, r, columns);
        sfms_pack_end(b, begin);
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

static ProtobufCMessage *
read_row(sfms_arena *a, const sfms_contract *c, const sfms_message *m, const PGresult *res, int r,
    const column *columns)
{
    ProtobufCMessage *msg;
    sfms_buf b;

    sfms_buf_init(&b, a, SFMS_ROW_MAX);
    pack_row(&b, c, res, r, columns);
    msg = protobuf_c_message_unpack(m->desc, sfms_arena_pb(a), b.len, (const uint8_t *)b.data);
    if (!sfms_buf_ok(&b) || msg == NULL)
        SFMS_WRONG("a row that is no message");
    return msg;
}

void
sfms_row_read(sfms_arena *a, const sfms_contract *c, const PGresult *res, int r, ProtobufCMessage *msg)
{
    const sfms_message *m = message_of(c, msg->descriptor);
    const column *columns = columns_of(a, m, res);
    const ProtobufCMessage *row = read_row(a, c, m, res, r, columns);

    for (int i = 0; i < PQnfields(res); i++) {
        const ProtobufCFieldDescriptor *f = columns[i].field != NULL ? columns[i].field->desc : NULL;
        bool repeated = f != NULL && f->label == PROTOBUF_C_LABEL_REPEATED;

        if (f == NULL || PQgetisnull(res, r, i))
            continue;
        memcpy(sfms_field_at(msg, f), sfms_field_at(row, f),
            repeated ? sizeof(void *) : sfms_type_size(f->type));
        if (repeated)
            *(size_t *)((char *)msg + f->quantifier_offset) = sfms_field_count(row, f);
    }
}

void
sfms_rows_read(
    sfms_arena *a, const sfms_contract *c, const PGresult *res, ProtobufCMessage *out, const char *field)
{
    const sfms_field *f = sfms_message_field(message_of(c, out->descriptor), field, strlen(field));
    const column *columns;

    if (f == NULL || f->message == NULL || f->desc->label != PROTOBUF_C_LABEL_REPEATED)
        SFMS_WRONG("rows go into a repeated message field");
    columns = columns_of(a, f->message, res);
    for (int r = 0; r < PQntuples(res); r++)
        *(ProtobufCMessage **)sfms_field_append(a, out, f->desc) =
            read_row(a, c, f->message, res, r, columns);
}
