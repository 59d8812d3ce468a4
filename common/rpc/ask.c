/* ask.c -- calls of a handler or a job to other services. */
#include "rpc/ask.h"

#include <time.h>

#include "core/time.h"
#include "db/db.h"
#include "rpc/server.h"
#include "rpc/vouch.h"

enum {
    TRIES = 5,
    FIRST_PAUSE_MS = 100, /* doubled each time: 1.5 s in all */
    CALL_US = 20 * 1000000,
};

static void
fill(sfms_link_call *ret, const sfms_call *call, const Pb__Principal *who, sfms_arena *a,
    const sfms_method *method, const ProtobufCMessage *request)
{
    size_t len = protobuf_c_message_get_packed_size(request);
    uint8_t *bytes = sfms_alloc(a, len + 1);

    protobuf_c_message_pack(request, bytes);
    *ret = (sfms_link_call){
        .method = method,
        .request = bytes,
        .request_len = len,
        .principal = who,
        .deadline_us = sfms_mono_us() + CALL_US,
        .request_id = call->request_id,
        .locale = call->locale,
        .cause = call->cause,
        .depth = call->depth,
    };
}

static bool
is_open(const Pb__Reply *reply)
{
    int32_t code = reply == NULL ? SFMS_UNAVAILABLE : reply->status != NULL ? reply->status->code : SFMS_OK;

    return code == SFMS_UNAVAILABLE || code == SFMS_ABORTED || code == SFMS_DEADLINE_EXCEEDED;
}

/* Makes the calls that have no final reply yet; answers how many are left without one. */
static size_t
try_open(const sfms_call *call, const Pb__Principal *who, sfms_arena *a, sfms_link *link,
    const sfms_method *method, size_t n, ProtobufCMessage *const *requests, Pb__Reply **replies)
{
    sfms_link_call *calls = sfms_new_array(a, sfms_link_call, n);
    Pb__Reply **answers = sfms_new_array(a, Pb__Reply *, n);
    size_t *which = sfms_new_array(a, size_t, n);
    size_t open = 0, left = 0;

    for (size_t i = 0; i < n; i++) {
        if (!is_open(replies[i]))
            continue;
        fill(&calls[open], call, who, a, method, requests[i]);
        which[open++] = i;
    }
    sfms_link_wait(link, a, open, calls, answers);
    for (size_t i = 0; i < open; i++) {
        replies[which[i]] = answers[i];
        left += is_open(answers[i]);
    }
    return left;
}

sfms_status
sfms_ask(sfms_call *call, sfms_arena *a, const sfms_method *method, size_t n,
    ProtobufCMessage *const *requests, Pb__Reply **replies)
{
    sfms_link *link = sfms_links_find(sfms_env()->links, method->service);
    long pause_ms = FIRST_PAUSE_MS;
    const Pb__Principal *who;
    sfms_status status;

    if (sfms_in_tx(call)) {
        sfms_call_note(call, "another service is asked inside a transaction");
        return sfms_fail(call, &sfms_internal);
    }
    if (link == NULL)
        return sfms_fail(call, &sfms_unavailable);
    for (size_t i = 0; i < n; i++)
        replies[i] = NULL;
    if (n == 0)
        return SFMS_OK;
    status = sfms_vouch(call, a, &who);
    if (status != SFMS_OK)
        return status;
    for (int i = 0; i < TRIES; i++) {
        struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1000000};

        if (i > 0) {
            nanosleep(&pause, NULL);
            pause_ms *= 2;
        }
        if (try_open(call, who, a, link, method, n, requests, replies) == 0)
            return SFMS_OK;
    }
    return sfms_fail(call, &sfms_unavailable);
}
