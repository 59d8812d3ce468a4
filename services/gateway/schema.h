/*
 * schema.h -- messages as JSON Schemas, for the OpenAPI document.
 *
 * First everything that requests and answers reach is collected, then written. How a message is used decides
 * how it is described: an answer holds every field but the secret ones, a request those that a caller may set.
 */
#ifndef GATEWAY_SCHEMA_H
#define GATEWAY_SCHEMA_H

#include "proto/contract.h"
#include "writer.h"

typedef enum {
    SCHEMA_REQUEST = 1,        /* in a body: the required fields must be there */
    SCHEMA_PATCH = 2,          /* the body of a partial update: no field must be there */
    SCHEMA_UPSERT = 4,         /* the same where it may create the record: the external id must be there */
    SCHEMA_ANSWER = 8,         /* every field is there, unless a readMask leaves it out */
    SCHEMA_FORM = 16,          /* the same as SCHEMA_REQUEST for the parts of a form */
    SCHEMA_UPDATE = 32,        /* one of many partial updates: the id must be there */
    SCHEMA_MANY_UPDATES = 64,  /* the body with those */
    SCHEMA_MANY_UPSERTS = 128, /* the body with many of SCHEMA_UPSERT */
    SCHEMA_DRAFT = 256,        /* a record that the method completes: no field must be there */
} schema_use;

typedef struct schemas schemas;

schemas *schemas_new(sfms_arena *a, const sfms_contract *contract);

/* schemas_add collects a message, and what it reaches. */
void schemas_add(schemas *s, const sfms_message *m, schema_use use);

/* schemas_add_enum collects an enum. Requests do not say "unspecified": where an enum has such a value, what is answered and
 * what is sent are two schemas. */
void schemas_add_enum(schemas *s, const sfms_field *f, schema_use use);

/* schemas_mask notes that a readMask can leave fields of the message out; schemas_are_masked asks for that. */
void schemas_mask(schemas *s, const sfms_message *m);
bool schemas_are_masked(const schemas *s, const sfms_message *m);

/* schemas_collections writes the names of the collections that have a standard method, as an array. */
void schemas_collections(const schemas *s, writer *w, const char *name, Pb__Verb verb);

/* schemas_address answers where the schema of a message or enum is: "#/components/schemas/Deal". */
const char *schemas_address(const schemas *s, const void *thing, schema_use use);

/* schema_is_there is true if the field can be there at all. schema_use_inside answers the use of what is inside: of a partial
 * update that is given whole. schema_use_of answers that of what a field holds. */
bool schema_is_there(const sfms_field *f, schema_use use);
schema_use schema_use_inside(schema_use use);
schema_use schema_use_of(const sfms_field *f, schema_use use);

/* schema_use_of is the same for a field's message: a section is partial where its record is. */
schema_use schema_use_of(const sfms_field *f, schema_use use);

/* schemas_write writes the members of components.schemas. */
void schemas_write(schemas *s, writer *w);

/* schema_ref writes {"$ref": ...} to a message's schema as a member. */
void schema_ref(schemas *s, writer *w, const char *name, const sfms_message *m, schema_use use);

/* schema_label writes a label as a member; nothing if it is NULL. */
void schema_label(writer *w, const char *name, const Pb__Label *label);

/* schema_field writes the schema of a field of m as a member; schema_parameter, of a field as a parameter, without
 * the field's comment. listed is the resource that a list is of; NULL for other methods. */
void schema_field(
    schemas *s, writer *w, const char *name, const sfms_message *m, const sfms_field *f, schema_use use);
void schema_parameter(
    schemas *s, writer *w, const char *name, const sfms_field *f, bool required, const sfms_message *listed);

/* schema_body writes the schema of a message without the fields that skip names (proto names, NULL at the
 * end). */
void schema_body(
    schemas *s, writer *w, const char *name, const sfms_message *m, const char *const *skip, schema_use use);

#endif
