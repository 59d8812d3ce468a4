/* ring.c -- a key that is changed while processes run. */
#include "core/ring.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

enum { LINE_MAX_SIZE = 1024 };

static const char ends[] = "\r\n";

/* Never changed nor freed once it is in a ring: who has taken it may use it for as long as he likes. */
typedef struct key_set {
    size_t n;
    sfms_key keys[SFMS_RING_KEYS];
    struct key_set *older;
} key_set;

struct sfms_ring {
    const char *purpose;
    _Atomic(key_set *) now;
    sfms_ring *next;
};

static struct {
    pthread_mutex_t lock;
    sfms_ring *first;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* NULL if the text is no good. */
static key_set *
read_set(const char *secrets, const char *purpose)
{
    key_set set = {0}, *ret;
    char line[LINE_MAX_SIZE];
    bool good = secrets != NULL;

    for (const char *at = secrets; good && at[strspn(at, ends)] != '\0';) {
        size_t n;

        at += strspn(at, ends);
        n = strcspn(at, ends);
        good = n < sizeof(line) && set.n < SFMS_RING_KEYS;
        if (!good)
            break;
        memcpy(line, at, n);
        line[n] = '\0';
        good = sfms_key_derive(line, purpose, &set.keys[set.n++]);
        at += n;
    }
    sodium_memzero(line, sizeof(line));
    if (!good || set.n == 0)
        return NULL;
    ret = malloc(sizeof(*ret));
    if (ret == NULL)
        sfms_die("out of memory");
    *ret = set;
    return ret;
}

sfms_ring *
sfms_ring_new(const char *secrets, const char *purpose)
{
    key_set *set = read_set(secrets, purpose);
    sfms_ring *ring;

    if (set == NULL)
        return NULL;
    ring = calloc(1, sizeof(*ring));
    if (ring == NULL)
        sfms_die("out of memory");
    ring->purpose = purpose;
    atomic_init(&ring->now, set);
    pthread_mutex_lock(&all.lock);
    ring->next = all.first;
    all.first = ring;
    pthread_mutex_unlock(&all.lock);
    return ring;
}

bool
sfms_rings_renew(const char *secrets)
{
    key_set *probe = read_set(secrets, "");

    if (probe == NULL)
        return false;
    free(probe);
    pthread_mutex_lock(&all.lock);
    for (sfms_ring *r = all.first; r != NULL; r = r->next) {
        key_set *set = read_set(secrets, r->purpose);

        set->older = atomic_load(&r->now);
        atomic_store(&r->now, set);
    }
    pthread_mutex_unlock(&all.lock);
    return true;
}

const sfms_key *
sfms_ring_keys(const sfms_ring *ring, size_t *ret_n)
{
    const key_set *set = atomic_load_explicit(&((sfms_ring *)ring)->now, memory_order_acquire);

    *ret_n = set->n;
    return set->keys;
}

char *
sfms_ring_seal(sfms_arena *a, const sfms_ring *ring, const void *data, size_t n)
{
    size_t n_keys;

    return sfms_seal(a, sfms_ring_keys(ring, &n_keys), data, n);
}

void *
sfms_ring_unseal(sfms_arena *a, const sfms_ring *ring, const char *text, size_t *ret_len)
{
    size_t n;
    const sfms_key *keys = sfms_ring_keys(ring, &n);
    void *data = NULL;

    for (size_t i = 0; i < n && data == NULL; i++)
        data = sfms_unseal(a, &keys[i], text, ret_len);
    return data;
}
