/* password.c -- passwords: argon2id, and what a good one is. */
#include "password.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/seal.h"
#include "core/utf8.h"
#include "db/db.h"

enum {
    PASSWORD_MIN = 10, /* characters */
    /* What OWASP asks of argon2id at least: 19 MiB, two passes. */
    PASSES = 2,
    MEMORY = 19 << 20,
};

static const sfms_reason too_short = {
    "PASSWORD_TOO_SHORT", SFMS_INVALID_ARGUMENT, {"must have at least %s characters", "至少需要 %s 个字符"}};
static const sfms_reason too_many_tries = {"TOO_MANY_TRIES", SFMS_RESOURCE_EXHAUSTED,
    {"Too many failed tries; wait %s seconds.", "失败次数过多，请等待 %s 秒。"}};

sfms_status
password_check(sfms_call *call, const char *field, const char *password)
{
    if (sfms_utf8_count(password) >= PASSWORD_MIN)
        return SFMS_OK;
    sfms_violate(call, field, &too_short, sfms_printf(call->arena, "%d", PASSWORD_MIN));
    return sfms_fail(call, &sfms_bad_fields);
}

const char *
password_hash(sfms_arena *a, const char *password)
{
    char *hash = sfms_alloc(a, crypto_pwhash_STRBYTES);

    return crypto_pwhash_str(hash, password, strlen(password), PASSES, MEMORY) == 0 ? hash : NULL;
}

bool
password_verify(const char *hash, const char *password)
{
    /* The hash of random bytes that nobody knows, made at the same cost. */
    static const char nobody[] = "$argon2id$v=19$m=19456,t=2,p=1$bWjHOb9VC5HRGtBu6IWO9A"
                                 "$SWeAD5v1XbmJZzrQjj3zT4L2B6UuB1EXoXchM027x5c";
    const char *text = hash != NULL ? hash : nobody;
    bool right = crypto_pwhash_str_verify(text, password, strlen(password)) == 0;

    return hash != NULL && right;
}

const char *
password_key(sfms_arena *a, const char *kind, const char *value)
{
    const char *text = sfms_printf(a, "%s:%s", kind, value);
    uint8_t hash[SFMS_MAC_SIZE];

    sfms_hash(text, strlen(text), hash);
    return sfms_hex(a, hash, sizeof(hash));
}

/* The keys, which are hexadecimal, as a PostgreSQL array. */
static const char *
keys_of(sfms_arena *a, size_t n, const password_try *tries)
{
    const char *keys = tries[0].key;

    for (size_t i = 1; i < n; i++)
        keys = sfms_printf(a, "%s,%s", keys, tries[i].key);
    return sfms_printf(a, "{%s}", keys);
}

static const char *
limits_of(sfms_arena *a, size_t n, const password_try *tries)
{
    const char *limits = sfms_printf(a, "%d", tries[0].limit);

    for (size_t i = 1; i < n; i++)
        limits = sfms_printf(a, "%s,%d", limits, tries[i].limit);
    return sfms_printf(a, "{%s}", limits);
}

sfms_status
password_count_tries(sfms_call *call, size_t n, const password_try *tries)
{
    PGresult *result;
    const char *seconds;
    sfms_status status;

    if (sfms_in_tx(call))
        SFMS_WRONG("tries are counted in a transaction, which may be rolled back");
    status = sfms_query(call, &result, "SELECT identity.count_tries($1::text[], $2::integer[])",
        SFMS_ARGS(keys_of(call->arena, n, tries), limits_of(call->arena, n, tries)));

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
password_forget_try(sfms_call *call, size_t n, const password_try *tries)
{
    return sfms_exec(
        call, NULL, "SELECT identity.forget_try($1::text[])", SFMS_ARGS(keys_of(call->arena, n, tries)));
}
