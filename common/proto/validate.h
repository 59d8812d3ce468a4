/*
 * validate.h -- the field rules of the contract, held against a request.
 */
#ifndef SFMS_PROTO_VALIDATE_H
#define SFMS_PROTO_VALIDATE_H

#include "proto/call.h"

/* sfms_validate checks a request of call->method and notes every violation: lengths, counts, ranges, formats, enum
 * numbers, and by verb: required fields (CREATE and handwritten methods: all; UPDATE and UPSERT: those in update_mask; UPSERT also
 * needs external_id), output-only fields (must be empty in a CREATE; must not be in the mask of an UPDATE). Nested messages and
 * repeated messages are walked. Also puts texts in their normal form in place (phones to E.164, e-mail and UUIDs to lower case,
 * currency to upper case, decimals without superfluous zeros or sign). Answers OK or INVALID_ARGUMENT (sfms_bad_fields). */
sfms_status sfms_validate(sfms_call *call, ProtobufCMessage *request);

/* sfms_decimal_valid is true for -?digits[.digits] with at most 18 digits before and 6 after the point. */
bool sfms_decimal_valid(const char *text);

#endif
