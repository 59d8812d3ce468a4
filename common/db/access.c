/*
 * access.c -- access=true: what the caller may do with each record of an answer.
 *
 * By the rules that the methods themselves are held against: the permission that each asks for, and, where it writes, the
 * policies of the table for changing rows, which are read from the database.
 */
#include <string.h>

#include "core/log.h"
#include "db/engine.h"
#include "db/row.h"

/* What the policies ask of a row that is to be changed, for this role; NULL for a relation without policies, which shows what
 * others let through. */
static const char write_rule_sql[] =
    "SELECT string_agg('(' || pg_catalog.pg_get_expr(polqual, polrelid) || ')', ' OR ') FROM "
    "pg_catalog.pg_policy"
    " WHERE polrelid = pg_catalog.to_regclass($1) AND polcmd IN ('w', '*') AND polpermissive AND EXISTS ("
    "     SELECT 1 FROM unnest(polroles) r WHERE r = 0 OR pg_catalog.pg_has_role(r, 'MEMBER'))";

/* Deleting reaches as far as the role says, which may be less than changing. */
static const char delete_rule_sql[] =
    "SELECT app.owner_rule(name, 3, 'pool' = ANY (kinds)) FROM app.resources"
    " WHERE name = $1 AND kinds && '{owner,pool}'";

/* The word for what a method does with one record; NULL if it is about no record, or changes nothing. */
static const char *
word_of(const sfms_method *m)
{
    const sfms_route *route = m->n_routes > 0 ? &m->routes[0] : NULL;
    const char *end = route == NULL ? NULL : strrchr(route->path, '}');

    switch (m->rule->verb) {
    case PB__VERB__UPDATE:
        return "update";
    case PB__VERB__DELETE:
        return "delete";
    case PB__VERB__UNDELETE:
        return "undelete";
    case PB__VERB__VERB_UNSPECIFIED:
        break;
    default:
        return NULL;
    }
    if (end == NULL || end[1] != ':' || strcmp(route->verb, "GET") == 0 || m->rule->permission[0] == '\0')
        return NULL;
    return end + 2;
}

/* A rule in SQL; "true" where there is none. */
static const char *
rule_by(const char *sql, const char *of, sfms_arena *perm, PGconn *conn)
{
    PGresult *rule = PQexecParams(conn, sql, 1, NULL, (const char *const[]){of}, NULL, NULL, 0);
    bool none = PQntuples(rule) == 0 || PQgetisnull(rule, 0, 0);
    const char *text;

    if (PQresultStatus(rule) != PGRES_TUPLES_OK)
        sfms_die("the policies of %s cannot be read: %s", of, PQresultErrorMessage(rule));
    text = none ? "true" : sfms_printf(perm, "(%s)", PQgetvalue(rule, 0, 0));
    PQclear(rule);
    return text;
}

void
sfms_access_load(sfms_engine *e, sfms_arena *perm, PGconn *conn)
{
    const char *collection = e->message->resource;
    unsigned n, kept = 0;
    const sfms_method *methods = sfms_contract_methods(e->contract, &n);
    sfms_deed *deeds = sfms_new_array(perm, sfms_deed, n + 1);

    for (unsigned i = 0; i < n; i++) {
        const char *word = sfms_method_is_of(&methods[i], collection) ? word_of(&methods[i]) : NULL;

        if (word != NULL)
            deeds[kept++] = (sfms_deed){word, &methods[i]};
    }
    e->deeds = deeds;
    e->write_rule = rule_by(write_rule_sql, e->table, perm, conn);
    e->delete_rule = rule_by(delete_rule_sql, collection, perm, conn);
}

static bool
ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);

    return n >= k && strcmp(text + n - k, end) == 0;
}

/* The words for what the role permits of one kind: by the end of the permission, ".write" for example. */
static const char *
words_for(const sfms_engine *e, const sfms_call *call, const char *end, bool deleted)
{
    const char **words = sfms_new_array(call->arena, const char *, SFMS_FIELDS_MAX);
    size_t n = 0;

    for (const sfms_deed *d = e->deeds; d->word != NULL && n < SFMS_FIELDS_MAX; d++) {
        const char *permission = d->method->rule->permission;

        if ((d->method->rule->verb == PB__VERB__UNDELETE) == deleted && ends_in(permission, end) &&
            sfms_may(call, permission))
            words[n++] = d->word;
    }
    return sfms_array_text(call->arena, n, words);
}

const char *
sfms_access_column(const sfms_engine *e, sfms_call *call, sfms_composer *w, bool wanted)
{
    if (!wanted || sfms_message_field(e->message, "allowed", 7) == NULL)
        return "";
    return sfms_printf(call->arena,
        ", CASE WHEN delete_time IS NULL"
        "  THEN $%d::text[] || CASE WHEN %s THEN $%d::text[] || CASE WHEN %s THEN $%d::text[] END END"
        "  ELSE CASE WHEN %s THEN $%d::text[] END END AS allowed",
        sfms_param(&w->params, words_for(e, call, ".read", false)), e->write_rule,
        sfms_param(&w->params, words_for(e, call, ".write", false)), e->delete_rule,
        sfms_param(&w->params, words_for(e, call, ".delete", false)), e->write_rule,
        sfms_param(&w->params, words_for(e, call, ".delete", true)));
}
