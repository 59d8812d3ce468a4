/*
 * encoding.h -- the characters of a file.
 *
 * What is declared is used, a byte order mark is believed, and of what is left only what leaves no doubt is read: nearly any
 * bytes are valid GB18030, so a guess that never fails would turn other people's names into rubbish without a word.
 */
#ifndef SFMS_EXCHANGE_ENCODING_H
#define SFMS_EXCHANGE_ENCODING_H

#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"

typedef enum {
    IMPORT_TEXT_OK,
    IMPORT_TEXT_UNKNOWN, /* the declared encoding is none that we read */
    IMPORT_TEXT_MARK,    /* the byte order mark says another one than the declaration */
    IMPORT_TEXT_DAMAGED, /* not text of the encoding; at says where */
    IMPORT_TEXT_UNCLEAR, /* nothing is declared, and it could be anything */
    IMPORT_TEXT_NUL,     /* holds a NUL */
} import_text_result;

/* A file's text. */
typedef struct {
    const char *text;     /* UTF-8 without a byte order mark */
    size_t len;           /* of a damaged file: what could be read before the damage */
    const char *encoding; /* that was taken, e.g. "UTF-8" or "GB18030" */
} import_text;

/* import_charset answers the charset parameter of a media type, "" if there is none. */
const char *import_charset(sfms_arena *a, const char *content_type);

/* import_text_read reads a file. charset is what was declared, "" for nothing: then it is UTF-8, UTF-16 with its mark, or
 * GB18030 if most of its characters are common ones of Chinese. */
import_text_result
import_text_read(sfms_arena *a, const char *charset, const void *data, size_t n, import_text *ret);

#endif
