/* slot.c -- one message under way: packed, sent, answered or lost. */
#include <string.h>

#include "core/log.h"
#include "core/time.h"
#include "rpc/link_inside.h"

enum {
    SLACK_MS = 250,      /* an answer may come this long after the last of a message's calls has expired */
    FAT_US = 5000000,    /* pages travel alone for so long after one was large */
    AILING_US = 1000000, /* a replica that can do nothing is passed over for so long */
};

/* ---- packing ----------------------------------------------------------------------------------------- */

void
sfms_slot_group(sfms_slot *slot)
{
    for (size_t i = 0; i < slot->n; i++) {
        size_t to = i + 1;

        for (size_t k = i + 1; k < slot->n; k++) {
            sfms_link_call *call = slot->calls[k];

            if (call->principal != slot->calls[i]->principal)
                continue;
            memmove(&slot->calls[to + 1], &slot->calls[to], (k - to) * sizeof(slot->calls[0]));
            slot->calls[to++] = call;
        }
        i = to - 1;
    }
}

static const char *
or_empty(const char *s)
{
    return s != NULL ? s : "";
}

static void
fill_call(Pb__Call *out, const sfms_link_call *call, int64_t now)
{
    int64_t left_ms = (call->deadline_us - now) / 1000;

    pb__call__init(out);
    out->method = call->method->name;
    out->request.data = (uint8_t *)call->request;
    out->request.len = call->request_len;
    out->timeout_ms = left_ms < 1 ? 1 : left_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)left_ms;
    out->request_id = or_empty(call->request_id);
    out->traceparent = or_empty(call->traceparent);
    out->locale = sfms_locale_name(call->locale);
    out->idempotency_key = or_empty(call->idempotency_key);
    out->peer = or_empty(call->peer);
    out->patient = call->patient;
    out->claimed = or_empty(call->claimed);
    out->agent = or_empty(call->agent);
    out->cause = or_empty(call->cause);
    out->depth = call->depth;
    out->must_exist = call->condition.exists;
    out->must_not_exist = call->condition.absent;
    if (call->condition.n_versions == 0)
        return;
    out->if_match = call->condition.versions[0];
    out->n_or_match = call->condition.n_versions - 1;
    out->or_match = (uint64_t *)call->condition.versions + 1;
}

/* NULL if the calls do not fit into a message. */
static nng_msg *
pack(sfms_slot *slot)
{
    Pb__Batch batch = PB__BATCH__INIT;
    Pb__Call calls[SFMS_BATCH_CALLS], *call_list[SFMS_BATCH_CALLS];
    Pb__Principal *principals[SFMS_BATCH_CALLS];
    int64_t now = sfms_mono_us();
    nng_msg *msg;

    slot->give_up_us = 0;
    for (size_t i = 0; i < slot->n; i++) {
        sfms_link_call *call = slot->calls[i];

        if (call->principal != NULL && (i == 0 || call->principal != slot->calls[i - 1]->principal))
            principals[batch.n_principals++] = (Pb__Principal *)call->principal;
        fill_call(&calls[i], call, now);
        calls[i].principal = call->principal != NULL ? (uint32_t)batch.n_principals : 0;
        call_list[i] = &calls[i];
        if (call->deadline_us > slot->give_up_us)
            slot->give_up_us = call->deadline_us;
    }
    batch.principals = principals;
    batch.n_calls = slot->n;
    batch.calls = call_list;
    batch.slot = (uint32_t)(slot - slot->replica->slots);
    batch.number = slot->number;
    msg = sfms_wire_pack(slot->replica->link->keys.request, &slot->bond, &batch.base);
    if (msg != NULL)
        slot->sent = sfms_wire_bond(msg);
    return msg;
}

/* ---- answered or lost -------------------------------------------------------------------------------- */

/* Frees the slot, whose calls have been taken; hangs up on a replica that has left all its messages unanswered. Lock held. */
static void
free_slot(sfms_slot *slot)
{
    sfms_replica *r = slot->replica;

    slot->state = SFMS_SLOT_FREE;
    for (size_t i = 0; i < slot->n_turns; i++)
        sfms_turns_back(&r->link->waiting[slot->lane], slot->turns[i]);
    r->under_way--;
    if (r->silent && r->under_way == 0)
        sfms_hang_up((nng_pipe){.id = (uint32_t)r->pipe});
}

/* The time of the message is over, and not even the server has said so. Lock held. */
static void
note_silence(sfms_slot *slot)
{
    sfms_replica *r = slot->replica;

    if (r->pipe == slot->pipe && r->heard_us < slot->sent_us)
        r->silent = true;
}

/* The message did not make it, or its answer did not. What was not sent may wait for another replica; what
 * was is sent once more if the contract allows that. */
static void
slot_lost(sfms_slot *slot, bool sent)
{
    sfms_link *link = slot->replica->link;
    sfms_link_queue again = {0}, unknown = {0}, gone = {0};

    pthread_mutex_lock(&link->lock);
    for (size_t i = slot->n; i-- > 0;) {
        sfms_link_call *call = slot->calls[i];

        if (call == NULL)
            continue;
        call->attempts += sent;
        if (sent && !call->method->rule->idempotent)
            sfms_queue_push(&unknown, call);
        else if (call->attempts < 2 && !link->closed)
            sfms_queue_push(
                &again, call); /* from the last on, so that the first comes to the front at the end */
        else
            sfms_queue_push(&gone, call);
    }
    link->stats.retries += sent ? again.n : 0;
    link->stats.unavailable += unknown.n + gone.n;
    while (again.n > 0)
        sfms_turns_unshift(&link->waiting[slot->lane], sfms_queue_shift(&again));
    free_slot(slot);
    pthread_mutex_unlock(&link->lock);
    sfms_link_fail(link, &unknown, &sfms_outcome_unknown);
    sfms_link_fail(link, &gone, &sfms_unavailable);
    sfms_link_pump(link, NULL);
}

/* The message that was to be sent is larger than a message may be. */
static void
slot_too_large(sfms_slot *slot)
{
    static const sfms_reason too_large = {"REQUEST_TOO_LARGE", SFMS_INVALID_ARGUMENT,
        {"The request is larger than a message between processes may be.", "请求超过内部消息的大小上限。"}};
    sfms_link *link = slot->replica->link;
    sfms_link_queue refused = {0};

    pthread_mutex_lock(&link->lock);
    for (size_t i = 0; i < slot->n; i++)
        sfms_queue_push(&refused, slot->calls[i]);
    free_slot(slot);
    pthread_mutex_unlock(&link->lock);
    sfms_link_fail(link, &refused, &too_large);
    sfms_link_pump(link, NULL);
}

/* All that was asked could not be done just now: another replica should be asked first for a while. Lock held. */
static void
note_ailing(sfms_replica *r, const Pb__Replies *replies)
{
    for (size_t i = 0; i < replies->n_replies; i++) {
        const Pb__Status *status = replies->replies[i]->status;

        if (status == NULL || status->code != SFMS_UNAVAILABLE)
            return;
    }
    r->ailing_us = sfms_mono_us() + AILING_US;
}

/* Whether another replica than this one is up and can do what it is asked. Lock held. */
static bool
well_beside(const sfms_replica *r)
{
    const sfms_link *link = r->link;
    int64_t now = sfms_mono_us();

    for (unsigned i = 0; i < link->n_replicas; i++) {
        const sfms_replica *other = &link->replicas[i];

        if (other != r && sfms_replica_ready(other) && other->ailing_us <= now)
            return true;
    }
    return false;
}

static bool
is_for(const Pb__Status *status, const sfms_reason *reason)
{
    return status != NULL && strcmp(status->reason, reason->name) == 0;
}

/* Takes calls out of the answered ones that have done nothing and may fare better: what was BLOCKED waits with the slow ones, as
 * whoever holds its rows may hold them for long, and everybody else's writes should not wait for that; what this replica could
 * not do, as it has no database for example, is asked of another, once. Lock held. */
static void
move_on(sfms_slot *slot, const Pb__Replies *replies, sfms_link_call **calls)
{
    sfms_link *link = slot->replica->link;
    bool beside = well_beside(slot->replica);

    for (size_t i = replies->n_replies; i-- > 0 && !link->closed;) {
        const Pb__Status *status = replies->replies[i]->status;

        if (calls[i] == NULL)
            continue;
        if (is_for(status, &sfms_blocked) && !calls[i]->patient) {
            calls[i]->patient = true;
            sfms_turns_push(&link->waiting[SFMS_LANE_SLOW], calls[i], sfms_mono_us());
        } else if (is_for(status, &sfms_unavailable) && beside && calls[i]->attempts == 0) {
            calls[i]->attempts = 1;
            sfms_turns_unshift(&link->waiting[slot->lane], calls[i]);
        } else {
            continue;
        }
        calls[i] = NULL;
    }
}

static void
slot_answered(sfms_slot *slot, nng_msg *msg)
{
    sfms_link *link = slot->replica->link;
    sfms_arena *a = sfms_link_arena(link);
    sfms_link_call *calls[SFMS_BATCH_CALLS];
    unsigned n_done = 0;
    size_t n = slot->n;
    Pb__Replies *replies = (Pb__Replies *)sfms_wire_open(
        a, link->keys.reply, &slot->sent, &pb__replies__descriptor, nng_msg_body(msg), nng_msg_len(msg));

    pthread_mutex_lock(&link->lock);
    if (replies != NULL) {
        slot->replica->heard_us = sfms_mono_us();
        slot->replica->silent = false;
    }
    if (replies != NULL && replies->draining)
        sfms_replica_drains(slot->replica, msg);
    if (nng_msg_len(msg) > SFMS_ANSWERS_BYTES / 2)
        link->waiting[slot->lane].fat_until_us = sfms_mono_us() + FAT_US;
    pthread_mutex_unlock(&link->lock);
    nng_msg_free(msg);
    if (replies == NULL || replies->n_replies != n) {
        sfms_link_arena_back(link, a);
        slot_lost(slot, true);
        return;
    }
    pthread_mutex_lock(&link->lock);
    memcpy(calls, slot->calls, n * sizeof(calls[0]));
    sfms_turns_note(&link->waiting[slot->lane], n, sfms_mono_us() - slot->sent_us);
    note_ailing(slot->replica, replies);
    move_on(slot, replies, calls);
    free_slot(slot);
    pthread_mutex_unlock(&link->lock);
    sfms_link_pump(link, slot->replica); /* the next message first, then the callers of this one */
    for (size_t i = 0; i < n; i++) {
        if (calls[i] == NULL)
            continue;
        calls[i]->done(calls[i], replies->replies[i]);
        n_done++;
    }
    sfms_link_arena_back(link, a);
    sfms_link_ended(link, n_done);
}

/* ---- the way through nng ----------------------------------------------------------------------------- */

static void
set_timeout(sfms_slot *slot)
{
    int64_t left_ms = (slot->give_up_us - sfms_mono_us()) / 1000;

    nng_aio_set_timeout(slot->aio, (nng_duration)(left_ms < 0 ? SLACK_MS : left_ms + SLACK_MS));
}

/* Hands the message to the connection if that is free, without a callback on another thread. Lock held. */
static bool
send_at_once(sfms_slot *slot, nng_msg *msg)
{
    nng_aio_set_msg(slot->at_once, msg);
    nng_ctx_send(slot->ctx, slot->at_once);
    nng_aio_wait(slot->at_once); /* does not: its timeout is zero */
    return nng_aio_result(slot->at_once) == 0;
}

/* The message has been handed to the connection. Lock held. */
static void
receive(sfms_slot *slot)
{
    slot->state = SFMS_SLOT_RECEIVING;
    slot->replica->link->stats.messages++;
    slot->sent_us = sfms_mono_us();
    set_timeout(slot);
    nng_ctx_recv(slot->ctx, slot->aio);
}

void
sfms_slot_start(sfms_slot *slot)
{
    sfms_link *link = slot->replica->link;
    nng_msg *msg = pack(slot);
    bool connected;

    if (msg == NULL) {
        slot_too_large(slot);
        return;
    }
    pthread_mutex_lock(&link->lock);
    connected = slot->replica->pipe == slot->pipe && !link->closed;
    if (connected && send_at_once(slot, msg)) {
        receive(slot);
    } else if (connected) {
        slot->state = SFMS_SLOT_SENDING;
        nng_aio_set_msg(slot->aio, msg);
        set_timeout(slot);
        nng_ctx_send(slot->ctx, slot->aio);
    }
    pthread_mutex_unlock(&link->lock);
    if (!connected) {
        nng_msg_free(msg);
        slot_lost(slot, false);
    }
}

/* Runs when the message was handed to a connection that was not free before, and when the answer is there; or when
 * either failed. */
static void
slot_event(void *arg)
{
    sfms_slot *slot = arg;
    sfms_link *link = slot->replica->link;
    int rv = nng_aio_result(slot->aio);
    bool sent;

    pthread_mutex_lock(&link->lock);
    sent = slot->state == SFMS_SLOT_RECEIVING;
    if (!sent && rv == 0) {
        receive(slot);
        pthread_mutex_unlock(&link->lock);
        return;
    }
    if (sent && rv == NNG_ETIMEDOUT)
        note_silence(slot);
    pthread_mutex_unlock(&link->lock);
    if (rv == 0) {
        slot_answered(slot, nng_aio_get_msg(slot->aio));
        return;
    }
    if (!sent)
        nng_msg_free(nng_aio_get_msg(slot->aio));
    slot_lost(slot, sent);
}

void
sfms_slot_open(sfms_slot *slot, sfms_replica *r, sfms_lane lane)
{
    slot->replica = r;
    slot->lane = lane;
    if (nng_ctx_open(&slot->ctx, r->socket) != 0 || nng_aio_alloc(&slot->aio, slot_event, slot) != 0 ||
        nng_aio_alloc(&slot->at_once, NULL, NULL) != 0)
        sfms_die("out of memory");
    nng_aio_set_timeout(slot->at_once, NNG_DURATION_ZERO);
}

void
sfms_slot_stop(sfms_slot *slot)
{
    bool stuck;

    nng_aio_stop(slot->aio);
    /* A callback that ran just now may have begun to receive on an aio that takes nothing any more. */
    pthread_mutex_lock(&slot->replica->link->lock);
    stuck = slot->state == SFMS_SLOT_RECEIVING;
    pthread_mutex_unlock(&slot->replica->link->lock);
    if (stuck)
        slot_lost(slot, true);
}

void
sfms_slot_close(sfms_slot *slot)
{
    nng_ctx_close(slot->ctx);
    nng_aio_free(slot->at_once);
    nng_aio_free(slot->aio);
}
