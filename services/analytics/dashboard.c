/* dashboard.c -- the parts of the other files in one answer, with the period before beside it. */
#include <stdlib.h>

#include "analytics.h"

/* NULL, which is null in JSON, where no change can be said: the base is 0, or there is no value now. */
static Pb__PercentChange *
change_of(sfms_call *call, double before, double now, bool there_now)
{
    Pb__PercentChange *change;

    if (before == 0 || !there_now)
        return NULL;
    change = sfms_new(call->arena, Pb__PercentChange);
    pb__percent_change__init(change);
    change->percent = (now - before) / before * 100;
    return change;
}

/* Percentages need no exact decimals; "" is 0. */
static double
number(const char *decimal)
{
    return strtod(decimal, NULL);
}

static Pb__DashboardChange *
changes(sfms_call *call, const Pb__PerformanceRow *before, const Pb__PerformanceRow *now)
{
    Pb__DashboardChange *change = sfms_new(call->arena, Pb__DashboardChange);
    bool closed = now->closed_count > 0, won = now->won_count > 0; /* else rates and averages say nothing */

    pb__dashboard_change__init(change);
    change->won_amount = change_of(call, number(before->won_amount), number(now->won_amount), true);
    change->won_count = change_of(call, before->won_count, now->won_count, true);
    change->lost_count = change_of(call, before->lost_count, now->lost_count, true);
    change->win_rate = change_of(call, before->win_rate, now->win_rate, closed);
    change->average_deal_amount =
        change_of(call, number(before->average_deal_amount), number(now->average_deal_amount), won);
    change->average_cycle_days = change_of(call, before->average_cycle_days, now->average_cycle_days, won);
    return change;
}

static sfms_status
get_dashboard(sfms_call *call, const void *in, void *out)
{
    const Pb__GetDashboardRequest *request = in;
    Pb__Dashboard *board = out;
    const analytics_scope scope =
        analytics_scope_of(request->owner_id, request->team_id, request->process_id);
    analytics_period period;
    sfms_status status = analytics_period_find(call, request->from, request->to, &period);

    if (status != SFMS_OK)
        return status;
    board->from = period.from;
    board->to = period.to;
    board->previous_from = period.previous_from;
    board->previous_to = period.previous_to;
    board->currency = period.currency;
    board->total = sfms_new(call->arena, Pb__PerformanceRow);
    board->previous = sfms_new(call->arena, Pb__PerformanceRow);
    board->funnel = sfms_new(call->arena, Pb__Funnel);
    board->forecast = sfms_new(call->arena, Pb__Forecast);
    pb__performance_row__init(board->total);
    pb__performance_row__init(board->previous);
    pb__funnel__init(board->funnel);
    pb__forecast__init(board->forecast);
    status = analytics_total(call, period.from, period.to, &scope, board->total);
    if (status == SFMS_OK)
        status = analytics_total(call, period.previous_from, period.previous_to, &scope, board->previous);
    if (status == SFMS_OK)
        status = analytics_top_sellers(call, period.from, period.to, &scope, board);
    if (status == SFMS_OK)
        status = analytics_funnel_fill(call, &period, &scope, board->funnel);
    if (status == SFMS_OK)
        status = analytics_forecast_fill(call, "", 0, &scope, board->forecast);
    if (status != SFMS_OK)
        return status;
    board->change = changes(call, board->previous, board->total);
    return SFMS_OK;
}

static const sfms_method_row methods[] = {
    {"sfms.analytics.v1.Analytics/GetDashboard", get_dashboard},
    {NULL},
};

const sfms_noun analytics_dashboard = {.methods = methods};
