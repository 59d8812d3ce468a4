/*
 * contract.h -- the contract as the process knows it: messages, methods, routes and rules.
 *
 * Built once at start-up from two sources that must agree: the C descriptors that protoc-c made and
 * the descriptor set that protoc made from the same files, which alone carries options and comments.
 * CMakeLists.txt makes the set and the list of services. A process is linked with a set that has the comments, as the
 * gateway is for the OpenAPI document, or with one that has not: then every comment here is "".
 */
#ifndef SFMS_PROTO_CONTRACT_H
#define SFMS_PROTO_CONTRACT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "sfms/api/v1/annotations.pb-c.h"

enum { SFMS_FIELDS_MAX = 256 }; /* fields of one message */

typedef struct sfms_message sfms_message;

/* Messages that JSON, SQL or both write in a way of their own. */
typedef enum {
    SFMS_KIND_PLAIN,
    SFMS_KIND_TIMESTAMP,  /* google.protobuf.Timestamp: RFC 3339; timestamptz */
    SFMS_KIND_FIELD_MASK, /* google.protobuf.FieldMask: "a,b.c" */
    SFMS_KIND_STRUCT,     /* google.protobuf.Struct: an object; jsonb */
    SFMS_KIND_VALUE,      /* google.protobuf.Value: anything; jsonb */
    SFMS_KIND_LIST_VALUE, /* google.protobuf.ListValue: an array */
    SFMS_KIND_WRAPPER,   /* google.protobuf.DoubleValue and the like: a number or null; its column, or NULL */
    SFMS_KIND_EMPTY,     /* google.protobuf.Empty: {} */
    SFMS_KIND_RAW,       /* sfms.api.v1.RawBody: the body itself, not JSON */
    SFMS_KIND_MAP_ENTRY, /* an entry of a map<string, ...>; the field holding it is written as an object */
} sfms_kind;

/* One field of a message. */
typedef struct {
    const ProtobufCFieldDescriptor *desc; /* name, type, offset in the C struct */
    const char *json_name;                /* lowerCamelCase */
    const char *json_key;                 /* the same as it stands in JSON after another: ,"closeDate": */
    unsigned name_len, json_name_len, json_key_len;
    const sfms_message *message; /* of a message field; NULL for others */
    const Pb__FieldRule *rule;   /* never NULL; all zero if the proto says nothing */
    const Pb__Label *label;      /* what people call it; NULL where the proto says nothing */
    const Pb__Label *const
        *value_labels;   /* of an enum field, by index of the value; NULL elements where there is none */
    const char *comment; /* from the proto; "" if none */
} sfms_field;

struct sfms_message {
    const ProtobufCMessageDescriptor *desc;
    sfms_kind kind;
    const char *resource; /* collection name if the message is a resource, e.g. "deals"; NULL if not */
    const Pb__ResourceRule *rule; /* of a resource; NULL if it is none */
    const char *comment;
    unsigned n_fields;
    const sfms_field *fields; /* in the order of desc->fields, which is by number */
    unsigned slot_mask;       /* the rest is the hash table of the fields' names */
    const uint16_t *slots;
};

/* How the answer of a route comes. */
typedef enum {
    SFMS_ROUTE_WHOLE,  /* at once */
    SFMS_ROUTE_STREAM, /* as server-sent events, for as long as somebody reads */
    SFMS_ROUTE_EXPORT, /* as a file, page by page */
} sfms_route_kind;

/* One route of a method. */
typedef struct {
    const char *verb; /* "GET", "POST", ... */
    const char *path; /* "/v1/deals/{id}:move" */
    const char *body; /* field that the HTTP body fills, "*" for the whole message, "" for none */
    sfms_route_kind kind;
} sfms_route;

typedef struct {
    const char *name;    /* "sfms.pipeline.v1.Deals/MoveDeal" */
    const char *service; /* who serves it: second word of the package, "pipeline"; "rpc" for Health */
    const char *group;   /* proto service, "Deals" */
    const char *group_comment;
    const char *short_name; /* "MoveDeal" */
    const sfms_message *input;
    const sfms_message *output;
    const sfms_message *resource;  /* what a standard method is about; NULL for other methods */
    const Pb__MethodRule *rule;    /* never NULL */
    const char *export_permission; /* of a list: what it takes to have all of it as a file; NULL for others */
    unsigned n_routes;             /* with additional_bindings, and those that the rule brings at the end */
    const sfms_route *routes;
    const char *comment;
} sfms_method;

typedef struct sfms_contract sfms_contract;

/* sfms_contract_load builds the contract; call it once, before threads. Ends the process with a sentence if C
 * descriptors and set disagree, if a method does not say who may call it, or if a route is given twice or names a
 * field that is none. */
const sfms_contract *sfms_contract_load(void);

/* sfms_contract_method finds a method by its full name; NULL if there is none. Constant time. */
const sfms_method *sfms_contract_method(const sfms_contract *c, const char *name);

/* sfms_contract_methods answers all methods, in the order of the files. */
const sfms_method *sfms_contract_methods(const sfms_contract *c, unsigned *ret_n);

/* sfms_contract_message finds a message by its C descriptor; NULL if no method reaches it. */
const sfms_message *sfms_contract_message(const sfms_contract *c, const ProtobufCMessageDescriptor *desc);

/* sfms_contract_resource finds the message of a collection, e.g. "deals"; NULL if there is none. */
const sfms_message *sfms_contract_resource(const sfms_contract *c, const char *collection);

/* sfms_contract_resources answers the messages of all collections, by name. */
const sfms_message *const *sfms_contract_resources(const sfms_contract *c, unsigned *ret_n);

/* sfms_contract_standard finds the method that does verb for a collection ("deals"); NULL if it has none. */
const sfms_method *sfms_contract_standard(const sfms_contract *c, const char *collection, Pb__Verb verb);

/* sfms_verb_of_one answers what a write of many does with each: CREATE for BATCH_CREATE and so on; VERB_UNSPECIFIED for what is
 * no such write. */
Pb__Verb sfms_verb_of_one(Pb__Verb verb);

/* Which conditions a method looks at: If-Match where it changes one record that has a version, If-None-Match where it
 * makes one. The other writes take none. */
bool sfms_method_takes_if_match(const sfms_method *m);
bool sfms_method_takes_if_none_match(const sfms_method *m);

/* sfms_method_is_of is true if a method is about a collection: a standard method of it, or one whose address is below its own. */
bool sfms_method_is_of(const sfms_method *m, const char *collection);

/* sfms_method_is_versioned is true if the answer of a method has a version, its ETag. */
bool sfms_method_is_versioned(const sfms_method *m);

/* A permission that some method asks for. */
typedef struct {
    const char *name; /* "deals.write" */
    unsigned
        roles; /* a bit, 1 << PB__BUILTIN_ROLE__MANAGER and so on, for each built-in role that holds it; ADMIN does always */
} sfms_permission;

/* sfms_contract_permissions answers all permissions, by name. sfms_contract_permission finds one; NULL if there is none. */
const sfms_permission *sfms_contract_permissions(const sfms_contract *c, unsigned *ret_n);
const sfms_permission *sfms_contract_permission(const sfms_contract *c, const char *name);

/* sfms_contract_set answers the bytes of the FileDescriptorSet. */
const uint8_t *sfms_contract_set(size_t *ret_len);

/* sfms_message_field finds a field by its proto name or its JSON name, given with its length; NULL if there is none. */
const sfms_field *sfms_message_field(const sfms_message *m, const char *name, size_t n);

/* The message field of a request or response that carries the resource: the first field whose message is a resource
 * (single or repeated); NULL if there is none. */
const sfms_field *sfms_message_resource_field(const sfms_message *m);

/* The field of a request that carries what is written: the resource, or else what the body of its route fills; NULL if the
 * request itself is it. */
const sfms_field *sfms_method_holder(const sfms_method *m);

/* sfms_enum_name answers the name of an enum's value; NULL if the number is none. */
const char *sfms_enum_name(const ProtobufCEnumDescriptor *e, int value);

/* sfms_enum_is_none is true for FORMAT_UNSPECIFIED and the like, which stand for no value. */
bool sfms_enum_is_none(const ProtobufCEnumValue *v);

/* sfms_field_at answers where the field is in the C struct: of a singular field the value itself, of a repeated one the
 * pointer to its array. sfms_field_count answers the elements of a repeated field. */
void *sfms_field_at(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);
size_t sfms_field_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);

/* sfms_field_is_set is false for a member of a oneof that is not the one in use; true for every other field. */
bool sfms_field_is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);

/* sfms_field_mark says that a field now has a value: sets the has_ member or the case of the oneof, where there is one. */
void sfms_field_mark(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);

/* sfms_field_is_default is true if the field holds nothing: "", 0, false, an absent message, an empty list. */
bool sfms_field_is_default(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);

/* sfms_type_size answers the bytes of one value of a type in a C struct. */
size_t sfms_type_size(ProtobufCType type);

/* sfms_field_append makes room for one more element of a repeated field and answers where it goes, zeroed. Arrays grow
 * by doubling, in the arena. Only for fields that nothing else has filled: an unpacked array has no room to spare. */
void *sfms_field_append(sfms_arena *a, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);

/* sfms_message_new makes an empty message of the kind in the arena. */
ProtobufCMessage *sfms_message_new(sfms_arena *a, const ProtobufCMessageDescriptor *desc);

#endif
