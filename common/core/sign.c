/* sign.c -- signatures, by libsodium. */
#include "core/sign.h"

#include <sodium.h>

_Static_assert(SFMS_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "the library's public keys");
_Static_assert(SFMS_PRIVATE_SIZE == crypto_sign_SECRETKEYBYTES, "the library's private keys");
_Static_assert(SFMS_SIGNATURE_SIZE == crypto_sign_BYTES, "the library's signatures");

void
sfms_key_pair_make(sfms_key_pair *ret)
{
    crypto_sign_keypair(ret->public_key, ret->private_key);
}

void
sfms_sign(const sfms_key_pair *pair, const void *data, size_t n, uint8_t out[SFMS_SIGNATURE_SIZE])
{
    crypto_sign_detached(out, NULL, data, n, pair->private_key);
}

bool
sfms_sign_check(const uint8_t public_key[SFMS_PUBLIC_SIZE], const void *data, size_t n,
    const uint8_t signature[SFMS_SIGNATURE_SIZE])
{
    return crypto_sign_verify_detached(signature, data, n, public_key) == 0;
}
