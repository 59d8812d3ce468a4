/* contract_permissions.c -- the permissions that methods ask for, and the built-in roles that hold them. */
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "proto/contract_private.h"

static int
compare(const void *a, const void *b)
{
    return strcmp(((const sfms_permission *)a)->name, ((const sfms_permission *)b)->name);
}

/* Who holds one by its rule; administrators alone if there is none, so that what nobody thought of is given to nobody. */
static void
apply(const struct sfms_contract *c, const Pb__PermissionRule *rule)
{
    sfms_permission *p = (sfms_permission *)sfms_contract_permission(c, rule->name);

    if (p == NULL)
        sfms_die("the contract says who holds \"%s\", but no method asks for it", rule->name);
    if (p->roles != 1U << PB__BUILTIN_ROLE__ADMIN)
        sfms_die("the contract says twice who holds \"%s\"", rule->name);
    for (size_t i = 0; i < rule->n_roles; i++)
        p->roles |= 1U << rule->roles[i];
}

void
sfms_contract_permissions_load(sfms_arena *keep, struct sfms_contract *c)
{
    sfms_permission *all = sfms_new_array(keep, sfms_permission, 2 * c->n_methods);
    unsigned n = 0, kept = 0;

    for (unsigned i = 0; i < c->n_methods; i++) {
        if (c->methods[i].rule->permission[0] != '\0')
            all[n++] = (sfms_permission){c->methods[i].rule->permission, 1U << PB__BUILTIN_ROLE__ADMIN};
        if (c->methods[i].export_permission != NULL)
            all[n++] = (sfms_permission){c->methods[i].export_permission, 1U << PB__BUILTIN_ROLE__ADMIN};
    }
    qsort(all, n, sizeof(*all), compare);
    for (unsigned i = 0; i < n; i++)
        if (kept == 0 || strcmp(all[kept - 1].name, all[i].name) != 0)
            all[kept++] = all[i];
    c->permissions = all;
    c->n_permissions = kept;
    for (unsigned i = 0; i < c->n_rules; i++)
        for (size_t k = 0; c->rules[i] != NULL && k < c->rules[i]->n_permissions; k++)
            apply(c, c->rules[i]->permissions[k]);
}

const sfms_permission *
sfms_contract_permissions(const sfms_contract *c, unsigned *ret_n)
{
    *ret_n = c->n_permissions;
    return c->permissions;
}

const sfms_permission *
sfms_contract_permission(const sfms_contract *c, const char *name)
{
    const sfms_permission key = {.name = name};

    return bsearch(&key, c->permissions, c->n_permissions, sizeof(*c->permissions), compare);
}
