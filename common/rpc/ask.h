/*
 * ask.h -- calls of a handler or a job to other services, on behalf of the same principal.
 *
 * For work of which parts may fail alone: each call is a transaction of its own, in the service that it belongs to. So nothing is
 * asked inside a transaction, which would hold its locks while it waits, and could be rolled back after the other has not been.
 */
#ifndef SFMS_RPC_ASK_H
#define SFMS_RPC_ASK_H

#include "proto/call.h"
#include "rpc/link.h"

/* sfms_ask makes n calls of one method and waits for all; their events have the call's cause. requests[i] is packed here. What is
 * UNAVAILABLE, ABORTED or late is tried again a few times: so it is for calls that may be made twice. Answers UNAVAILABLE, and
 * fails the call, if some still have no other reply, and INTERNAL inside a transaction; replies live in the arena. */
sfms_status sfms_ask(sfms_call *call, sfms_arena *a, const sfms_method *method, size_t n,
    ProtobufCMessage *const *requests, Pb__Reply **replies);

#endif
