/*
 * seal.h -- keys and what is made with them: MACs, sealed tokens, hashes.
 */
#ifndef SFMS_CORE_SEAL_H
#define SFMS_CORE_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"

enum { SFMS_KEY_SIZE = 32, SFMS_MAC_SIZE = 32 };

typedef struct {
    uint8_t bytes[SFMS_KEY_SIZE];
} sfms_key;

/* sfms_seal_init starts the crypto library; call it once before threads. Ends the process if it cannot. */
void sfms_seal_init(void);

/* sfms_key_derive makes a key for one purpose from a secret of at least 32 characters; false if it is shorter. */
bool sfms_key_derive(const char *secret, const char *purpose, sfms_key *ret);

/* sfms_mac writes a random nonce and a Poly1305 tag of the bytes, under a key that BLAKE2b makes from ours, the nonce and the
 * bond: a third of the time of BLAKE2b over all, which a page of 50 records feels. The bond is SFMS_MAC_SIZE bytes that both
 * sides know and that do not travel; NULL stands for zeros. sfms_mac_check compares in constant time. */
void
sfms_mac(const sfms_key *key, const uint8_t *bond, const void *data, size_t n, uint8_t out[SFMS_MAC_SIZE]);
bool sfms_mac_check(
    const sfms_key *key, const uint8_t *bond, const void *data, size_t n, const uint8_t mac[SFMS_MAC_SIZE]);

/* sfms_hash writes an unkeyed BLAKE2b-256 of the bytes. */
void sfms_hash(const void *data, size_t n, uint8_t out[SFMS_MAC_SIZE]);

/* sfms_keyed_hash writes a BLAKE2b-256 of the bytes under a key: what may be kept where others read, though the bytes are a
 * secret that could be guessed. */
void sfms_keyed_hash(const sfms_key *key, const void *data, size_t n, uint8_t out[SFMS_MAC_SIZE]);

/* sfms_seal encrypts and signs bytes into URL-safe text; sfms_unseal reverses it and answers NULL if the text is not
 * ours, was changed, or is for another purpose. Both results live in the arena. */
char *sfms_seal(sfms_arena *a, const sfms_key *key, const void *data, size_t n);
void *sfms_unseal(sfms_arena *a, const sfms_key *key, const char *text, size_t *ret_len);

/* sfms_random_text writes n random bytes as URL-safe base64 text into the arena. */
char *sfms_random_text(sfms_arena *a, size_t n);

/* sfms_hex writes bytes as lower-case hexadecimal text into the arena. */
char *sfms_hex(sfms_arena *a, const void *data, size_t n);

#endif
