/* dashboard.c -- the parts of the other files in one answer, with the period before beside it. */
#include <stdlib.h>

#include "analytics.h"

/* NULL, which is null in JSON, where no change can be said: the base is 0 or is none, or there is no value now. */
static Google__Protobuf__DoubleValue *
change_of(sfms_call *call, const double *before, const double *now)
{
    Google__Protobuf__DoubleValue *change;

    if (before == NULL || *before == 0 || now == NULL)
        return NULL;
    change = sfms_new(call->arena, Google__Protobuf__DoubleValue);
    google__protobuf__double_value__init(change);
    change->value = (*now - *before) / *before * 100;
    return change;
}

static Google__Protobuf__DoubleValue *
change_of_count(sfms_call *call, int before, int now)
{
    return change_of(call, &(double){before}, &(double){now});
}

/* Percentages need no exact decimals. "" is none. */
static Google__Protobuf__DoubleValue *
change_of_amount(sfms_call *call, const char *before, const char *now)
{
    double was = strtod(before, NULL), is = strtod(now, NULL);

    return change_of(call, before[0] != '\0' ? &was : NULL, now[0] != '\0' ? &is : NULL);
}

static Google__Protobuf__DoubleValue *
change_of_average(
    sfms_call *call, const Google__Protobuf__DoubleValue *before, const Google__Protobuf__DoubleValue *now)
{
    return change_of(call, before != NULL ? &before->value : NULL, now != NULL ? &now->value : NULL);
}

static Pb__DashboardChange *
changes(sfms_call *call, const Pb__PerformanceRow *before, const Pb__PerformanceRow *now)
{
    Pb__DashboardChange *change = sfms_new(call->arena, Pb__DashboardChange);

    pb__dashboard_change__init(change);
    change->won_amount = change_of_amount(call, before->won_amount, now->won_amount);
    change->won_count = change_of_count(call, before->won_count, now->won_count);
    change->lost_count = change_of_count(call, before->lost_count, now->lost_count);
    change->win_rate = change_of_average(call, before->win_rate, now->win_rate);
    change->average_deal_amount =
        change_of_amount(call, before->average_deal_amount, now->average_deal_amount);
    change->average_cycle_days = change_of_average(call, before->average_cycle_days, now->average_cycle_days);
    return change;
}

static sfms_status
get_dashboard(sfms_call *call, const void *in, void *out)
{
    const Pb__GetDashboardRequest *request = in;
    Pb__Dashboard *board = out;
    const analytics_scope scope =
        analytics_scope_of(call, request->owner_id, request->team_id, request->process_id);
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
