/*
 * json_value.h -- values of any shape: google.protobuf.Struct, Value and ListValue; and field masks.
 */
#ifndef SFMS_PROTO_JSON_VALUE_H
#define SFMS_PROTO_JSON_VALUE_H

#include "google/protobuf/field_mask.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "proto/json.h"
#include "proto/packed.h"

/* Writing one, given by its bytes on the wire. False if they are none, or go deeper than depth. */
bool sfms_struct_write(sfms_buf *b, sfms_packed msg, int depth);
bool sfms_value_write(sfms_buf *b, sfms_packed msg, int depth);
bool sfms_list_value_write(sfms_buf *b, sfms_packed msg, int depth);

/* sfms_struct_set gives a key a text; an older value of the key is replaced. */
void sfms_struct_set(sfms_arena *a, Google__Protobuf__Struct *s, const char *key, const char *text);

/* sfms_struct_put does the same with a value of any kind. */
void sfms_struct_put(sfms_arena *a, Google__Protobuf__Struct *s, const char *key, Google__Protobuf__Value *v);

/* sfms_struct_entry answers the entry of a key; NULL if the object, which may be NULL, has none. */
Google__Protobuf__Struct__FieldsEntry *
sfms_struct_entry(const Google__Protobuf__Struct *object, const char *key);

/* sfms_value_is_null is true for null, and for a value that is none. */
bool sfms_value_is_null(const Google__Protobuf__Value *value);

/* sfms_mask_add appends a path; sfms_mask_read, each of the paths in "id,closeDate,customFields.erpId", their first names in
 * proto form: what follows a dot may be a client's own key. A key between backticks may hold commas and blanks.
 * sfms_mask_write writes those of a mask on the wire as such a string, their first names in JSON form. */
void sfms_mask_add(sfms_arena *a, Google__Protobuf__FieldMask *mask, const char *path);
void sfms_mask_read(sfms_arena *a, Google__Protobuf__FieldMask *mask, const char *text);
void sfms_mask_write(sfms_buf *b, sfms_packed mask);

/* sfms_double_write writes the shortest text that is read back as the same number. */
void sfms_double_write(sfms_buf *b, double number);

#endif
