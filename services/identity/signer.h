/*
 * signer.h -- what makes other processes believe a principal: this process's signature.
 *
 * Each process makes its own key when it starts, and a new one every twelve hours. The private half is nowhere but in its memory;
 * the public half is in identity.signers, where only this service can put it.
 */
#ifndef IDENTITY_SIGNER_H
#define IDENTITY_SIGNER_H

#include "proto/call.h"

/* signer_sign signs the principal, which then holds until a time of the database's clock. */
sfms_status signer_sign(sfms_call *call, Pb__Principal *p, int64_t expire_ms);

#endif
