/*
 * number.h -- numbers without a field: those in google.protobuf.Struct, Value and ListValue.
 *
 * They travel as doubles and are stored as decimals. So only such numbers are taken as every reader gives back with the same
 * value: all others belong in a string.
 */
#ifndef SFMS_PROTO_NUMBER_H
#define SFMS_PROTO_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"

enum { SFMS_NUMBER_CHARS = 63 }; /* of a number written out, without exponent; cJSON takes no more either */

/* sfms_number_held is true for a JSON number of n bytes that is the same after a double has held it: the shortest text of
 * its double has its digits, a whole number is the very value of the double, and written out it is at most
 * SFMS_NUMBER_CHARS long. app.number_held says the same of what is stored. */
bool sfms_number_held(const char *text, size_t n);

/* sfms_number_write writes one as the database does, without exponent, so that its length is known; a number that is not held
 * in the shortest form. */
void sfms_number_write(sfms_buf *b, double number);

#endif
