/* page.c -- one page of a list: the statement, the next token, the count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/engine.h"
#include "db/row.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "proto/packed.h"

/* Whether all of the list is taken as a file, of which this is a page: only then it has a format. */
static bool
is_export(const Pb__ListRequest *request)
{
    return request->format[0] != '\0';
}

static int
page_size(const Pb__ListRequest *request)
{
    if (is_export(request))
        return SFMS_EXPORT_PAGE;
    if (request->page_size <= 0)
        return SFMS_PAGE_DEFAULT;
    return request->page_size > SFMS_PAGE_MAX ? SFMS_PAGE_MAX : request->page_size;
}

/* Principal.seen_owners and Principal.granted count one more. */
enum { OWNERS_STATED = 100, GRANTS_STATED = 1000, ARMS = 3 };

/* The parts of what the policy lets through anyway, none of which has a row of another, said once more so that indexes can
 * serve: a policy hides them behind ORs. None if these are a good part of all records: there the order's index serves better. */
static unsigned
arms_of(const sfms_engine *e, sfms_call *call, sfms_composer *w, const char *arms[ARMS])
{
    const Pb__Principal *p = call->principal;
    const char *name = e->message->resource;
    Pb__Visibility reach = sfms_reach(call, name, SFMS_TO_READ);
    unsigned n = 0;

    if (!e->by_owner || p->granted > GRANTS_STATED)
        return 0;
    if (reach == PB__VISIBILITY__OWN)
        arms[n++] =
            sfms_printf(call->arena, "owner_id = $%d", sfms_param(&w->params, call->principal->user_id));
    else if (reach == PB__VISIBILITY__TEAM && p->seen_owners <= OWNERS_STATED)
        arms[n++] =
            sfms_printf(call->arena, "owner_id = ANY ((SELECT app.seen_owners('%s', 1))::uuid[])", name);
    else
        return 0;
    if (p->granted > 0)
        arms[n++] = sfms_printf(call->arena,
            "(%s) IS NOT TRUE AND id = ANY ((SELECT app.granted_ids('%s'))::uuid[])", arms[0], name);
    if (e->pool && sfms_sees_pool(call, name))
        arms[n++] = sfms_printf(call->arena, "owner_id IS NULL%s",
            p->granted > 0
                ? sfms_printf(call->arena, " AND id <> ALL ((SELECT app.granted_ids('%s'))::uuid[])", name)
                : "");
    return n;
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

/* FROM and WHERE, without the arms and the position of the page. */
static sfms_status
write_conditions(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, sfms_composer *w)
{
    sfms_status status;

    sfms_buf_printf(
        &w->sql, " FROM %s WHERE org_id = $%d", e->table, sfms_param(&w->params, sfms_engine_org(call)));
    sfms_parent_sql(e, call, w, (ProtobufCMessage *)(uintptr_t)&request->base);
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

sfms_status
sfms_list_conditions(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, sfms_composer *w)
{
    const char *arms[ARMS];
    sfms_status status = write_conditions(e, call, request, w);
    unsigned n = arms_of(e, call, w, arms);

    for (unsigned i = 0; i < n; i++)
        sfms_buf_printf(&w->sql, "%s(%s)%s", i == 0 ? " AND (" : " OR ", arms[i], i + 1 == n ? ")" : "");
    return status;
}

/* Columns of the order that the mask leaves out are needed for the next token all the same. */
static const char *
list_columns(const sfms_engine *e, sfms_call *call, const Google__Protobuf__FieldMask *mask,
    const sfms_order *orders, unsigned n)
{
    const char *columns = sfms_engine_columns(e, call, mask);
    sfms_buf b;

    if (mask == NULL || mask->n_paths == 0)
        return columns;
    sfms_buf_init(&b, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_add(&b, columns);
    for (unsigned i = 0; i < n; i++)
        if (strcmp(orders[i].field->desc->name, "id") != 0 && !sfms_engine_masked(e, mask, orders[i].field))
            sfms_buf_printf(&b, ", %s", orders[i].field->desc->name);
    return b.data;
}

/* The names of these columns. */
static const char *
list_names(const sfms_engine *e, sfms_call *call, const Google__Protobuf__FieldMask *mask,
    const sfms_order *orders, unsigned n)
{
    sfms_buf b;

    if (mask == NULL || mask->n_paths == 0)
        return e->names;
    sfms_buf_init(&b, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_add(&b, "id, version");
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];
        bool wanted = sfms_engine_masked(e, mask, f);

        for (unsigned k = 0; k < n; k++)
            wanted |= orders[k].field == f;
        if (wanted && !f->rule->on_request && strcmp(f->desc->name, "id") != 0 &&
            strcmp(f->desc->name, "version") != 0)
            sfms_buf_printf(&b, ", %s", f->desc->name);
    }
    return b.data;
}

/* ORDER BY and LIMIT. A literal, not a parameter: the planner must know that it is small. One more row tells whether there is a
 * next page. */
static const char *
write_order(sfms_call *call, const Pb__ListRequest *request, const sfms_order *orders, unsigned n)
{
    sfms_buf b;

    sfms_buf_init(&b, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_add(&b, " ORDER BY ");
    for (unsigned i = 0; i < n; i++)
        sfms_buf_printf(&b, "%s%s%s%s", i > 0 ? ", " : "", orders[i].field->desc->name, orders[i].collation,
            orders[i].descending ? " DESC" : "");
    sfms_buf_printf(&b, " LIMIT %d", page_size(request) + 1);
    return b.data;
}

/* An export has no more than what the role lets out: of what the caller sees, what he owns, or his team, or all. */
static void
write_export_reach(const sfms_engine *e, sfms_composer *w)
{
    int c = sfms_param(&w->params, e->message->resource);

    if (e->has_owner)
        sfms_buf_printf(&w->sql,
            " AND ((SELECT app.sees_all($%d, 4)) OR owner_id = ANY ((SELECT app.seen_owners($%d, 4))::uuid[])"
            " OR (owner_id IS NULL AND (SELECT app.sees_pool($%d, 4))))",
            c, c, c);
    else
        sfms_buf_printf(&w->sql, " AND (SELECT app.reach($%d, 4)) > 0", c);
}

/* FROM and WHERE of one page; without what the arms say. */
static sfms_status
write_page(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, sfms_composer *w,
    const sfms_order *orders, unsigned n)
{
    sfms_status status = write_conditions(e, call, request, w);
    const char **after;

    if (status == SFMS_OK && is_export(request))
        write_export_reach(e, w);
    if (status != SFMS_OK || request->page_token[0] == '\0')
        return status;
    after = sfms_token_open(e, call, request, n);
    if (after == NULL)
        return sfms_fail(call, &sfms_bad_page_token);
    sfms_buf_add(&w->sql, " AND ");
    sfms_keyset_sql(w, orders, n, after);
    return SFMS_OK;
}

/* What does not change lets a record come once. */
static sfms_status
check_export(sfms_call *call, const sfms_order *orders, unsigned n)
{
    if (!sfms_may(call, call->method->export_permission))
        return sfms_fail(call, &sfms_no_permission, call->method->export_permission);
    for (unsigned i = 0; i < n; i++) {
        const char *name = orders[i].field->desc->name;

        if (strcmp(name, "id") != 0 && strcmp(name, "create_time") != 0)
            return sfms_fail(call, &sfms_export_order);
    }
    return SFMS_OK;
}

sfms_status
sfms_list_plan(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, sfms_statement *ret)
{
    const Google__Protobuf__FieldMask *mask = request->read_mask;
    sfms_order orders[SFMS_ORDER_FIELDS + 1];
    unsigned n_arms, n = sfms_engine_columns(e, call, mask) == NULL
                             ? 0
                             : sfms_order_parse(e, call, request->order_by, orders);
    const char *arms[ARMS], *columns, *access, *page, *order;
    sfms_composer w;
    sfms_status status;

    if (n == 0)
        return SFMS_INVALID_ARGUMENT;
    status = is_export(request) ? check_export(call, orders, n) : SFMS_OK;
    if (status != SFMS_OK)
        return status;
    sfms_composer_init(e, &w, call->arena);
    status = write_page(e, call, request, &w, orders, n);
    if (status != SFMS_OK)
        return status;
    if (!sfms_buf_ok(&w.sql))
        return sfms_composer_done(call, &w, ret);
    page = sfms_strdup(call->arena, w.sql.data);
    access = sfms_access_column(e, call, &w, request->access);
    columns = sfms_printf(call->arena, "%s%s", list_columns(e, call, mask, orders, n), access);
    order = write_order(call, request, orders, n);
    n_arms = arms_of(e, call, &w, arms);
    sfms_buf_clear(&w.sql);
    if (n_arms > 1)
        sfms_buf_printf(&w.sql, "SELECT %s%s FROM (", list_names(e, call, mask, orders, n),
            access[0] != '\0' ? ", allowed" : "");
    for (unsigned i = 0; i < n_arms || i == 0; i++)
        sfms_buf_printf(&w.sql, "%s%sSELECT %s%s%s%s%s%s", i > 0 ? " UNION ALL " : "", n_arms > 1 ? "(" : "",
            columns, page, n_arms > 0 ? " AND " : "", n_arms > 0 ? arms[i] : "", order,
            n_arms > 1 ? ")" : "");
    if (n_arms > 1)
        sfms_buf_printf(&w.sql, ") page%s", order);
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

/* That a record has no parts is something else than that there is no such record. */
static sfms_status
check_parent(const sfms_engine *e, sfms_call *call, const char *id)
{
    PGresult *result;
    sfms_status status = sfms_query(call, &result,
        sfms_printf(call->arena, "SELECT 1 FROM %s WHERE org_id = $1 AND id = $2", e->parent_table),
        SFMS_ARGS(sfms_engine_org(call), id));

    if (status != SFMS_OK || PQntuples(result) == 1)
        return status;
    return sfms_fail(call, &sfms_not_found);
}

sfms_status
sfms_list_finish(
    const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, PGresult *result, sfms_buf *out)
{
    const sfms_message *m = call->method->output;
    int size = page_size(request);
    bool more = PQntuples(result) > size;

    if (PQntuples(result) == 0 && e->parent != NULL && request->parent[0] != '\0') {
        sfms_status status = check_parent(e, call, request->parent);

        if (status != SFMS_OK)
            return status;
    }

    sfms_rows_pack(
        out, call->contract, sfms_message_resource_field(m), result, more ? size : PQntuples(result));
    if (more) {
        sfms_order orders[SFMS_ORDER_FIELDS + 1];
        unsigned n = sfms_order_parse(e, call, request->order_by, orders);
        const char *token =
            sfms_token_seal(e, call, request, n, values_of_row(call, result, size - 1, orders, n));

        sfms_pack_bytes(out, sfms_message_field(m, "next_page_token", 15)->desc->id, token, strlen(token));
    }
    if (request->names) {
        sfms_status status = sfms_names_add(e, call, out);

        if (status != SFMS_OK)
            return status;
    }
    return request->count_total ? count_all(e, call, request, out) : SFMS_OK;
}
