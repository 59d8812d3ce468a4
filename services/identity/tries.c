/* tries.c -- tries of a secret that somebody could guess. What they count for, and what must not happen: a stranger must not get
 * many, and must not be able to shut anybody out. */
#include "tries.h"

#include <stdlib.h>
#include <string.h>

#include "core/address.h"
#include "core/log.h"
#include "core/seal.h"
#include "db/db.h"

enum {
    TRIES = 5, /* of one mail address, from one place */
    EMAIL_TRIES =
        20, /* from all places: a stranger's failures alone do not shut out whom the address belongs to */
    PLACE_TRIES = 100,  /* many people may share an office's address */
    PROXY_TRIES = 1000, /* and many offices a proxy */
    LONGEST = 15 * 60,
    SHORT = 32, /* what is shared is slowed down, not shut */
};

static const sfms_reason too_many_tries = {"TOO_MANY_TRIES", SFMS_RESOURCE_EXHAUSTED,
    {"Too many failed tries; wait %s seconds.", "失败次数过多，请等待 %s 秒。"}};

static tries_key
key_of(sfms_arena *a, const char *text, int limit, int longest)
{
    uint8_t hash[SFMS_MAC_SIZE];

    sfms_hash(text, strlen(text), hash);
    return (tries_key){sfms_hex(a, hash, sizeof(hash)), limit, longest};
}

/* Where a call comes from. A proxy that nobody has said to trust has many behind it: what it says of them tells them apart,
 * and as it is never believed without the proxy's own address, it can be used against nobody else. */
static const char *
place_of(const sfms_call *call, const char *peer)
{
    char claimed[SFMS_ADDRESS_SIZE];

    if (call->claimed == NULL || call->claimed[0] == '\0')
        return peer;
    sfms_address_network(call->claimed, claimed);
    return sfms_printf(call->arena, "%s for %s", peer, claimed);
}

tries
tries_of_login(const sfms_call *call, const char *email)
{
    sfms_arena *a = call->arena;
    char peer[SFMS_ADDRESS_SIZE];
    const char *place;
    tries t;

    sfms_address_network(call->peer != NULL ? call->peer : "", peer);
    place = place_of(call, peer);
    t = (tries){2, {key_of(a, sfms_printf(a, "both:%s %s", place, email), TRIES, LONGEST),
                       key_of(a, sfms_printf(a, "email:%s", email), EMAIL_TRIES, SHORT)}};
    if (peer[0] != '\0')
        t.of[t.n++] = key_of(a, sfms_printf(a, "peer:%s", place), PLACE_TRIES, SHORT);
    if (place != peer)
        t.of[t.n++] = key_of(a, sfms_printf(a, "peer:%s", peer), PROXY_TRIES, SHORT);
    return t;
}

tries
tries_of_user(const sfms_call *call, const char *user_id)
{
    return (tries){1, {key_of(call->arena, sfms_printf(call->arena, "user:%s", user_id), TRIES, LONGEST)}};
}

/* The keys as a PostgreSQL array; they are hexadecimal. */
static const char *
keys_text(sfms_arena *a, const tries *t)
{
    const char *text = t->of[0].key;

    for (size_t i = 1; i < t->n; i++)
        text = sfms_printf(a, "%s,%s", text, t->of[i].key);
    return sfms_printf(a, "{%s}", text);
}

static const char *
limits_text(sfms_arena *a, const tries *t)
{
    const char *text = sfms_printf(a, "%d", t->of[0].limit);

    for (size_t i = 1; i < t->n; i++)
        text = sfms_printf(a, "%s,%d", text, t->of[i].limit);
    return sfms_printf(a, "{%s}", text);
}

static const char *
longest_text(sfms_arena *a, const tries *t)
{
    const char *text = sfms_printf(a, "%d", t->of[0].longest);

    for (size_t i = 1; i < t->n; i++)
        text = sfms_printf(a, "%s,%d", text, t->of[i].longest);
    return sfms_printf(a, "{%s}", text);
}

sfms_status
tries_count(sfms_call *call, const tries *t)
{
    PGresult *result;
    const char *seconds;
    sfms_status status;

    if (sfms_in_tx(call))
        SFMS_WRONG("tries are counted in a transaction, which may be rolled back");
    status =
        sfms_query(call, &result, "SELECT identity.count_tries($1::text[], $2::integer[], $3::integer[])",
            SFMS_ARGS(keys_text(call->arena, t), limits_text(call->arena, t), longest_text(call->arena, t)));
    if (status != SFMS_OK)
        return status;
    seconds = PQgetvalue(result, 0, 0);
    if (strcmp(seconds, "0") == 0)
        return SFMS_OK;
    status = sfms_fail(call, &too_many_tries, seconds);
    call->failure->retry_after = (uint32_t)strtoul(seconds, NULL, 10);
    return status;
}

sfms_status
tries_forget(sfms_call *call, const tries *t)
{
    return sfms_exec(
        call, NULL, "SELECT identity.forget_try($1::text[])", SFMS_ARGS(keys_text(call->arena, t)));
}
