/*
 * lane.h -- how a method travels and is worked on: what may be slow never stands before what is quick.
 */
#ifndef SFMS_RPC_LANE_H
#define SFMS_RPC_LANE_H

#include "proto/contract.h"
#include "sfms/rpc/v1/envelope.pb-c.h"

/* Each lane has messages of its own on a link, and a number of workers that it may take at most in a service. */
typedef enum {
    SFMS_LANE_READ,   /* reads one record by key */
    SFMS_LANE_WRITE,  /* writes one record by key; may wait for a lock */
    SFMS_LANE_SLOW,   /* lists, procedures: whatever takes its time */
    SFMS_LANE_HEALTH, /* how the process is: answered whatever is going on */
    SFMS_LANES,
} sfms_lane;

/* sfms_lane_of answers how a method travels, from its rule. */
sfms_lane sfms_lane_of(const sfms_method *method);

/* sfms_turn_of answers whose turn it is when a call is worked on: a number from 0 to SFMS_TURNS - 1 that stands for the
 * organisation, or for the network address where nobody is signed in. Two may share a number, and then share its turns; which
 * ones nobody can know or choose, as it differs from process to process. */
enum { SFMS_TURNS = 256 };
unsigned sfms_turn_of(const Pb__Principal *principal, const char *peer);

#endif
