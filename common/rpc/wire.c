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

    keys->request = sfms_ring_new(secret, "wire request");
    keys->reply = sfms_ring_new(secret, "wire reply");
    if (keys->request == NULL || keys->reply == NULL)
        sfms_die("SFMS_SECRET must have at least 32 characters; of several lines, at most %d, each",
            SFMS_RING_KEYS);
    keys->tls = tls != NULL ? *tls : no_tls;
    sfms_tls_check(&keys->tls);
}

nng_msg *
sfms_wire_pack(const sfms_ring *ring, const sfms_bond *bond, const ProtobufCMessage *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    nng_msg *msg = NULL;
    size_t n_keys;
    uint8_t *body;

    if (n > SFMS_MESSAGE_MAX - SFMS_WIRE_HEADER || nng_msg_alloc(&msg, SFMS_WIRE_HEADER + n) != 0)
        return NULL;
    body = nng_msg_body(msg);
    memcpy(body, magic, sizeof(magic));
    protobuf_c_message_pack(message, body + SFMS_WIRE_HEADER);
    sfms_mac(sfms_ring_keys(ring, &n_keys), bond->mac, body + SFMS_WIRE_HEADER, n, body + sizeof(magic));
    return msg;
}

sfms_bond
sfms_wire_bond(nng_msg *msg)
{
    sfms_bond bond;

    memcpy(bond.mac, (const uint8_t *)nng_msg_body(msg) + sizeof(magic), sizeof(bond.mac));
    return bond;
}

/* Most of the time there is one key. */
static bool
is_signed(const sfms_ring *ring, const sfms_bond *bond, const uint8_t *bytes, size_t n)
{
    size_t n_keys;
    const sfms_key *keys = sfms_ring_keys(ring, &n_keys);

    for (size_t i = 0; i < n_keys; i++) {
        if (sfms_mac_check(
                &keys[i], bond->mac, bytes + SFMS_WIRE_HEADER, n - SFMS_WIRE_HEADER, bytes + sizeof(magic)))
            return true;
    }
    return false;
}

ProtobufCMessage *
sfms_wire_open(sfms_arena *a, const sfms_ring *ring, const sfms_bond *bond,
    const ProtobufCMessageDescriptor *desc, const void *data, size_t n)
{
    const uint8_t *bytes = data;

    if (n < SFMS_WIRE_HEADER || n > SFMS_MESSAGE_MAX || memcmp(bytes, magic, sizeof(magic)) != 0)
        return NULL;
    if (!is_signed(ring, bond, bytes, n))
        return NULL;
    return protobuf_c_message_unpack(desc, sfms_arena_pb(a), n - SFMS_WIRE_HEADER, bytes + SFMS_WIRE_HEADER);
}
