/* performance.c -- what was won and lost in a period, and by whom. */
#include <string.h>

#include "analytics.h"
#include "core/log.h"

enum { ROWS_MAX = 1000, TOP_SELLERS = 5 };

/* ---- the statements ---------------------------------------------------------------------------------------
 * $1 and $2 are the days, $3 to $5 the scope, $6 the most rows, $7 how a group is named: the format of a
 * month or quarter, or the name of what belongs to no group. */

/* The closed deals, and what is added up of them. */
#define CLOSED " FROM analytics.deals($3, $4, $5) d WHERE d.close_date BETWEEN $1 AND $2"
#define SUMS                                                                                                 \
    " coalesce(sum(d.amount) FILTER (WHERE d.outcome = 'WON'), 0) AS won,"                                   \
    " count(*) FILTER (WHERE d.outcome = 'WON') AS won_count,"                                               \
    " count(*) FILTER (WHERE d.outcome = 'LOST') AS lost_count,"                                             \
    " count(*) AS closed_count,"                                                                             \
    " avg(d.close_date - d.start_date) FILTER (WHERE d.outcome = 'WON') AS days"

/* A row of the answer, of the sums g. */
#define ROW                                                                                                  \
    " trim_scale(g.won) AS won_amount, g.won_count, g.lost_count, g.closed_count,"                           \
    " g.won_count::float8 / nullif(g.closed_count, 0) AS win_rate,"                                          \
    " trim_scale(round(g.won / nullif(g.won_count, 0), (SELECT identity.money_digits(app.org_id())))) AS "   \
    "average_deal_amount,"                                                                                   \
    " g.days::float8 AS average_cycle_days"

/* Groups with an id, whose names are in a view. */
#define NAMED(groups, view, name)                                                                            \
    "WITH g AS (" groups ")"                                                                                 \
    " SELECT g.id AS key, CASE WHEN g.id IS NULL THEN $7 ELSE v." name " END AS name," ROW                   \
    "   FROM g LEFT JOIN " view " v ON v.org_id = app.org_id() AND v.id = g.id"                              \
    "  ORDER BY g.won DESC, g.closed_count DESC, g.id LIMIT $6"

/* Groups that are spans of time. */
#define TIMED(unit, key)                                                                                     \
    "WITH g AS (SELECT date_trunc('" unit "', d.close_date::timestamp) AS first," SUMS CLOSED " GROUP BY 1)" \
    " SELECT to_char(g.first, '" key "') AS key, to_char(g.first, $7) AS name," ROW                          \
    "   FROM g ORDER BY g.first LIMIT $6"

/* A deal counts once for each product that it has, with the product's part of the amount. Deals that have the same items and
 * the same amount, and lost ones, of which no amount is asked, are shared out once for all of them: that is what takes time. */
#define PRODUCTS                                                                                             \
    "SELECT p.id, sum(p.part * k.won_count) AS won, sum(k.won_count)::bigint AS won_count,"                  \
    "       sum(k.lost_count)::bigint AS lost_count, sum(k.closed_count)::bigint AS closed_count,"           \
    "       sum(k.days) / nullif(sum(k.won_count), 0) AS days"                                               \
    "  FROM (SELECT d.line_items, CASE WHEN d.outcome = 'WON' THEN d.amount ELSE 0 END AS amount,"           \
    "               count(*) FILTER (WHERE d.outcome = 'WON') AS won_count,"                                 \
    "               count(*) FILTER (WHERE d.outcome = 'LOST') AS lost_count, count(*) AS closed_count,"     \
    "               sum(d.close_date - d.start_date) FILTER (WHERE d.outcome = 'WON') AS days" CLOSED        \
    "         GROUP BY 1, 2) k"                                                                              \
    " CROSS JOIN (SELECT identity.money_digits(app.org_id()) AS digits OFFSET 0) m"                          \
    " CROSS JOIN LATERAL analytics.product_parts(k.line_items, k.amount, m.digits) p GROUP BY 1"

static const char total_sql[] = "WITH g AS (SELECT" SUMS CLOSED ") SELECT" ROW " FROM g";

typedef struct {
    const char *word; /* in group_by */
    const char *sql;
    const char *name[SFMS_LOCALES]; /* $7 */
} grouping;

static const grouping groupings[] = {
    {"owner",
        NAMED("SELECT d.owner_id AS id," SUMS CLOSED " GROUP BY 1", "identity.user_names", "display_name"),
        {"(none)", "（无）"}},
    {"team",
        NAMED("SELECT u.team_id AS id," SUMS " FROM analytics.deals($3, $4, $5) d"
              "  LEFT JOIN identity.user_names u ON u.org_id = d.org_id AND u.id = d.owner_id"
              " WHERE d.close_date BETWEEN $1 AND $2 GROUP BY 1",
            "identity.team_names", "name"),
        {"(none)", "（无）"}},
    {"product", NAMED(PRODUCTS, "pipeline.product_names", "name"), {"(none)", "（无）"}},
    {"account",
        NAMED("SELECT d.account_id AS id," SUMS CLOSED " GROUP BY 1", "customers.account_names", "name"),
        {"(none)", "（无）"}},
    {"month", TIMED("month", "YYYY-MM"), {"FMMonth YYYY", "YYYY\"年\"FMMM\"月\""}},
    {"quarter", TIMED("quarter", "YYYY-\"Q\"Q"), {"\"Q\"Q YYYY", "YYYY\"年第\"Q\"季度\""}},
};

enum { GROUPINGS = sizeof(groupings) / sizeof(groupings[0]) };

/* ---- running them ------------------------------------------------------------------------------------ */

/* The first is the default. The contract has the same words, and lets no other come here. */
static const grouping *
find_grouping(const char *word)
{
    for (size_t i = 0; i < GROUPINGS; i++)
        if (word[0] == '\0' || strcmp(groupings[i].word, word) == 0)
            return &groupings[i];
    SFMS_WRONG("a grouping that only the contract knows");
}

/* Appends the groups to a repeated field of out. */
static sfms_status
add_rows(sfms_call *call, const grouping *by, const char *from, const char *to, const analytics_scope *scope,
    int limit, void *out, const char *field)
{
    return sfms_many(call, out, field, by->sql,
        SFMS_ARGS(from, to, scope->owner, scope->team, scope->process, sfms_printf(call->arena, "%d", limit),
            by->name[call->locale]));
}

sfms_status
analytics_total(
    sfms_call *call, const char *from, const char *to, const analytics_scope *scope, Pb__PerformanceRow *out)
{
    return sfms_one(call, out, total_sql, SFMS_ARGS(from, to, scope->owner, scope->team, scope->process));
}

sfms_status
analytics_top_sellers(
    sfms_call *call, const char *from, const char *to, const analytics_scope *scope, Pb__Dashboard *out)
{
    return add_rows(call, find_grouping("owner"), from, to, scope, TOP_SELLERS, out, "top_sellers");
}

static sfms_status
get_performance(sfms_call *call, const void *in, void *out)
{
    const Pb__GetPerformanceRequest *request = in;
    Pb__Performance *answer = out;
    const analytics_scope scope =
        analytics_scope_of(call, request->owner_id, request->team_id, request->process_id);
    const grouping *by = find_grouping(request->group_by);
    analytics_period period;
    sfms_status status;

    status = analytics_period_find(call, request->from, request->to, &period);
    if (status != SFMS_OK)
        return status;
    answer->from = period.from;
    answer->to = period.to;
    answer->group_by = by->word;
    answer->currency = period.currency;
    status = add_rows(call, by, period.from, period.to, &scope, ROWS_MAX + 1, answer, "rows");
    if (status != SFMS_OK)
        return status;
    if (answer->n_rows > ROWS_MAX) {
        answer->n_rows = ROWS_MAX;
        answer->more_rows = true;
    }
    answer->total = sfms_new(call->arena, Pb__PerformanceRow);
    pb__performance_row__init(answer->total);
    return analytics_total(call, period.from, period.to, &scope, answer->total);
}

static const sfms_method_row methods[] = {
    {"sfms.analytics.v1.Analytics/GetPerformance", get_performance},
    {NULL},
};

const sfms_noun analytics_performance = {.methods = methods};
