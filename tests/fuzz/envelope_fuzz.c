/* Fuzzes common/rpc/wire.c: any bytes as a whole message, and any bytes under a right signature. */
#include <string.h>

#include "core/limits.h"
#include "rpc/wire.h"

static const sfms_bond bond = {{1, 2, 3}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What was read can be packed, and that can be looked at again. It need not read back: protobuf-c keeps unknown fields of
 * number 0 that it refuses in their shorter form. */
static void
check(sfms_arena *a, const sfms_ring *key, const ProtobufCMessage *message)
{
    nng_msg *msg = message != NULL ? sfms_wire_pack(key, &bond, message) : NULL;

    if (msg == NULL)
        return;
    sfms_wire_open(a, key, &bond, message->descriptor, nng_msg_body(msg), nng_msg_len(msg));
    nng_msg_free(msg);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    size_t n_keys;
    static sfms_wire_keys keys;
    static sfms_arena *arena;
    uint8_t *body;

    if (arena == NULL) {
        sfms_seal_init();
        sfms_wire_keys_init(&keys, "the fuzzer's secret has enough characters", NULL);
        arena = sfms_arena_new();
    }
    check(arena, keys.request, sfms_wire_open(arena, keys.request, &bond, &pb__batch__descriptor, data, n));
    body = sfms_alloc(arena, SFMS_WIRE_HEADER + n);
    memcpy(body, "SFM1", 4);
    if (n > 0)
        memcpy(body + SFMS_WIRE_HEADER, data, n);
    sfms_mac(sfms_ring_keys(keys.request, &n_keys), bond.mac, data, n, body + 4);
    check(arena, keys.request,
        sfms_wire_open(arena, keys.request, &bond, &pb__batch__descriptor, body, SFMS_WIRE_HEADER + n));
    sfms_mac(sfms_ring_keys(keys.reply, &n_keys), bond.mac, data, n, body + 4);
    check(arena, keys.reply,
        sfms_wire_open(arena, keys.reply, &bond, &pb__replies__descriptor, body, SFMS_WIRE_HEADER + n));
    sfms_arena_reset(arena);
    return 0;
}
