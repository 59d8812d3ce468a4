/* openapi_own.c -- GET /openapi.json and /openapi-3.0.json. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/seal.h"
#include "openapi.h"
#include "request.h"

enum { TAG_BYTES = 12 };

typedef struct {
    sfms_buf text; /* empty until it is made */
    char *tag;
} kept;

struct openapi {
    const router *routes;
    const sfms_contract *contract;
    pthread_mutex_t lock;
    kept v31, v30;
};

openapi *
openapi_new(const router *routes, const sfms_contract *contract)
{
    openapi *o = calloc(1, sizeof *o);

    if (o == NULL)
        sfms_die("out of memory");
    o->routes = routes;
    o->contract = contract;
    pthread_mutex_init(&o->lock, NULL);
    sfms_buf_init(&o->v31.text, NULL, SFMS_MESSAGE_MAX);
    sfms_buf_init(&o->v30.text, NULL, SFMS_MESSAGE_MAX);
    return o;
}

void
openapi_free(openapi *o)
{
    sfms_buf_fini(&o->v31.text);
    sfms_buf_fini(&o->v30.text);
    pthread_mutex_destroy(&o->lock);
    free(o->v31.tag);
    free(o->v30.tag);
    free(o);
}

/* The document is written into the request's arena first, as its writing leaves much behind. */
static void
make(openapi *o, kept *k, sfms_arena *a)
{
    uint8_t hash[SFMS_MAC_SIZE];
    sfms_buf b;

    sfms_buf_init(&b, a, SFMS_MESSAGE_MAX);
    openapi_write(&b, o->routes, o->contract, k == &o->v30);
    if (!sfms_buf_ok(&b))
        SFMS_WRONG("the OpenAPI document is too large");
    sfms_buf_mem(&k->text, b.data, b.len);
    sfms_hash(b.data, b.len, hash);
    k->tag = strdup(sfms_printf(a, "\"%s\"", sfms_hex(a, hash, TAG_BYTES)));
    if (k->tag == NULL)
        sfms_die("out of memory");
}

static bool
serve(request *r, kept *k)
{
    openapi *o = r->gw->openapi;

    pthread_mutex_lock(&o->lock);
    if (k->text.len == 0)
        make(o, k, r->call.arena);
    pthread_mutex_unlock(&o->lock);

    answer_add(&r->answer, "ETag", k->tag);
    answer_add(&r->answer, "Cache-Control", "no-cache");
    bool known = r->head.if_none_match != NULL && strstr(r->head.if_none_match, k->tag) != NULL;
    answer_set(&r->answer, known ? 304 : 200, "application/json", k->text.data, k->text.len);
    return true;
}

bool
openapi_own(request *r)
{
    return serve(r, &r->gw->openapi->v31);
}

bool
openapi_own_30(request *r)
{
    return serve(r, &r->gw->openapi->v30);
}
