/*
 * admit.h -- which of the messages that have come are worked on now. Inside common/rpc only.
 *
 * Workers are few, and each may be held up by what it does. So writes, which may wait for locks, and slow calls may take only so
 * many of them each, and one organisation's slow calls one less than that: a worker is always left for reads by key and for
 * health, and soon one for somebody else's list. What may not run yet waits here, without a worker.
 */
#ifndef SFMS_RPC_ADMIT_H
#define SFMS_RPC_ADMIT_H

#include <nng/nng.h>

#include "core/arena.h"
#include "rpc/lane.h"
#include "rpc/wire.h"

/* A message that was read and is to be worked on; it lives in its arena. */
typedef struct sfms_work {
    nng_ctx ctx;    /* where the answer goes */
    sfms_bond bond; /* what it is bound to */
    sfms_arena *arena;
    Pb__Batch *batch;
    int64_t received_us;
    sfms_lane lane;
    unsigned turn;
    struct sfms_work *next;
} sfms_work;

typedef struct sfms_admission sfms_admission;

/* sfms_admission_new shares n workers out. */
sfms_admission *sfms_admission_new(int n);
void sfms_admission_free(sfms_admission *a);

/* sfms_admit answers whether a message may be worked on now; if not, it has been kept, and some worker will get it from
 * sfms_admit_next, which is called when one has been worked on, and answers the one that may be next; NULL if there is none. */
bool sfms_admit(sfms_admission *a, sfms_work *work);
sfms_work *sfms_admit_next(sfms_admission *a, const sfms_work *done);

#endif
