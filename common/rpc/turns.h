/*
 * turns.h -- the calls that wait in one lane of a link: each organisation in its turn. Inside common/rpc only.
 *
 * Who asks for much waits behind himself: the next call is always one of the organisation that has waited longest for a turn. A
 * cap on the messages that one may have under way keeps a place for the others even while all that is under way takes long.
 */
#ifndef SFMS_RPC_TURNS_H
#define SFMS_RPC_TURNS_H

#include "rpc/lane.h"
#include "rpc/link.h"

/* Calls in a row, by their next. */
typedef struct {
    sfms_link_call *first, *last;
    unsigned n;
} sfms_link_queue;

void sfms_queue_push(sfms_link_queue *q, sfms_link_call *call);
void sfms_queue_unshift(sfms_link_queue *q, sfms_link_call *call);
sfms_link_call *sfms_queue_shift(sfms_link_queue *q);

typedef struct {
    sfms_link_queue queue[SFMS_TURNS];
    uint16_t after[SFMS_TURNS];     /* the next in the ring of those that have calls */
    uint16_t under_way[SFMS_TURNS]; /* messages with calls of it */
    uint64_t mark[SFMS_TURNS];      /* the last message that took a call of it */
    unsigned first, last;           /* of the ring, if n_turns > 0 */
    unsigned n, n_turns;            /* calls that wait, and how many turns have some */
    unsigned newest;                /* the turn of the call that came last */
    int64_t newest_us;              /* when it came */
    int64_t shared_until_us;        /* more than one has called in the last seconds */
    int64_t fat_until_us;           /* answers have been large in the last seconds */
    int64_t call_us;                /* what a call has taken of a message's time of late */
} sfms_turns;

/* sfms_turns_push adds a call at the end of its turn's queue, sfms_turns_unshift at the front. */
void sfms_turns_push(sfms_turns *t, sfms_link_call *call, int64_t now_us);
void sfms_turns_unshift(sfms_turns *t, sfms_link_call *call);

/* sfms_turns_peek answers the call whose turn it is for a message with the number mark; NULL if nobody may send one more because
 * all who wait have cap messages under way. */
sfms_link_call *sfms_turns_peek(sfms_turns *t, uint64_t mark, unsigned cap);

/* sfms_turns_pop takes the call that peek answered into the message mark; *ret_new says whether it is the first of its turn
 * there: then sfms_turns_back must be told when the message has ended. sfms_turns_pass lets the next have the turn. */
sfms_link_call *sfms_turns_pop(sfms_turns *t, uint64_t mark, bool *ret_new);
void sfms_turns_pass(sfms_turns *t);
void sfms_turns_back(sfms_turns *t, unsigned turn);

/* sfms_turns_take_all empties it. */
sfms_link_queue sfms_turns_take_all(sfms_turns *t);

/* sfms_turns_expire moves the calls whose time is over; sfms_turns_first_deadline is the first of those that are left. */
void sfms_turns_expire(sfms_turns *t, int64_t now_us, sfms_link_queue *expired);
int64_t sfms_turns_first_deadline(const sfms_turns *t);

/* sfms_turns_note counts a message of n calls that took so long; sfms_turns_wait_us then guesses how long one more call of a
 * turn would wait if so many messages are worked on at once. */
void sfms_turns_note(sfms_turns *t, size_t n, int64_t took_us);
int64_t sfms_turns_wait_us(const sfms_turns *t, unsigned turn, unsigned at_once);

#endif
