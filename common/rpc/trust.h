/*
 * trust.h -- whether the principal of a call may be believed. Inside common/rpc only.
 *
 * The public keys are in the database, where identity alone puts them (identity.signers), so there is nothing to hand out. A
 * signature is checked once: what has been found good is known by its hash until it expires.
 */
#ifndef SFMS_RPC_TRUST_H
#define SFMS_RPC_TRUST_H

#include "proto/call.h"

/* sfms_trust answers OK for a principal that identity has signed and that has not expired. Else the call has failed: as its
 * caller is nobody, or because the key could not be found now. The call's database is asked for a key that is not known yet. */
sfms_status sfms_trust(sfms_call *call, const Pb__Principal *p);

#endif
