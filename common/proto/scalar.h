/*
 * scalar.h -- one value of a field from text or a number. Used by everything that reads JSON.
 */
#ifndef SFMS_PROTO_SCALAR_H
#define SFMS_PROTO_SCALAR_H

#include "proto/call.h"

/* sfms_scalar_text reads text into the place of one value of the field: an integer, a decimal number, true or false, an
 * enum's name, base64, or the text itself, which is kept and not copied. False if it does not fit. */
bool sfms_scalar_text(sfms_arena *a, const sfms_field *f, const char *text, void *at);

/* sfms_scalar_number does the same for a number, of JSON: integers that are whole and in range, floating point, and
 * decimals (strings with that format) if the number's text can be told from its double. */
bool sfms_scalar_number(sfms_arena *a, const sfms_field *f, double number, void *at);

/* sfms_scalar_wrong notes that what stood at path cannot be a value of the field, and says what can. */
void sfms_scalar_wrong(sfms_call *call, const sfms_field *f, const char *path);

/* What JSON can be asked to be. */
typedef enum {
    SFMS_TYPE_OBJECT,
    SFMS_TYPE_ARRAY,
    SFMS_TYPE_STRING,
    SFMS_TYPE_BOOL,
    SFMS_TYPE_NUMBER,
    SFMS_TYPE_INTEGER,
    SFMS_TYPE_INTEGER_TEXT,
    SFMS_TYPE_BASE64,
    SFMS_TYPE_TIME,
    SFMS_TYPE_MASK,
    SFMS_TYPE_DECIMAL,
} sfms_type;

/* sfms_type_wrong notes that what stood at path is not of the type. */
void sfms_type_wrong(sfms_call *call, sfms_type type, const char *path);

#endif
