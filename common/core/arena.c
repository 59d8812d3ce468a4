/* arena.c -- bump allocation in chunks. */
#include "core/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/budget.h"
#include "core/limits.h"
#include "core/log.h"

/* Under AddressSanitizer what is not handed out is poisoned, so that reading past an object, or after a
 * reset, is found although the memory is ours. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(ARENA_ASAN)
#include <sanitizer/asan_interface.h>
enum { RED_ZONE = 16 };
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
enum { RED_ZONE = 0 };
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

typedef struct chunk chunk;
struct chunk {
    chunk *next;
    size_t size; /* of bytes */
    alignas(max_align_t) char bytes[];
};

typedef struct owned owned;
struct owned {
    owned *next;
    void *object;
    sfms_dtor *dtor;
};

struct sfms_arena {
    chunk *chunks;  /* in use */
    chunk *spare;   /* kept from before the last reset */
    char *at, *end; /* what is left of the chunk being filled */
    owned *owned;   /* newest first */
    size_t used;
    bool metered;
    unsigned turn;  /* if it is */
    size_t counted; /* in the budget */
    ProtobufCAllocator pb;
};

static void *
pb_alloc(void *arena, size_t n)
{
    return sfms_alloc_raw(arena, n);
}

static void
pb_free(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

sfms_arena *
sfms_arena_new(void)
{
    sfms_arena *a = calloc(1, sizeof *a);

    if (a == NULL)
        sfms_die("out of memory");
    a->pb = (ProtobufCAllocator){.alloc = pb_alloc, .free = pb_free, .allocator_data = a};
    return a;
}

static void
chunk_free(chunk *c)
{
    UNPOISON(c->bytes, c->size);
    free(c);
}

static void
chunks_free(chunk *c)
{
    while (c != NULL) {
        chunk *next = c->next;

        chunk_free(c);
        c = next;
    }
}

static void
destroy_owned(sfms_arena *a)
{
    while (a->owned != NULL) {
        owned *o = a->owned;

        a->owned = o->next;
        o->dtor(o->object);
    }
}

void
sfms_arena_meter(sfms_arena *a, unsigned turn)
{
    a->metered = true;
    a->turn = turn;
}

void
sfms_arena_count(sfms_arena *a, size_t n)
{
    if (!a->metered)
        return;
    sfms_budget_add(a->turn, n);
    a->counted += n;
}

bool
sfms_arena_room(const sfms_arena *a, size_t n)
{
    return !a->metered || sfms_budget_room(a->turn, a->counted, n);
}

static void
give_back(sfms_arena *a)
{
    if (a->counted > 0)
        sfms_budget_sub(a->turn, a->counted);
    a->counted = 0;
    a->metered = false;
}

void
sfms_arena_free(sfms_arena *a)
{
    if (a == NULL)
        return;
    give_back(a);
    destroy_owned(a);
    chunks_free(a->chunks);
    chunks_free(a->spare);
    free(a);
}

void
sfms_arena_reset(sfms_arena *a)
{
    size_t kept = 0;

    give_back(a);
    destroy_owned(a);
    for (chunk *c = a->spare; c != NULL; c = c->next)
        kept += c->size;
    while (a->chunks != NULL) {
        chunk *c = a->chunks;

        a->chunks = c->next;
        if (kept + c->size > SFMS_ARENA_KEEP) {
            chunk_free(c);
            continue;
        }
        kept += c->size;
        POISON(c->bytes, c->size);
        c->next = a->spare;
        a->spare = c;
    }
    a->at = NULL;
    a->end = NULL;
    a->used = 0;
}

size_t
sfms_arena_used(const sfms_arena *a)
{
    return a->used;
}

/* chunk_get answers a chunk of at least n bytes, a spare one if there is. */
static chunk *
chunk_get(sfms_arena *a, size_t n)
{
    for (chunk **p = &a->spare; *p != NULL; p = &(*p)->next) {
        chunk *c = *p;

        if (c->size >= n) {
            *p = c->next;
            return c;
        }
    }

    size_t size = n > SFMS_ARENA_CHUNK ? n : SFMS_ARENA_CHUNK;
    chunk *c = malloc(sizeof *c + size);
    if (c == NULL)
        sfms_die("out of memory: %zu bytes", size);
    c->size = size;
    POISON(c->bytes, size);
    return c;
}

/* take answers n bytes, not zeroed. */
static void *
take(sfms_arena *a, size_t n)
{
    const size_t align = alignof(max_align_t);

    if (n > SIZE_MAX / 2)
        sfms_die("out of memory: %zu bytes", n);
    a->used += n;
    size_t room = ((n + align - 1) & ~(align - 1)) + RED_ZONE;
    if (room == 0)
        room = align;
    if (room > (size_t)(a->end - a->at)) {
        chunk *c = chunk_get(a, room);

        if (a->chunks != NULL)
            sfms_arena_count(a, c->size);
        c->next = a->chunks;
        a->chunks = c;
        /* Go on filling whichever chunk has more left: a big object does not waste the chunk before it. */
        if (c->size - room <= (size_t)(a->end - a->at)) {
            UNPOISON(c->bytes, n);
            return c->bytes;
        }
        a->at = c->bytes;
        a->end = c->bytes + c->size;
    }

    void *p = a->at;
    a->at += room;
    UNPOISON(p, n);
    return p;
}

void *
sfms_alloc_raw(sfms_arena *a, size_t n)
{
    return take(a, n);
}

void *
sfms_alloc(sfms_arena *a, size_t n)
{
    return memset(take(a, n), 0, n);
}

void *
sfms_memdup(sfms_arena *a, const void *p, size_t n)
{
    void *copy = take(a, n);

    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

/* text answers n bytes of s with a NUL. */
static char *
text(sfms_arena *a, const char *s, size_t n)
{
    char *copy = take(a, n + 1);

    if (n > 0)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *
sfms_strndup(sfms_arena *a, const char *s, size_t n)
{
    return text(a, s, s != NULL ? strnlen(s, n) : 0);
}

char *
sfms_strdup(sfms_arena *a, const char *s)
{
    return text(a, s, s != NULL ? strlen(s) : 0);
}

char *
sfms_printf(sfms_arena *a, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *made = sfms_vprintf(a, format, args);
    va_end(args);
    return made;
}

char *
sfms_vprintf(sfms_arena *a, const char *format, va_list args)
{
    char small[256];
    va_list again;

    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, format, again);
    va_end(again);
    if (n < 0)
        SFMS_WRONG("format that cannot be printed");

    if ((size_t)n < sizeof small)
        return text(a, small, (size_t)n);
    char *big = take(a, (size_t)n + 1);
    vsnprintf(big, (size_t)n + 1, format, args);
    return big;
}

void *
sfms_arena_own(sfms_arena *a, void *object, sfms_dtor *dtor)
{
    if (object == NULL)
        return NULL;

    owned *o = take(a, sizeof *o);
    *o = (owned){a->owned, object, dtor};
    a->owned = o;
    return object;
}

ProtobufCAllocator *
sfms_arena_pb(sfms_arena *a)
{
    return &a->pb;
}
