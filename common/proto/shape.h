/*
 * shape.h -- a shape: the messages of the contract together with the fields that one organisation has defined.
 *
 * A field that is defined has a rule and a type as those of the contract have: it is a sfms_field like others, so what
 * compares, checks, spells and describes fields takes it as it is. Its value is a member of customFields, spelled as the JSON
 * of such a field.
 */
#ifndef SFMS_PROTO_SHAPE_H
#define SFMS_PROTO_SHAPE_H

#include "google/protobuf/field_mask.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "proto/call.h"
#include "proto/path.h"
#include "sfms/api/v1/custom_field.pb-c.h"

/* A field that is defined. */
typedef struct {
    const Pb__CustomField *custom; /* as it was defined */
    sfms_field field;              /* the same as a field of a message; of no message */
    ProtobufCFieldDescriptor desc; /* what field points to */
    Pb__FieldRule rule;
} sfms_definition;

typedef struct sfms_shape sfms_shape;

/* sfms_shape_new makes a shape of what is defined, with its version, in an arena that lives as long; the messages are kept, not
 * copied. sfms_shape_none is that of organisations which have defined nothing. */
sfms_shape *sfms_shape_new(sfms_arena *a, const sfms_contract *c, const Pb__Shape *defined);
extern const sfms_shape sfms_shape_none;

uint64_t sfms_shape_version(const sfms_shape *s);

/* sfms_shape_find answers what a collection's key is defined as; NULL if it is not. sfms_shape_next goes through the fields of a
 * collection, in the order in which they were made: *at begins with 0, NULL ends. */
const sfms_definition *sfms_shape_find(const sfms_shape *s, const char *collection, const char *key);
const sfms_definition *sfms_shape_next(const sfms_shape *s, const char *collection, unsigned *at);

/* sfms_field_is_custom is true for the field of a resource that holds what is defined: custom_fields. */
bool sfms_field_is_custom(const sfms_message *m, const sfms_field *f);

/* sfms_definition_check brings a value, which is not null, into the form in which it is stored, and notes a violation at path
 * if it is none of the field's. fresh: for a record that is being made, which may not have what was retired. */
void sfms_definition_check(sfms_call *call, const sfms_definition *d, Google__Protobuf__Value *value,
    const sfms_path *path, bool fresh);

/* sfms_custom_check holds the custom fields of a resource that is written against the shape of the call, if that is known: keys
 * that are not defined, values, and what must be there. holder is the request's field that has the resource, NULL if the request
 * is it; mask is NULL for CREATE. Answers the custom fields; NULL if there are none. */
const ProtobufCMessage *sfms_custom_check(sfms_call *call, const sfms_field *holder,
    ProtobufCMessage *resource, const Google__Protobuf__FieldMask *mask);

/* sfms_custom_missing notes a violation for each required field that a new record would lack, and answers whether there is one;
 * call may be NULL to only ask, with the shape. path is that of the object. */
bool sfms_custom_missing(sfms_call *call, const sfms_shape *s, const char *collection,
    const Google__Protobuf__Struct *object, const sfms_path *path);

/* sfms_custom_complete answers the custom fields of a new record: object, which may be NULL, with the defaults of what it does
 * not say; NULL if there is nothing at all. */
Google__Protobuf__Struct *sfms_custom_complete(
    sfms_arena *a, const sfms_shape *s, const char *collection, Google__Protobuf__Struct *object);

/* sfms_decimal_order compares two decimal numbers in normal form, exactly: less than, equal to or greater than 0. */
int sfms_decimal_order(const char *a, const char *b);

#endif
