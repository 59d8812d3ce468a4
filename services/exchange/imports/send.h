/* send.h -- calls from an import to other services. */
#ifndef SFMS_EXCHANGE_SEND_H
#define SFMS_EXCHANGE_SEND_H

#include "proto/call.h"
#include "rpc/link.h"

/* import_send makes n calls of one service on the uploader's behalf and waits. requests[i] is packed here.
 * What is UNAVAILABLE, ABORTED or late is tried again a few times: all calls of an import may be made twice.
 * Answers UNAVAILABLE, and fails the call, if some still have no other reply; replies live in the arena. */
sfms_status import_send(sfms_call *call, sfms_arena *a, const sfms_method *method, size_t n,
    ProtobufCMessage *const *requests, Pb__Reply **replies);

#endif
