/* trust.c -- whether the principal of a call may be believed. */
#include "rpc/trust.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "core/id.h"
#include "core/log.h"
#include "core/seal.h"
#include "core/time.h"
#include "db/clock.h"
#include "db/db.h"
#include "proto/principal.h"

enum {
    GOOD = 8192,          /* principals that are remembered; each has one place, by its hash */
    KEYS = 64,            /* public keys that are remembered; each has one place, too */
    KEY_US = 60 * 1000000 /* then a key is looked up again: it may have been taken away */
};

/* When it expires is part of what was hashed. */
typedef struct {
    uint8_t hash[SFMS_MAC_SIZE];
} good;

typedef struct {
    char id[SFMS_ID_SIZE];
    uint8_t public_key[SFMS_PUBLIC_SIZE];
    int64_t until_us;
} signer;

static struct {
    pthread_mutex_t lock;
    good good[GOOD];
    signer signers[KEYS];
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- what was found good before ---------------------------------------------------------------------- */

static void
hash_of(sfms_arena *a, const Pb__Principal *p, uint8_t *ret)
{
    size_t n = protobuf_c_message_get_packed_size(&p->base);
    uint8_t *bytes = sfms_alloc_raw(a, n + 1);

    protobuf_c_message_pack(&p->base, bytes);
    sfms_hash(bytes, n, ret);
}

static good *
place_of(const uint8_t *hash)
{
    return &known.good[(hash[0] | hash[1] << 8) % GOOD];
}

static bool
is_good(const uint8_t *hash)
{
    const good *g = place_of(hash);
    bool same;

    pthread_mutex_lock(&known.lock);
    same = memcmp(g->hash, hash, SFMS_MAC_SIZE) == 0;
    pthread_mutex_unlock(&known.lock);
    return same;
}

static void
note_good(const uint8_t *hash)
{
    good *g = place_of(hash);

    pthread_mutex_lock(&known.lock);
    memcpy(g->hash, hash, SFMS_MAC_SIZE);
    pthread_mutex_unlock(&known.lock);
}

/* ---- keys -------------------------------------------------------------------------------------------- */

/* Ids are random at their end. */
static signer *
signer_of(const char *id)
{
    return &known.signers[(unsigned char)(id[SFMS_ID_SIZE - 2] * 16 + id[SFMS_ID_SIZE - 3]) % KEYS];
}

static bool
recall_key(const char *id, uint8_t *ret)
{
    const signer *s = signer_of(id);
    bool found;

    pthread_mutex_lock(&known.lock);
    found = strcmp(s->id, id) == 0 && sfms_mono_us() < s->until_us;
    if (found)
        memcpy(ret, s->public_key, SFMS_PUBLIC_SIZE);
    pthread_mutex_unlock(&known.lock);
    return found;
}

static void
note_key(const char *id, const uint8_t *public_key)
{
    signer *s = signer_of(id);

    pthread_mutex_lock(&known.lock);
    memcpy(s->id, id, SFMS_ID_SIZE);
    memcpy(s->public_key, public_key, SFMS_PUBLIC_SIZE);
    s->until_us = sfms_mono_us() + KEY_US;
    pthread_mutex_unlock(&known.lock);
}

/* A key that is not there was withdrawn, or will be there in a moment: identity looks every few seconds whether its own is. */
static sfms_status
find_key(sfms_call *call, const char *id, uint8_t *ret)
{
    PGresult *result;
    sfms_status status;
    size_t n = 0;

    if (!sfms_id_valid(id))
        return sfms_fail(call, &sfms_bad_token);
    if (recall_key(id, ret))
        return SFMS_OK;
    status = sfms_query(call, &result, "SELECT app.signer($1::uuid)", SFMS_ARGS(id));
    if (status != SFMS_OK)
        return status;
    if (PQgetisnull(result, 0, 0) ||
        sodium_hex2bin(ret, SFMS_PUBLIC_SIZE, PQgetvalue(result, 0, 0), strlen(PQgetvalue(result, 0, 0)),
            NULL, &n, NULL) != 0 ||
        n != SFMS_PUBLIC_SIZE) {
        sfms_fail(call, &sfms_unavailable);
        call->failure->retry_after = 1;
        return SFMS_UNAVAILABLE;
    }
    note_key(id, ret);
    return SFMS_OK;
}

/* ---- all of it --------------------------------------------------------------------------------------- */

sfms_status
sfms_trust(sfms_call *call, const Pb__Principal *p)
{
    uint8_t hash[SFMS_MAC_SIZE], public_key[SFMS_PUBLIC_SIZE];
    sfms_status status;

    if (p->expire_ms <= sfms_db_now_ms())
        return sfms_fail(call, &sfms_bad_token);
    hash_of(call->arena, p, hash);
    if (is_good(hash))
        return SFMS_OK;
    status = find_key(call, p->signer, public_key);
    if (status != SFMS_OK)
        return status;
    if (!sfms_principal_check(call->arena, p, public_key)) {
        sfms_log(
            SFMS_LOG_WARN, "a principal is not signed by identity org=%s user=%s", p->org_id, p->user_id);
        return sfms_fail(call, &sfms_bad_token);
    }
    note_good(hash);
    return SFMS_OK;
}
