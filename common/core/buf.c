/* buf.c -- a growing byte buffer with an upper bound. */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/utf8.h"

/* What data points to before anything was appended; never written to. */
static char nothing[1];

void
sfms_buf_init(sfms_buf *b, sfms_arena *arena, size_t max)
{
    *b = (sfms_buf){.data = nothing, .max = max, .arena = arena};
}

void
sfms_buf_fini(sfms_buf *b)
{
    if (b->arena == NULL && b->cap > 0)
        free(b->data);
    sfms_buf_init(b, b->arena, b->max);
}

void
sfms_buf_clear(sfms_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->cap > 0)
        b->data[0] = '\0';
}

/* enlarge makes room for need bytes in all; need is at most max + 1. */
static void
enlarge(sfms_buf *b, size_t need)
{
    size_t cap = b->cap < 128 ? 256 : 2 * b->cap;

    if (cap > b->max)
        cap = b->max + 1;
    if (cap < need)
        cap = need;
    if (cap == 0 || cap > SIZE_MAX / 2)
        sfms_die("out of memory: %zu bytes", need);
    if (b->arena != NULL) {
        char *data = sfms_alloc_raw(b->arena, cap);

        memcpy(data, b->data, b->len);
        b->data = data;
    } else {
        b->data = realloc(b->cap > 0 ? b->data : NULL, cap);
        if (b->data == NULL)
            sfms_die("out of memory: %zu bytes", cap);
    }
    b->cap = cap;
}

char *
sfms_buf_grow(sfms_buf *b, size_t n)
{
    if (b->failed || n > b->max - b->len) {
        b->failed = true;
        return NULL;
    }
    if (b->len + n >= b->cap)
        enlarge(b, b->len + n + 1);
    b->data[b->len + n] = '\0';
    return b->data + b->len;
}

void
sfms_buf_int(sfms_buf *b, int64_t n)
{
    char digits[20];
    char *p = digits + sizeof digits;
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (n < 0)
        *--p = '-';
    sfms_buf_mem(b, p, (size_t)(digits + sizeof digits - p));
}

void
sfms_buf_printf(sfms_buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        SFMS_WRONG("format that cannot be printed");

    char *to = sfms_buf_grow(b, (size_t)n);
    if (to == NULL)
        return;
    va_start(args, format);
    vsnprintf(to, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
}

/* json_escape appends one byte that cannot stand for itself in a JSON string. */
static void
json_escape(sfms_buf *b, unsigned char c)
{
    static const char letters[] = "btnvfr"; /* of 8 to 13; \v is not JSON's */
    char code[8] = {'\\', (char)c};
    size_t n = 2;

    if (c >= 0x80)
        n = (size_t)snprintf(code, sizeof code, "\xef\xbf\xbd");
    else if (c >= 8 && c <= 13 && c != 11)
        code[1] = letters[c - 8];
    else if (c < 0x20)
        n = (size_t)snprintf(code, sizeof code, "\\u%04x", c);
    sfms_buf_mem(b, code, n);
}

/* plain_run answers how many bytes from s on stand for themselves in a JSON string, looking at eight at a time:
 * whether a byte of a word is below n, or is c, shows in its top bit. */
static size_t
plain_run(const char *s, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    const char *start = s;

    for (; end - s >= 8; s += 8) {
        uint64_t word;

        memcpy(&word, s, sizeof word);
        uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
        uint64_t low = (word - ones * 0x20) | (quote - ones) | (backslash - ones);
        if (((low | word) & tops) != 0)
            break;
    }
    while (s < end && (unsigned char)*s >= 0x20 && (unsigned char)*s < 0x80 && *s != '"' && *s != '\\')
        s++;
    return (size_t)(s - start);
}

void
sfms_buf_json_part(sfms_buf *b, const char *s, size_t n)
{
    const char *end = s + n;
    const char *plain = s; /* start of what is copied as it is */

    for (;;) {
        s += plain_run(s, end);
        if (s == end)
            break;
        size_t step = (unsigned char)*s >= 0x80 ? sfms_utf8_next(s, (size_t)(end - s)) : 0;
        if (step > 0) {
            s += step;
            continue;
        }
        sfms_buf_mem(b, plain, (size_t)(s - plain));
        json_escape(b, (unsigned char)*s);
        plain = ++s;
    }
    sfms_buf_mem(b, plain, (size_t)(s - plain));
}

void
sfms_buf_json(sfms_buf *b, const char *s, size_t n)
{
    bool plain = plain_run(s, s + n) == n;
    char *to = plain && n < b->max ? sfms_buf_grow(b, n + 2) : NULL;

    if (to != NULL) {
        to[0] = '"';
        memcpy(to + 1, s, n);
        to[n + 1] = '"';
        b->len += n + 2;
        return;
    }
    sfms_buf_char(b, '"');
    sfms_buf_json_part(b, s, n);
    sfms_buf_char(b, '"');
}
