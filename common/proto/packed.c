/* packed.c -- protobuf's encoding, read and written. */
#include "proto/packed.h"

#include <endian.h>
#include <string.h>

#include "core/log.h"

enum {
    VARINT_MAX = 10, /* bytes of 64 bits, seven in each */
    LENGTH_ROOM = 2, /* bytes kept for a message's length: enough for 16,383, as most of ours are */
};

/* ---- reading ----------------------------------------------------------------------------------------- */

static bool
take_long_varint(sfms_packed *p, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < p->n && i < VARINT_MAX; i++) {
        value |= (uint64_t)(p->at[i] & 0x7f) << (7 * i);
        if (p->at[i] < 0x80) {
            p->at += i + 1;
            p->n -= i + 1;
            *ret = value;
            return true;
        }
    }
    return false;
}

/* Most tags, lengths and numbers are one byte or two. */
static inline bool
take_varint(sfms_packed *p, uint64_t *ret)
{
    size_t n = 1;

    if (p->n < 2)
        return take_long_varint(p, ret);
    *ret = p->at[0];
    if (p->at[0] >= 0x80) {
        if (p->at[1] >= 0x80)
            return take_long_varint(p, ret);
        *ret = (*ret & 0x7f) | (uint64_t)p->at[1] << 7;
        n = 2;
    }
    p->at += n;
    p->n -= n;
    return true;
}

static bool
take_bytes(sfms_packed *p, size_t n, void *to)
{
    if (p->n < n)
        return false;
    memcpy(to, p->at, n);
    p->at += n;
    p->n -= n;
    return true;
}

static inline bool
take_value(sfms_packed *p, sfms_wire_type type, sfms_packed_field *ret)
{
    uint32_t bits32;
    uint64_t bits64;

    ret->type = type;
    ret->bytes = (sfms_packed){NULL, 0};
    switch (type) {
    case SFMS_WIRE_VARINT:
        return take_varint(p, &ret->bits);
    case SFMS_WIRE_32:
        if (!take_bytes(p, sizeof bits32, &bits32))
            return false;
        ret->bits = le32toh(bits32);
        return true;
    case SFMS_WIRE_64:
        if (!take_bytes(p, sizeof bits64, &bits64))
            return false;
        ret->bits = le64toh(bits64);
        return true;
    case SFMS_WIRE_BYTES:
        if (!take_varint(p, &bits64) || bits64 > p->n)
            return false;
        ret->bits = 0;
        ret->bytes = (sfms_packed){p->at, (size_t)bits64};
        p->at += bits64;
        p->n -= (size_t)bits64;
        return true;
    }
    return false;
}

bool
sfms_packed_value(sfms_packed *p, sfms_wire_type type, sfms_packed_field *ret)
{
    return take_value(p, type, ret);
}

bool
sfms_packed_next(sfms_packed *p, sfms_packed_field *ret)
{
    sfms_packed rest = *p;
    uint64_t tag;

    if (!take_varint(&rest, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
        return false;
    ret->number = (uint32_t)(tag >> 3);
    if (!take_value(&rest, (sfms_wire_type)(tag & 7), ret))
        return false;
    *p = rest;
    return true;
}

bool
sfms_packed_find(sfms_packed p, uint32_t number, sfms_packed_field *ret)
{
    sfms_packed_field field;
    bool found = false;

    while (sfms_packed_next(&p, &field)) {
        if (field.number != number)
            continue;
        *ret = field;
        found = true;
    }
    return found;
}

sfms_wire_type
sfms_wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return SFMS_WIRE_VARINT;
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return SFMS_WIRE_32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return SFMS_WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return SFMS_WIRE_BYTES;
    }
    SFMS_WRONG("field type not covered by sfms_wire_type_of");
}

int64_t
sfms_unzigzag(uint64_t bits)
{
    return (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
}

uint64_t
sfms_zigzag(int64_t number)
{
    return (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
}

/* ---- writing ----------------------------------------------------------------------------------------- */

/* put_varint writes at most VARINT_MAX bytes and answers how many. */
static size_t
put_varint(uint8_t *to, uint64_t value)
{
    size_t n = 0;

    for (; value >= 0x80; value >>= 7)
        to[n++] = (uint8_t)(value | 0x80);
    to[n++] = (uint8_t)value;
    return n;
}

static size_t
put_tag(uint8_t *to, uint32_t number, sfms_wire_type type)
{
    return put_varint(to, (uint64_t)number << 3 | type);
}

void
sfms_pack_varint(sfms_buf *b, uint32_t number, uint64_t value)
{
    uint8_t bytes[2 * VARINT_MAX];
    size_t n = put_tag(bytes, number, SFMS_WIRE_VARINT);

    n += put_varint(bytes + n, value);
    sfms_buf_mem(b, bytes, n);
}

void
sfms_pack_32(sfms_buf *b, uint32_t number, uint32_t bits)
{
    uint8_t bytes[VARINT_MAX + sizeof bits];
    size_t n = put_tag(bytes, number, SFMS_WIRE_32);

    bits = htole32(bits);
    memcpy(bytes + n, &bits, sizeof bits);
    sfms_buf_mem(b, bytes, n + sizeof bits);
}

void
sfms_pack_64(sfms_buf *b, uint32_t number, uint64_t bits)
{
    uint8_t bytes[VARINT_MAX + sizeof bits];
    size_t n = put_tag(bytes, number, SFMS_WIRE_64);

    bits = htole64(bits);
    memcpy(bytes + n, &bits, sizeof bits);
    sfms_buf_mem(b, bytes, n + sizeof bits);
}

void
sfms_pack_bytes(sfms_buf *b, uint32_t number, const void *bytes, size_t n)
{
    uint8_t head[2 * VARINT_MAX];
    size_t n_head = put_tag(head, number, SFMS_WIRE_BYTES);

    n_head += put_varint(head + n_head, n);
    sfms_buf_mem(b, head, n_head);
    sfms_buf_mem(b, bytes, n);
}

void
sfms_pack_message(sfms_buf *b, uint32_t number, const ProtobufCMessage *msg)
{
    size_t n = protobuf_c_message_get_packed_size(msg);
    uint8_t head[2 * VARINT_MAX];
    size_t n_head = put_tag(head, number, SFMS_WIRE_BYTES);
    char *to;

    n_head += put_varint(head + n_head, n);
    sfms_buf_mem(b, head, n_head);
    to = sfms_buf_grow(b, n);
    if (to == NULL)
        return;
    protobuf_c_message_pack(msg, (uint8_t *)to);
    b->len += n;
}

size_t
sfms_pack_begin(sfms_buf *b, uint32_t number)
{
    uint8_t head[VARINT_MAX + LENGTH_ROOM] = {0};

    sfms_buf_mem(b, head, put_tag(head, number, SFMS_WIRE_BYTES) + LENGTH_ROOM);
    return b->len;
}

void
sfms_pack_end(sfms_buf *b, size_t begin)
{
    uint8_t length[VARINT_MAX];
    size_t n = put_varint(length, b->len - begin);

    if (n > LENGTH_ROOM && sfms_buf_grow(b, n - LENGTH_ROOM) == NULL)
        return;
    if (!sfms_buf_ok(b))
        return;
    if (n != LENGTH_ROOM)
        memmove(b->data + begin - LENGTH_ROOM + n, b->data + begin, b->len - begin);
    memcpy(b->data + begin - LENGTH_ROOM, length, n);
    b->len = b->len - LENGTH_ROOM + n;
    b->data[b->len] = '\0';
}
