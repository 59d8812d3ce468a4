/*
 * client.h -- at which network address a request begins.
 */
#ifndef GATEWAY_CLIENT_H
#define GATEWAY_CLIENT_H

#include "gateway.h"
#include "request.h"

/* client_start says in the log what looks wrong about SFMS_TRUST_PROXY at start. */
void client_start(const gateway_config *config);

/* client_find sets the call's agent, and its peer: the client's address as the trusted proxy wrote it, or else the
 * connection's own. What a proxy says that is not trusted becomes call->claimed, which splits what is counted for the peer,
 * and never replaces it; the log says so once. */
void client_find(request *r);

#endif
