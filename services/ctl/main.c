/* sfmsctl: the operator's tool. */
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/log.h"
#include "ctl.h"

typedef struct {
    const char *name;
    const char *arguments;
    const char *about;
    int (*run)(int argc, char **argv);
} command;

/* clang-format off */
static const command commands[] = {
    {"prepare", "", "as a superuser, once: makes the role sfms_owner and gives the database to it", ctl_prepare},
    {"migrate", "[FILE.sql ...]", "brings the database up to date; then applies files of your own, each once", ctl_migrate},
    {"health", "[--wait SECONDS]", "asks every service how it is", ctl_health},
    {"call", "METHOD JSON|- [--as-org ID --as-user ID]", "calls any method, as a user if wanted", ctl_call},
    {"org create", "--name NAME --admin-email EMAIL [--admin-name NAME] [--admin-password-file FILE|-]\n"
        "                     [--currency CNY] [--time-zone Asia/Shanghai] [--locale zh-CN] [--country CN]",
        "makes an organisation and its administrator", ctl_org_create},
    {"keygen", "secret|token", "prints a new shared secret, or a new key for access tokens", ctl_keygen},
    {"readers begin", "NAME --from start|now|TIME [--org ID]", "puts a reader of the event log there, and lets it go on", ctl_readers_begin},
    {"readers", "", "lists the readers of the event log, and how far behind they are", ctl_readers},
    {"load", "FILE.sql|-", "runs SQL as the database's owner, in one transaction", ctl_load},
    {NULL},
};

static const sfms_option options[] = {
    {"SFMS_DATABASE_URL", SFMS_OPT_TEXT, offsetof(ctl_config, database_url), "",
        "PostgreSQL, as the owner of the database; for prepare as a superuser"},
    {"SFMS_DATABASE_PASSWORD_IDENTITY", SFMS_OPT_SECRET, offsetof(ctl_config, passwords[0]), "",
        "password that migrate gives to the role sfms_identity"},
    {"SFMS_DATABASE_PASSWORD_CUSTOMERS", SFMS_OPT_SECRET, offsetof(ctl_config, passwords[1]), "", "to sfms_customers"},
    {"SFMS_DATABASE_PASSWORD_PIPELINE", SFMS_OPT_SECRET, offsetof(ctl_config, passwords[2]), "", "to sfms_pipeline"},
    {"SFMS_DATABASE_PASSWORD_ACTIVITIES", SFMS_OPT_SECRET, offsetof(ctl_config, passwords[3]), "", "to sfms_activities"},
    {"SFMS_DATABASE_PASSWORD_ANALYTICS", SFMS_OPT_SECRET, offsetof(ctl_config, passwords[4]), "", "to sfms_analytics"},
    {"SFMS_DATABASE_PASSWORD_EXCHANGE", SFMS_OPT_SECRET, offsetof(ctl_config, passwords[5]), "", "to sfms_exchange"},
    {"SFMS_DATABASE_PASSWORD", SFMS_OPT_SECRET, offsetof(ctl_config, database_password), "",
        "to those of these roles that have none of their own above"},
    {"SFMS_DATABASE_OWNER_PASSWORD", SFMS_OPT_SECRET, offsetof(ctl_config, owner_password), "",
        "password that prepare gives to sfms_owner"},
    {"SFMS_SERVICES", SFMS_OPT_TEXT, offsetof(ctl_config, services), "", "where the services are: name=url,..."},
    {"SFMS_SECRET", SFMS_OPT_SECRET, offsetof(ctl_config, secret), "", "shared secret of the processes"},
    SFMS_TLS_OPTIONS(ctl_config, tls),
    {NULL},
};
/* clang-format on */

static ctl_config config;
const ctl_config *ctl_env = &config;

static void
print_usage(FILE *to)
{
    fprintf(to, "usage: sfmsctl COMMAND, where COMMAND is one of\n");
    for (const command *c = commands; c->name != NULL; c++)
        fprintf(
            to, "  %s%s%s\n      %s\n", c->name, c->arguments[0] != '\0' ? " " : "", c->arguments, c->about);
}

void
ctl_usage(const char *name)
{
    for (const command *c = commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            fprintf(stderr, "usage: sfmsctl %s %s\n", c->name, c->arguments);
    exit(2);
}

/* How many words of the arguments are the command's name; 0 if it is another. */
static int
words_of(const command *c, int argc, char **argv)
{
    char two[64];

    if (argc > 1 && strcmp(argv[1], c->name) == 0)
        return 1;
    if (argc < 3)
        return 0;
    snprintf(two, sizeof(two), "%s %s", argv[1], argv[2]);
    return strcmp(two, c->name) == 0 ? 2 : 0;
}

int
main(int argc, char **argv)
{
    static char help[] = "--help";

    sfms_log_open("sfmsctl", "info");
    sfms_seal_init();
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        print_usage(stdout);
        printf("\n");
        argv[1] = help;
    }
    sfms_config_read(options, &config, argc, argv, "the operator's tool");
    for (const command *c = commands; c->name != NULL; c++) {
        int words = words_of(c, argc, argv);

        if (words > 0)
            return c->run(argc - words, argv + words);
    }
    print_usage(stderr);
    return 2;
}
