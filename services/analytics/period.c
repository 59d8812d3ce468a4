/* period.c -- the days and the deals that a request is about. */
#include <string.h>

#include "analytics.h"

static const sfms_reason ends_first = {"PERIOD_ENDS_FIRST", SFMS_INVALID_ARGUMENT,
    {"must not be after the last day, %s", "不能晚于结束日期 %s"}};

static const char first_day[] = "1900-01-01", last_day[] = "2999-12-31";

void
analytics_day_check(sfms_call *call, const char *field, const char *day)
{
    if (day[0] != '\0' && (strcmp(day, first_day) < 0 || strcmp(day, last_day) > 0))
        sfms_violate(call, field, &sfms_out_of_range, first_day, last_day);
}

/* Whole months are followed by whole months, so that a quarter is compared with the quarter before. */
static const char period_sql[] =
    "WITH given AS (SELECT nullif($1, '')::date AS a, nullif($2, '')::date AS b),"
    " period AS (SELECT coalesce(a, date_trunc('quarter', coalesce(b, app.today()))::date) AS a,"
    "                   coalesce(b, (date_trunc('quarter', coalesce(a, app.today()))"
    "                                + interval '3 months')::date - 1) AS b"
    "              FROM given)"
    "SELECT a, b,"
    "       CASE WHEN extract(day FROM a) = 1 AND extract(day FROM b + 1) = 1"
    "            THEN (a - age(b + 1, a))::date ELSE a - (b - a + 1) END AS previous_a,"
    "       a - 1 AS previous_b,"
    "       (SELECT currency FROM identity.org_settings WHERE org_id = app.org_id()) AS currency"
    "  FROM period";

sfms_status
analytics_period_find(sfms_call *call, const char *from, const char *to, analytics_period *ret)
{
    PGresult *row;
    sfms_status status;

    analytics_day_check(call, "from", from);
    analytics_day_check(call, "to", to);
    if (from[0] != '\0' && to[0] != '\0' && strcmp(from, to) > 0)
        sfms_violate(call, "from", &ends_first, to);
    if (sfms_violations(call) != SFMS_OK)
        return sfms_fail(call, &sfms_bad_fields);
    status = sfms_query(call, &row, period_sql, SFMS_ARGS(from, to));
    if (status != SFMS_OK)
        return status;
    *ret = (analytics_period){
        .from = PQgetvalue(row, 0, 0),
        .to = PQgetvalue(row, 0, 1),
        .previous_from = PQgetvalue(row, 0, 2),
        .previous_to = PQgetvalue(row, 0, 3),
        .currency = PQgetvalue(row, 0, 4),
    };
    return SFMS_OK;
}

static const char *
id_or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

analytics_scope
analytics_scope_of(sfms_call *call, const char *owner, const char *team, const char *process)
{
    analytics_scope scope = {id_or_null(owner), id_or_null(team), id_or_null(process)};

    /* What the policy lets through anyway, said once more so that the owner's index can serve. */
    if (scope.owner == NULL && sfms_reach(call, "deals", SFMS_TO_READ) == PB__VISIBILITY__OWN)
        scope.owner = call->principal->user_id;
    return scope;
}
