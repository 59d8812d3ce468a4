/* sfms-identity: who works here, and who may do what to whose records. */
#include <stddef.h>

#include "core/config.h"
#include "identity.h"
#include "permissions.h"
#include "token.h"

static const sfms_noun *const nouns[] = {
    &identity_orgs,
    &identity_users,
    &identity_teams,
    &identity_roles,
    &identity_sessions,
    NULL,
};

typedef struct {
    const char *token_key;
} options;

static const sfms_option table[] = {
    {"SFMS_TOKEN_KEY", SFMS_OPT_SECRET, offsetof(options, token_key), NULL,
        "private key of access tokens, from: sfmsctl keygen token"},
    {NULL},
};

static void
start(const sfms_server_env *env)
{
    options own;

    sfms_config_read(table, &own, 0, NULL, "");
    token_open(own.token_key);
    permissions_start(env);
}

static const sfms_service service = {
    .name = "identity",
    .about = "organisations, users, teams, roles and sessions (needs SFMS_TOKEN_KEY too)",
    .nouns = nouns,
    .start = start,
};

int
main(int argc, char **argv)
{
    return sfms_service_main(&service, argc, argv);
}
