/* analytics.h -- the nouns of this service, and what they share. */
#ifndef SFMS_ANALYTICS_H
#define SFMS_ANALYTICS_H

#include "rpc/server.h"
#include "sfms/analytics/v1/analytics.pb-c.h"

extern const sfms_noun analytics_performance;
extern const sfms_noun analytics_funnel;
extern const sfms_noun analytics_forecast;
extern const sfms_noun analytics_dashboard;

/* Days as YYYY-MM-DD, both ends inclusive, and the currency that amounts are in. */
typedef struct {
    const char *from, *to;
    const char *previous_from, *previous_to; /* as many months, or days, just before */
    const char *currency;
} analytics_period;

/* analytics_day_check notes a violation for a day that no sale is near to: a period beside it would leave the calendar. */
void analytics_day_check(sfms_call *call, const char *field, const char *day);

/* analytics_period_find fills in what was not given: "" for from, to, or both. Fails the call if the
 * period ends before it begins. */
sfms_status analytics_period_find(sfms_call *call, const char *from, const char *to, analytics_period *ret);

/* The deals that a request is about: ids, NULL for no condition. */
typedef struct {
    const char *owner, *team, *process;
} analytics_scope;

/* analytics_scope_of makes a scope of the texts of a request, in which "" is no condition. Whoever sees only
 * records of his own is the owner if the request names none. */
analytics_scope analytics_scope_of(sfms_call *call, const char *owner, const char *team, const char *process);

/* The parts of a dashboard; each fills an empty message. */
sfms_status analytics_total(
    sfms_call *call, const char *from, const char *to, const analytics_scope *scope, Pb__PerformanceRow *out);
sfms_status analytics_top_sellers(
    sfms_call *call, const char *from, const char *to, const analytics_scope *scope, Pb__Dashboard *out);
sfms_status analytics_funnel_fill(
    sfms_call *call, const analytics_period *period, const analytics_scope *scope, Pb__Funnel *out);
/* from is a day in the first month, "" for the current one; months 0 means 12. */
sfms_status analytics_forecast_fill(
    sfms_call *call, const char *from, int months, const analytics_scope *scope, Pb__Forecast *out);

#endif
