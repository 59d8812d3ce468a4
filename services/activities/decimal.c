/* decimal.c -- exact multiplication of decimal numbers in text. */
#include "decimal.h"

#include <stdbool.h>
#include <string.h>

enum { DIGITS_MAX = 30 };

/* A number as its digits, the last first. */
typedef struct {
    bool negative;
    int n;        /* digits */
    int decimals; /* of them, after the point */
    int digits[2 * DIGITS_MAX];
} decimal;

static bool
parse(const char *text, decimal *ret)
{
    size_t len = strlen(text);
    bool point = false;

    *ret = (decimal){.negative = text[0] == '-'};
    if (len == 0 || len > DIGITS_MAX)
        return false;
    for (size_t i = len; i-- > (ret->negative ? 1 : 0);) {
        if (text[i] == '.' && !point && i > 0 && ret->n > 0) {
            point = true;
            ret->decimals = ret->n;
        } else if (text[i] >= '0' && text[i] <= '9') {
            ret->digits[ret->n++] = text[i] - '0';
        } else {
            return false;
        }
    }
    return ret->n > ret->decimals; /* a digit before the point */
}

static void
multiply(const decimal *a, const decimal *b, decimal *ret)
{
    *ret = (decimal){
        .negative = a->negative != b->negative, .n = a->n + b->n, .decimals = a->decimals + b->decimals};
    for (int i = 0; i < a->n; i++)
        for (int k = 0; k < b->n; k++)
            ret->digits[i + k] += a->digits[i] * b->digits[k];
    for (int i = 0; i + 1 < ret->n; i++) {
        ret->digits[i + 1] += ret->digits[i] / 10;
        ret->digits[i] %= 10;
    }
}

static const char *
format(sfms_arena *arena, const decimal *d)
{
    char *text = sfms_alloc(arena, (size_t)d->n + 3);
    int last = 0, first = d->n - 1;
    size_t at = 0;

    while (last < d->decimals && d->digits[last] == 0)
        last++;
    while (first > d->decimals && d->digits[first] == 0)
        first--;
    if (d->negative && !(first == last && d->digits[first] == 0))
        text[at++] = '-';
    for (int i = first; i >= last; i--) {
        if (i == d->decimals - 1)
            text[at++] = '.';
        text[at++] = (char)('0' + d->digits[i]);
    }
    return text;
}

const char *
import_decimal_multiply(sfms_arena *arena, const char *a, const char *b)
{
    decimal x, y, product;

    if (!parse(a, &x) || !parse(b, &y))
        return NULL;
    multiply(&x, &y, &product);
    return format(arena, &product);
}
