/* aggregate.c -- what the records of a collection add up to, group by group: the statement, and its answer. */
#include "db/aggregate.h"

#include <stdlib.h>
#include <string.h>

#include "core/time.h"
#include "db/row.h"
#include "proto/packed.h"

static int
page_size(const Pb__AggregateRequest *request)
{
    return request->page_size <= 0 || request->page_size > SFMS_GROUPS_MAX ? SFMS_GROUPS_MAX
                                                                           : request->page_size;
}

/* The list of the records that are added up; its order stands for all that must not change between pages. */
static Pb__ListRequest
list_of(sfms_call *call, const Pb__AggregateRequest *request)
{
    Pb__ListRequest list = PB__LIST_REQUEST__INIT;

    list.filter = request->filter;
    list.parent = request->parent;
    list.search = request->search;
    list.show_deleted = request->show_deleted;
    list.page_token = request->page_token;
    list.order_by = sfms_printf(call->arena, "%s;%s;%s;%d", request->group_by, request->measures,
        request->order_by, request->skip_empty);
    return list;
}

/* ---- the statement ----------------------------------------------------------------------------------- */

/* g: the groups that have records. */
static sfms_status
write_groups(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *list, const sfms_aggregate *g,
    sfms_composer *w)
{
    sfms_status status;

    sfms_buf_add(&w->sql, "WITH g AS MATERIALIZED (SELECT ");
    for (unsigned i = 0; i < g->n_groupings; i++)
        sfms_buf_printf(&w->sql, "%s AS k%u, ", g->groupings[i].sql, i);
    sfms_buf_add(&w->sql, "count(*) AS n");
    for (unsigned i = 0; i < g->n_measures; i++)
        sfms_buf_printf(&w->sql, ", %s AS m%u", g->measures[i].sql, i);
    status = sfms_list_conditions(e, call, list, w);
    for (unsigned i = 0; i < g->n_groupings; i++)
        sfms_buf_printf(&w->sql, "%s %u", i > 0 ? "," : " GROUP BY", i + 1);
    sfms_buf_char(&w->sql, ')');
    return status;
}

/* Whether it is known which values a member of group_by can have. */
static bool
has_row(const sfms_grouping *g)
{
    return g->span != NULL ||
           (g->place.key == NULL && (g->place.leaf->desc->type == PROTOBUF_C_TYPE_ENUM ||
                                        g->place.leaf->desc->type == PROTOBUF_C_TYPE_BOOL));
}

/* d0, d1, ...: the values of each member of group_by, those that have no record too where they are known. */
static void
write_values(const sfms_grouping *g, unsigned i, sfms_composer *w)
{
    sfms_buf_printf(&w->sql, ", d%u AS MATERIALIZED (SELECT k%u FROM g", i, i);
    if (g->span != NULL) {
        sfms_buf_printf(&w->sql,
            " UNION SELECT generate_series(a::timestamp, b::timestamp, interval '%s')::date"
            "  FROM (SELECT min(k%u) AS a, max(k%u) AS b FROM g) s WHERE b - a <= %d",
            g->span->step, i, i, SFMS_EMPTY_GROUPS_MAX * g->span->days);
    } else if (has_row(g) && g->place.leaf->desc->type == PROTOBUF_C_TYPE_BOOL) {
        sfms_buf_add(&w->sql, " UNION SELECT unnest('{false,true}'::boolean[])");
    } else if (has_row(g)) {
        const ProtobufCEnumDescriptor *values = g->place.leaf->desc->descriptor;

        sfms_buf_add(&w->sql, " UNION SELECT unnest('{");
        for (unsigned v = 0, n = 0; v < values->n_values; v++)
            if (values->values[v].value != 0) /* which is that there is none */
                sfms_buf_printf(&w->sql, "%s%s", n++ > 0 ? "," : "", values->values[v].name);
        sfms_buf_add(&w->sql, "}'::text[])");
    }
    sfms_buf_char(&w->sql, ')');
}

/* "k0, k1" */
static void
write_keys(const sfms_aggregate *g, sfms_composer *w)
{
    for (unsigned i = 0; i < g->n_groupings; i++)
        sfms_buf_printf(&w->sql, "%sk%u", i > 0 ? ", " : "", i);
}

/* r: the groups, with those that have no record. */
static void
write_empty(const sfms_aggregate *g, bool skip, sfms_composer *w)
{
    bool any = false;

    for (unsigned i = 0; i < g->n_groupings; i++)
        any |= has_row(&g->groupings[i]);
    if (!any || skip) {
        sfms_buf_add(&w->sql, ", r AS (TABLE g)");
        return;
    }
    for (unsigned i = 0; i < g->n_groupings; i++)
        write_values(&g->groupings[i], i, w);
    sfms_buf_add(&w->sql, ", r AS (TABLE g UNION ALL SELECT ");
    write_keys(g, w);
    sfms_buf_add(&w->sql, ", 0");
    for (unsigned i = 0; i < g->n_measures; i++)
        sfms_buf_printf(&w->sql, ", %s", g->measures[i].of_none);
    sfms_buf_add(&w->sql, " FROM (SELECT ");
    write_keys(g, w);
    for (unsigned i = 0; i < g->n_groupings; i++)
        sfms_buf_printf(&w->sql, "%sd%u", i > 0 ? " CROSS JOIN " : " FROM ", i);
    for (unsigned i = 0; i < g->n_groupings; i++)
        sfms_buf_printf(&w->sql, "%s(SELECT count(*) FROM d%u)", i > 0 ? " * " : " WHERE ", i);
    sfms_buf_printf(&w->sql, " <= %d EXCEPT SELECT ", SFMS_EMPTY_GROUPS_MAX);
    write_keys(g, w);
    sfms_buf_add(&w->sql, " FROM g) x)");
}

/* What is told of each group: its keys, where a span ends, the count, the measures, and what the next page begins after. */
static void
write_told(const sfms_aggregate *g, sfms_composer *w)
{
    sfms_buf_add(&w->sql, " SELECT n::text");
    for (unsigned i = 0; i < g->n_groupings; i++) {
        sfms_buf_printf(&w->sql, ", k%u::text", i);
        if (g->groupings[i].span != NULL)
            sfms_buf_printf(&w->sql, ", (k%u + interval '%s')::date::text", i, g->groupings[i].span->step);
    }
    for (unsigned i = 0; i < g->n_measures; i++)
        sfms_buf_printf(&w->sql,
            g->measures[i].time ? ", to_char(m%u AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
                                : ", m%u::text",
            i);
    for (unsigned i = 0; i < g->n_ranks; i++)
        sfms_buf_printf(&w->sql, ", (%s)::text", g->ranks[i].sql);
    sfms_buf_add(&w->sql, " FROM r");
}

/* After the group with these values: (a after) OR (a same AND ((b after) OR ...)). Groups without a value come last. */
static void
write_after(const sfms_aggregate *g, const char **values, sfms_composer *w)
{
    sfms_buf_add(&w->sql, " WHERE ");
    for (unsigned i = 0; i < g->n_ranks; i++) {
        const sfms_rank *rank = &g->ranks[i];
        int p = values[i] != NULL ? sfms_param(&w->params, values[i]) : 0;

        if (p > 0)
            sfms_buf_printf(&w->sql, "(%s %s $%d OR %s IS NULL OR (%s = $%d AND ", rank->sql,
                rank->descending ? "<" : ">", p, rank->sql, rank->sql, p);
        else
            sfms_buf_printf(&w->sql, "(false OR (%s IS NULL AND ", rank->sql);
    }
    sfms_buf_add(&w->sql, "false");
    for (unsigned i = 0; i < g->n_ranks; i++)
        sfms_buf_add(&w->sql, "))");
}

sfms_status
sfms_aggregate_plan(
    const sfms_engine *e, sfms_call *call, const Pb__AggregateRequest *request, sfms_statement *ret)
{
    const Pb__ListRequest list = list_of(call, request);
    sfms_aggregate g;
    sfms_composer w;
    sfms_status status;

    sfms_composer_init(e, &w, call->arena);
    w.binary = false;
    status = sfms_aggregate_read(e, call, request, &w.params, &g);
    if (status == SFMS_OK)
        status = write_groups(e, call, &list, &g, &w);
    if (status != SFMS_OK)
        return status;
    write_empty(&g, request->skip_empty, &w);
    write_told(&g, &w);
    if (request->page_token[0] != '\0') {
        const char **after = sfms_token_open(e, call, &list, g.n_ranks);

        if (after == NULL)
            return sfms_fail(call, &sfms_bad_page_token);
        write_after(&g, after, &w);
    }
    for (unsigned i = 0; i < g.n_ranks; i++)
        sfms_buf_printf(&w.sql, "%s %s%s NULLS LAST", i > 0 ? "," : " ORDER BY", g.ranks[i].sql,
            g.ranks[i].descending ? " DESC" : "");
    sfms_buf_printf(&w.sql, " LIMIT %d", page_size(request) + 1);
    return sfms_composer_done(call, &w, ret);
}

/* ---- the answer -------------------------------------------------------------------------------------- */

/* One group of the result. */
typedef struct {
    sfms_call *call;
    const PGresult *result;
    int row;
    int column; /* the next that is not yet read */
} cells;

static const char *
next_cell(cells *c)
{
    int column = c->column++;

    return PQgetisnull(c->result, c->row, column)
               ? NULL
               : sfms_strdup(c->call->arena, PQgetvalue(c->result, c->row, column));
}

/* "12.50" without the zeros that say nothing. */
static const char *
trimmed(sfms_call *call, const char *number)
{
    size_t n = strlen(number);

    if (strchr(number, '.') == NULL || strspn(number, "-0123456789.") != n)
        return number;
    while (number[n - 1] == '0')
        n--;
    if (number[n - 1] == '.')
        n--;
    return sfms_strndup(call->arena, number, n);
}

/* What lists the records of a group: the value in quotes where it is a text. */
static void
write_filter(sfms_call *call, sfms_buf *b, const sfms_grouping *g, const char *value, const char *end)
{
    const char *place = sfms_place_json(call->arena, &g->place);
    ProtobufCType type = g->place.leaf->desc->type;

    sfms_buf_add(b, b->len > 0 ? " AND " : "");
    if (value == NULL) {
        /* An own field may hold "", which is a text to a filter. */
        sfms_buf_printf(b, g->place.key != NULL ? "(%s = null OR %s = \"\")" : "%s = null", place, place);
        return;
    }
    if (g->span != NULL) {
        sfms_buf_printf(b, "%s >= %s AND %s < %s", place, value, place, end);
        return;
    }
    if (g->place.key == NULL && type != PROTOBUF_C_TYPE_STRING) {
        sfms_buf_printf(b, "%s = %s", place, value);
        return;
    }
    sfms_buf_printf(b, "%s = \"", place);
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            sfms_buf_char(b, '\\');
        sfms_buf_char(b, *p);
    }
    sfms_buf_char(b, '"');
}

static const char *
span_name(sfms_call *call, const sfms_span *span, const char *first)
{
    static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July",
        "August", "September", "October", "November", "December"};
    long year = strtol(first, NULL, 10);
    long month = strtol(first + strcspn(first, "-") + 1, NULL, 10);
    bool chinese = call->locale == SFMS_LOCALE_ZH;

    if (strcmp(span->word, "month") == 0)
        return chinese ? sfms_printf(call->arena, "%ld年%ld月", year, month)
                       : sfms_printf(call->arena, "%s %ld", months[(month - 1) % 12], year);
    if (strcmp(span->word, "quarter") == 0)
        return sfms_printf(call->arena, chinese ? "%ld年第%ld季度" : "%ld Q%ld", year, (month - 1) / 3 + 1);
    if (strcmp(span->word, "year") == 0)
        return sfms_printf(call->arena, chinese ? "%ld年" : "%ld", year);
    return first;
}

/* What people call a value of an enum. */
static const char *
value_label(const sfms_call *call, const sfms_field *f, const char *name)
{
    const ProtobufCEnumDescriptor *values = f->desc->descriptor;
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(values, name);
    const Pb__Label *label = value == NULL ? NULL : f->value_labels[value - values->values];

    if (label == NULL)
        return name;
    return call->locale == SFMS_LOCALE_ZH ? label->zh : label->en;
}

static const char *
key_name(sfms_call *call, const sfms_grouping *g, const char *value)
{
    static const char *const none[SFMS_LOCALES] = {"(none)", "（无）"};
    static const char *const truth[SFMS_LOCALES][2] = {{"No", "Yes"}, {"否", "是"}};

    if (value == NULL)
        return none[call->locale];
    if (g->span != NULL)
        return span_name(call, g->span, value);
    if (g->place.key == NULL && g->place.leaf->desc->type == PROTOBUF_C_TYPE_BOOL)
        return truth[call->locale][value[0] == 't'];
    if (g->place.key == NULL && g->place.leaf->desc->type == PROTOBUF_C_TYPE_ENUM)
        return value_label(call, g->place.leaf, value);
    return value;
}

static void
pack_entry(sfms_call *call, sfms_buf *row, const sfms_message *m, const char *map, const char *key,
    const char *value)
{
    sfms_buf entry;

    sfms_buf_init(&entry, call->arena, SFMS_ROW_MAX);
    sfms_pack_bytes(&entry, 1, key, strlen(key));
    sfms_pack_bytes(&entry, 2, value, strlen(value));
    sfms_pack_bytes(row, sfms_message_field(m, map, strlen(map))->desc->id, entry.data, entry.len);
}

/* The filter that was asked with and that of the group, both. */
static const char *
whole_filter(sfms_call *call, const char *asked, const sfms_buf *own)
{
    if (own->len == 0)
        return asked;
    return asked[0] == '\0' ? own->data : sfms_printf(call->arena, "(%s) AND %s", asked, own->data);
}

static void
pack_group(sfms_call *call, const Pb__AggregateRequest *request, const sfms_aggregate *g, cells *c,
    const sfms_field *rows, sfms_buf *out)
{
    const sfms_message *m = rows->message;
    const char *count = next_cell(c);
    const char *filter;
    sfms_buf row, own;

    sfms_buf_init(&row, call->arena, SFMS_ROW_MAX);
    sfms_buf_init(&own, call->arena, SFMS_ROW_MAX);
    sfms_buf_add(&own, "");
    for (unsigned i = 0; i < g->n_groupings; i++) {
        const sfms_grouping *by = &g->groupings[i];
        const char *value = next_cell(c);
        const char *end = by->span != NULL ? next_cell(c) : NULL;

        if (value != NULL && by->place.key == NULL && by->place.leaf->desc->type != PROTOBUF_C_TYPE_STRING)
            value = trimmed(call, value);
        pack_entry(call, &row, m, "keys", by->word, value != NULL ? value : "");
        pack_entry(call, &row, m, "names", by->word, key_name(call, by, value));
        write_filter(call, &own, by, value, end);
    }
    sfms_pack_varint(&row, sfms_message_field(m, "count", 5)->desc->id, strtoull(count, NULL, 10));
    for (unsigned i = 0; i < g->n_measures; i++) {
        const char *value = next_cell(c);

        if (value != NULL)
            pack_entry(call, &row, m, "values", g->measures[i].word, trimmed(call, value));
    }
    filter = whole_filter(call, request->filter, &own);
    sfms_pack_bytes(&row, sfms_message_field(m, "filter", 6)->desc->id, filter, strlen(filter));
    sfms_pack_bytes(out, rows->desc->id, row.data, row.len);
}

sfms_status
sfms_aggregate_finish(const sfms_engine *e, sfms_call *call, const Pb__AggregateRequest *request,
    const PGresult *result, sfms_buf *out)
{
    const Pb__ListRequest list = list_of(call, request);
    const sfms_message *m = call->method->output;
    const sfms_field *rows = sfms_message_field(m, "rows", 4);
    int size = page_size(request);
    cells c = {.call = call, .result = result};
    sfms_composer unused;
    sfms_aggregate g;

    sfms_composer_init(e, &unused, call->arena);
    if (sfms_aggregate_read(e, call, request, &unused.params, &g) != SFMS_OK)
        return SFMS_INVALID_ARGUMENT;
    for (; c.row < PQntuples(result) && c.row < size; c.row++) {
        c.column = 0;
        pack_group(call, request, &g, &c, rows, out);
    }
    if (PQntuples(result) > size) {
        const char **values = sfms_new_array(call->arena, const char *, g.n_ranks);
        const char *token;

        c.row--; /* its cells of the order have not been read */
        for (unsigned i = 0; i < g.n_ranks; i++)
            values[i] = next_cell(&c);
        token = sfms_token_seal(e, call, &list, g.n_ranks, values);
        sfms_pack_bytes(out, sfms_message_field(m, "next_page_token", 15)->desc->id, token, strlen(token));
    }
    return SFMS_OK;
}
