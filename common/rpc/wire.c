/* wire.c -- signed messages. */
#include "rpc/wire.h"

#include <string.h>

#include "core/limits.h"
#include "core/log.h"

static const char magic[4] = {'S', 'F', 'M', '1'};

void
sfms_wire_keys_init(sfms_wire_keys *keys, const char *secret, const sfms_tls *tls)
{
    static const sfms_tls no_tls = {.ca = "", .cert = "", .key = ""};

    if (secret == NULL || !sfms_key_derive(secret, "wire request", &keys->request) ||
        !sfms_key_derive(secret, "wire reply", &keys->reply))
        sfms_die("SFMS_SECRET must have at least 32 characters");
    keys->tls = tls != NULL ? *tls : no_tls;
    sfms_tls_check(&keys->tls);
}

nng_msg *
sfms_wire_pack(const sfms_key *key, const sfms_bond *bond, const ProtobufCMessage *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    nng_msg *msg = NULL;
    uint8_t *body;

    if (n > SFMS_MESSAGE_MAX - SFMS_WIRE_HEADER || nng_msg_alloc(&msg, SFMS_WIRE_HEADER + n) != 0)
        return NULL;
    body = nng_msg_body(msg);
    memcpy(body, magic, sizeof(magic));
    protobuf_c_message_pack(message, body + SFMS_WIRE_HEADER);
    sfms_mac(key, bond->mac, body + SFMS_WIRE_HEADER, n, body + sizeof(magic));
    return msg;
}

sfms_bond
sfms_wire_bond(nng_msg *msg)
{
    sfms_bond bond;

    memcpy(bond.mac, (const uint8_t *)nng_msg_body(msg) + sizeof(magic), sizeof(bond.mac));
    return bond;
}

ProtobufCMessage *
sfms_wire_open(sfms_arena *a, const sfms_key *key, const sfms_bond *bond,
    const ProtobufCMessageDescriptor *desc, const void *data, size_t n)
{
    const uint8_t *bytes = data;

    if (n < SFMS_WIRE_HEADER || n > SFMS_MESSAGE_MAX || memcmp(bytes, magic, sizeof(magic)) != 0)
        return NULL;
    if (!sfms_mac_check(
            key, bond->mac, bytes + SFMS_WIRE_HEADER, n - SFMS_WIRE_HEADER, bytes + sizeof(magic)))
        return NULL;
    return protobuf_c_message_unpack(desc, sfms_arena_pb(a), n - SFMS_WIRE_HEADER, bytes + SFMS_WIRE_HEADER);
}
