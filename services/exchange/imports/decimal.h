/* decimal.h -- decimal numbers in text: as people write them, and exact multiplication. */
#ifndef SFMS_EXCHANGE_DECIMAL_H
#define SFMS_EXCHANGE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"

/* A part of a text. */
typedef struct {
    const char *at;
    size_t len;
} import_span;

/* How numbers are written: what may stand before the digits, between thousands, before decimals, and behind. */
typedef struct {
    import_span before, group, point, behind;
} import_number_style;

/* import_number_style_read takes a style from how it writes 1234.5, e.g. "¥1,234.5"; false if the example is not that
 * number. The style lives as long as the arena. */
bool import_number_style_read(sfms_arena *arena, const char *example, import_number_style *ret);

/* import_number_read answers a number of that style as -?digits[.digits]; NULL if it is none. Blanks of any width are one, as
 * are digits and signs of full width; the sign may stand behind, or be brackets. */
const char *import_number_read(sfms_arena *arena, const import_number_style *style, const char *text);

/* import_decimal_multiply answers a * b without superfluous zeros; NULL if one is not -?digits[.digits] or
 * has more than 30 characters. */
const char *import_decimal_multiply(sfms_arena *arena, const char *a, const char *b);

#endif
