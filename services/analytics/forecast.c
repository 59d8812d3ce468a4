/* forecast.c -- what the open deals will bring, by the month in which they should be decided.
 *
 * An open deal counts with its amount times the probability of its stage. A lost deal counts nowhere. An
 * open deal whose day has passed is overdue: no month is right for it, so it stands apart and is in none.
 */
#include <stddef.h>

#include "analytics.h"
#include "db/row.h"

enum { MONTHS_DEFAULT = 12 };

static const char span_sql[] =
    "SELECT a, (a + make_interval(months => $2::int))::date - 1 AS b,"
    "       (SELECT currency FROM identity.org_settings WHERE org_id = app.org_id()) AS currency"
    "  FROM (SELECT date_trunc('month', coalesce(nullif($1, '')::date, app.today()))::date AS a) first";

/* $1 and $2 are the first and the last day shown, $3 to $5 the scope. One row for each month; after them,
 * in the order of parts below, what is in no month. Each deal's weighted amount is rounded, so that the same deals add up to the
 * same sum however they are grouped. They are added up by day first, so that months are made of hundreds of days and
 * not of each deal. */
static const char rows_sql[] =
    "WITH day AS (SELECT expected_close_date AS day, count(*) AS n, sum(amount) AS amount,"
    "                    sum(round(amount * probability::numeric / 100,"
    "                              (SELECT identity.money_digits(app.org_id())))) AS weighted"
    "               FROM analytics.deals($3, $4, $5) WHERE outcome = 'OPEN' GROUP BY 1),"
    " open AS (SELECT CASE WHEN day IS NULL THEN 'undated'"
    "                      WHEN day < app.today() THEN 'overdue'"
    "                      WHEN day < $1 THEN 'earlier'"
    "                      WHEN day > $2 THEN 'later'"
    "                      ELSE to_char(day::timestamp, 'YYYY-MM') END AS month,"
    "                 sum(n)::bigint AS deal_count, sum(amount) AS amount, sum(weighted) AS weighted"
    "            FROM day GROUP BY 1),"
    " won AS (SELECT to_char(d.close_date::timestamp, 'YYYY-MM') AS month, count(*) AS won_count,"
    "                sum(d.amount) AS amount"
    "           FROM analytics.deals($3, $4, $5) d"
    "          WHERE d.outcome = 'WON' AND d.close_date BETWEEN $1 AND $2 GROUP BY 1),"
    " place AS (SELECT 0 AS nr, to_char(m, 'YYYY-MM') AS month"
    "             FROM generate_series($1::timestamp, $2::timestamp, interval '1 month') m"
    "           UNION ALL VALUES (1, 'overdue'), (2, 'undated'), (3, 'earlier'), (4, 'later'))"
    "SELECT month, open.deal_count, trim_scale(coalesce(open.amount, 0)) AS open_amount,"
    "       trim_scale(coalesce(open.weighted, 0)) AS weighted_amount, won.won_count,"
    "       trim_scale(coalesce(won.amount, 0)) AS won_amount"
    "  FROM place LEFT JOIN open USING (month) LEFT JOIN won USING (month)"
    " ORDER BY nr, month";

/* Where in a forecast the sums go that are in no month. */
static const size_t parts[] = {
    offsetof(Pb__Forecast, overdue),
    offsetof(Pb__Forecast, undated),
    offsetof(Pb__Forecast, earlier),
    offsetof(Pb__Forecast, later),
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static sfms_status
fill_rows(sfms_call *call, const analytics_scope *scope, Pb__Forecast *out)
{
    PGresult *rows;
    sfms_status status = sfms_query(
        call, &rows, rows_sql, SFMS_ARGS(out->from, out->to, scope->owner, scope->team, scope->process));

    if (status != SFMS_OK)
        return status;
    sfms_rows_read(call->arena, call->contract, rows, &out->base, "rows");
    out->n_rows -= PARTS;
    for (size_t i = 0; i < PARTS; i++) {
        Pb__ForecastSum *sum = sfms_new(call->arena, Pb__ForecastSum);

        pb__forecast_sum__init(sum);
        sfms_row_read(call->arena, call->contract, rows, (int)(out->n_rows + i), &sum->base);
        *(Pb__ForecastSum **)((char *)out + parts[i]) = sum;
    }
    return SFMS_OK;
}

sfms_status
analytics_forecast_fill(
    sfms_call *call, const char *from, int months, const analytics_scope *scope, Pb__Forecast *out)
{
    PGresult *span;
    sfms_status status;

    analytics_day_check(call, "from", from);
    if (sfms_violations(call) != SFMS_OK)
        return sfms_fail(call, &sfms_bad_fields);
    status = sfms_query(call, &span, span_sql,
        SFMS_ARGS(from, sfms_printf(call->arena, "%d", months > 0 ? months : MONTHS_DEFAULT)));

    if (status != SFMS_OK)
        return status;
    out->from = PQgetvalue(span, 0, 0);
    out->to = PQgetvalue(span, 0, 1);
    out->currency = PQgetvalue(span, 0, 2);
    return fill_rows(call, scope, out);
}

static sfms_status
get_forecast(sfms_call *call, const void *in, void *out)
{
    const Pb__GetForecastRequest *request = in;
    const analytics_scope scope =
        analytics_scope_of(call, request->owner_id, request->team_id, request->process_id);

    return analytics_forecast_fill(call, request->from, request->months, &scope, out);
}

static const sfms_method_row methods[] = {
    {"sfms.analytics.v1.Analytics/GetForecast", get_forecast},
    {NULL},
};

const sfms_noun analytics_forecast = {.methods = methods};
