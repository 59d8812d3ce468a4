/* openapi_own.c -- GET /openapi.json. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/seal.h"
#include "openapi.h"
#include "request.h"

enum { TAG_BYTES = 12 };

struct openapi {
    const router *routes;
    pthread_mutex_t lock;
    sfms_buf document; /* empty until it is made */
    char *tag;
};

openapi *
openapi_new(const router *routes)
{
    openapi *o = calloc(1, sizeof *o);

    if (o == NULL)
        sfms_die("out of memory");
    o->routes = routes;
    pthread_mutex_init(&o->lock, NULL);
    sfms_buf_init(&o->document, NULL, SFMS_MESSAGE_MAX);
    return o;
}

void
openapi_free(openapi *o)
{
    sfms_buf_fini(&o->document);
    pthread_mutex_destroy(&o->lock);
    free(o->tag);
    free(o);
}

/* The document is written into the request's arena first, as its writing leaves much behind. */
static void
make(openapi *o, sfms_arena *a)
{
    uint8_t hash[SFMS_MAC_SIZE];
    sfms_buf b;

    sfms_buf_init(&b, a, SFMS_MESSAGE_MAX);
    openapi_write(&b, o->routes);
    if (!sfms_buf_ok(&b))
        SFMS_WRONG("the OpenAPI document is too large");
    sfms_buf_mem(&o->document, b.data, b.len);
    sfms_hash(b.data, b.len, hash);
    o->tag = strdup(sfms_printf(a, "\"%s\"", sfms_hex(a, hash, TAG_BYTES)));
    if (o->tag == NULL)
        sfms_die("out of memory");
}

bool
openapi_own(request *r)
{
    openapi *o = r->gw->openapi;

    pthread_mutex_lock(&o->lock);
    if (o->document.len == 0)
        make(o, r->call.arena);
    pthread_mutex_unlock(&o->lock);

    answer_add(&r->answer, "ETag", o->tag);
    answer_add(&r->answer, "Cache-Control", "no-cache");
    bool known = r->head.if_none_match != NULL && strstr(r->head.if_none_match, o->tag) != NULL;
    answer_set(&r->answer, known ? 304 : 200, "application/json", o->document.data, o->document.len);
    return true;
}
