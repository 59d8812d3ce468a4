/* aggregate_read.c -- the words of group_by, measures and order_by, and what they are in SQL. */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "db/aggregate.h"
#include "db/compare.h"
#include "proto/formats.h"

static const sfms_span spans[] = {
    {"day", "%s", "1 day", 1},
    {"week", "date_trunc('week', %s::timestamp)::date", "7 days", 7},
    {"month", "date_trunc('month', %s::timestamp)::date", "1 month", 31},
    {"quarter", "date_trunc('quarter', %s::timestamp)::date", "3 months", 92},
    {"year", "date_trunc('year', %s::timestamp)::date", "1 year", 366},
};

enum { SPANS = sizeof(spans) / sizeof(spans[0]) };

/* ---- fields ------------------------------------------------------------------------------------------ */

static bool
is_moment(const sfms_place *p)
{
    return p->key == NULL && p->leaf->message != NULL && p->leaf->message->kind == SFMS_KIND_TIMESTAMP;
}

static bool
is_day(const sfms_place *p)
{
    return p->key == NULL && p->leaf->rule->format == PB__FORMAT__DATE;
}

static bool
is_amount(const sfms_place *p)
{
    return p->key == NULL && p->leaf->rule->format == PB__FORMAT__MONEY;
}

static bool
is_number_type(const sfms_field *f)
{
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        return sfms_format_is_number(f->rule->format);
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BYTES:
        return false;
    case PROTOBUF_C_TYPE_MESSAGE:
        return f->message->kind == SFMS_KIND_WRAPPER && is_number_type(&f->message->fields[0]);
    default:
        return true;
    }
}

/* Of an organisation's own field, those values that are numbers. */
static bool
is_number(const sfms_place *p)
{
    return p->key != NULL || is_number_type(p->leaf);
}

/* One value that has groups: no list, no story, no moment. */
static bool
is_groupable(const sfms_place *p)
{
    return p->key != NULL ||
           (sfms_field_is_value(p->leaf) && p->leaf->desc->label != PROTOBUF_C_LABEL_REPEATED &&
               !p->leaf->rule->multiline && !is_moment(p));
}

/* find answers the place that n bytes name, if the caller may see it. */
static bool
find(const sfms_engine *e, sfms_call *call, const char *path, size_t n, sfms_place *ret)
{
    return n > 0 && sfms_place_find(call->arena, e->message, path, n, ret) && ret->n == 1 &&
           !ret->leaf->rule->secret && sfms_place_seen(call, ret);
}

/* What reads a place: a value, or NULL where there is none. Empty text is none. */
static const char *
value_sql(const sfms_engine *e, sfms_call *call, sfms_params *params, const sfms_place *p)
{
    const char *column = sfms_engine_reading(e, call->arena, p->leaf);

    if (p->key != NULL)
        return sfms_printf(call->arena, "nullif(%s ->> $%d::text, '')", column, sfms_param(params, p->key));
    if (p->leaf->desc->type == PROTOBUF_C_TYPE_STRING &&
        p->leaf->rule->format == PB__FORMAT__FORMAT_UNSPECIFIED)
        return sfms_printf(call->arena, "nullif(%s, '')", column);
    return column;
}

static const char *
number_sql(const sfms_engine *e, sfms_call *call, sfms_params *params, const sfms_place *p)
{
    const char *column = sfms_engine_reading(e, call->arena, p->leaf);

    if (p->key == NULL)
        return sfms_printf(call->arena, "(%s)::numeric", column);
    return sfms_member_number(call, e->message->resource, column, p->key, sfms_param(params, p->key));
}

/* ---- words ------------------------------------------------------------------------------------------- */

/* A word of a list: name, or function(name). */
typedef struct {
    const char *text;     /* without blanks */
    const char *function; /* "" if there is none */
    const char *path;
    size_t path_len;
} word;

/* next_word takes the next of the words that commas divide; false at the end. A comma between backticks or brackets is none. */
static bool
next_word(sfms_call *call, const char **at, word *ret)
{
    const char *start = *at;
    bool quoted = false;
    char *text;
    size_t n = 0, open;

    if (start == NULL)
        return false;
    while (start[n] != '\0' && (quoted || start[n] != ',')) {
        quoted ^= start[n] == '`';
        n++;
    }
    *at = start[n] == ',' ? start + n + 1 : NULL;
    text = (char *)(uintptr_t)sfms_text_trim(call->arena, sfms_strndup(call->arena, start, n));
    n = strlen(text);
    open = strcspn(text, "(`");
    *ret = (word){.text = text, .function = "", .path = text, .path_len = n};
    if (text[open] == '(' && text[n - 1] == ')') {
        ret->function = sfms_strndup(call->arena, text, open);
        ret->path = text + open + 1;
        ret->path_len = n - open - 2;
    }
    return true;
}

static const sfms_span *
find_span(const char *name)
{
    for (size_t i = 0; i < SPANS; i++)
        if (strcmp(spans[i].word, name) == 0)
            return &spans[i];
    return NULL;
}

__attribute__((format_arg(1))) static const char *
as_format(const char *text)
{
    return text;
}

/* The day of a place: of a moment, where the caller is. */
static const char *
day_sql(const sfms_engine *e, sfms_call *call, const sfms_place *p)
{
    const char *column = sfms_engine_reading(e, call->arena, p->leaf);

    return is_day(p) ? column : sfms_printf(call->arena, "app.day_of(%s)", column);
}

static bool
read_grouping(const sfms_engine *e, sfms_call *call, sfms_params *params, const word *w, sfms_grouping *ret)
{
    ret->word = w->text;
    if (!find(e, call, w->path, w->path_len, &ret->place))
        return false;
    if (w->function[0] == '\0') {
        ret->sql = value_sql(e, call, params, &ret->place);
        return is_groupable(&ret->place);
    }
    ret->span = find_span(w->function);
    if (ret->span == NULL || !(is_day(&ret->place) || is_moment(&ret->place)))
        return false;
    ret->sql = sfms_printf(call->arena, as_format(ret->span->first), day_sql(e, call, &ret->place));
    return true;
}

static const char *
average_sql(sfms_call *call, const sfms_place *p, const char *number)
{
    if (is_amount(p))
        return sfms_printf(
            call->arena, "round(avg(%s), (SELECT identity.money_digits(app.org_id())))", number);
    return sfms_printf(call->arena, "round(avg(%s), 6)", number);
}

static bool
read_measure(const sfms_engine *e, sfms_call *call, sfms_params *params, const word *w, sfms_measure *ret)
{
    sfms_arena *a = call->arena;
    bool least = strcmp(w->function, "min") == 0;
    const char *number;
    sfms_place p;

    ret->word = w->text;
    ret->of_none = "NULL";
    if (!find(e, call, w->path, w->path_len, &p))
        return false;
    if (strcmp(w->function, "countDistinct") == 0) {
        ret->of_none = "0";
        ret->sql = sfms_printf(a, "count(DISTINCT %s)", value_sql(e, call, params, &p));
        return is_groupable(&p);
    }
    if ((least || strcmp(w->function, "max") == 0) && (is_day(&p) || is_moment(&p))) {
        ret->time = is_moment(&p);
        ret->sql = sfms_printf(a, "%s(%s)", w->function, sfms_engine_reading(e, a, p.leaf));
        return true;
    }
    if (!is_number(&p))
        return false;
    number = number_sql(e, call, params, &p);
    if (strcmp(w->function, "sum") == 0) {
        ret->of_none = "0";
        ret->sql = sfms_printf(a, "coalesce(sum(%s), 0)", number);
    } else if (strcmp(w->function, "avg") == 0) {
        ret->sql = average_sql(call, &p, number);
    } else if (least || strcmp(w->function, "max") == 0) {
        ret->sql = sfms_printf(a, "%s(%s)", w->function, number);
    }
    return ret->sql != NULL;
}

/* ---- the request ------------------------------------------------------------------------------------- */

static bool
asked_before(const sfms_aggregate *g, const char *text)
{
    for (unsigned i = 0; i < g->n_groupings; i++)
        if (strcmp(g->groupings[i].word, text) == 0)
            return true;
    for (unsigned i = 0; i < g->n_measures; i++)
        if (strcmp(g->measures[i].word, text) == 0)
            return true;
    return false;
}

static void
read_groupings(
    const sfms_engine *e, sfms_call *call, const char *text, sfms_params *params, sfms_aggregate *g)
{
    const char *at = text[0] != '\0' ? text : NULL;
    word w;

    while (next_word(call, &at, &w)) {
        if (g->n_groupings == SFMS_GROUPINGS)
            sfms_violate(call, "group_by", &sfms_too_many_items, "3");
        else if (asked_before(g, w.text))
            sfms_violate(call, "group_by", &sfms_given_twice);
        else if (!read_grouping(e, call, params, &w, &g->groupings[g->n_groupings]))
            sfms_violate(call, "group_by", &sfms_bad_group, w.text);
        else {
            g->n_groupings++;
            continue;
        }
        return;
    }
}

static void
read_measures(const sfms_engine *e, sfms_call *call, const char *text, sfms_params *params, sfms_aggregate *g)
{
    const char *at = text[0] != '\0' ? text : NULL;
    word w;

    while (next_word(call, &at, &w)) {
        if (strcmp(w.text, "count") == 0) /* is there always */
            continue;
        if (g->n_measures == SFMS_MEASURES)
            sfms_violate(call, "measures", &sfms_too_many_items, "10");
        else if (asked_before(g, w.text))
            sfms_violate(call, "measures", &sfms_given_twice);
        else if (!read_measure(e, call, params, &w, &g->measures[g->n_measures]))
            sfms_violate(call, "measures", &sfms_bad_measure, w.text);
        else {
            g->n_measures++;
            continue;
        }
        return;
    }
}

/* What orders groups by the member i of group_by: values of an enum in their own order, names as people expect. */
static const char *
key_order(sfms_call *call, const sfms_grouping *g, unsigned i)
{
    const sfms_field *f = g->place.leaf;
    sfms_buf b;

    if (g->span != NULL || g->place.key != NULL)
        return sfms_printf(call->arena, "k%u", i);
    if (f->desc->type != PROTOBUF_C_TYPE_ENUM)
        return sfms_printf(call->arena, "k%u%s", i, sfms_collation(f));
    const ProtobufCEnumDescriptor *values = f->desc->descriptor;

    sfms_buf_init(&b, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_add(&b, "array_position('{");
    for (unsigned v = 0; v < values->n_values; v++)
        sfms_buf_printf(&b, "%s%s", v > 0 ? "," : "", values->values[v].name);
    sfms_buf_printf(&b, "}'::text[], k%u)", i);
    return b.data;
}

static const char *
order_sql(sfms_call *call, const sfms_aggregate *g, const char *text)
{
    if (strcmp(text, "count") == 0)
        return "n";
    for (unsigned i = 0; i < g->n_measures; i++)
        if (strcmp(g->measures[i].word, text) == 0)
            return sfms_printf(call->arena, "m%u", i);
    for (unsigned i = 0; i < g->n_groupings; i++)
        if (strcmp(g->groupings[i].word, text) == 0)
            return key_order(call, &g->groupings[i], i);
    return NULL;
}

/* "count, sum(amount), stageId": what groups may be ordered by. */
static const char *
possible_orders(sfms_call *call, const sfms_aggregate *g)
{
    sfms_buf b;

    sfms_buf_init(&b, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_add(&b, "count");
    for (unsigned i = 0; i < g->n_measures; i++)
        sfms_buf_printf(&b, ", %s", g->measures[i].word);
    for (unsigned i = 0; i < g->n_groupings; i++)
        sfms_buf_printf(&b, ", %s", g->groupings[i].word);
    return b.data;
}

static bool
take_direction(char *text, bool *ret_descending)
{
    char *blank = strrchr(text, ' ');

    *ret_descending = blank != NULL && strcasecmp(blank + 1, "desc") == 0;
    if (blank == NULL || strchr(blank, ')') != NULL || strchr(blank, '`') != NULL)
        return true;
    if (!*ret_descending && strcasecmp(blank + 1, "asc") != 0)
        return false;
    while (blank > text && *blank == ' ')
        *blank-- = '\0';
    return true;
}

static void
add_rank(sfms_aggregate *g, const char *sql, bool descending)
{
    for (unsigned i = 0; i < g->n_ranks; i++)
        if (strcmp(g->ranks[i].sql, sql) == 0)
            return;
    g->ranks[g->n_ranks++] = (sfms_rank){sql, descending};
}

static sfms_status
read_order(sfms_call *call, const char *text, sfms_aggregate *g)
{
    const char *at = text[0] != '\0' ? text : NULL;
    word w;

    for (unsigned n = 0; next_word(call, &at, &w); n++) {
        char *name = sfms_strdup(call->arena, w.text);
        bool descending;
        const char *sql = take_direction(name, &descending) ? order_sql(call, g, name) : NULL;

        if (sql == NULL || n == SFMS_GROUPINGS + SFMS_MEASURES)
            return sfms_fail(call, &sfms_bad_order, w.text, possible_orders(call, g));
        add_rank(g, sql, descending);
    }
    for (unsigned i = 0; i < g->n_groupings; i++)
        add_rank(g, key_order(call, &g->groupings[i], i), false);
    return SFMS_OK;
}

sfms_status
sfms_aggregate_read(const sfms_engine *e, sfms_call *call, const Pb__AggregateRequest *request,
    sfms_params *params, sfms_aggregate *ret)
{
    *ret = (sfms_aggregate){0};
    read_groupings(e, call, request->group_by, params, ret);
    read_measures(e, call, request->measures, params, ret);
    if (sfms_violations(call) != SFMS_OK)
        return sfms_fail(call, &sfms_bad_fields);
    return read_order(call, request->order_by, ret);
}
