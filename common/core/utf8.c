/* utf8.c -- what is UTF-8, and how many characters it is. */
#include "core/utf8.h"

#include <stdint.h>
#include <string.h>

static bool
is_tail(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

size_t
sfms_utf8_next(const char *s, size_t n)
{
    const uint8_t *p = (const uint8_t *)s;

    if (n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2)
        return 0;
    if (p[0] < 0xe0)
        return n >= 2 && is_tail(p[1]) ? 2 : 0;
    if (p[0] < 0xf0) {
        if (n < 3 || !is_tail(p[1]) || !is_tail(p[2]))
            return 0;
        bool overlong = p[0] == 0xe0 && p[1] < 0xa0;
        bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
        return overlong || surrogate ? 0 : 3;
    }
    if (p[0] > 0xf4 || n < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
        return 0;
    bool overlong = p[0] == 0xf0 && p[1] < 0x90;
    bool beyond = p[0] == 0xf4 && p[1] >= 0x90;
    return overlong || beyond ? 0 : 4;
}

bool
sfms_utf8_valid(const char *s, size_t n)
{
    while (n > 0) {
        size_t step = sfms_utf8_next(s, n);

        if (step == 0)
            return false;
        s += step;
        n -= step;
    }
    return true;
}

size_t
sfms_utf8_count(const char *s)
{
    size_t n = strlen(s);
    size_t count = 0;

    while (n > 0) {
        size_t step = sfms_utf8_next(s, n);

        if (step == 0)
            step = 1;
        s += step;
        n -= step;
        count++;
    }
    return count;
}
