/* served.c -- the methods of a service, held against the contract before anything is served. */
#include <string.h>

#include "core/log.h"
#include "rpc/serving.h"

static size_t
index_of(const sfms_contract *c, const sfms_method *m)
{
    unsigned n;

    return (size_t)(m - sfms_contract_methods(c, &n));
}

/* The engine serves what names a standard verb: message and relation say all there is to say of a resource. */
static void
add_resources(sfms_arena *perm, sfms_served *table, const sfms_service *service, const sfms_contract *c,
    PGconn *conn, const sfms_ring *token_ring)
{
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(c, &n);

    for (unsigned i = 0; i < n; i++) {
        const sfms_method *m = &methods[i];

        if (strcmp(m->service, service->name) != 0 || m->rule->verb == PB__VERB__VERB_UNSPECIFIED)
            continue;
        for (unsigned j = 0; j < i && table[i].engine == NULL; j++)
            if (methods[j].resource == m->resource)
                table[i].engine = table[j].engine;
        if (table[i].engine == NULL)
            table[i].engine = sfms_engine_new(perm, c, m->resource, service->name, conn, token_ring);
    }
}

/* The engines of resources that are other services', and that nouns use. */
static void
add_uses(sfms_arena *perm, const sfms_engine **engines, const sfms_noun *noun, const sfms_service *service,
    const sfms_contract *c, PGconn *conn, const sfms_ring *token_ring)
{
    for (const sfms_use *use = noun->uses; use != NULL && use->collection != NULL; use++) {
        const sfms_method *get = sfms_contract_standard(c, use->collection, PB__VERB__GET);
        const sfms_engine *e;

        if (get == NULL)
            sfms_die("%s uses %s, which cannot be got", service->name, use->collection);
        if (strcmp(get->service, service->name) == 0)
            sfms_die("%s lists %s among its uses, which is its own", service->name, use->collection);
        e = sfms_engine_new(perm, c, get->resource, get->service, conn, token_ring);
        sfms_use_check(conn, service->name, e, use->rights);
        while (*engines != NULL)
            engines++;
        *engines = e;
    }
}

/* What handlers may use: the resources of the service, and those that its nouns list. */
static void
open_uses(sfms_arena *perm, const sfms_served *table, const sfms_service *service, const sfms_contract *c,
    PGconn *conn, const sfms_ring *token_ring)
{
    unsigned n, own = 0;
    const sfms_engine **engines;

    sfms_contract_methods(c, &n);
    engines = sfms_new_array(perm, const sfms_engine *, 2 * n + 1);
    for (unsigned i = 0; i < n; i++)
        if (table[i].engine != NULL)
            engines[own++] = table[i].engine;
    for (const sfms_noun *const *noun = service->nouns; *noun != NULL; noun++)
        add_uses(perm, engines + own, *noun, service, c, conn, token_ring);
    sfms_use_warn(conn, service->name, engines + own);
    sfms_use_open(engines);
}

static void
add_row(sfms_served *table, const sfms_service *service, const sfms_contract *c, const sfms_method_row *row)
{
    const sfms_method *m = sfms_contract_method(c, row->method);
    sfms_served *served;

    if (m == NULL)
        sfms_die("%s has a handler but is not in the contract", row->method);
    if (row != &sfms_health_row && strcmp(m->service, service->name) != 0)
        sfms_die("%s has a handler in %s but belongs to %s", row->method, service->name, m->service);
    served = &table[index_of(c, m)];
    if (served->engine != NULL)
        sfms_die("%s names a standard verb and has a handler too", row->method);
    if (served->row != NULL)
        sfms_die("%s has two handlers", row->method);
    if (m->rule->counts_tries && !m->rule->public_ && row->before == NULL)
        sfms_die("%s counts tries in a transaction, which may be rolled back", row->method);
    served->row = row;
}

static void
check_all_served(const sfms_served *table, const sfms_service *service, const sfms_contract *c)
{
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(c, &n);

    for (unsigned i = 0; i < n; i++) {
        if (strcmp(methods[i].service, service->name) != 0)
            continue;
        if (table[i].engine == NULL && table[i].row == NULL)
            sfms_die("%s is in the contract but has no handler", methods[i].name);
    }
}

const sfms_served *
sfms_served_table(sfms_arena *perm, const sfms_service *service, const sfms_contract *c, PGconn *conn,
    const sfms_ring *token_ring)
{
    unsigned n;
    sfms_served *table;

    sfms_contract_methods(c, &n);
    table = sfms_new_array(perm, sfms_served, n);
    add_resources(perm, table, service, c, conn, token_ring);
    for (const sfms_noun *const *noun = service->nouns; *noun != NULL; noun++) {
        for (const sfms_method_row *row = (*noun)->methods; row != NULL && row->method != NULL; row++)
            add_row(table, service, c, row);
    }
    add_row(table, service, c, &sfms_health_row);
    check_all_served(table, service, c);
    open_uses(perm, table, service, c, conn, token_ring);
    return table;
}

const sfms_served *
sfms_served_find(const sfms_server *s, const sfms_method *method)
{
    const sfms_served *served;

    if (method == NULL)
        return NULL;
    served = &s->served[index_of(s->env.contract, method)];
    return served->engine != NULL || served->row != NULL ? served : NULL;
}
