/* keyset.c -- orders, and where a page ended. Pages follow each other by values, never by counting rows. */
#include <string.h>

#include "db/compare.h"
#include "db/engine.h"
#include "proto/place.h"

static bool
given_before(const sfms_order *orders, unsigned n, const sfms_field *f)
{
    for (unsigned i = 0; i < n; i++)
        if (orders[i].field == f)
            return true;
    return false;
}

/* Reads "name [asc|desc]" into ret; false if it is something else. */
static bool
parse_one(const sfms_engine *e, const sfms_call *call, char *text, sfms_order *ret)
{
    sfms_place place;
    char *save = NULL;
    char *name = strtok_r(text, " \t", &save);
    char *direction = strtok_r(NULL, " \t", &save);

    if (name == NULL || strtok_r(NULL, " \t", &save) != NULL)
        return false;
    if (!sfms_place_find(NULL, e->message, name, strlen(name), &place) || place.n != 1 ||
        !place.leaf->rule->sortable || !sfms_place_seen(call, &place))
        return false;
    ret->field = place.leaf;
    ret->descending = direction != NULL && strcasecmp(direction, "desc") == 0;
    ret->not_null = e->not_null[ret->field - e->message->fields];
    ret->collation = sfms_collation(ret->field);
    return direction == NULL || ret->descending || strcasecmp(direction, "asc") == 0;
}

/* "id, createTime, ...": what a list may be ordered by. */
static const char *
sortable_fields(const sfms_engine *e, sfms_arena *a)
{
    sfms_buf b;

    sfms_buf_init(&b, a, SFMS_ENGINE_SQL_MAX);
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];

        if (f->rule->sortable)
            sfms_buf_printf(&b, "%s%s", b.len > 0 ? ", " : "", f->json_name);
    }
    return b.data;
}

unsigned
sfms_order_parse(
    const sfms_engine *e, sfms_call *call, const char *order_by, sfms_order orders[SFMS_ORDER_FIELDS + 1])
{
    char *copy = sfms_strdup(call->arena, order_by);
    char *save = NULL;
    bool descending = false;
    bool decided = false; /* by the id; nothing can follow it */
    unsigned n = 0;

    for (char *part = strtok_r(copy, ",", &save); part != NULL; part = strtok_r(NULL, ",", &save)) {
        char *shown = sfms_strdup(call->arena, part);

        if (decided || n == SFMS_ORDER_FIELDS || !parse_one(e, call, part, &orders[n]) ||
            given_before(orders, n, orders[n].field)) {
            sfms_fail(call, &sfms_bad_order, shown, sortable_fields(e, call->arena));
            return 0;
        }
        decided = strcmp(orders[n].field->desc->name, "id") == 0;
        descending = orders[n++].descending;
    }
    if (decided)
        return n;
    /* The id ends every order, in the direction of the last field, so that one index can serve both. */
    orders[n++] = (sfms_order){sfms_message_field(e->message, "id", 2), "", descending, true};
    return n;
}

/* All fields NOT NULL and of one direction: a row comparison, which an index over the columns answers
 * directly. */
static bool
comparable(const sfms_order *orders, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!orders[i].not_null || orders[i].descending != orders[0].descending)
            return false;
    return true;
}

static void
row_comparison(sfms_composer *w, const sfms_order *orders, unsigned n, const char *const *values)
{
    sfms_buf_char(&w->sql, '(');
    for (unsigned i = 0; i < n; i++)
        sfms_buf_printf(
            &w->sql, "%s%s%s", i > 0 ? ", " : "", orders[i].field->desc->name, orders[i].collation);
    sfms_buf_printf(&w->sql, ") %s (", orders[0].descending ? "<" : ">");
    for (unsigned i = 0; i < n; i++)
        sfms_buf_printf(&w->sql, "%s$%d", i > 0 ? ", " : "", sfms_param(&w->params, values[i]));
    sfms_buf_char(&w->sql, ')');
}

/* "Comes after the value in this field." NULLs are the largest, as PostgreSQL has it. */
static void
field_after(sfms_composer *w, const sfms_order *o, const char *v)
{
    const char *column = o->field->desc->name;

    if (v == NULL) {
        sfms_buf_printf(&w->sql, o->descending ? "%s IS NOT NULL" : "false", column);
        return;
    }
    sfms_buf_printf(
        &w->sql, "%s%s %s $%d", column, o->collation, o->descending ? "<" : ">", sfms_param(&w->params, v));
    if (!o->descending && !o->not_null)
        sfms_buf_printf(&w->sql, " OR %s IS NULL", column);
}

static void
field_same(sfms_composer *w, const sfms_order *o, const char *v)
{
    if (v == NULL)
        sfms_buf_printf(&w->sql, "%s IS NULL", o->field->desc->name);
    else
        sfms_buf_printf(&w->sql, "%s = $%d", o->field->desc->name, sfms_param(&w->params, v));
}

/* Where the page begins in an index that goes by the first field: what follows says it too, but in ORs, which do
 * not bound a scan. Ascending, rows without a value are still to come, so nothing does. */
static void
first_bound(sfms_composer *w, const sfms_order *o, const char *v)
{
    if (v != NULL && (o->descending || o->not_null))
        sfms_buf_printf(&w->sql, "%s%s %s $%d AND ", o->field->desc->name, o->collation,
            o->descending ? "<=" : ">=", sfms_param(&w->params, v));
}

/* (a after) OR (a same AND (b after OR (b same AND ...))) */
void
sfms_keyset_sql(sfms_composer *w, const sfms_order *orders, unsigned n, const char *const *values)
{
    if (comparable(orders, n)) {
        row_comparison(w, orders, n, values);
        return;
    }
    first_bound(w, &orders[0], values[0]);
    for (unsigned i = 0; i < n; i++) {
        sfms_buf_add(&w->sql, "((");
        field_after(w, &orders[i], values[i]);
        sfms_buf_char(&w->sql, ')');
        if (i + 1 < n) {
            sfms_buf_add(&w->sql, " OR (");
            field_same(w, &orders[i], values[i]);
            sfms_buf_add(&w->sql, " AND ");
        }
    }
    for (unsigned i = 0; i < n; i++)
        sfms_buf_add(&w->sql, i + 1 < n ? "))" : ")");
}

/* ---- tokens ------------------------------------------------------------------------------------------ */

/* What must not change between pages, as bytes for a hash. */
static void
list_hash(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, uint8_t out[SFMS_MAC_SIZE])
{
    const char *parts[] = {e->table, sfms_engine_org(call), call->principal->user_id, request->filter,
        request->order_by, request->search, request->show_deleted ? "deleted" : ""};
    sfms_buf b;

    sfms_buf_init(&b, call->arena, SFMS_ENGINE_SQL_MAX);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        sfms_buf_mem(&b, parts[i], strlen(parts[i]) + 1);
    sfms_hash(b.data, b.len, out);
}

char *
sfms_token_seal(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, unsigned n,
    const char *const *values)
{
    uint8_t hash[SFMS_MAC_SIZE];
    sfms_buf b;

    list_hash(e, call, request, hash);
    sfms_buf_init(&b, call->arena, SFMS_ENGINE_SQL_MAX);
    sfms_buf_mem(&b, hash, 16);
    for (unsigned i = 0; i < n; i++) {
        sfms_buf_char(&b, values[i] != NULL ? 'v' : 'n');
        if (values[i] != NULL)
            sfms_buf_mem(&b, values[i], strlen(values[i]));
        sfms_buf_char(&b, '\0');
    }
    return sfms_ring_seal(call->arena, e->token_ring, b.data, b.len);
}

const char **
sfms_token_open(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, unsigned n)
{
    uint8_t hash[SFMS_MAC_SIZE];
    size_t len = 0;
    const char *data = sfms_ring_unseal(call->arena, e->token_ring, request->page_token, &len);
    const char **values = sfms_new_array(call->arena, const char *, n);
    size_t at = 16;

    list_hash(e, call, request, hash);
    if (data == NULL || len < at || memcmp(data, hash, at) != 0)
        return NULL;
    for (unsigned i = 0; i < n; i++) {
        const char *end = at < len ? memchr(data + at, '\0', len - at) : NULL;

        if (end == NULL)
            return NULL;
        values[i] = data[at] == 'v' ? data + at + 1 : NULL;
        at = (size_t)(end - data) + 1;
    }
    return at == len ? values : NULL;
}
