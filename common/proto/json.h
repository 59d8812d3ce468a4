/*
 * json.h -- messages to and from JSON, by the proto3 JSON mapping, strictly.
 *
 * Reading: unknown fields, wrong types and output-only values of another shape are refused with the field's path;
 * 64-bit integers may be strings or numbers; null clears. cJSON parses; its memory comes from the arena.
 * Writing: every field is written, so that the shape never varies: absent messages and empty strings with a format are
 * null, empty lists are []. Fields with the secret rule are never written.
 */
#ifndef SFMS_PROTO_JSON_H
#define SFMS_PROTO_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "proto/call.h"
#include "proto/contract.h"
#include "proto/packed.h"
#include "sfms/api/v1/requests.pb-c.h"

/* sfms_json_parse reads text of n bytes into a tree in the call's arena. Fails the call with bad_json (the byte), json_depth
 * or json_values and answers NULL. Trailing text other than white space is refused. Duplicate keys are refused.
 * cJSON has one allocator for the process; the first call here replaces it by one that takes memory from the arena
 * while this function runs, and from malloc at all other times. So never cJSON_Delete a tree that came from here, nor add
 * items to it. */
cJSON *sfms_json_parse(sfms_call *call, const char *text, size_t n);

/* sfms_json_parse_at is the same for a text whose place in the request ("" or "deal.") is known: a string that holds U+0000
 * is a violation there. */
cJSON *sfms_json_parse_at(sfms_call *call, const char *prefix, const char *text, size_t n);

/* sfms_json_stored reads what the database holds, which the rules for requests do not judge; NULL if it is none that anybody
 * could be answered: see SFMS_STORED_DEPTH and SFMS_STORED_BYTES.
 *
 * In both trees a number that a double does not hold (see number.h) has its text as valuestring; others have none. */
cJSON *sfms_json_stored(sfms_arena *a, const char *text, size_t n);

/* sfms_json_read fills msg, which is empty, from a JSON object. prefix is the path of msg in the request ("" or
 * "deal."), for violations. If mask is not NULL, the proto names of the keys present are appended to it (top level
 * only). Strings of the tree are kept, not copied: the tree must live as long as msg. Answers false if it noted
 * violations. */
bool sfms_json_read(sfms_call *call, const sfms_message *m, const cJSON *object, const char *prefix,
    ProtobufCMessage *msg, Google__Protobuf__FieldMask *mask);

/* sfms_json_read_text sets a field, given by its dotted path, from the text of a query or path parameter or of a CSV
 * cell: numbers, booleans and enums in their usual form, field masks and lists of scalars separated by commas where
 * the field is a mask, otherwise appended one by one. Message fields along the path are made; of a repeated message
 * field the first element. Notes a violation and answers false if it does not fit or there is no such field. */
bool sfms_json_read_text(
    sfms_call *call, const sfms_message *m, const char *path, const char *text, ProtobufCMessage *msg);

/* sfms_json_write_packed appends a message, given by its bytes on the wire, as JSON. mask, if not NULL, names the fields
 * of a resource to write, by proto or JSON name: it holds for the message if that is a resource, and for the resources in
 * its fields if not. False if the bytes are no message of that kind; what was appended is useless then. */
bool sfms_json_write_packed(
    sfms_buf *b, const sfms_message *m, sfms_packed msg, const Google__Protobuf__FieldMask *mask);

/* sfms_json_write_seen does so without the fields that are hidden from the caller. */
bool sfms_json_write_seen(const sfms_call *call, sfms_buf *b, const sfms_message *m, sfms_packed msg,
    const Google__Protobuf__FieldMask *mask);

/* sfms_json_write does so with a message that is there as a struct. */
void sfms_json_write(
    sfms_buf *b, const sfms_message *m, const ProtobufCMessage *msg, const Google__Protobuf__FieldMask *mask);

/* sfms_json_read_value makes a google.protobuf.Value, Struct or ListValue from a tree, which it keeps the strings of; NULL
 * if the tree is not an object (Struct) or an array (ListValue). A number that a double does not hold becomes a string of
 * its digits; in a request, sfms_json_read refuses it. */
ProtobufCMessage *
sfms_json_read_value(sfms_arena *a, const ProtobufCMessageDescriptor *desc, const cJSON *value);

#endif
