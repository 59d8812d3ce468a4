/*
 * expiry.c -- calls whose time is over, whether they wait or are under way.
 *
 * It looks when the first deadline has passed, not at intervals: nng's timers are costly.
 */
#include "core/time.h"
#include "rpc/link_inside.h"

enum { LATE_MS = 20 }; /* how late an expired call may be answered */

static void
expire_slot(sfms_slot *slot, int64_t now, sfms_link_queue *expired)
{
    if (slot->state != SFMS_SLOT_SENDING && slot->state != SFMS_SLOT_RECEIVING)
        return;
    for (size_t i = 0; i < slot->n; i++) {
        if (slot->calls[i] == NULL || slot->calls[i]->deadline_us > now)
            continue;
        sfms_queue_push(expired, slot->calls[i]);
        slot->calls[i] = NULL;
    }
}

/* The first deadline of a call that is not done; INT64_MAX if there is none. */
static int64_t
first_deadline(const sfms_link *link)
{
    int64_t first = INT64_MAX;

    for (int lane = 0; lane < SFMS_LANES; lane++) {
        int64_t one = sfms_turns_first_deadline(&link->waiting[lane]);

        first = one < first ? one : first;
    }
    for (unsigned i = 0; i < link->n_replicas * SFMS_LINK_SLOTS; i++) {
        const sfms_slot *slot = &link->replicas[i / SFMS_LINK_SLOTS].slots[i % SFMS_LINK_SLOTS];

        for (size_t k = 0; slot->state != SFMS_SLOT_FREE && k < slot->n; k++) {
            if (slot->calls[k] != NULL && slot->calls[k]->deadline_us < first)
                first = slot->calls[k]->deadline_us;
        }
    }
    return first;
}

/* Looks again when a deadline has passed, or not at all if it never does. Lock held. */
static void
tick_at(sfms_link *link, int64_t at_us)
{
    int64_t ms = (at_us - sfms_mono_us()) / 1000 + 1;

    link->tick_us = link->closed ? INT64_MAX : at_us;
    if (link->tick_us != INT64_MAX)
        nng_sleep_aio((nng_duration)(ms < LATE_MS ? LATE_MS : ms > INT32_MAX ? INT32_MAX : ms), link->tick);
}

/* Mostly it is not the first, as all calls have the same time. */
void
sfms_expiry_before(sfms_link *link, int64_t deadline_us)
{
    if (link->tick_us == INT64_MAX)
        tick_at(link, deadline_us);
    else if (deadline_us < link->tick_us - LATE_MS * 1000)
        nng_aio_cancel(link->tick); /* it looks at once, and then again when it should */
}

void
sfms_expiry_tick(void *arg)
{
    sfms_link *link = arg;
    sfms_link_queue expired = {0};
    int64_t now = sfms_mono_us();

    pthread_mutex_lock(&link->lock);
    for (int lane = 0; lane < SFMS_LANES; lane++)
        sfms_turns_expire(&link->waiting[lane], now, &expired);
    for (unsigned i = 0; i < link->n_replicas; i++) {
        for (int k = 0; k < SFMS_LINK_SLOTS; k++)
            expire_slot(&link->replicas[i].slots[k], now, &expired);
    }
    tick_at(link, first_deadline(link));
    pthread_mutex_unlock(&link->lock);
    sfms_link_fail(link, &expired, &sfms_deadline);
}
