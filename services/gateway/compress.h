/*
 * compress.h -- gzip for answers that are worth it.
 */
#ifndef GATEWAY_COMPRESS_H
#define GATEWAY_COMPRESS_H

#include <stdbool.h>

#include "answer.h"

enum {
    COMPRESS_MIN = 1024, /* bytes below which it is not worth it */
    COMPRESS_LEVEL = 1,  /* the wire is fast and time is dear */
};

/* compress_answer replaces the body by its gzip if it is long enough, of a kind that shrinks, and the
 * client takes it. accept_encoding is the header's value or NULL. */
void compress_answer(answer *ans, sfms_arena *a, const char *accept_encoding);

/* compress_accepts is true if an Accept-Encoding header admits gzip. */
bool compress_accepts(const char *accept_encoding);

/* compress_end gives the memory back that is kept between answers. */
void compress_end(void);

#endif
