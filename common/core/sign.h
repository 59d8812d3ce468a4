/*
 * sign.h -- signatures that many can check and one can make: Ed25519, by libsodium.
 */
#ifndef SFMS_CORE_SIGN_H
#define SFMS_CORE_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SFMS_PUBLIC_SIZE = 32, SFMS_PRIVATE_SIZE = 64, SFMS_SIGNATURE_SIZE = 64 };

typedef struct {
    uint8_t private_key[SFMS_PRIVATE_SIZE], public_key[SFMS_PUBLIC_SIZE];
} sfms_key_pair;

/* sfms_key_pair_make makes a new pair of keys. */
void sfms_key_pair_make(sfms_key_pair *ret);

/* sfms_sign writes the signature of n bytes; sfms_sign_check says whether it is that of who has the private half. */
void sfms_sign(const sfms_key_pair *pair, const void *data, size_t n, uint8_t out[SFMS_SIGNATURE_SIZE]);
bool sfms_sign_check(const uint8_t public_key[SFMS_PUBLIC_SIZE], const void *data, size_t n,
    const uint8_t signature[SFMS_SIGNATURE_SIZE]);

#endif
