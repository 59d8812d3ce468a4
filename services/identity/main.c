/* sfms-identity: who works here, and who may do what to whose records. */
#include <stddef.h>

#include "core/config.h"
#include "core/log.h"
#include "core/renew.h"
#include "identity.h"
#include "permissions.h"
#include "sessions.h"
#include "token.h"

static const sfms_noun *const nouns[] = {
    &identity_orgs,
    &identity_users,
    &identity_fields,
    &identity_sessions,
    &identity_tickets,
    &identity_session_list,
    &identity_meta,
    &identity_profile,
    NULL,
};

typedef struct {
    const char *token_key;
    int idle_days, longest_days;
} options;

static const sfms_option table[] = {
    {"SFMS_TOKEN_KEY", SFMS_OPT_SECRET, offsetof(options, token_key), NULL,
        "private key of access tokens, from: sfmsctl keygen token"},
    {"SFMS_SESSION_IDLE_DAYS", SFMS_OPT_INT, offsetof(options, idle_days), "30",
        "days after which a session ends that is not refreshed"},
    {"SFMS_SESSION_DAYS", SFMS_OPT_INT, offsetof(options, longest_days), "90",
        "days after which a session ends in any case"},
    {NULL},
};

enum { DAY_S = 24 * 60 * 60, DAYS_MAX = 3650 };

static void
start(const sfms_server_env *env)
{
    options own;

    sfms_config_read(table, &own, 0, NULL, "");
    if (own.idle_days < 1 || own.idle_days > DAYS_MAX || own.longest_days < 1 || own.longest_days > DAYS_MAX)
        sfms_die("SFMS_SESSION_IDLE_DAYS and SFMS_SESSION_DAYS must be between 1 and %d", DAYS_MAX);
    token_open(own.token_key);
    sfms_renew_watch("SFMS_TOKEN_KEY", token_renew);
    sessions_open(own.idle_days * DAY_S, own.longest_days * DAY_S);
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
