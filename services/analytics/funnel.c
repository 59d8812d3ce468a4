/* funnel.c -- how far the deals got that were started in a period.
 *
 * Conversion is from a stage to won, over the deals that ever reached the stage. Rates from stage to
 * stage are not given: deals skip stages and return, so that multiplying such rates says nothing about how
 * many are won.
 */
#include "analytics.h"
#include "db/row.h"

/* $1 and $2 are the days, $3 to $5 the scope; without a process, the default one, or else the oldest. */
static const char head_sql[] =
    "SELECT p.id AS process_id, p.name AS process_name, s.deal_count, s.amount"
    "  FROM (SELECT id, name FROM pipeline.process_names"
    "         WHERE org_id = app.org_id() AND ($5::uuid IS NULL OR id = $5)"
    "         ORDER BY is_default DESC, create_time, id LIMIT 1) p"
    " CROSS JOIN LATERAL (SELECT count(*) AS deal_count, trim_scale(coalesce(sum(d.amount), 0)) AS amount"
    "                       FROM analytics.deals($3, $4, p.id) d WHERE d.start_date BETWEEN $1 AND $2) s";

/* $5 is the process. Nobody leaves a closed stage by itself, so the days in it are not counted. */
static const char stages_sql[] =
    "WITH v AS (SELECT h.stage_id,"
    "                  count(*) FILTER (WHERE h.is_first) AS reached,"
    "                  sum(d.amount) FILTER (WHERE h.is_first) AS amount,"
    "                  count(*) FILTER (WHERE h.leave_time IS NULL) AS now_count,"
    "                  sum(d.amount) FILTER (WHERE h.leave_time IS NULL) AS now_amount,"
    "                  count(*) FILTER (WHERE h.is_first AND d.outcome <> 'OPEN') AS closed,"
    "                  count(*) FILTER (WHERE h.is_first AND d.outcome = 'WON') AS won,"
    "                  sum(extract(epoch FROM coalesce(h.leave_time, now()) - h.enter_time)::float8)"
    "                      / 86400 AS days"
    "             FROM analytics.deals($3, $4, $5) d"
    "             JOIN pipeline.stage_visits h ON h.org_id = d.org_id AND h.deal_id = d.id"
    "            WHERE d.start_date BETWEEN $1 AND $2 GROUP BY 1)"
    "SELECT s.id AS stage_id, s.name, s.outcome,"
    "       v.reached AS reached_count, trim_scale(coalesce(v.amount, 0)) AS reached_amount,"
    "       v.now_count AS current_count, trim_scale(coalesce(v.now_amount, 0)) AS current_amount,"
    "       v.closed AS closed_count, v.won AS won_count,"
    "       v.won::float8 / nullif(v.closed, 0) AS conversion_to_won,"
    "       CASE WHEN s.outcome = 'OPEN' THEN v.days / nullif(v.reached, 0) END AS average_days"
    "  FROM pipeline.stage_facts s LEFT JOIN v ON v.stage_id = s.id"
    " WHERE s.org_id = app.org_id() AND s.process_id = $5"
    " ORDER BY s.position, s.id";

sfms_status
analytics_funnel_fill(
    sfms_call *call, const analytics_period *period, const analytics_scope *scope, Pb__Funnel *out)
{
    PGresult *head;
    sfms_status status = sfms_query(call, &head, head_sql,
        SFMS_ARGS(period->from, period->to, scope->owner, scope->team, scope->process));

    if (status != SFMS_OK)
        return status;
    out->from = period->from;
    out->to = period->to;
    out->currency = period->currency;
    out->amount = "0";
    if (PQntuples(head) == 0) /* no such process: nothing was started in it */
        return SFMS_OK;
    sfms_row_read(call->arena, call->contract, head, 0, &out->base);
    return sfms_many(call, out, "stages", stages_sql,
        SFMS_ARGS(period->from, period->to, scope->owner, scope->team, out->process_id));
}

static sfms_status
get_funnel(sfms_call *call, const void *in, void *out)
{
    const Pb__GetFunnelRequest *request = in;
    const analytics_scope scope =
        analytics_scope_of(call, request->owner_id, request->team_id, request->process_id);
    analytics_period period;
    sfms_status status = analytics_period_find(call, request->from, request->to, &period);

    return status == SFMS_OK ? analytics_funnel_fill(call, &period, &scope, out) : status;
}

static const sfms_method_row methods[] = {
    {"sfms.analytics.v1.Analytics/GetFunnel", get_funnel},
    {NULL},
};

const sfms_noun analytics_funnel = {.methods = methods};
