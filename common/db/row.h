/*
 * row.h -- rows to messages and fields to parameters, by name.
 *
 * A column and a field of the same name are the same thing. SQL NULL is the field's default. Types:
 *   string        text, uuid, date, numeric, any type by its text    bool, int32, int64, double, float
 *   enum          text holding the value's name                      Timestamp   timestamptz
 *   Struct/Value  jsonb                                              DoubleValue and the like: as the number, or NULL
 *   other message, repeated message   jsonb
 * in the proto3 JSON mapping (lowerCamelCase keys) repeated string  text[] or uuid[]
 */
#ifndef SFMS_DB_ROW_H
#define SFMS_DB_ROW_H

#include <libpq-fe.h>

#include "core/buf.h"
#include "google/protobuf/struct.pb-c.h"
#include "proto/contract.h"

/* Bytes of a row as a message at most: a result is in memory already, so that this is no bound on input. */
#define SFMS_ROW_MAX (SIZE_MAX / 2)

/* Results are in text or binary format. Columns without a field of their name are ignored.
 *
 * sfms_row_pack appends row r of res as the fields of a message m; sfms_rows_pack, the first n rows as elements of a
 * repeated message field. b is in an arena. */
void sfms_row_pack(sfms_buf *b, const sfms_contract *c, const sfms_message *m, const PGresult *res, int r);
void sfms_rows_pack(sfms_buf *b, const sfms_contract *c, const sfms_field *list, const PGresult *res, int n);

/* sfms_image_pack appends a field from its text in an image of a row, as jsonb's ->> answers it. */
void sfms_image_pack(sfms_buf *b, const sfms_contract *c, const sfms_field *f, const char *text);

/* sfms_row_read sets the fields of msg that row r of res has a value for; the others stay. */
void sfms_row_read(sfms_arena *a, const sfms_contract *c, const PGresult *res, int r, ProtobufCMessage *msg);

/* sfms_rows_read appends every row to a repeated message field of out, found by name. Nothing else appends to it. */
void sfms_rows_read(
    sfms_arena *a, const sfms_contract *c, const PGresult *res, ProtobufCMessage *out, const char *field);

/* sfms_field_text answers a field as the text of a parameter; NULL (SQL NULL) if it is empty: "", 0 of an
 * enum, an absent message. Numbers and booleans are always given; a repeated field is '{}' if empty, jsonb
 * '[]' for messages. An object is given without its members that are null. */
const char *sfms_field_text(sfms_arena *a, const sfms_field *f, const ProtobufCMessage *msg);

/* sfms_object_text answers an object as the text of a parameter of jsonb, as sfms_field_text does. */
const char *sfms_object_text(sfms_arena *a, const sfms_field *f, const Google__Protobuf__Struct *object);

/* sfms_array_text answers texts as the text of a text[]. */
const char *sfms_array_text(sfms_arena *a, size_t n, const char *const *items);

#endif
