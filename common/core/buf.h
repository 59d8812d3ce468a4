/*
 * buf.h -- a growing byte buffer with an upper bound.
 *
 * Append as often as you like and check once at the end: what goes wrong (too big) is remembered and
 * everything after it does nothing. The bytes are always followed by a NUL.
 */
#ifndef SFMS_CORE_BUF_H
#define SFMS_CORE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/arena.h"

typedef struct {
    char *data;        /* never NULL after init */
    size_t len;        /* bytes in use, without the NUL */
    size_t cap;        /* bytes allocated */
    size_t max;        /* len may not pass this */
    sfms_arena *arena; /* where the bytes live; NULL for malloc */
    bool failed;       /* something did not fit */
} sfms_buf;

/* sfms_buf_init makes an empty buffer of at most max bytes in the arena. With arena NULL it uses malloc, and
 * sfms_buf_fini gives the memory back. */
void sfms_buf_init(sfms_buf *b, sfms_arena *arena, size_t max);
void sfms_buf_fini(sfms_buf *b);

/* sfms_buf_ok is true while everything appended has fitted. */
static inline bool
sfms_buf_ok(const sfms_buf *b)
{
    return !b->failed;
}

/* sfms_buf_clear empties the buffer and forgets a failure; the memory stays. */
void sfms_buf_clear(sfms_buf *b);

/* sfms_buf_grow makes room for n more bytes and answers where they go; NULL if they do not fit. The caller adds
 * what it wrote to len. */
char *sfms_buf_grow(sfms_buf *b, size_t n);

/* Appending bytes, a string, a character. Here and not in buf.c, as answers are written in very small pieces. */
static inline void
sfms_buf_mem(sfms_buf *b, const void *p, size_t n)
{
    bool fits = n < b->cap - b->len && !b->failed;
    char *to = fits ? b->data + b->len : sfms_buf_grow(b, n);

    if (to == NULL || n == 0)
        return;
    memcpy(to, p, n);
    b->len += n;
    b->data[b->len] = '\0';
}

static inline void
sfms_buf_add(sfms_buf *b, const char *s)
{
    sfms_buf_mem(b, s, strlen(s));
}

static inline void
sfms_buf_char(sfms_buf *b, char c)
{
    sfms_buf_mem(b, &c, 1);
}

/* Appending a number, and what printf would print. */
void sfms_buf_int(sfms_buf *b, int64_t n);
void sfms_buf_printf(sfms_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* sfms_buf_json appends s as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void sfms_buf_json(sfms_buf *b, const char *s, size_t n);

/* sfms_buf_json_part does so without the quotes, for a string that is made of parts. */
void sfms_buf_json_part(sfms_buf *b, const char *s, size_t n);

#endif
