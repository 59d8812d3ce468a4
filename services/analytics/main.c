/* sfms-analytics: what it means. */
#include "analytics.h"

static const sfms_noun *const nouns[] = {
    &analytics_performance,
    &analytics_funnel,
    &analytics_forecast,
    &analytics_dashboard,
    NULL,
};

static const sfms_service service = {
    .name = "analytics",
    .about = "performance, funnel, forecast and dashboard",
    .nouns = nouns,
};

int
main(int argc, char **argv)
{
    return sfms_service_main(&service, argc, argv);
}
