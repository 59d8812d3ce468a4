/* page.c -- one page of a list: the statement, the next token, the count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/engine.h"
#include "db/row.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "proto/packed.h"

static int
page_size(const Pb__ListRequest *request)
{
    if (request->page_size <= 0)
        return SFMS_PAGE_DEFAULT;
    return request->page_size > SFMS_PAGE_MAX ? SFMS_PAGE_MAX : request->page_size;
}

enum { OWNERS_STATED = 100 }; /* Principal.seen_owners counts one more */

/* What the policy lets through anyway, said once more so that the owner index can serve: a policy hides it
 * behind ORs. Records of many people are a good part of all: there the order's index serves better. */
static void
owner_condition(const sfms_engine *e, sfms_call *call, sfms_composer *w)
{
    if (!e->by_owner)
        return;
    if (call->principal->visibility == PB__VISIBILITY__OWN)
        sfms_buf_printf(&w->sql, " AND owner_id = $%d", sfms_param(&w->params, call->principal->user_id));
    else if (call->principal->visibility == PB__VISIBILITY__TEAM &&
             call->principal->seen_owners <= OWNERS_STATED)
        sfms_buf_add(&w->sql, " AND owner_id = ANY ((SELECT app.seen_owners())::uuid[])");
}

static sfms_status
search_condition(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, sfms_composer *w)
{
    int p;

    if (request->search[0] == '\0')
        return SFMS_OK;
    if (!e->has_search)
        return sfms_fail(call, &sfms_no_search);
    p = sfms_param(&w->params, request->search);
    /* The index over pairs of characters finds candidates; strpos decides, alone for one character, which has no
     * pair. Not LIKE: the planner takes what it finds for rare, and fetches and sorts thousands of rows where a
     * walk in order would soon fill the page. What is searched for is worked out once, not for each candidate; for the
     * index in place, where the planner can look up how common its characters are. */
    sfms_buf_printf(&w->sql, " AND strpos(search_text, (SELECT app.search_key($%d))) > 0", p);
    if ((request->search[0] & 0x80) == 0 ? request->search[1] != '\0' : strlen(request->search) > 4)
        sfms_buf_printf(&w->sql, " AND app.grams(search_text) @> app.grams(app.search_key($%d))", p);
    return SFMS_OK;
}

sfms_status
sfms_list_conditions(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, sfms_composer *w)
{
    sfms_status status;

    sfms_buf_printf(
        &w->sql, " FROM %s WHERE org_id = $%d", e->table, sfms_param(&w->params, sfms_engine_org(call)));
    owner_condition(e, call, w);
    if (!request->show_deleted)
        sfms_buf_add(&w->sql, " AND delete_time IS NULL");
    if (request->filter[0] != '\0') {
        sfms_buf_add(&w->sql, " AND (");
        status = sfms_filter_sql(call, e->message, e->through, request->filter, &w->sql, &w->params);
        if (status != SFMS_OK)
            return status;
        sfms_buf_char(&w->sql, ')');
    }
    return search_condition(e, call, request, w);
}

/* Columns of the order that the mask leaves out are needed for the next token all the same. */
static void
write_order_columns(const sfms_engine *e, sfms_composer *w, const Google__Protobuf__FieldMask *mask,
    const sfms_order *orders, unsigned n)
{
    if (mask == NULL || mask->n_paths == 0)
        return;
    for (unsigned i = 0; i < n; i++)
        if (strcmp(orders[i].field->desc->name, "id") != 0 && !sfms_engine_masked(e, mask, orders[i].field))
            sfms_buf_printf(&w->sql, ", %s", orders[i].field->desc->name);
}

sfms_status
sfms_list_plan(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, sfms_statement *ret)
{
    const char *columns = sfms_engine_columns(e, call, request->read_mask);
    sfms_order orders[SFMS_ORDER_FIELDS + 1];
    unsigned n = columns == NULL ? 0 : sfms_order_parse(e, call, request->order_by, orders);
    const char **after = NULL;
    sfms_composer w;
    sfms_status status;

    if (n == 0)
        return SFMS_INVALID_ARGUMENT;
    sfms_composer_init(e, &w, call->arena);
    sfms_buf_printf(&w.sql, "SELECT %s", columns);
    write_order_columns(e, &w, request->read_mask, orders, n);
    status = sfms_list_conditions(e, call, request, &w);
    if (status != SFMS_OK)
        return status;
    if (request->page_token[0] != '\0') {
        after = sfms_token_open(e, call, request, n);
        if (after == NULL)
            return sfms_fail(call, &sfms_bad_page_token);
        sfms_buf_add(&w.sql, " AND ");
        sfms_keyset_sql(&w, orders, n, after);
    }
    sfms_buf_add(&w.sql, " ORDER BY ");
    for (unsigned i = 0; i < n; i++)
        sfms_buf_printf(&w.sql, "%s%s%s%s", i > 0 ? ", " : "", orders[i].field->desc->name,
            orders[i].collation, orders[i].descending ? " DESC" : "");
    /* A literal, not a parameter: the planner must know that it is small. One more row tells whether there is
     * a next page. */
    sfms_buf_printf(&w.sql, " LIMIT %d", page_size(request) + 1);
    return sfms_composer_done(call, &w, ret);
}

static void
pack_total(sfms_call *call, int64_t total, bool estimate, sfms_buf *out)
{
    const sfms_message *m = call->method->output;

    Google__Protobuf__Int64Value size = GOOGLE__PROTOBUF__INT64_VALUE__INIT;

    size.value = total;
    sfms_pack_message(out, sfms_message_field(m, "total_size", 10)->desc->id, &size.base);
    sfms_pack_varint(out, sfms_message_field(m, "total_is_estimate", 17)->desc->id, estimate);
}

static sfms_status
count_all(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, sfms_buf *out)
{
    sfms_composer conditions;
    sfms_statement statement = {0};
    PGresult *result;
    int64_t total;
    sfms_status status;

    sfms_composer_init(e, &conditions, call->arena);
    status = sfms_list_conditions(e, call, request, &conditions);
    if (status == SFMS_OK)
        status = sfms_composer_done(call, &conditions, &statement);
    if (status == SFMS_OK)
        status = sfms_query(call, &result,
            sfms_printf(call->arena, "SELECT count(*) FROM (SELECT 1%s LIMIT %d) matching", statement.sql,
                SFMS_COUNT_EXACT_MAX + 1),
            statement.n, statement.values);
    if (status != SFMS_OK)
        return status;
    total = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    /* What the planner would guess for more can be wrong by any factor: that there are more is all that is known. */
    pack_total(call, total <= SFMS_COUNT_EXACT_MAX ? total : SFMS_COUNT_EXACT_MAX,
        total > SFMS_COUNT_EXACT_MAX, out);
    return SFMS_OK;
}

/* The values of the order's columns in the last row of the page. */
static const char **
values_of_row(sfms_call *call, const PGresult *result, int row, const sfms_order *orders, unsigned n)
{
    const char **values = sfms_new_array(call->arena, const char *, n);

    for (unsigned i = 0; i < n; i++)
        values[i] = sfms_cell_text(call->arena, result, row, PQfnumber(result, orders[i].field->desc->name));
    return values;
}

sfms_status
sfms_list_finish(
    const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, PGresult *result, sfms_buf *out)
{
    const sfms_message *m = call->method->output;
    int size = page_size(request);
    bool more = PQntuples(result) > size;

    sfms_rows_pack(
        out, call->contract, sfms_message_resource_field(m), result, more ? size : PQntuples(result));
    if (more) {
        sfms_order orders[SFMS_ORDER_FIELDS + 1];
        unsigned n = sfms_order_parse(e, call, request->order_by, orders);
        const char *token =
            sfms_token_seal(e, call, request, n, values_of_row(call, result, size - 1, orders, n));

        sfms_pack_bytes(out, sfms_message_field(m, "next_page_token", 15)->desc->id, token, strlen(token));
    }
    return request->count_total ? count_all(e, call, request, out) : SFMS_OK;
}
