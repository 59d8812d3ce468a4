/*
 * vouch.h -- on whose behalf a process calls others.
 */
#ifndef SFMS_RPC_VOUCH_H
#define SFMS_RPC_VOUCH_H

#include "proto/call.h"

/* sfms_vouch answers the principal to make calls to other services with: the call's own, if it came signed with the call. A job
 * has read its user's rights itself; nobody else believes that, so identity is asked, with the job's id, which is the call's
 * request_id. The answer lives in the arena and is good for a minute: ask anew for each handful of calls. */
sfms_status sfms_vouch(sfms_call *call, sfms_arena *a, const Pb__Principal **ret);

#endif
