/* compress.c -- gzip for answers. */
#include "compress.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

/* A deflate state has 256 KiB, so a few are kept. */
enum { KEPT_MAX = 4, GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 };

static struct {
    pthread_mutex_t lock;
    unsigned n;
    z_stream *stream[KEPT_MAX];
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static z_stream *
stream_take(void)
{
    z_stream *z = NULL;

    pthread_mutex_lock(&kept.lock);
    if (kept.n > 0)
        z = kept.stream[--kept.n];
    pthread_mutex_unlock(&kept.lock);
    if (z != NULL)
        return z;

    z = calloc(1, sizeof *z);
    if (z == NULL)
        return NULL;
    if (deflateInit2(z, COMPRESS_LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK)
        return z;
    free(z);
    return NULL;
}

static void
stream_drop(z_stream *z)
{
    (void)deflateEnd(z);
    free(z);
}

static void
stream_give(z_stream *z)
{
    if (deflateReset(z) != Z_OK) {
        stream_drop(z);
        return;
    }
    pthread_mutex_lock(&kept.lock);
    bool full = kept.n == KEPT_MAX;
    if (!full)
        kept.stream[kept.n++] = z;
    pthread_mutex_unlock(&kept.lock);
    if (full)
        stream_drop(z);
}

void
compress_end(void)
{
    while (kept.n > 0)
        stream_drop(kept.stream[--kept.n]);
}

/* True if an entry such as "gzip;q=0.5" or "*" is wanted at all. */
static bool
is_wanted(const char *entry, size_t n)
{
    const char *q = memmem(entry, n, "q=", 2);

    if (q == NULL)
        return true;
    for (const char *p = q + 2; p < entry + n; p++) {
        if (*p >= '1' && *p <= '9')
            return true;
    }
    return false;
}

bool
compress_accepts(const char *accept_encoding)
{
    const char *p = accept_encoding;
    bool any = false;

    if (p == NULL)
        return false;
    while (*p != '\0') {
        p += strspn(p, " \t,");
        size_t n = strcspn(p, ",");
        size_t name = strcspn(p, " \t,;");
        if (name == 4 && strncasecmp(p, "gzip", 4) == 0)
            return is_wanted(p, n);
        if (name == 1 && *p == '*')
            any = is_wanted(p, n);
        p += n;
    }
    return any;
}

static bool
is_text(const char *content_type)
{
    return content_type != NULL &&
           (strncmp(content_type, "text/", 5) == 0 || strstr(content_type, "json") != NULL ||
               strstr(content_type, "xml") != NULL);
}

void
compress_answer(answer *ans, sfms_arena *a, const char *accept_encoding)
{
    if (ans->len < COMPRESS_MIN || !is_text(ans->content_type))
        return;
    answer_add(ans, "Vary", "Accept-Encoding");
    if (!compress_accepts(accept_encoding))
        return;
    z_stream *z = stream_take();
    if (z == NULL)
        return;

    size_t room = deflateBound(z, ans->len);
    char *out = sfms_alloc_raw(a, room);
    z->next_in = (Bytef *)(uintptr_t)ans->body;
    z->avail_in = (uInt)ans->len;
    z->next_out = (Bytef *)out;
    z->avail_out = (uInt)room;
    if (deflate(z, Z_FINISH) == Z_STREAM_END) {
        ans->body = out;
        ans->len = z->total_out;
        answer_add(ans, "Content-Encoding", "gzip");
    }
    stream_give(z);
}
