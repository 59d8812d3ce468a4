/*
 * validate.h -- the field rules of the contract, held against a request.
 */
#ifndef SFMS_PROTO_VALIDATE_H
#define SFMS_PROTO_VALIDATE_H

#include "google/protobuf/field_mask.pb-c.h"
#include "proto/call.h"
#include "proto/path.h"

/* sfms_validate checks a request of call->method and notes every violation: lengths, counts, ranges, formats, enum
 * numbers, names in masks; and by verb:
 *   required fields     CREATE and handwritten methods: all; UPDATE and UPSERT: those in update_mask (all if there is no
 *                       mask). Also the id of an UPDATE and the external_id of an UPSERT.
 *   output-only fields  must be empty in a CREATE, and in messages inside the resource of any write. Those in the mask of
 *                       an UPDATE or UPSERT are left to the engine, which knows what is stored.
 * Nested messages, repeated messages and maps are walked. Also puts texts in their normal form in place, before they are
 * checked: all of them as normal.h says, so that a text with nothing to see is no text; phones to E.164, e-mail and UUIDs to
 * lower case, currency to upper case, decimals without superfluous zeros or sign, masks to
 * proto names. Answers OK or INVALID_ARGUMENT (sfms_bad_fields). */
sfms_status sfms_validate(sfms_call *call, ProtobufCMessage *request);

/* sfms_validate_string does so with the text of one field, in place; path is where it is. */
void sfms_validate_string(sfms_call *call, const sfms_field *f, const char **at, const sfms_path *path);

/* sfms_mask_check brings the paths of a mask of m, the field name of the request, to proto names, and refuses those that are none
 * of m's. written: of what is written, rather than what is answered. */
void sfms_mask_check(sfms_call *call, Google__Protobuf__FieldMask *mask, const sfms_message *m,
    const char *name, bool written);

/* sfms_decimal_valid is true for -?digits[.digits] with at most 18 digits before and 6 after the point. */
bool sfms_decimal_valid(const char *text);

#endif
