/* principal.c -- principals that are signed. */
#include "proto/principal.h"

#include <string.h>

/* Before what is signed, so that no signature for a principal is one for anything else. */
static const char purpose[] = "sfms principal 1";

/* The bytes that are signed: all but the signature. */
static const uint8_t *
signed_bytes(sfms_arena *a, const Pb__Principal *p, size_t *ret_len)
{
    Pb__Principal bare = *p;
    size_t n;
    uint8_t *bytes;

    bare.signature = (ProtobufCBinaryData){0};
    n = protobuf_c_message_get_packed_size(&bare.base);
    bytes = sfms_alloc_raw(a, sizeof(purpose) + n);
    memcpy(bytes, purpose, sizeof(purpose));
    protobuf_c_message_pack(&bare.base, bytes + sizeof(purpose));
    *ret_len = sizeof(purpose) + n;
    return bytes;
}

void
sfms_principal_sign(
    sfms_arena *a, Pb__Principal *p, const char *signer, const sfms_key_pair *pair, int64_t expire_ms)
{
    uint8_t *signature = sfms_alloc(a, SFMS_SIGNATURE_SIZE);
    const uint8_t *bytes;
    size_t n;

    p->signer = sfms_strdup(a, signer);
    p->expire_ms = expire_ms;
    bytes = signed_bytes(a, p, &n);
    sfms_sign(pair, bytes, n, signature);
    p->signature = (ProtobufCBinaryData){.data = signature, .len = SFMS_SIGNATURE_SIZE};
}

bool
sfms_principal_check(sfms_arena *a, const Pb__Principal *p, const uint8_t public_key[SFMS_PUBLIC_SIZE])
{
    const uint8_t *bytes;
    size_t n;

    if (p->signature.len != SFMS_SIGNATURE_SIZE)
        return false;
    bytes = signed_bytes(a, p, &n);
    return sfms_sign_check(public_key, bytes, n, p->signature.data);
}
