/* password.c -- passwords: argon2id, and what a good one is. */
#include "password.h"

#include <sodium.h>
#include <string.h>

#include "core/text.h"
#include "core/utf8.h"

enum {
    PASSWORD_MIN = 10, /* characters */
    /* What OWASP asks of argon2id at least: 19 MiB, two passes. */
    PASSES = 2,
    MEMORY = 19 << 20,
};

static const sfms_reason too_short = {
    "PASSWORD_TOO_SHORT", SFMS_INVALID_ARGUMENT, {"must have at least %s characters", "至少需要 %s 个字符"}};

/* RFC 8265: however a keyboard has made the characters, and in whatever width, it is one password. */
static const char *
normal(sfms_arena *a, const char *password)
{
    return sfms_text_nfkc(a, password);
}

sfms_status
password_check(sfms_call *call, const char *field, const char *password)
{
    /* A ligature is one character to whoever types it. */
    if (sfms_utf8_count(password) >= PASSWORD_MIN &&
        sfms_utf8_count(normal(call->arena, password)) >= PASSWORD_MIN)
        return SFMS_OK;
    sfms_violate(call, field, &too_short, sfms_printf(call->arena, "%d", PASSWORD_MIN));
    return sfms_fail(call, &sfms_bad_fields);
}

const char *
password_hash(sfms_arena *a, const char *password)
{
    char *hash = sfms_alloc(a, crypto_pwhash_STRBYTES);
    const char *text = normal(a, password);

    return crypto_pwhash_str(hash, text, strlen(text), PASSES, MEMORY) == 0 ? hash : NULL;
}

password_fit
password_verify(sfms_arena *a, const char *hash, const char *password)
{
    /* The hash of random bytes that nobody knows, made at the same cost. */
    static const char nobody[crypto_pwhash_STRBYTES] = "$argon2id$v=19$m=19456,t=2,p=1$bWjHOb9VC5HRGtBu6IWO9A"
                                                       "$SWeAD5v1XbmJZzrQjj3zT4L2B6UuB1EXoXchM027x5c";
    const char *kept = hash != NULL ? hash : nobody;
    const char *text = normal(a, password);
    bool right = crypto_pwhash_str_verify(kept, text, strlen(text)) == 0;

    if (right && hash != NULL)
        return crypto_pwhash_str_needs_rehash(kept, PASSES, MEMORY) == 0 ? PASSWORD_RIGHT : PASSWORD_OLD;
    /* Hashes were made of the bytes as they came before there was a normal form. */
    if (strcmp(text, password) == 0)
        return PASSWORD_WRONG;
    right = crypto_pwhash_str_verify(kept, password, strlen(password)) == 0;
    return right && hash != NULL ? PASSWORD_OLD : PASSWORD_WRONG;
}
