/*
 * wire.h -- one message between processes: MAC, then Batch or Replies. Version 1.
 *
 * Bytes 0-3 are "SFM1"; 4-35 the MAC (core/seal.h) of everything from byte 36; the rest is the protobuf. Requests
 * and replies are signed with different keys. The MAC also covers the MAC of the message that came before it from the
 * other side (its bond), so that nothing that was recorded can be played back:
 *
 *     client                                       server
 *     hello: a Batch without calls, no bond   -->
 *                                             <--  greeting: Replies without a reply, bound to the hello
 *     Batch, bound to the greeting            -->
 *                                             <--  Replies, bound to the Batch
 *
 * A greeting holds for the one connection over which it came, and of the Batches there each number of a slot is taken
 * once. So a message is worth nothing on another connection, to another replica, after a restart, or a second time; it
 * takes no clock, no memory beyond the connection, and a round trip per connection only.
 *
 * A Batch without calls after the greeting is answered, with draining, when the server is about to stop. A message that is
 * not signed with the right key and bond is not answered; its connection is closed.
 */
#ifndef SFMS_RPC_WIRE_H
#define SFMS_RPC_WIRE_H

#include <nng/nng.h>

#include "core/arena.h"
#include "core/ring.h"
#include "core/status.h"
#include "rpc/socket.h"
#include "sfms/rpc/v1/envelope.pb-c.h"

enum {
    SFMS_WIRE_HEADER = 4 + SFMS_MAC_SIZE,
    SFMS_WIRE_SLOTS = 16, /* messages that a client may have under way on a connection */
};

/* What makes a process one of ours. */
typedef struct {
    const sfms_ring *request; /* signs batches */
    const sfms_ring *reply;   /* signs replies */
    sfms_tls tls;
} sfms_wire_keys;

/* sfms_wire_keys_init derives both from the shared secret, and takes over tls (NULL for none); ends the process if the
 * secret is too short or the certificates are none. */
void sfms_wire_keys_init(sfms_wire_keys *keys, const char *secret, const sfms_tls *tls);

/* What a message is bound to: the MAC of another. Zeros for a hello. */
typedef struct {
    uint8_t mac[SFMS_MAC_SIZE];
} sfms_bond;

/* sfms_wire_pack makes a signed nng message of a protobuf message, packed straight into its body. NULL if it would
 * exceed SFMS_MESSAGE_MAX. */
nng_msg *sfms_wire_pack(const sfms_ring *ring, const sfms_bond *bond, const ProtobufCMessage *message);

/* sfms_wire_bond answers what is bound to a message that was packed or opened. */
sfms_bond sfms_wire_bond(nng_msg *msg);

/* sfms_wire_open checks the header and MAC, by any key of the ring, and unpacks into the arena. NULL if anything is wrong.
 * Bytes fields are copied. */
ProtobufCMessage *sfms_wire_open(sfms_arena *a, const sfms_ring *ring, const sfms_bond *bond,
    const ProtobufCMessageDescriptor *desc, const void *data, size_t n);

#endif
