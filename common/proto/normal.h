/*
 * normal.h -- the texts of a request in the form in which they are stored.
 */
#ifndef SFMS_PROTO_NORMAL_H
#define SFMS_PROTO_NORMAL_H

#include "google/protobuf/struct.pb-c.h"
#include "proto/contract.h"

/* sfms_normal_text answers what is stored for a text of a field with this rule: normal form C; of a text of one line, without
 * what cannot be seen at its ends; of several lines, all of it, or "" if there is nothing to see. Secrets stay as they are. */
const char *sfms_normal_text(sfms_arena *a, const Pb__FieldRule *rule, const char *text);

/* sfms_normal_value does so in place with all texts of a message of struct.proto: a Struct, a Value or a ListValue. They are
 * of one line, and keys are texts too. Answers a key that an object then has twice; NULL if there is none. */
const char *sfms_normal_value(sfms_arena *a, ProtobufCMessage *value);

#endif
