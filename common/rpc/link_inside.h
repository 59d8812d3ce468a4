/*
 * link_inside.h -- what the parts of a link share: link.c (queue), expiry.c (deadlines), replica.c (socket), slot.c (message).
 * Inside common/rpc only.
 *
 * One lock per link guards everything here but the calls of a slot that is being packed or has just been
 * emptied. No caller's done() ever runs under it. nng completes operations on its own threads and never
 * inside the call that starts or aborts them, so both are done under the lock.
 */
#ifndef SFMS_RPC_LINK_INSIDE_H
#define SFMS_RPC_LINK_INSIDE_H

#include <pthread.h>
#include <stdbool.h>

#include "core/limits.h"
#include "rpc/link.h"
#include "rpc/turns.h"

typedef enum {
    SFMS_SLOT_FREE,
    SFMS_SLOT_PACKING, /* a thread reads its calls: they stay where they are */
    SFMS_SLOT_SENDING, /* nng has the message, and has not yet handed it to a connection */
    SFMS_SLOT_RECEIVING,
} sfms_slot_state;

/* One message under way. */
typedef struct sfms_slot {
    struct sfms_replica *replica;
    sfms_lane lane;
    sfms_slot_state state;
    nng_ctx ctx;
    nng_aio *aio, *at_once;
    uint64_t number; /* of the last message */
    int pipe;        /* the connection that it is for */
    sfms_bond bond;  /* the greeting there */
    sfms_bond sent;  /* what the answer is bound to */
    int64_t sent_us;
    int64_t give_up_us; /* when even the latest of its calls has expired */
    size_t n, n_turns;
    sfms_link_call *calls[SFMS_BATCH_CALLS]; /* NULL where a call has expired and was answered */
    uint16_t turns[SFMS_BATCH_CALLS];        /* whose calls the message has, each once */
} sfms_slot;

/* The watch has the slot after those, and news the next. */
enum {
    SFMS_LINK_SLOTS = SFMS_LINK_READS + SFMS_LINK_WRITES + SFMS_LINK_SLOW + SFMS_LINK_HEALTH,
    SFMS_LINK_NEWS,
};
_Static_assert((int)SFMS_LINK_NEWS < (int)SFMS_WIRE_SLOTS, "a server knows fewer slots than a link has");

/* A message without calls: the hello of a connection, then one that is answered when the server is about to stop. */
typedef enum { SFMS_WATCH_NONE, SFMS_WATCH_HELLO, SFMS_WATCH_STOP } sfms_watch_state;

/* One process that serves the service. */
typedef struct sfms_replica {
    sfms_link *link;
    nng_socket socket;
    int pipe;           /* of the connection; 0 while there is none */
    bool greeted;       /* the server has answered the hello: messages may be sent */
    sfms_bond greeting; /* that they are bound to */
    bool draining;      /* it is about to stop: nothing more for it until it has reconnected */
    int64_t heard_us;   /* when it last answered */
    bool silent;        /* it left a message without an answer, and has not answered another since */
    int64_t
        ailing_us; /* until then it is asked only if there is no other: it can do nothing, and says so quickly */
    unsigned under_way; /* slots that are not free */
    sfms_slot slots[SFMS_LINK_SLOTS];
    sfms_watch_state watching;
    bool watch_sent;
    nng_ctx watch;
    nng_aio *watch_aio;
    uint64_t watch_number;
    sfms_bond watch_bond; /* of the answer */

    bool hearing; /* it has been asked for news, or is about to be */
    bool news_sent;
    nng_ctx news;
    nng_aio *news_aio;
    uint64_t news_number;
    uint64_t known_news; /* the last that it has told; 0 on a new connection */
    sfms_bond news_bond;
} sfms_replica;

struct sfms_link {
    sfms_wire_keys keys;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a replica came, or the last call ended */
    sfms_turns waiting[SFMS_LANES];
    uint64_t marks;   /* of the messages of all lanes, to tell them apart */
    unsigned pending; /* calls that are not done */
    bool been_up;     /* was connected at least once */
    bool closing;     /* takes no calls */
    bool closed;      /* starts no messages */
    nng_aio *tick;    /* looks for calls that have expired */
    int64_t tick_us;  /* when next; INT64_MAX if it does not */
    unsigned next;    /* replica to look at first */
    sfms_arena *arenas[SFMS_LINK_SLOTS * 2];
    unsigned n_arenas;
    sfms_link_stats stats;
    bool listening; /* somebody wants to hear news */
    sfms_link_heard *heard;
    void *heard_arg;
    unsigned n_replicas;
    sfms_replica *replicas;
};

/* sfms_link_usable is true if a replica can be sent to, now or as soon as it has greeted us. Lock held. */
bool sfms_link_usable(const sfms_link *link);

/* sfms_link_places answers how many messages of a lane may be under way to one replica. */
unsigned sfms_link_places(sfms_lane lane);

/* sfms_link_pump starts messages while there are calls and free slots; answers the waiting calls if no replica is left.
 * answered, if not NULL, is a replica that has just sent an answer: even if it is about to stop, it waits a little for what
 * comes now, so calls that waited already may go there if no other replica is up. Lock not held, here and below. */
void sfms_link_pump(sfms_link *link, sfms_replica *answered);

/* sfms_expiry_before notes the deadline of a new call, lock held; sfms_expiry_tick is the timer's callback, which answers
 * what has expired. */
void sfms_expiry_before(sfms_link *link, int64_t deadline_us);
void sfms_expiry_tick(void *link);

/* sfms_link_fail answers calls that the link no longer holds with a reason; sfms_link_ended counts calls that
 * were answered. */
void sfms_link_fail(sfms_link *link, sfms_link_queue *calls, const sfms_reason *reason);
void sfms_link_ended(sfms_link *link, unsigned n);

/* sfms_link_arena lends an arena; sfms_link_arena_back takes it back. */
sfms_arena *sfms_link_arena(sfms_link *link);
void sfms_link_arena_back(sfms_link *link, sfms_arena *a);

/* sfms_replica_open starts connecting in the background; sfms_replica_stop ends all that is under way. */
void sfms_replica_open(sfms_replica *r, sfms_link *link, const char *url);
void sfms_replica_stop(sfms_replica *r);
void sfms_replica_close(sfms_replica *r);

/* sfms_replica_ready is true if messages may be sent to it. Lock held. */
bool sfms_replica_ready(const sfms_replica *r);

/* sfms_replica_drains notes that the process behind a connection is about to stop. Lock held. */
void sfms_replica_drains(sfms_replica *r, const nng_msg *msg);

/* News of a replica: a message without calls that is answered when there is some. ask does nothing if nobody listens, or if
 * it is asked already; abort takes back what was not sent before the connection was lost, lock held. */
void sfms_news_open(sfms_replica *r);
void sfms_news_ask(sfms_replica *r);
void sfms_news_abort(sfms_replica *r);
void sfms_news_close(sfms_replica *r);

/* sfms_slot_group brings the calls of one principal together, in the order in which they came. Lock held. */
void sfms_slot_group(sfms_slot *slot);

/* A slot's life. start takes a slot in state PACKING. */
void sfms_slot_open(sfms_slot *slot, sfms_replica *r, sfms_lane lane);
void sfms_slot_start(sfms_slot *slot);
void sfms_slot_stop(sfms_slot *slot);
void sfms_slot_close(sfms_slot *slot);

#endif
