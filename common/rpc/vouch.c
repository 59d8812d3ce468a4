/* vouch.c -- on whose behalf a process calls others. */
#include "rpc/vouch.h"

#include "core/limits.h"
#include "core/time.h"
#include "proto/principal.h"
#include "rpc/link.h"
#include "rpc/server.h"

/* The method that answers on whose behalf a job runs. */
static const sfms_method *
find_method(const sfms_contract *c)
{
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(c, &n);

    for (unsigned i = 0; i < n; i++) {
        if (methods[i].rule->authenticates_jobs)
            return &methods[i];
    }
    return NULL;
}

static Pb__Reply *
ask(const sfms_call *call, sfms_arena *a, const sfms_method *method, sfms_link *link)
{
    Pb__AuthenticateJobRequest request = PB__AUTHENTICATE_JOB_REQUEST__INIT;
    Pb__Reply *reply = NULL;
    uint8_t *packed;

    request.org_id = call->principal->org_id;
    request.user_id = call->principal->user_id;
    request.job_id = call->request_id;
    packed = sfms_alloc(a, protobuf_c_message_get_packed_size(&request.base) + 1);
    sfms_link_call out = {
        .method = method,
        .request = packed,
        .request_len = protobuf_c_message_pack(&request.base, packed),
        .deadline_us = sfms_mono_us() + SFMS_CALL_MS_DEFAULT * 1000L,
        .request_id = call->request_id,
    };
    sfms_link_wait(link, a, 1, &out, &reply);
    return reply;
}

sfms_status
sfms_vouch(sfms_call *call, sfms_arena *a, const Pb__Principal **ret)
{
    const sfms_method *method = find_method(call->contract);
    sfms_link *link;
    const Pb__Reply *reply;

    *ret = call->principal;
    if (call->principal == NULL || sfms_principal_signed(call->principal))
        return SFMS_OK;
    link = method != NULL ? sfms_links_find(sfms_env()->links, method->service) : NULL;
    if (link == NULL)
        return sfms_fail(call, &sfms_unavailable);
    reply = ask(call, a, method, link);
    if (reply->status != NULL && reply->status->code == SFMS_NOT_FOUND)
        return sfms_fail(call, &sfms_user_gone); /* or the job is another's by now, who says how it ends */
    if (reply->status != NULL && reply->status->code != SFMS_OK)
        return sfms_fail(call, &sfms_unavailable);
    *ret = (const Pb__Principal *)protobuf_c_message_unpack(
        &pb__principal__descriptor, sfms_arena_pb(a), reply->response.len, reply->response.data);
    return *ret != NULL ? SFMS_OK : sfms_fail(call, &sfms_unavailable);
}
