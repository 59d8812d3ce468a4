/* lane.c -- which lane a method travels in, and whose turn a call is. */
#include "rpc/lane.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

sfms_lane
sfms_lane_of(const sfms_method *method)
{
    if (strcmp(method->service, "rpc") == 0) /* the methods that every process has */
        return SFMS_LANE_HEALTH;
    if (!method->rule->point)
        return SFMS_LANE_SLOW;
    return method->rule->idempotent ? SFMS_LANE_READ : SFMS_LANE_WRITE;
}

static unsigned char turn_key[crypto_shorthash_KEYBYTES];

static void
make_turn_key(void)
{
    crypto_shorthash_keygen(turn_key);
}

unsigned
sfms_turn_of(const Pb__Principal *principal, const char *peer)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *name = principal != NULL ? principal->org_id : peer != NULL ? peer : "";
    unsigned char hash[crypto_shorthash_BYTES];

    (void)pthread_once(&once, make_turn_key);
    crypto_shorthash(hash, (const unsigned char *)name, strlen(name), turn_key);
    return hash[0];
}
