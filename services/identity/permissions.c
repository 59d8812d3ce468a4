/* permissions.c -- the catalogue of permissions is the contract's; nobody writes it down a second time. */
#include "permissions.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/time.h"

enum { ROLES_JSON_MAX = 1 << 20, START_MS = 10000 };

static sfms_arena *arena;      /* lives as long as the process */
static const char **catalogue; /* sorted, without repeats */
static size_t n_catalogue;

static const struct {
    const char *builtin, *name, *visibility;
} roles[BUILTIN_ROLES] = {
    [ROLE_ADMIN] = {"ADMIN", "Admin", "ORG"},
    [ROLE_MANAGER] = {"MANAGER", "Manager", "TEAM"},
    [ROLE_REP] = {"REP", "Rep", "OWN"},
    [ROLE_VIEWER] = {"VIEWER", "Viewer", "ORG"},
};

/* What only administrators set up. */
static const char *const administration[] = {"orgs.", "users.", "roles.", "teams.", NULL};

/* What managers set up for those who sell. */
static const char *const setup[] = {"processes.", "stages.", "products.", NULL};

static bool
ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Whether a permission changes something in one of the collections. */
static bool
changes(const char *permission, const char *const *collections)
{
    if (ends_in(permission, ".read"))
        return false;
    for (int i = 0; collections[i] != NULL; i++)
        if (strncmp(permission, collections[i], strlen(collections[i])) == 0)
            return true;
    return false;
}

bool
permission_in_role(const char *permission, builtin_role role)
{
    switch (role) {
    case ROLE_ADMIN:
        return true;
    case ROLE_MANAGER:
        return !changes(permission, administration);
    case ROLE_REP:
        return !changes(permission, administration) && !changes(permission, setup) &&
               !ends_in(permission, ".delete") && strcmp(permission, "imports.write") != 0;
    case ROLE_VIEWER:
        return ends_in(permission, ".read");
    default:
        SFMS_WRONG("a built-in role that is none");
    }
}

static int
compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool
permission_known(const char *permission)
{
    return bsearch(&permission, catalogue, n_catalogue, sizeof(*catalogue), compare) != NULL;
}

static void
gather(const sfms_contract *contract)
{
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(contract, &n);
    size_t kept = 0;

    if (arena == NULL)
        arena = sfms_arena_new();
    catalogue = sfms_new_array(arena, const char *, n);
    for (unsigned i = 0; i < n; i++)
        if (methods[i].rule->permission[0] != '\0')
            catalogue[n_catalogue++] = methods[i].rule->permission;
    qsort(catalogue, n_catalogue, sizeof(*catalogue), compare);
    for (size_t i = 0; i < n_catalogue; i++)
        if (kept == 0 || strcmp(catalogue[kept - 1], catalogue[i]) != 0)
            catalogue[kept++] = catalogue[i];
    n_catalogue = kept;
}

/* The built-in roles as identity.sync_builtin_roles takes them. */
static const char *
roles_json(sfms_arena *a)
{
    sfms_buf b;

    sfms_buf_init(&b, a, ROLES_JSON_MAX);
    for (builtin_role role = 0; role < BUILTIN_ROLES; role++) {
        const char *comma = "";

        sfms_buf_printf(&b, "%s{\"builtin\":\"%s\",\"name\":\"%s\",\"visibility\":\"%s\",\"permissions\":[",
            role == 0 ? "[" : ",", roles[role].builtin, roles[role].name, roles[role].visibility);
        for (size_t i = 0; i < n_catalogue; i++) {
            if (!permission_in_role(catalogue[i], role))
                continue;
            sfms_buf_add(&b, comma);
            sfms_buf_json(&b, catalogue[i], strlen(catalogue[i]));
            comma = ",";
        }
        sfms_buf_add(&b, "]}");
    }
    sfms_buf_char(&b, ']');
    return b.data;
}

void
permissions_start(const sfms_server_env *env)
{
    sfms_call call = {.arena = sfms_arena_new(), .contract = env->contract, .request_id = ""};

    gather(env->contract);
    call.db = sfms_db_open(env->database);
    call.deadline_us = sfms_mono_us() + START_MS * 1000L;
    if (sfms_exec(&call, NULL, "SELECT identity.sync_builtin_roles($1::jsonb)",
            SFMS_ARGS(roles_json(call.arena))) != SFMS_OK)
        sfms_die("the built-in roles cannot be brought up to date: %s", call.failure->message);
    sfms_db_close(call.db);
    sfms_arena_free(call.arena);
}
