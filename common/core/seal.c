/* seal.c -- MACs, sealed tokens and hashes, by libsodium. */
#include "core/seal.h"

#include <sodium.h>
#include <string.h>

#include "core/log.h"

enum {
    SECRET_MIN = 32, /* characters */
    MAC_NONCE = SFMS_MAC_SIZE - crypto_onetimeauth_BYTES,
    NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_SIZE = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

void
sfms_seal_init(void)
{
    if (sodium_init() < 0)
        sfms_die("the crypto library cannot start");
}

bool
sfms_key_derive(const char *secret, const char *purpose, sfms_key *ret)
{
    uint8_t master[SFMS_KEY_SIZE];
    size_t n = secret != NULL ? strlen(secret) : 0;

    if (n < SECRET_MIN)
        return false;
    sfms_hash(secret, n, master);
    crypto_generichash(
        ret->bytes, sizeof ret->bytes, (const uint8_t *)purpose, strlen(purpose), master, sizeof master);
    sodium_memzero(master, sizeof master);
    return true;
}

/* Poly1305 wants a key of its own for each message: BLAKE2b makes it from ours, the nonce and the bond. */
static void
one_time_tag(
    const sfms_key *key, const uint8_t *bond, const void *data, size_t n, const uint8_t *nonce, uint8_t *tag)
{
    uint8_t salt[MAC_NONCE + SFMS_MAC_SIZE] = {0};
    uint8_t once[crypto_onetimeauth_KEYBYTES];

    memcpy(salt, nonce, MAC_NONCE);
    if (bond != NULL)
        memcpy(salt + MAC_NONCE, bond, SFMS_MAC_SIZE);
    crypto_generichash(once, sizeof once, salt, sizeof salt, key->bytes, sizeof key->bytes);
    crypto_onetimeauth(tag, data, n, once);
    sodium_memzero(once, sizeof once);
}

void
sfms_mac(const sfms_key *key, const uint8_t *bond, const void *data, size_t n, uint8_t out[SFMS_MAC_SIZE])
{
    randombytes_buf(out, MAC_NONCE);
    one_time_tag(key, bond, data, n, out, out + MAC_NONCE);
}

bool
sfms_mac_check(
    const sfms_key *key, const uint8_t *bond, const void *data, size_t n, const uint8_t mac[SFMS_MAC_SIZE])
{
    uint8_t right[crypto_onetimeauth_BYTES];

    one_time_tag(key, bond, data, n, mac, right);
    return sodium_memcmp(right, mac + MAC_NONCE, sizeof right) == 0;
}

void
sfms_hash(const void *data, size_t n, uint8_t out[SFMS_MAC_SIZE])
{
    crypto_generichash(out, SFMS_MAC_SIZE, data, n, NULL, 0);
}

void
sfms_keyed_hash(const sfms_key *key, const void *data, size_t n, uint8_t out[SFMS_MAC_SIZE])
{
    crypto_generichash(out, SFMS_MAC_SIZE, data, n, key->bytes, sizeof key->bytes);
}

static char *
base64(sfms_arena *a, const uint8_t *data, size_t n)
{
    size_t size = sodium_base64_encoded_len(n, BASE64);

    return sodium_bin2base64(sfms_alloc(a, size), size, data, n, BASE64);
}

char *
sfms_seal(sfms_arena *a, const sfms_key *key, const void *data, size_t n)
{
    uint8_t *box = sfms_alloc(a, NONCE_SIZE + n + TAG_SIZE);

    randombytes_buf(box, NONCE_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        box + NONCE_SIZE, NULL, data, n, NULL, 0, NULL, box, key->bytes);
    return base64(a, box, NONCE_SIZE + n + TAG_SIZE);
}

void *
sfms_unseal(sfms_arena *a, const sfms_key *key, const char *text, size_t *ret_len)
{
    size_t len = strlen(text);
    uint8_t *box = sfms_alloc(a, len + 1);
    size_t n;

    if (sodium_base642bin(box, len, text, len, NULL, &n, NULL, BASE64) != 0 || n < NONCE_SIZE + TAG_SIZE)
        return NULL;

    uint8_t *data = sfms_alloc(a, n - NONCE_SIZE - TAG_SIZE + 1);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            data, NULL, NULL, box + NONCE_SIZE, n - NONCE_SIZE, NULL, 0, box, key->bytes) != 0)
        return NULL;
    *ret_len = n - NONCE_SIZE - TAG_SIZE;
    return data;
}

char *
sfms_random_text(sfms_arena *a, size_t n)
{
    uint8_t *bytes = sfms_alloc(a, n);

    randombytes_buf(bytes, n);
    return base64(a, bytes, n);
}

char *
sfms_hex(sfms_arena *a, const void *data, size_t n)
{
    return sodium_bin2hex(sfms_alloc(a, 2 * n + 1), 2 * n + 1, data, n);
}
