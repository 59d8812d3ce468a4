/*
 * principal.h -- principals that a process need not believe blindly.
 *
 * Identity signs each principal that it answers with a key of its own. Whoever passes it on, as the gateway does, can neither
 * make one nor change one. The signature is that of the principal's bytes without it, so it holds for a process of another
 * version, too, which keeps fields that it does not know behind those that it knows: a new field of the message must have a
 * larger number than all others.
 */
#ifndef SFMS_PROTO_PRINCIPAL_H
#define SFMS_PROTO_PRINCIPAL_H

#include "core/arena.h"
#include "core/sign.h"
#include "sfms/rpc/v1/envelope.pb-c.h"

/* sfms_principal_sign has the principal say whose key it is signed with, a UUID, and until when it holds, and signs it. What it
 * points to lives in the arena. */
void sfms_principal_sign(
    sfms_arena *a, Pb__Principal *p, const char *signer, const sfms_key_pair *pair, int64_t expire_ms);

/* sfms_principal_check says whether the signature is that of the key. The time is not looked at. */
bool sfms_principal_check(sfms_arena *a, const Pb__Principal *p, const uint8_t public_key[SFMS_PUBLIC_SIZE]);

/* sfms_principal_signed says whether a principal carries a signature at all, right or not. */
static inline bool
sfms_principal_signed(const Pb__Principal *p)
{
    return p->signature.len > 0;
}

#endif
