/* history.c -- the stages that a deal has been in. Written by triggers, see schema/0002_deals.sql. */
#include "pipeline.h"

static sfms_status
get_stage_history(sfms_call *call, const void *in, void *out)
{
    const Pb__GetStageHistoryRequest *request = in;
    Pb__StageHistory *history = out;
    sfms_status status = sfms_many(call, history, "visits",
        "SELECT seq, stage_id, stage_name, enter_time, leave_time, actor_id, duration_seconds FROM ("
        "SELECT h.seq, h.stage_id, s.name AS stage_name, h.enter_time, h.leave_time, h.actor_id,"
        "       extract(epoch FROM coalesce(h.leave_time, now()) - h.enter_time)::bigint AS duration_seconds"
        "  FROM pipeline.stage_history h"
        "  LEFT JOIN pipeline.stages s ON s.org_id = h.org_id AND s.id = h.stage_id"
        " WHERE h.org_id = $1 AND h.deal_id = $2 ORDER BY h.seq DESC LIMIT 1000) newest ORDER BY seq",
        SFMS_ARGS(call->principal->org_id, request->id));

    if (status != SFMS_OK)
        return status;
    /* Every deal is in some stage: without a visit there is no deal, or none that the caller sees. */
    return history->n_visits > 0 ? SFMS_OK : sfms_fail(call, &sfms_not_found);
}

static const sfms_method_row methods[] = {
    {"sfms.pipeline.v1.Deals/GetStageHistory", get_stage_history},
    {NULL},
};

const sfms_noun pipeline_history = {.methods = methods};
