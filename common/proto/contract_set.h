/*
 * contract_set.h -- the compiled descriptor set: options and comments by the names of things. Start-up only.
 */
#ifndef SFMS_PROTO_CONTRACT_SET_H
#define SFMS_PROTO_CONTRACT_SET_H

#include "core/arena.h"
#include "google/protobuf/descriptor.pb-c.h"

/* A message of the set. Comments are NULL where the proto has none. */
typedef struct sfms_set_message {
    const char *name; /* full */
    const Google__Protobuf__DescriptorProto *proto;
    const char *comment;
    const char **field_comments;     /* in the order of proto->field */
    struct sfms_set_message *nested; /* in the order of proto->nested_type */
} sfms_set_message;

typedef struct {
    const char *name; /* full */
    const Google__Protobuf__ServiceDescriptorProto *proto;
    const char *comment;
    const char **method_comments; /* in the order of proto->method */
} sfms_set_service;

typedef struct sfms_set sfms_set;

/* sfms_set_open unpacks a FileDescriptorSet; all of it lives in the arena. Ends the process if it cannot be
 * read. */
sfms_set *sfms_set_open(sfms_arena *a, const uint8_t *data, size_t n);

/* All find by full name, and answer NULL if there is none. */
const sfms_set_message *sfms_set_find_message(const sfms_set *set, const char *name);
const Google__Protobuf__EnumDescriptorProto *sfms_set_find_enum(const sfms_set *set, const char *name);
const sfms_set_service *sfms_set_find_service(const sfms_set *set, const char *name);

/* sfms_set_option unpacks the extension with the field number from an options message into the arena; NULL if
 * it is not there, or options is NULL. */
void *sfms_set_option(
    sfms_arena *a, const ProtobufCMessage *options, uint32_t number, const ProtobufCMessageDescriptor *desc);

#endif
