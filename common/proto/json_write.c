/*
 * json_write.c -- a message to JSON text, straight from its bytes on the wire into the buffer.
 *
 * Each message is gone through twice: to find where its fields stand, and to write them in the order of the contract, those
 * that are not there too. Where a field that is not repeated stands twice, the last one counts.
 */
#include <float.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/time.h"
#include "proto/json.h"
#include "proto/json_value.h"
#include "proto/place.h"

enum { DEPTH_MAX = 100 }; /* messages within messages, as other readers of protobuf have it */

/* The fields of a resource that a mask names, if there is one, and the caller may see, if there is one. Worked out once and not
 * for each resource of a page. */
typedef struct {
    const sfms_call *call;
    const Google__Protobuf__FieldMask *mask;
    const sfms_message *resource;
    bool keep[SFMS_FIELDS_MAX];
} selection;

/* Where we are. */
typedef struct {
    sfms_buf *b;
    selection *selection; /* NULL for all fields */
    int depth;
    bool broken; /* something was no message of its kind */
} place;

static void write_message(place *w, const sfms_message *m, sfms_packed msg);

/* kept answers which fields of a resource to write; NULL for all. */
static const bool *
kept(selection *s, const sfms_message *m)
{
    if (s == NULL || m->resource == NULL)
        return NULL;
    if (s->resource == m)
        return s->keep;

    s->resource = m;
    memset(s->keep, s->mask == NULL, sizeof s->keep);
    for (size_t i = 0; s->mask != NULL && i < s->mask->n_paths; i++) {
        const sfms_field *f = sfms_place_top(m, s->mask->paths[i]);

        if (f != NULL)
            s->keep[f - m->fields] = true;
    }
    for (unsigned i = 0; s->call != NULL && i < m->n_fields; i++)
        s->keep[i] &= !sfms_field_hidden(s->call, &m->fields[i]);
    return s->keep;
}

/* ---- single values ----------------------------------------------------------------------------------- */

static void
write_float(sfms_buf *b, uint32_t bits)
{
    char text[32];
    float number;

    memcpy(&number, &bits, sizeof number);
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
write_double(sfms_buf *b, uint64_t bits)
{
    double number;

    memcpy(&number, &bits, sizeof number);
    sfms_double_write(b, number);
}

static void
write_text(sfms_buf *b, sfms_packed text)
{
    sfms_buf_json(b, text.n > 0 ? (const char *)text.at : "", text.n);
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
write_bytes(sfms_buf *b, sfms_packed bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.n, sodium_base64_VARIANT_ORIGINAL);

    sfms_buf_char(b, '"');
    char *to = sfms_buf_grow(b, size);
    if (to != NULL) {
        sodium_bin2base64(to, size, bytes.at, bytes.n, sodium_base64_VARIANT_ORIGINAL);
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
write_value(place *w, const sfms_field *f, const sfms_packed_field *v)
{
    sfms_buf *b = w->b;

    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        sfms_buf_int(b, (int32_t)v->bits);
        return;
    case PROTOBUF_C_TYPE_SINT32:
        sfms_buf_int(b, (int32_t)sfms_unzigzag((uint32_t)v->bits));
        return;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        sfms_buf_int(b, (uint32_t)v->bits);
        return;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        write_quoted(b, (int64_t)v->bits);
        return;
    case PROTOBUF_C_TYPE_SINT64:
        write_quoted(b, sfms_unzigzag(v->bits));
        return;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        write_quoted_unsigned(b, v->bits);
        return;
    case PROTOBUF_C_TYPE_FLOAT:
        write_float(b, (uint32_t)v->bits);
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
        write_double(b, v->bits);
        return;
    case PROTOBUF_C_TYPE_BOOL:
        sfms_buf_add(b, v->bits != 0 ? "true" : "false");
        return;
    case PROTOBUF_C_TYPE_ENUM:
        write_enum(b, f->desc->descriptor, (int32_t)v->bits);
        return;
    case PROTOBUF_C_TYPE_STRING:
        write_text(b, v->bytes);
        return;
    case PROTOBUF_C_TYPE_BYTES:
        write_bytes(b, v->bytes);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        write_message(w, f->message, v->bytes);
        return;
    }
    SFMS_WRONG("field type not covered by write_value");
}

/* ---- fields ------------------------------------------------------------------------------------------ */

/* What a message holds, by index of the field: a field's last value; of a repeated one, in bytes, all from its first element
 * on. number is 0 where there is none. */
static void
find_fields(place *w, const sfms_message *m, sfms_packed msg, sfms_packed_field *found)
{
    unsigned i = 0;
    sfms_packed at = msg;
    sfms_packed_field v;

    memset(found, 0, m->n_fields * sizeof *found);
    for (; sfms_packed_next(&msg, &v); at = msg) {
        const ProtobufCFieldDescriptor *f;

        /* They mostly come in the order of their numbers. */
        while (i < m->n_fields && m->fields[i].desc->id < v.number)
            i++;
        if (i == m->n_fields || m->fields[i].desc->id != v.number) {
            f = protobuf_c_message_descriptor_get_field(m->desc, v.number);
            if (f == NULL)
                continue; /* from a newer version */
            i = (unsigned)(f - m->desc->fields);
        }
        f = m->fields[i].desc;
        if (f->label != PROTOBUF_C_LABEL_REPEATED) {
            if (v.type == sfms_wire_type_of(f->type))
                found[i] = v;
        } else if (found[i].number == 0) {
            found[i] = (sfms_packed_field){.number = v.number, .bytes = at};
        }
    }
    w->broken |= msg.n > 0;
}

static void
write_single(place *w, const sfms_field *f, const sfms_packed_field *v)
{
    bool optional = f->message != NULL || (f->desc->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    bool formatted =
        f->desc->type == PROTOBUF_C_TYPE_STRING && f->rule->format != PB__FORMAT__FORMAT_UNSPECIFIED;

    if ((optional && v->number == 0) || (formatted && v->bytes.n == 0))
        sfms_buf_mem(w->b, "null", 4);
    else
        write_value(w, f, v);
}

/* The next element of a repeated field, from list, which is what is left of a packed list, or else from msg. */
static bool
next_element(const sfms_field *f, sfms_packed *msg, sfms_packed *list, sfms_packed_field *ret)
{
    sfms_wire_type type = sfms_wire_type_of(f->desc->type);

    for (;;) {
        if (list->n > 0)
            return sfms_packed_value(list, type, ret);
        if (!sfms_packed_next(msg, ret))
            return false;
        if (ret->number != f->desc->id)
            continue;
        if (ret->type == type)
            return true;
        if (ret->type == SFMS_WIRE_BYTES)
            *list = ret->bytes;
    }
}

/* write_key writes the key of a map's entry, which JSON wants as a string whatever its type. */
static void
write_key(place *w, const sfms_field *key, const sfms_packed_field *v)
{
    bool quoted = key->desc->type == PROTOBUF_C_TYPE_STRING || sfms_type_size(key->desc->type) == 8;

    sfms_buf_add(w->b, quoted ? "" : "\"");
    write_single(w, key, v);
    sfms_buf_add(w->b, quoted ? "" : "\"");
}

static void
write_entry(place *w, const sfms_message *m, sfms_packed entry)
{
    sfms_packed_field found[2];

    find_fields(w, m, entry, found);
    write_key(w, &m->fields[0], &found[0]);
    sfms_buf_char(w->b, ':');
    write_single(w, &m->fields[1], &found[1]);
}

static void
write_repeated(place *w, const sfms_field *f, sfms_packed msg)
{
    bool map = f->message != NULL && f->message->kind == SFMS_KIND_MAP_ENTRY;
    sfms_packed list = {NULL, 0};
    sfms_packed_field v;

    sfms_buf_char(w->b, map ? '{' : '[');
    for (bool first = true; next_element(f, &msg, &list, &v); first = false) {
        if (!first)
            sfms_buf_char(w->b, ',');
        if (map)
            write_entry(w, f->message, v.bytes);
        else
            write_value(w, f, &v); /* never null, also where a field would be: that would not be read back */
    }
    w->broken |= list.n > 0;
    sfms_buf_char(w->b, map ? '}' : ']');
}

static void
write_fields(place *w, const sfms_message *m, sfms_packed msg)
{
    selection *s = w->selection;
    const bool *keep = kept(s, m);
    sfms_packed_field found[SFMS_FIELDS_MAX];
    size_t start = w->b->len;

    /* What is in a resource is written whole. */
    if (m->resource != NULL)
        w->selection = NULL;
    find_fields(w, m, msg, found);
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];

        if (f->rule->on_request ? found[i].number == 0 : (keep != NULL && !keep[i]) || f->rule->secret)
            continue;
        sfms_buf_mem(w->b, f->json_key, f->json_key_len);
        if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
            write_repeated(w, f, found[i].bytes);
        else
            write_single(w, f, &found[i]);
    }
    if (w->b->len == start)
        sfms_buf_char(w->b, '{');
    else
        w->b->data[start] = '{'; /* the first key's comma */
    sfms_buf_char(w->b, '}');
    w->selection = s;
}

/* ---- messages ---------------------------------------------------------------------------------------- */

static void
write_time(sfms_buf *b, sfms_packed msg)
{
    sfms_packed_field v;
    sfms_moment moment = {0};
    char text[SFMS_MOMENT_SIZE];

    while (sfms_packed_next(&msg, &v)) {
        if (v.number == 1)
            moment.seconds = (int64_t)v.bits;
        else if (v.number == 2)
            moment.nanos = (int32_t)v.bits;
    }
    sfms_moment_format(moment, text);
    sfms_buf_char(b, '"');
    sfms_buf_add(b, text);
    sfms_buf_char(b, '"');
}

static void
write_wrapped(place *w, const sfms_message *m, sfms_packed msg)
{
    sfms_packed_field found[1];

    find_fields(w, m, msg, found);
    write_single(w, &m->fields[0], &found[0]);
}

static void
write_message(place *w, const sfms_message *m, sfms_packed msg)
{
    if (w->depth == DEPTH_MAX) {
        w->broken = true;
        return;
    }
    w->depth++;
    switch (m->kind) {
    case SFMS_KIND_TIMESTAMP:
        write_time(w->b, msg);
        break;
    case SFMS_KIND_FIELD_MASK:
        sfms_mask_write(w->b, msg);
        break;
    case SFMS_KIND_WRAPPER:
        write_wrapped(w, m, msg);
        break;
    case SFMS_KIND_STRUCT:
        w->broken |= !sfms_struct_write(w->b, msg, DEPTH_MAX - w->depth);
        break;
    case SFMS_KIND_VALUE:
        w->broken |= !sfms_value_write(w->b, msg, DEPTH_MAX - w->depth);
        break;
    case SFMS_KIND_LIST_VALUE:
        w->broken |= !sfms_list_value_write(w->b, msg, DEPTH_MAX - w->depth);
        break;
    default:
        write_fields(w, m, msg);
        break;
    }
    w->depth--;
}

bool
sfms_json_write_seen(const sfms_call *call, sfms_buf *b, const sfms_message *m, sfms_packed msg,
    const Google__Protobuf__FieldMask *mask)
{
    bool masked = mask != NULL && mask->n_paths > 0;
    bool hides = call != NULL && call->principal != NULL && call->principal->n_hidden_fields > 0;
    selection s = {.call = hides ? call : NULL, .mask = masked ? mask : NULL};
    place w = {.b = b, .selection = masked || hides ? &s : NULL};

    write_message(&w, m, msg);
    return !w.broken;
}

bool
sfms_json_write_packed(
    sfms_buf *b, const sfms_message *m, sfms_packed msg, const Google__Protobuf__FieldMask *mask)
{
    return sfms_json_write_seen(NULL, b, m, msg, mask);
}

void
sfms_json_write(
    sfms_buf *b, const sfms_message *m, const ProtobufCMessage *msg, const Google__Protobuf__FieldMask *mask)
{
    size_t n;
    uint8_t *bytes;

    if (msg == NULL) {
        sfms_buf_mem(b, "null", 4);
        return;
    }
    n = protobuf_c_message_get_packed_size(msg);
    bytes = sfms_alloc_raw(b->arena, n);
    protobuf_c_message_pack(msg, bytes);
    if (!sfms_json_write_packed(b, m, (sfms_packed){bytes, n}, mask))
        b->failed = true; /* deeper than anybody would read it */
}
