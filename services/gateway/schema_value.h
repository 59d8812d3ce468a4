/*
 * schema_value.h -- the schema of one value of a field: its type, what it may be, an example.
 */
#ifndef GATEWAY_SCHEMA_VALUE_H
#define GATEWAY_SCHEMA_VALUE_H

#include "schema.h"

/* How the value stands where it is described. */
typedef struct {
    schema_use use;
    bool required; /* it must be given, and not empty */
    bool nullable;
    bool argument; /* of the query or the path: an example is only given if it fits everywhere */
} schema_place;

/* schema_value writes the members of the schema. */
void schema_value(schemas *s, writer *w, const sfms_field *f, schema_place place);

/* schema_type writes the type of something that may also be null. */
void schema_type(writer *w, const char *type, bool nullable);

/* schema_open writes what says that an object may have members that nobody has named. */
void schema_open(writer *w);

#endif
