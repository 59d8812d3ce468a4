/* link.c -- the queue of a link: which call travels when, and what happens to those that cannot. */
#include "rpc/link.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "core/time.h"
#include "rpc/link_inside.h"

enum { RETRY_AFTER = 1 }; /* seconds that a caller is told to wait */

/* ---- queues ------------------------------------------------------------------------------------------ */

void
sfms_queue_push(sfms_link_queue *q, sfms_link_call *call)
{
    call->next = NULL;
    if (q->last != NULL)
        q->last->next = call;
    else
        q->first = call;
    q->last = call;
    q->n++;
}

void
sfms_queue_unshift(sfms_link_queue *q, sfms_link_call *call)
{
    call->next = q->first;
    q->first = call;
    if (q->last == NULL)
        q->last = call;
    q->n++;
}

sfms_link_call *
sfms_queue_shift(sfms_link_queue *q)
{
    sfms_link_call *call = q->first;

    if (call == NULL)
        return NULL;
    q->first = call->next;
    if (q->first == NULL)
        q->last = NULL;
    q->n--;
    call->next = NULL;
    return call;
}

sfms_lane
sfms_link_lane(const sfms_method *method)
{
    return method->rule->point ? SFMS_LANE_POINT : SFMS_LANE_SLOW;
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

static bool
ready(const sfms_replica *r)
{
    return r->greeted && !r->draining && !r->silent;
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

/* A free slot on the replica with the fewest messages under way; in turn where they are equal. */
static sfms_slot *
best_slot(sfms_link *link, sfms_lane lane)
{
    sfms_slot *best = NULL;

    for (unsigned i = 0; i < link->n_replicas; i++) {
        sfms_replica *r = &link->replicas[(link->next + i) % link->n_replicas];
        sfms_slot *slot = ready(r) ? free_slot(r, lane) : NULL;

        if (slot != NULL && (best == NULL || r->under_way < best->replica->under_way))
            best = slot;
    }
    link->next++;
    return best;
}

/* A page of a list: the engine's, and of bounded size. */
static bool
is_page(const sfms_link_call *call)
{
    return call->method->rule->verb == PB__VERB__LIST || call->method->rule->verb == PB__VERB__BATCH_GET;
}

/* How many of the calls that wait the next message takes. Slow calls travel alone; but pages of lists, when more of them
 * wait than there are slots, would each cost all the context switches of a message, so a few go together. */
static size_t
most_calls(sfms_lane lane, const sfms_link_queue *q)
{
    size_t fair = 1 + q->n / SFMS_LINK_SLOW;

    if (lane == SFMS_LANE_POINT)
        return SFMS_BATCH_CALLS;
    if (q->first == NULL || !is_page(q->first))
        return 1;
    return fair < SFMS_LINK_PAGES ? fair : SFMS_LINK_PAGES;
}

/* Moves calls that wait into a free slot: point calls as many as a message takes, others alone. */
static void
fill_slot(sfms_link *link, sfms_slot *slot, sfms_link_queue *expired)
{
    sfms_link_queue *q = &link->waiting[slot->lane];
    size_t most = most_calls(slot->lane, q);
    size_t bytes = 0;
    int64_t now = sfms_mono_us();

    slot->n = 0;
    while (slot->n < most && q->first != NULL &&
           (slot->n == 0 || slot->lane == SFMS_LANE_POINT || is_page(q->first)) &&
           (slot->n == 0 || bytes + q->first->request_len <= SFMS_BATCH_BYTES)) {
        sfms_link_call *call = sfms_queue_shift(q);

        if (call->deadline_us <= now) {
            sfms_queue_push(expired, call);
            continue;
        }
        bytes += call->request_len;
        slot->calls[slot->n++] = call;
    }
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
    sfms_link_queue stranded = link->waiting[lane];

    if (answer_will_come(link))
        return (sfms_link_queue){0};
    link->waiting[lane] = (sfms_link_queue){0};
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
    if (link->waiting[lane].first == NULL)
        slot = NULL;
    else if (sfms_link_usable(link))
        slot = best_slot(link, lane);
    else if (answered != NULL && answered->greeted && !link->closed)
        slot = free_slot(answered, lane);
    else
        stranded = take_stranded(link, lane);
    if (slot != NULL)
        fill_slot(link, slot, &expired);
    more = slot != NULL && link->waiting[lane].first != NULL;
    if (slot != NULL && slot->n == 0)
        slot = NULL;
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

/* Why a call cannot even wait; NULL if it can. Lock held. */
static const sfms_reason *
admit(sfms_link *link)
{
    if (link->closing || !sfms_link_usable(link))
        return &sfms_unavailable;
    if (link->waiting[SFMS_LANE_POINT].n + link->waiting[SFMS_LANE_SLOW].n >= SFMS_QUEUE_CALLS)
        return &sfms_overloaded;
    return NULL;
}

void
sfms_link_send(sfms_link *link, sfms_link_call *call)
{
    sfms_lane lane = sfms_link_lane(call->method);
    sfms_link_queue refused = {0};
    const sfms_reason *reason;

    call->attempts = 0;
    pthread_mutex_lock(&link->lock);
    link->stats.calls++;
    link->pending++;
    reason = admit(link);
    if (reason != NULL) {
        link->stats.unavailable++;
        sfms_queue_push(&refused, call);
    } else {
        sfms_queue_push(&link->waiting[lane], call);
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
        up = up || ready(&link->replicas[i]);
    pthread_mutex_unlock(&link->lock);
    return up;
}

void
sfms_link_stat(sfms_link *link, sfms_link_stats *ret)
{
    pthread_mutex_lock(&link->lock);
    *ret = link->stats;
    ret->waiting = link->waiting[SFMS_LANE_POINT].n + link->waiting[SFMS_LANE_SLOW].n;
    ret->under_way = link->pending - ret->waiting;
    pthread_mutex_unlock(&link->lock);
}
