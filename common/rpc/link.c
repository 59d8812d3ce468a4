/* link.c -- the queue of a link: which call travels when, and what happens to those that cannot. */
#include "rpc/link.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "core/time.h"
#include "rpc/link_inside.h"

enum {
    RETRY_AFTER = 1,        /* seconds that a caller is told to wait */
    WAIT_READ_US = 500000,  /* for a turn at most */
    WAIT_US = 1000000,      /* the same for writes, */
    WAIT_SLOW_US = 2000000, /* and for slow calls */
};

unsigned
sfms_link_places(sfms_lane lane)
{
    static const unsigned places[SFMS_LANES] = {
        [SFMS_LANE_READ] = SFMS_LINK_READS,
        [SFMS_LANE_WRITE] = SFMS_LINK_WRITES,
        [SFMS_LANE_SLOW] = SFMS_LINK_SLOW,
        [SFMS_LANE_HEALTH] = SFMS_LINK_HEALTH,
    };

    return places[lane];
}

/* ---- how calls end ----------------------------------------------------------------------------------- */

void
sfms_link_ended(sfms_link *link, unsigned n)
{
    if (n == 0)
        return;
    pthread_mutex_lock(&link->lock);
    link->pending -= n;
    if (link->pending == 0)
        pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
}

static void
refuse(sfms_link_call *call, const sfms_reason *reason, Pb__Reply *reply, Pb__Status *status)
{
    pb__reply__init(reply);
    pb__status__init(status);
    status->code = (int32_t)reason->status;
    status->reason = reason->name;
    status->message = reason->text[call->locale];
    if (reason->status == SFMS_UNAVAILABLE)
        status->retry_after = RETRY_AFTER;
    reply->status = status;
}

void
sfms_link_fail(sfms_link *link, sfms_link_queue *calls, const sfms_reason *reason)
{
    unsigned n = calls->n;

    for (sfms_link_call *call = sfms_queue_shift(calls); call != NULL; call = sfms_queue_shift(calls)) {
        Pb__Reply reply;
        Pb__Status status;

        refuse(call, reason, &reply, &status);
        call->done(call, &reply); /* the call is the caller's again, and may be gone */
    }
    sfms_link_ended(link, n);
}

/* ---- sending ----------------------------------------------------------------------------------------- */

/* A connection that has not been greeted yet will be in a moment, or be closed: what comes meanwhile waits for it. */
bool
sfms_link_usable(const sfms_link *link)
{
    for (unsigned i = 0; i < link->n_replicas && !link->closed; i++) {
        if (link->replicas[i].pipe != 0 && !link->replicas[i].draining)
            return true;
    }
    return false;
}

static sfms_slot *
free_slot(sfms_replica *r, sfms_lane lane)
{
    for (int i = 0; i < SFMS_LINK_SLOTS; i++) {
        if (r->slots[i].lane == lane && r->slots[i].state == SFMS_SLOT_FREE)
            return &r->slots[i];
    }
    return NULL;
}

/* A free slot on the replica with the fewest messages under way; in turn where they are equal. One that can do nothing at the
 * moment has few under way, and is no better for that: it is passed over while another is up, even if that has no slot free. */
static sfms_slot *
best_slot(sfms_link *link, sfms_lane lane)
{
    int64_t now = sfms_mono_us();
    sfms_slot *best = NULL;
    bool well = false;

    for (unsigned i = 0; i < link->n_replicas; i++)
        well = well || (sfms_replica_ready(&link->replicas[i]) && link->replicas[i].ailing_us <= now);
    for (unsigned i = 0; i < link->n_replicas; i++) {
        sfms_replica *r = &link->replicas[(link->next + i) % link->n_replicas];
        bool good = sfms_replica_ready(r) && (!well || r->ailing_us <= now);
        sfms_slot *slot = good ? free_slot(r, lane) : NULL;

        if (slot != NULL && (best == NULL || r->under_way < best->replica->under_way))
            best = slot;
    }
    link->next++;
    return best;
}

/* A page of a list: the engine's, and of bounded size. One that was sent back as too much travels alone. */
static bool
is_page(const sfms_link_call *call)
{
    const Pb__MethodRule *rule = call->method->rule;

    return (rule->verb == PB__VERB__LIST || rule->verb == PB__VERB__BATCH_GET) && !call->patient;
}

/* How many messages of a lane can be under way now. */
static unsigned
places_now(const sfms_link *link, sfms_lane lane)
{
    unsigned n = 0;

    for (unsigned i = 0; i < link->n_replicas; i++)
        n += sfms_replica_ready(&link->replicas[i]) ? sfms_link_places(lane) : 0;
    return n;
}

/* How many messages one organisation may have under way: of what may take long one less than all, so that somebody else finds a
 * place at once; of writes, which may wait for a lock, likewise while others write. */
static unsigned
cap_of(const sfms_link *link, sfms_lane lane)
{
    unsigned places = places_now(link, lane);
    bool kept = lane == SFMS_LANE_SLOW ||
                (lane == SFMS_LANE_WRITE && link->waiting[lane].shared_until_us > sfms_mono_us());

    return kept && places > 1 ? places - 1 : UINT16_MAX;
}

/* Takes the call whose turn it is into the slot's message. */
static void
take(sfms_link *link, sfms_slot *slot, sfms_turns *t, sfms_link_queue *expired)
{
    unsigned turn = t->first;
    bool is_new;
    sfms_link_call *call;

    if (t->queue[turn].first->deadline_us <= sfms_mono_us()) {
        call = sfms_queue_shift(&t->queue[turn]);
        t->n--;
        sfms_queue_push(expired, call);
        return;
    }
    call = sfms_turns_pop(t, link->marks, &is_new);
    if (is_new)
        slot->turns[slot->n_turns++] = (uint16_t)turn;
    slot->calls[slot->n++] = call;
}

/* Reads and writes: as many as a message takes, one of each turn after the other. */
static void
fill_many(sfms_link *link, sfms_slot *slot, sfms_link_queue *expired)
{
    sfms_turns *t = &link->waiting[slot->lane];
    unsigned cap = cap_of(link, slot->lane);
    size_t bytes = 0;

    while (slot->n < SFMS_BATCH_CALLS) {
        const sfms_link_call *call = sfms_turns_peek(t, link->marks, cap);

        if (call == NULL || (slot->n > 0 && bytes + call->request_len > SFMS_BATCH_BYTES))
            break;
        bytes += call->request_len;
        take(link, slot, t, expired);
        sfms_turns_pass(t);
    }
}

/* Slow calls travel alone; but pages of lists, when more of them wait than there are slots, would each cost all the context
 * switches of a message, so a few of one organisation go together, unless some have been large of late. */
static void
fill_few(sfms_link *link, sfms_slot *slot, sfms_link_queue *expired)
{
    sfms_turns *t = &link->waiting[slot->lane];
    size_t fair = 1 + t->n / SFMS_LINK_SLOW;
    size_t most = t->fat_until_us > sfms_mono_us() ? 1 : fair < SFMS_LINK_PAGES ? fair : SFMS_LINK_PAGES;
    const sfms_link_queue *q;

    while (slot->n == 0 && sfms_turns_peek(t, link->marks, cap_of(link, slot->lane)) != NULL) {
        q = &t->queue[t->first];
        do
            take(link, slot, t, expired);
        while (slot->n < most && q->first != NULL && is_page(q->first) &&
               (slot->n == 0 || is_page(slot->calls[0])));
        sfms_turns_pass(t);
    }
}

/* Moves calls that wait into a free slot. */
static void
fill_slot(sfms_link *link, sfms_slot *slot, sfms_link_queue *expired)
{
    slot->n = slot->n_turns = 0;
    link->marks++;
    if (slot->lane == SFMS_LANE_READ || slot->lane == SFMS_LANE_WRITE)
        fill_many(link, slot, expired);
    else
        fill_few(link, slot, expired);
    if (slot->n == 0)
        return;
    sfms_slot_group(slot);
    slot->state = SFMS_SLOT_PACKING;
    slot->number++;
    slot->pipe = slot->replica->pipe;
    slot->bond = slot->replica->greeting;
    slot->replica->under_way++;
}

/* A replica that takes no new calls will answer what it has: then what waited before may still go there. Lock held. */
static bool
answer_will_come(const sfms_link *link)
{
    for (unsigned i = 0; i < link->n_replicas && !link->closed; i++) {
        if (link->replicas[i].pipe != 0 && link->replicas[i].under_way > 0)
            return true;
    }
    return false;
}

/* Takes the calls that wait, if there is nowhere to send them. Lock held. */
static sfms_link_queue
take_stranded(sfms_link *link, sfms_lane lane)
{
    sfms_link_queue stranded = {0};

    if (answer_will_come(link))
        return stranded;
    stranded = sfms_turns_take_all(&link->waiting[lane]);
    link->stats.unavailable += stranded.n;
    return stranded;
}

/* Starts one message of a lane; false if there is nothing to start or nowhere to. */
static bool
pump_lane(sfms_link *link, sfms_lane lane, sfms_replica *answered)
{
    sfms_link_queue expired = {0}, stranded = {0};
    sfms_slot *slot = NULL;
    bool more;

    pthread_mutex_lock(&link->lock);
    if (link->waiting[lane].n == 0)
        slot = NULL;
    else if (sfms_link_usable(link))
        slot = best_slot(link, lane);
    else if (answered != NULL && answered->greeted && !link->closed)
        slot = free_slot(answered, lane);
    else
        stranded = take_stranded(link, lane);
    if (slot != NULL)
        fill_slot(link, slot, &expired);
    if (slot != NULL && slot->n == 0)
        slot = NULL; /* all have expired, or have as much under way as they may */
    more = slot != NULL && link->waiting[lane].n > 0;
    pthread_mutex_unlock(&link->lock);
    if (slot != NULL)
        sfms_slot_start(slot);
    sfms_link_fail(link, &expired, &sfms_deadline);
    sfms_link_fail(link, &stranded, &sfms_unavailable);
    return more;
}

void
sfms_link_pump(sfms_link *link, sfms_replica *answered)
{
    for (int lane = 0; lane < SFMS_LANES; lane++) {
        while (pump_lane(link, lane, answered))
            ;
    }
}

/* The longest that a call may have to wait for its turn: beyond, the answer would come too late to be of use. */
static int64_t
patience_us(sfms_lane lane)
{
    return lane == SFMS_LANE_READ ? WAIT_READ_US : lane == SFMS_LANE_SLOW ? WAIT_SLOW_US : WAIT_US;
}

static unsigned
count_waiting(const sfms_link *link)
{
    unsigned n = 0;

    for (int lane = 0; lane < SFMS_LANES; lane++)
        n += link->waiting[lane].n;
    return n;
}

/* Why a call cannot even wait; NULL if it can. Lock held. */
static const sfms_reason *
admit(const sfms_link *link, const sfms_link_call *call, sfms_lane lane)
{
    const sfms_turns *t = &link->waiting[lane];
    unsigned places = places_now(link, lane);

    if (link->closing || !sfms_link_usable(link))
        return &sfms_unavailable;
    if (count_waiting(link) >= SFMS_QUEUE_CALLS)
        return &sfms_overloaded;
    if (t->n > places && sfms_turns_wait_us(t, call->turn, places) > patience_us(lane))
        return &sfms_overloaded;
    return NULL;
}

void
sfms_link_send(sfms_link *link, sfms_link_call *call)
{
    sfms_lane lane = sfms_lane_of(call->method);
    sfms_link_queue refused = {0};
    const sfms_reason *reason;

    call->attempts = 0;
    call->patient = false;
    call->turn = sfms_turn_of(call->principal, call->peer);
    pthread_mutex_lock(&link->lock);
    link->stats.calls++;
    link->pending++;
    reason = admit(link, call, lane);
    if (reason != NULL) {
        link->stats.unavailable++;
        sfms_queue_push(&refused, call);
    } else {
        sfms_turns_push(&link->waiting[lane], call, sfms_mono_us());
        sfms_expiry_before(link, call->deadline_us);
    }
    pthread_mutex_unlock(&link->lock);
    if (reason != NULL) {
        sfms_link_fail(link, &refused, reason);
        return;
    }
    while (pump_lane(link, lane, NULL))
        ;
}

/* ---- opening and closing ----------------------------------------------------------------------------- */

static unsigned
count_urls(const char *urls)
{
    unsigned n = 1;

    for (const char *p = strchr(urls, '|'); p != NULL; p = strchr(p + 1, '|'))
        n++;
    return n;
}

sfms_link *
sfms_link_open(const char *service, const char *urls, const sfms_wire_keys *keys)
{
    sfms_link *link = calloc(1, sizeof(*link));
    pthread_condattr_t attr;

    if (link == NULL)
        sfms_die("out of memory");
    link->keys = *keys;
    link->tick_us = INT64_MAX;
    link->n_replicas = count_urls(urls);
    link->replicas = calloc(link->n_replicas, sizeof(*link->replicas));
    if (link->replicas == NULL || nng_aio_alloc(&link->tick, sfms_expiry_tick, link) != 0)
        sfms_die("out of memory");
    pthread_mutex_init(&link->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&link->changed, &attr);
    pthread_condattr_destroy(&attr);
    for (unsigned i = 0; i < link->n_replicas; i++) {
        size_t n = strcspn(urls, "|");
        char url[256];

        if (n == 0 || n >= sizeof(url))
            sfms_die("the address of service %s is empty or too long: \"%s\"", service, urls);
        memcpy(url, urls, n);
        url[n] = '\0';
        sfms_replica_open(&link->replicas[i], link, url);
        urls += n + (urls[n] == '|');
    }
    return link;
}

void
sfms_link_close(sfms_link *link, int timeout_ms)
{
    struct timespec until;
    int64_t until_us = sfms_mono_us() + (int64_t)timeout_ms * 1000;

    if (link == NULL)
        return;
    until.tv_sec = until_us / 1000000;
    until.tv_nsec = until_us % 1000000 * 1000;
    pthread_mutex_lock(&link->lock);
    link->closing = true;
    while (link->pending > 0 && pthread_cond_timedwait(&link->changed, &link->lock, &until) == 0)
        ;
    link->closed = true;
    pthread_mutex_unlock(&link->lock);
    nng_aio_stop(link->tick);
    for (unsigned i = 0; i < link->n_replicas; i++)
        sfms_replica_stop(&link->replicas[i]);
    sfms_link_pump(link, NULL); /* answers what still waits */
    pthread_mutex_lock(&link->lock);
    while (link->pending > 0)
        pthread_cond_wait(&link->changed, &link->lock);
    pthread_mutex_unlock(&link->lock);
    for (unsigned i = 0; i < link->n_replicas; i++)
        sfms_replica_close(&link->replicas[i]);
    nng_aio_free(link->tick);
    for (unsigned i = 0; i < link->n_arenas; i++)
        sfms_arena_free(link->arenas[i]);
    pthread_cond_destroy(&link->changed);
    pthread_mutex_destroy(&link->lock);
    free(link->replicas);
    free(link);
}

/* ---- the rest ---------------------------------------------------------------------------------------- */

sfms_arena *
sfms_link_arena(sfms_link *link)
{
    sfms_arena *a = NULL;

    pthread_mutex_lock(&link->lock);
    if (link->n_arenas > 0)
        a = link->arenas[--link->n_arenas];
    pthread_mutex_unlock(&link->lock);
    return a != NULL ? a : sfms_arena_new();
}

void
sfms_link_arena_back(sfms_link *link, sfms_arena *a)
{
    sfms_arena_reset(a);
    pthread_mutex_lock(&link->lock);
    if (link->n_arenas < sizeof(link->arenas) / sizeof(link->arenas[0])) {
        link->arenas[link->n_arenas++] = a;
        a = NULL;
    }
    pthread_mutex_unlock(&link->lock);
    sfms_arena_free(a);
}

bool
sfms_link_up(sfms_link *link)
{
    bool up = false;

    pthread_mutex_lock(&link->lock);
    for (unsigned i = 0; i < link->n_replicas && !link->closed; i++)
        up = up || sfms_replica_ready(&link->replicas[i]);
    pthread_mutex_unlock(&link->lock);
    return up;
}

void
sfms_link_stat(sfms_link *link, sfms_link_stats *ret)
{
    pthread_mutex_lock(&link->lock);
    *ret = link->stats;
    ret->waiting = count_waiting(link);
    ret->under_way = link->pending - ret->waiting;
    pthread_mutex_unlock(&link->lock);
}
