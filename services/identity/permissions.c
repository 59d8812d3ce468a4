/* permissions.c -- who holds which permission is said by the contract; nobody writes it down a second time. */
#include "permissions.h"

#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/time.h"

enum { ROLES_JSON_MAX = 1 << 20, START_MS = 10000 };

static const struct {
    Pb__BuiltinRole role;
    const char *builtin, *name, *visibility;
} roles[BUILTIN_ROLES] = {
    {PB__BUILTIN_ROLE__ADMIN, "ADMIN", "Admin", "ORG"},
    {PB__BUILTIN_ROLE__MANAGER, "MANAGER", "Manager", "TEAM"},
    {PB__BUILTIN_ROLE__REP, "REP", "Rep", "OWN"},
    {PB__BUILTIN_ROLE__VIEWER, "VIEWER", "Viewer", "ORG"},
};

/* Appends the permissions of one role, of any if it is unspecified, as a JSON array. */
static void
add_permissions(sfms_buf *b, const sfms_contract *contract, Pb__BuiltinRole role)
{
    unsigned n;
    const sfms_permission *all = sfms_contract_permissions(contract, &n);
    const char *comma = "";

    sfms_buf_char(b, '[');
    for (unsigned i = 0; i < n; i++) {
        if (role != PB__BUILTIN_ROLE__BUILTIN_ROLE_UNSPECIFIED && (all[i].roles & 1U << role) == 0)
            continue;
        sfms_buf_add(b, comma);
        sfms_buf_json(b, all[i].name, strlen(all[i].name));
        comma = ",";
    }
    sfms_buf_char(b, ']');
}

/* What identity.sync_builtin_roles takes: the permissions that this version knows, and the roles. */
static const char *
roles_json(sfms_arena *a, const sfms_contract *contract)
{
    sfms_buf b;

    sfms_buf_init(&b, a, ROLES_JSON_MAX);
    sfms_buf_add(&b, "{\"known\":");
    add_permissions(&b, contract, PB__BUILTIN_ROLE__BUILTIN_ROLE_UNSPECIFIED);
    sfms_buf_add(&b, ",\"roles\":[");
    for (int i = 0; i < BUILTIN_ROLES; i++) {
        sfms_buf_printf(&b,
            "%s{\"builtin\":\"%s\",\"name\":\"%s\",\"visibility\":\"%s\",\"permissions\":", i == 0 ? "" : ",",
            roles[i].builtin, roles[i].name, roles[i].visibility);
        add_permissions(&b, contract, roles[i].role);
        sfms_buf_char(&b, '}');
    }
    sfms_buf_add(&b, "]}");
    return b.data;
}

void
permissions_start(const sfms_server_env *env)
{
    sfms_call call = {.arena = sfms_arena_new(), .contract = env->contract, .request_id = ""};

    call.db = sfms_db_open(env->database);
    call.deadline_us = sfms_mono_us() + START_MS * 1000L;
    if (sfms_exec(&call, NULL, "SELECT identity.sync_builtin_roles($1::integer, $2::jsonb)",
            SFMS_ARGS(sfms_printf(call.arena, "%d", SFMS_SCHEMA), roles_json(call.arena, env->contract))) !=
        SFMS_OK)
        sfms_die("the built-in roles cannot be brought up to date: %s", call.failure->message);
    sfms_db_close(call.db);
    sfms_arena_free(call.arena);
}
