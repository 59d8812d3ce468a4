/* values.h -- values as programs write them, in the spelling that fields take. */
#ifndef SFMS_EXCHANGE_VALUES_H
#define SFMS_EXCHANGE_VALUES_H

#include "core/time.h"
#include "mapping.h"
#include "proto/json_value.h"

/* import_value_spelled answers a text that is not empty in the spelling of the field, if it has one reading and nothing is lost:
 * 12.0 for a whole number, TRUE, 2026/3/1, a time of the caller's zone, a web site without its scheme, an enum's value in any
 * case. Otherwise the text itself, for the field's own rules to refuse. */
const char *import_value_spelled(sfms_call *call, const sfms_field *f, const char *text);

/* import_value_custom answers a text that is not empty as a custom field's value of a type; NULL if it is none. */
Google__Protobuf__Value *import_value_custom(sfms_call *call, import_custom_type type, const char *text);

/* import_value_moment writes a wall clock as RFC 3339: by its offset, or in the caller's time zone. NULL if no or two moments
 * of the zone have it, as when clocks are changed. */
const char *import_value_moment(sfms_call *call, const sfms_wall *wall);

#endif
