/* number.c -- numbers that have no field. */
#include "proto/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json_value.h"

enum {
    DIGITS_MAX = 17,     /* that the shortest text of a double has */
    DIGITS_SURE = 15,    /* that every double keeps */
    EXPONENT_MAX = 9999, /* beyond all that matters */
};

static const double whole_max = 9007199254740992.0; /* 2^53: up to here each whole number is a double */

/* A number by its digits, without zeros before and after them: 0.0120 is {"12", -3}. Zero has none. */
typedef struct {
    bool negative;
    char digits[DIGITS_MAX + 1];
    int n;
    int exponent; /* of the last digit */
} decimal;

/* exponent_of reads what follows the e, with sign; what is beyond all bounds stays there. */
static int
exponent_of(const char *p, const char *end)
{
    bool negative = p < end && *p == '-';
    int exponent = 0;

    if (p < end && (*p == '-' || *p == '+'))
        p++;
    for (; p < end; p++)
        if (exponent < EXPONENT_MAX)
            exponent = exponent * 10 + (*p - '0');
    return negative ? -exponent : exponent;
}

/* take_digit appends a digit; zeros at the end only when another digit follows. False if there are too many. */
static bool
take_digit(decimal *d, int *zeros, char digit)
{
    if (digit == '0') {
        *zeros += d->n > 0;
        return true;
    }
    if (d->n + *zeros + 1 > DIGITS_MAX)
        return false;
    memset(d->digits + d->n, '0', (size_t)*zeros);
    d->n += *zeros;
    *zeros = 0;
    d->digits[d->n++] = digit;
    return true;
}

/* decimal_read reads a JSON number of at most EXPONENT_MAX characters; false if it has more digits than a double tells. */
static bool
decimal_read(decimal *d, const char *text, size_t n)
{
    const char *end = text + n;
    bool fraction = false;
    int zeros = 0, decimals = 0;

    *d = (decimal){.negative = *text == '-'};
    for (const char *p = text + d->negative; p < end; p++) {
        if (*p == 'e' || *p == 'E') {
            d->exponent = exponent_of(p + 1, end);
            break;
        }
        if (*p == '.') {
            fraction = true;
            continue;
        }
        decimals += fraction;
        if (!take_digit(d, &zeros, *p))
            return false;
    }
    d->exponent += zeros - decimals;
    return true;
}

/* The number of characters without exponent. */
static int
length_of(const decimal *d)
{
    int whole = d->n + d->exponent;

    if (d->n == 0)
        return 1;
    if (d->exponent >= 0)
        return d->negative + whole;
    return d->negative + (whole > 0 ? d->n + 1 : 2 - d->exponent);
}

/* The shortest text of a number that is finite and not zero. */
static void
shortest(double number, char text[32], decimal *d)
{
    for (int precision = DIGITS_SURE; precision <= DIGITS_MAX; precision++) {
        snprintf(text, 32, "%.*e", precision - 1, number);
        if (strtod(text, NULL) == number)
            break;
    }
    (void)decimal_read(d, text, strlen(text));
}

/* is_very is true if a double beyond whole_max is whole and has these digits and then zeros only. */
static bool
is_very(double number, const decimal *d)
{
    char text[SFMS_NUMBER_CHARS + 16];
    int n = snprintf(text, sizeof text, "%.0f", fabs(number));

    return n == d->n + d->exponent && memcmp(text, d->digits, (size_t)d->n) == 0 &&
           strspn(text + d->n, "0") == (size_t)d->exponent;
}

bool
sfms_number_held(const char *text, size_t n)
{
    char plain[SFMS_NUMBER_CHARS + 1];
    char again[32];
    decimal d, same;

    if (n > SFMS_NUMBER_CHARS || !decimal_read(&d, text, n) || length_of(&d) > SFMS_NUMBER_CHARS)
        return false;
    if (d.n == 0 || (d.n <= DIGITS_SURE && d.n + d.exponent <= DIGITS_SURE))
        return true;
    memcpy(plain, text, n);
    plain[n] = '\0';
    double number = strtod(plain, NULL);
    shortest(number, again, &same);
    if (same.n != d.n || same.exponent != d.exponent || memcmp(same.digits, d.digits, (size_t)d.n) != 0)
        return false;
    return fabs(number) <= whole_max || is_very(number, &d);
}

void
sfms_number_write(sfms_buf *b, double number)
{
    char text[32];
    decimal d;

    if (!isfinite(number) || number == 0) {
        sfms_double_write(b, number);
        return;
    }
    shortest(number, text, &d);
    int whole = d.n + d.exponent;
    if (length_of(&d) > SFMS_NUMBER_CHARS) {
        sfms_double_write(b, number);
        return;
    }
    sfms_buf_add(b, d.negative ? "-" : "");
    for (int i = whole < 1 ? whole - 1 : 0; i < d.n || i < whole; i++) {
        if (i == whole)
            sfms_buf_char(b, '.');
        sfms_buf_char(b, i < 0 || i >= d.n ? '0' : d.digits[i]);
    }
}
