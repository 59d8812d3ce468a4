/*
 * ring.h -- a key that is changed while processes run.
 *
 * Its secret is a text of several lines, one secret each. The first is used for what is made, all of them for what is read. So a
 * new one is added as the second line, then put first, then left alone, each time everywhere, and nothing is ever refused.
 */
#ifndef SFMS_CORE_RING_H
#define SFMS_CORE_RING_H

#include "core/seal.h"

enum { SFMS_RING_KEYS = 4 };

typedef struct sfms_ring sfms_ring;

/* sfms_ring_new makes the keys for one purpose, see sfms_key_derive. They live until the process ends. NULL if the text has no
 * line, more than SFMS_RING_KEYS, or one that is too short. */
sfms_ring *sfms_ring_new(const char *secrets, const char *purpose);

/* sfms_rings_renew makes all rings of the process from another text; false, and nothing is changed, if that is no good.
 * Threads may use them meanwhile. */
bool sfms_rings_renew(const char *secrets);

/* sfms_ring_keys answers the keys, the first first, and how many there are. They stay as they are. */
const sfms_key *sfms_ring_keys(const sfms_ring *ring, size_t *ret_n);

/* sfms_ring_seal and sfms_ring_unseal are sfms_seal with the first key and sfms_unseal with any. */
char *sfms_ring_seal(sfms_arena *a, const sfms_ring *ring, const void *data, size_t n);
void *sfms_ring_unseal(sfms_arena *a, const sfms_ring *ring, const char *text, size_t *ret_len);

#endif
