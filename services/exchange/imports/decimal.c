/* decimal.c -- decimal numbers in text: as people write them, and exact multiplication. */
#include "decimal.h"

#include <stdbool.h>
#include <string.h>

enum { DIGITS_MAX = 30 };

/* ---- as people write them ----------------------------------------------------------------------------- */

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static import_span
trimmed(const char *from, const char *to)
{
    while (from < to && *from == ' ')
        from++;
    while (from < to && to[-1] == ' ')
        to--;
    return (import_span){from, (size_t)(to - from)};
}

/* Blanks, digits and signs that are written in other ways, as the plain ones. */
static const char *
plain(sfms_arena *arena, const char *text)
{
    static const char *const others[][2] = {{"\u00a0", " "}, {"\u202f", " "}, {"\u2009", " "},
        {"\u2007", " "}, {"\u3000", " "}, {"\u2212", "-"}, {"－", "-"}, {"＋", "+"}, {"，", ","}, {"．", "."},
        {"（", "("}, {"）", ")"}, {"￥", "¥"}, {"’", "'"}, {"０", "0"}, {"１", "1"}, {"２", "2"}, {"３", "3"},
        {"４", "4"}, {"５", "5"}, {"６", "6"}, {"７", "7"}, {"８", "8"}, {"９", "9"}};
    char *out = sfms_alloc(arena, strlen(text) + 1);
    char *to = out;

    while (*text != '\0') {
        size_t i = 0, n = sizeof(others) / sizeof(others[0]);

        while (
            (unsigned char)*text >= 0x80 && i < n && strncmp(text, others[i][0], strlen(others[i][0])) != 0)
            i++;
        if ((unsigned char)*text < 0x80 || i == n) {
            *to++ = *text++;
            continue;
        }
        to = stpcpy(to, others[i][1]);
        text += strlen(others[i][0]);
    }
    *to = '\0';
    return out;
}

/* Moves *p behind what it begins with; false if it does not begin with that. Nothing is never there. */
static bool
pass(const char **p, import_span what)
{
    if (what.len == 0 || strncmp(*p, what.at, what.len) != 0)
        return false;
    *p += what.len;
    return true;
}

static void
pass_spaces(const char **p)
{
    *p += strspn(*p, " ");
}

/* The example is cut at its digits, so each part is whatever the others leave; but signs are a cell's own, and what
 * parts thousands cannot part decimals. */
bool
import_number_style_read(sfms_arena *arena, const char *text, import_number_style *ret)
{
    const char *example = plain(arena, text);
    const char *one = strchr(example, '1');
    const char *thousands = one != NULL ? strstr(one, "234") : NULL;
    const char *five = thousands != NULL ? strchr(thousands, '5') : NULL;

    if (five == NULL || strpbrk(example, "+-06789") != NULL || strcspn(five + 1, "12345") != strlen(five + 1))
        return false;
    *ret = (import_number_style){
        .before = trimmed(example, one),
        .group = {one + 1, (size_t)(thousands - one - 1)},
        .point = {thousands + 3, (size_t)(five - thousands - 3)},
        .behind = trimmed(five + 1, example + strlen(example)),
    };
    if (strcspn(example, "12345") != (size_t)(one - example) || strcspn(one + 1, "12345") != ret->group.len)
        return false;
    return ret->point.len == 1 && strchr(".,", ret->point.at[0]) != NULL &&
           (ret->group.len != 1 || ret->group.at[0] != ret->point.at[0]);
}

/* Appends a run of digits, and says how many; the text that it fills has room for all of the cell. */
static size_t
take_digits(const char **p, char *out, size_t *at)
{
    size_t before = *at;

    while (is_digit(**p))
        out[(*at)++] = *(*p)++;
    return *at - before;
}

/* Thousands are parted all the way or not at all: "12,34" is a slip, or another style. Databases write .5 for 0.5. */
static bool
take_whole(const char **p, const import_number_style *style, char *out, size_t *at)
{
    size_t n = take_digits(p, out, at);
    const char *next = *p;

    if (n == 0) {
        out[(*at)++] = '0';
        return pass(&next, style->point) && is_digit(*next);
    }
    if (n > 3)
        return true;
    for (; pass(&next, style->group) && is_digit(*next); next = *p) {
        *p = next;
        if (take_digits(p, out, at) != 3)
            return false;
    }
    return true;
}

/* Takes the sign that book-keepers write around a number or behind it: (1,234.50), 50.00-. */
static const char *
without_sign(sfms_arena *arena, const char *text, bool *ret_negative)
{
    import_span s = trimmed(text, text + strlen(text));

    *ret_negative = s.len > 2 && (s.at[s.len - 1] == '-' || (s.at[0] == '(' && s.at[s.len - 1] == ')'));
    if (!*ret_negative)
        return text;
    return s.at[0] == '(' ? sfms_strndup(arena, s.at + 1, s.len - 2) : sfms_strndup(arena, s.at, s.len - 1);
}

const char *
import_number_read(sfms_arena *arena, const import_number_style *style, const char *text)
{
    const import_span minus = {"-", 1}, plus = {"+", 1};
    char *out = sfms_alloc(arena, strlen(text) + 3);
    size_t at = 0;
    bool around, negative;
    const char *p = without_sign(arena, plain(arena, text), &around);

    pass_spaces(&p);
    negative = pass(&p, minus);
    if (!negative && !around)
        pass(&p, plus);
    if (pass(&p, style->before))
        pass_spaces(&p);
    if (!negative)
        negative = pass(&p, minus);
    if (negative && around)
        return NULL;
    if (negative || around)
        out[at++] = '-';
    if (!take_whole(&p, style, out, &at))
        return NULL;
    if (pass(&p, style->point)) { /* spreadsheets write 12. for 12 by some formats */
        out[at++] = '.';
        if (take_digits(&p, out, &at) == 0)
            at--;
    }
    pass_spaces(&p);
    if (pass(&p, style->behind))
        pass_spaces(&p);
    out[at] = '\0';
    return *p == '\0' ? out : NULL;
}

/* ---- multiplication ----------------------------------------------------------------------------------- */

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
