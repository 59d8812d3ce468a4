/* forecast.c -- what the open deals will bring, by the month in which they should be decided.
 *
 * An open deal counts with its amount times the probability of its stage. A lost deal counts nowhere. An
 * open deal whose day has passed is overdue: no month is right for it, so it stands apart and is in none.
 */
#include <stddef.h>
#include <string.h>

#include "analytics.h"
#include "db/row.h"

enum { MONTHS_DEFAULT = 12 };

static const char span_sql[] =
    "SELECT a, (a + make_interval(months => $2::int))::date - 1 AS b,"
    "       (SELECT currency FROM identity.org_settings WHERE org_id = app.org_id()) AS currency"
    "  FROM (SELECT date_trunc('month', coalesce(nullif($1, '')::date, app.today()))::date AS a) first";

/* The sums of open deals. */
#define OPEN_SUMS                                                                                            \
    " count(*) AS deal_count, trim_scale(sum(d.amount)) AS open_amount,"                                     \
    " trim_scale(round(sum(d.amount * d.probability::numeric) / 100, 2)) AS weighted_amount"

/* $1 and $2 are the first and the last day shown, $3 to $5 the scope. */
static const char months_sql[] =
    "WITH open AS (SELECT date_trunc('month', d.expected_close_date::timestamp) AS first," OPEN_SUMS
    "                FROM analytics.deals($3, $4, $5) d"
    "               WHERE d.outcome = 'OPEN' AND d.expected_close_date BETWEEN greatest($1, app.today()) AND "
    "$2 GROUP BY 1),"
    " won AS (SELECT date_trunc('month', d.close_date::timestamp) AS first,"
    "                count(*) AS won_count, trim_scale(sum(d.amount)) AS won_amount"
    "           FROM analytics.deals($3, $4, $5) d"
    "          WHERE d.outcome = 'WON' AND d.close_date BETWEEN $1 AND $2 GROUP BY 1)"
    "SELECT to_char(m.first, 'YYYY-MM') AS month, open.deal_count, coalesce(open.open_amount, 0) AS "
    "open_amount,"
    "       coalesce(open.weighted_amount, 0) AS weighted_amount, won.won_count,"
    "       coalesce(won.won_amount, 0) AS won_amount"
    "  FROM generate_series($1::timestamp, $2::timestamp, interval '1 month') AS m (first)"
    "  LEFT JOIN open USING (first) LEFT JOIN won USING (first)"
    " ORDER BY m.first";

/* The open deals that are in no month. */
static const char apart_sql[] =
    "SELECT CASE WHEN d.expected_close_date IS NULL THEN 'undated'"
    "            WHEN d.expected_close_date < app.today() THEN 'overdue'"
    "            WHEN d.expected_close_date < $1 THEN 'earlier' ELSE 'later' END AS part," OPEN_SUMS
    "  FROM analytics.deals($3, $4, $5) d"
    " WHERE d.outcome = 'OPEN' AND (d.expected_close_date IS NULL OR d.expected_close_date > $2"
    "                               OR d.expected_close_date < greatest($1, app.today()))"
    " GROUP BY 1";

static const struct {
    const char *part;
    size_t offset; /* in Pb__Forecast */
} parts[] = {
    {"overdue", offsetof(Pb__Forecast, overdue)},
    {"undated", offsetof(Pb__Forecast, undated)},
    {"earlier", offsetof(Pb__Forecast, earlier)},
    {"later", offsetof(Pb__Forecast, later)},
};

static sfms_status
fill_apart(sfms_call *call, const analytics_scope *scope, Pb__Forecast *out)
{
    PGresult *rows;
    sfms_status status = sfms_query(
        call, &rows, apart_sql, SFMS_ARGS(out->from, out->to, scope->owner, scope->team, scope->process));

    if (status != SFMS_OK)
        return status;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        Pb__ForecastSum *sum = sfms_new(call->arena, Pb__ForecastSum);

        pb__forecast_sum__init(sum);
        sum->open_amount = "0";
        sum->weighted_amount = "0";
        for (int r = 0; r < PQntuples(rows); r++)
            if (strcmp(PQgetvalue(rows, r, 0), parts[i].part) == 0)
                sfms_row_read(call->arena, call->contract, rows, r, &sum->base);
        *(Pb__ForecastSum **)((char *)out + parts[i].offset) = sum;
    }
    return SFMS_OK;
}

sfms_status
analytics_forecast_fill(
    sfms_call *call, const char *from, int months, const analytics_scope *scope, Pb__Forecast *out)
{
    PGresult *span;
    sfms_status status = sfms_query(call, &span, span_sql,
        SFMS_ARGS(from, sfms_printf(call->arena, "%d", months > 0 ? months : MONTHS_DEFAULT)));

    if (status != SFMS_OK)
        return status;
    out->from = PQgetvalue(span, 0, 0);
    out->to = PQgetvalue(span, 0, 1);
    out->currency = PQgetvalue(span, 0, 2);
    status = sfms_many(call, out, "rows", months_sql,
        SFMS_ARGS(out->from, out->to, scope->owner, scope->team, scope->process));
    return status == SFMS_OK ? fill_apart(call, scope, out) : status;
}

static sfms_status
get_forecast(sfms_call *call, const void *in, void *out)
{
    const Pb__GetForecastRequest *request = in;
    const analytics_scope scope =
        analytics_scope_of(request->owner_id, request->team_id, request->process_id);

    return analytics_forecast_fill(call, request->from, request->months, &scope, out);
}

static const sfms_method_row methods[] = {
    {"sfms.analytics.v1.Analytics/GetForecast", get_forecast},
    {NULL},
};

const sfms_noun analytics_forecast = {.methods = methods};
