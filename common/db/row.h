/*
 * row.h -- rows to messages and fields to parameters, by name.
 *
 * A column and a field of the same name are the same thing. SQL NULL is the field's default. Types:
 *   string        text, uuid, date, numeric, any type by its text    bool, int32, int64, double, float
 *   enum          text holding the value's name                      Timestamp   timestamptz
 *   Struct/Value  jsonb                                              other message, repeated message   jsonb
 * in the proto3 JSON mapping (lowerCamelCase keys) repeated string  text[] or uuid[]
 */
#ifndef SFMS_DB_ROW_H
#define SFMS_DB_ROW_H

#include <libpq-fe.h>

#include "proto/contract.h"

/* Results are in text or binary format, and belong to the arena: the messages point into them.
 *
 * sfms_row_read fills msg from row r of res. Columns without a field of their name are ignored. */
void sfms_row_read(sfms_arena *a, const sfms_contract *c, const PGresult *res, int r, ProtobufCMessage *msg);

/* sfms_rows_read appends every row to a repeated message field of out, found by name. */
void sfms_rows_read(
    sfms_arena *a, const sfms_contract *c, const PGresult *res, ProtobufCMessage *out, const char *field);

/* sfms_field_text answers a field as the text of a parameter; NULL (SQL NULL) if it is empty: "", 0 of an
 * enum, an absent message. Numbers and booleans are always given; a repeated field is '{}' if empty, jsonb
 * '[]' for messages. */
const char *sfms_field_text(sfms_arena *a, const sfms_field *f, const ProtobufCMessage *msg);

#endif
