/* json_scan.c -- is it JSON? */
#include "proto/json_scan.h"

#include <stdbool.h>
#include <string.h>

#include "core/utf8.h"
#include "proto/number.h"

typedef struct {
    const char *p;
    const char *end;
    sfms_scanned *to;
    size_t values, numbers, room; /* so far; room: for odd numbers */
    bool deep, many;
} scan;

static bool scan_value(scan *s, int depth);

static bool
take(scan *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static void
skip_space(scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool
scan_word(scan *s, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

/* hex4 reads four hexadecimal digits; -1 if they are not. */
static int
hex4(scan *s)
{
    int value = 0;

    if (s->end - s->p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = *s->p++;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* scan_escape checks what follows a backslash. Surrogates come in pairs; U+0000 does not come at all, as PostgreSQL's
 * text cannot hold it. */
static bool
scan_escape(scan *s)
{
    if (s->p == s->end)
        return false;
    char c = *s->p++;
    if (c != 'u')
        return strchr("\"\\/bfnrt", c) != NULL && c != '\0';

    int code = hex4(s);
    s->to->nul = code == 0;
    if (code <= 0 || (code >= 0xdc00 && code <= 0xdfff))
        return false;
    if (code < 0xd800 || code > 0xdbff)
        return true;
    if (!take(s, '\\') || !take(s, 'u'))
        return false;
    code = hex4(s);
    return code >= 0xdc00 && code <= 0xdfff;
}

static bool
scan_string(scan *s)
{
    if (!take(s, '"'))
        return false;
    while (s->p < s->end) {
        unsigned char c = (unsigned char)*s->p;

        if (c == '"') {
            s->p++;
            return true;
        }
        if (c < 0x20)
            return false;
        if (c == '\\') {
            s->p++;
            if (!scan_escape(s))
                return false;
            continue;
        }
        size_t step = c < 0x80 ? 1 : sfms_utf8_next(s->p, (size_t)(s->end - s->p));
        if (step == 0)
            return false;
        s->p += step;
    }
    return false;
}

/* scan_digits answers how many digits there were. */
static size_t
scan_digits(scan *s)
{
    const char *start = s->p;

    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - start);
}

/* note_odd keeps a number that a double does not hold. The list grows by doubling. */
static void
note_odd(scan *s, const char *start)
{
    sfms_scanned *to = s->to;

    if (to->n_odd == s->room) {
        size_t room = s->room == 0 ? 8 : 2 * s->room;
        sfms_odd_number *larger = sfms_new_array(to->arena, sfms_odd_number, room);

        if (to->n_odd > 0)
            memcpy(larger, to->odd, to->n_odd * sizeof *larger);
        to->odd = larger;
        s->room = room;
    }
    to->odd[to->n_odd++] = (sfms_odd_number){s->numbers, (size_t)(start - to->text), (size_t)(s->p - start)};
}

static bool
scan_number(scan *s)
{
    const char *start = s->p;

    take(s, '-');
    if (!take(s, '0') && scan_digits(s) == 0)
        return false;
    if (take(s, '.') && scan_digits(s) == 0)
        return false;
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        if (scan_digits(s) == 0)
            return false;
    }
    if (s->to->arena != NULL && !sfms_number_held(start, (size_t)(s->p - start)))
        note_odd(s, start);
    s->numbers++;
    return true;
}

static bool
scan_member(scan *s, int depth)
{
    skip_space(s);
    if (!scan_string(s))
        return false;
    skip_space(s);
    return take(s, ':') && scan_value(s, depth);
}

/* scan_items checks what stands between brackets. */
static bool
scan_items(scan *s, char close, bool (*item)(scan *, int), int depth)
{
    if (depth > s->to->depth) {
        s->deep = true;
        return false;
    }
    skip_space(s);
    if (take(s, close))
        return true;
    do {
        if (!item(s, depth))
            return false;
        skip_space(s);
    } while (take(s, ','));
    return take(s, close);
}

static bool
scan_value(scan *s, int depth)
{
    skip_space(s);
    if (s->p == s->end)
        return false;
    if (++s->values > s->to->values) {
        s->many = true;
        return false;
    }
    switch (*s->p) {
    case '{':
        s->p++;
        return scan_items(s, '}', scan_member, depth + 1);
    case '[':
        s->p++;
        return scan_items(s, ']', scan_value, depth + 1);
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return scan_number(s);
    }
}

sfms_scan
sfms_json_scan(sfms_scanned *to)
{
    scan s = {.p = to->text, .end = to->text + to->n, .to = to};
    bool ok = scan_value(&s, 0);

    if (ok) {
        skip_space(&s);
        ok = s.p == s.end;
    }
    to->n_values = s.values;
    to->at = (size_t)(s.p - to->text);
    if (ok)
        return SFMS_SCAN_OK;
    return s.deep ? SFMS_SCAN_DEEP : s.many ? SFMS_SCAN_MANY : SFMS_SCAN_BAD;
}
