/* stream_gzip.c -- compression of an answer that goes on. */
#include <stdlib.h>
#include <zlib.h>

#include "compress.h"
#include "stream_inside.h"

/* A small window, as many may go on at one time: 32 KiB of memory each. */
enum { WINDOW = 12 + 16, MEMORY_LEVEL = 5 };

struct stream_gzip {
    z_stream z;
    bool ended;
};

struct stream_gzip *
stream_gzip_new(request *r)
{
    struct stream_gzip *g;

    answer_add(&r->answer, "Vary", "Accept-Encoding");
    if (!compress_accepts(r->head.accept_encoding))
        return NULL;
    g = calloc(1, sizeof *g);
    if (g == NULL ||
        deflateInit2(&g->z, COMPRESS_LEVEL, Z_DEFLATED, WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(g);
        return NULL;
    }
    answer_add(&r->answer, "Content-Encoding", "gzip");
    return g;
}

size_t
stream_gzip_take(stream *s, char *to, size_t max)
{
    z_stream *z = &s->gzip->z;

    if (s->gzip->ended)
        return 0;
    z->next_out = (Bytef *)to;
    z->avail_out = (uInt)max;
    z->next_in = (Bytef *)(uintptr_t)s->data;
    z->avail_in = (uInt)s->left;
    s->gzip->ended = deflate(z, s->over ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_END;
    s->data += s->left - z->avail_in;
    s->left = z->avail_in;
    return max - z->avail_out;
}

void
stream_gzip_free(stream *s)
{
    if (s->gzip == NULL)
        return;
    (void)deflateEnd(&s->gzip->z);
    free(s->gzip);
    s->gzip = NULL;
}
