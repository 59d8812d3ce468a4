/* decimal.h -- exact multiplication of decimal numbers in text. */
#ifndef SFMS_ACTIVITIES_DECIMAL_H
#define SFMS_ACTIVITIES_DECIMAL_H

#include "core/arena.h"

/* import_decimal_multiply answers a * b without superfluous zeros; NULL if one is not -?digits[.digits] or
 * has more than 30 characters. */
const char *import_decimal_multiply(sfms_arena *arena, const char *a, const char *b);

#endif
