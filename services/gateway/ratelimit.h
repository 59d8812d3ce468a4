/*
 * ratelimit.h -- how many requests a user, or an address that is not signed in, may make.
 *
 * Token buckets: as many as the rate come in a second, and as many may be saved up. The table has a fixed
 * size; a bucket not used for longest makes room, which can only be to the good of whom it belonged to.
 */
#ifndef GATEWAY_RATELIMIT_H
#define GATEWAY_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum { RATELIMIT_SETS = 4096, RATELIMIT_WAYS = 4 };

typedef struct ratelimit ratelimit;

/* ratelimit_new makes a limit of rate requests per second; NULL, which never limits, if rate is 0. */
ratelimit *ratelimit_new(int rate);
void ratelimit_free(ratelimit *l);

/* ratelimit_take counts a request of who at now_us. False if it is one too many. *ret_left is what is left;
 * *ret_wait the whole seconds until there is something again. */
bool ratelimit_take(ratelimit *l, const char *who, int64_t now_us, unsigned *ret_left, unsigned *ret_wait);

/* ratelimit_rate answers requests per second. */
int ratelimit_rate(const ratelimit *l);

#endif
