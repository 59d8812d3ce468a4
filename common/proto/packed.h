/*
 * packed.h -- protobuf's encoding, field by field, without message structs.
 *
 * Pages of lists go from rows to bytes in a service, and from bytes to JSON in the gateway. Making messages in between,
 * only to take them apart again, would cost more than either.
 */
#ifndef SFMS_PROTO_PACKED_H
#define SFMS_PROTO_PACKED_H

#include <protobuf-c/protobuf-c.h>

#include "core/buf.h"

/* How a value stands on the wire. Groups are not ours. */
typedef enum { SFMS_WIRE_VARINT = 0, SFMS_WIRE_64 = 1, SFMS_WIRE_BYTES = 2, SFMS_WIRE_32 = 5 } sfms_wire_type;

/* What is still to be read of a message, or the bytes of a value. */
typedef struct {
    const uint8_t *at;
    size_t n;
} sfms_packed;

/* A field as it stands on the wire. */
typedef struct {
    uint32_t number;
    sfms_wire_type type;
    uint64_t bits;     /* of a number, before sign and width are looked at */
    sfms_packed bytes; /* of a string, bytes, a message, or a packed list of numbers */
} sfms_packed_field;

/* sfms_packed_next takes the next field off p. False at the end, where p->n is 0, and for what is no field; then p->n is
 * not 0. */
bool sfms_packed_next(sfms_packed *p, sfms_packed_field *ret);

/* sfms_packed_value takes a value alone, as it stands in a packed list; false if there is none of that type. */
bool sfms_packed_value(sfms_packed *p, sfms_wire_type type, sfms_packed_field *ret);

/* sfms_packed_find answers the last field with that number; false if there is none. */
bool sfms_packed_find(sfms_packed p, uint32_t number, sfms_packed_field *ret);

/* sfms_wire_type_of answers how a value of the type stands on the wire. */
sfms_wire_type sfms_wire_type_of(ProtobufCType type);

/* A sint32 or sint64 and its bits. */
int64_t sfms_unzigzag(uint64_t bits);
uint64_t sfms_zigzag(int64_t number);

/* Appending a field: a number of each kind (a negative one as 64 bits), bytes or a string, a message. */
void sfms_pack_varint(sfms_buf *b, uint32_t number, uint64_t value);
void sfms_pack_32(sfms_buf *b, uint32_t number, uint32_t bits);
void sfms_pack_64(sfms_buf *b, uint32_t number, uint64_t bits);
void sfms_pack_bytes(sfms_buf *b, uint32_t number, const void *bytes, size_t n);
void sfms_pack_message(sfms_buf *b, uint32_t number, const ProtobufCMessage *msg);

/* sfms_pack_begin begins a message whose fields are appended next; sfms_pack_end ends it, with what begin answered. */
size_t sfms_pack_begin(sfms_buf *b, uint32_t number);
void sfms_pack_end(sfms_buf *b, size_t begin);

#endif
