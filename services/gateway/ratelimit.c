/* ratelimit.c -- token buckets. */
#include "ratelimit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/seal.h"

typedef struct {
    uint64_t who; /* hash; 0 if the place is free */
    double tokens;
    int64_t last_us;
} bucket;

struct ratelimit {
    int rate;
    pthread_mutex_t lock;
    bucket buckets[RATELIMIT_SETS][RATELIMIT_WAYS];
};

ratelimit *
ratelimit_new(int rate)
{
    if (rate <= 0)
        return NULL;
    ratelimit *l = calloc(1, sizeof *l);
    if (l == NULL)
        sfms_die("out of memory");
    l->rate = rate;
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void
ratelimit_free(ratelimit *l)
{
    if (l == NULL)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

int
ratelimit_rate(const ratelimit *l)
{
    return l->rate;
}

static bucket *
bucket_of(ratelimit *l, uint64_t who, int64_t now_us)
{
    bucket *set = l->buckets[who % RATELIMIT_SETS];
    bucket *oldest = &set[0];

    for (int i = 0; i < RATELIMIT_WAYS; i++) {
        if (set[i].who == who)
            return &set[i];
        if (set[i].last_us < oldest->last_us)
            oldest = &set[i];
    }
    *oldest = (bucket){.who = who, .tokens = l->rate, .last_us = now_us};
    return oldest;
}

bool
ratelimit_take(ratelimit *l, const char *who, int64_t now_us, unsigned *ret_left, unsigned *ret_wait)
{
    uint8_t hash[SFMS_MAC_SIZE];
    uint64_t key;
    bool granted;

    sfms_hash(who, strlen(who), hash);
    memcpy(&key, hash, sizeof key);
    key |= 1; /* never 0 */

    pthread_mutex_lock(&l->lock);
    bucket *b = bucket_of(l, key, now_us);
    if (now_us > b->last_us) {
        b->tokens += (double)(now_us - b->last_us) * l->rate / 1e6;
        b->last_us = now_us;
    }
    if (b->tokens > l->rate)
        b->tokens = l->rate;
    granted = b->tokens >= 1;
    if (granted)
        b->tokens -= 1;
    *ret_left = (unsigned)b->tokens;
    pthread_mutex_unlock(&l->lock);

    *ret_wait = 1; /* a token takes at most a second, as the rate is a whole number */
    return granted;
}
