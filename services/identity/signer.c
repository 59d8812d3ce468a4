/* signer.c -- this process's signature. */
#include "signer.h"

#include <pthread.h>

#include "core/id.h"
#include "core/log.h"
#include "core/seal.h"
#include "core/time.h"
#include "db/db.h"
#include "proto/principal.h"

static const int64_t KEY_US = 12 * 3600 * INT64_C(1000000);
static const int64_t LOOK_US =
    5 * INT64_C(1000000); /* how often we look whether the key is known to others: a backup that was
                                                        brought back does not have it */

typedef struct {
    char id[SFMS_ID_SIZE];
    sfms_key_pair pair;
    int64_t made_us, looked_us; /* made_us is 0 if there is none */
} signing_key;

static struct {
    pthread_mutex_t lock;
    signing_key key;
} own = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The key to sign with; *ret_look is true if it must be made known first. */
static signing_key
current(bool *ret_look)
{
    int64_t now = sfms_mono_us();
    signing_key key;

    pthread_mutex_lock(&own.lock);
    if (own.key.made_us == 0 || now - own.key.made_us > KEY_US) {
        sfms_id_make(own.key.id);
        sfms_key_pair_make(&own.key.pair);
        own.key.made_us = now;
        own.key.looked_us = 0;
    }
    *ret_look = own.key.looked_us == 0 || now - own.key.looked_us > LOOK_US;
    key = own.key;
    pthread_mutex_unlock(&own.lock);
    return key;
}

static void
note_looked(const signing_key *key)
{
    pthread_mutex_lock(&own.lock);
    if (own.key.made_us == key->made_us)
        own.key.looked_us = sfms_mono_us();
    pthread_mutex_unlock(&own.lock);
}

sfms_status
signer_sign(sfms_call *call, Pb__Principal *p, int64_t expire_ms)
{
    bool look;
    const signing_key key = current(&look);
    sfms_status status = SFMS_OK;

    if (look)
        status = sfms_exec(call, NULL, "SELECT identity.add_signer($1::uuid, $2)",
            SFMS_ARGS(key.id, sfms_hex(call->arena, key.pair.public_key, SFMS_PUBLIC_SIZE)));
    if (status != SFMS_OK)
        return status;
    if (look)
        note_looked(&key);
    sfms_principal_sign(call->arena, p, key.id, &key.pair, expire_ms);
    return SFMS_OK;
}
