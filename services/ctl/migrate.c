/* migrate.c -- roles and schema, brought up to date. Safe to run at any time and by several at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/currency.h"
#include "core/log.h"
#include "ctl.h"

enum { CURRENCIES_JSON_MAX = 1 << 16 };

/* Made by CMake from the schema/ folders, in the order in which they apply; ends with a NULL. */
extern const struct {
    const char *owner, *name, *sql;
} sfms_schema[];

/* The services that log in; each has a role sfms_<name>, a member of sfms_service. */
const char *const ctl_services[] = {
    "identity", "customers", "pipeline", "activities", "analytics", "exchange", NULL};

static const char ledger_sql[] =
    "CREATE SCHEMA IF NOT EXISTS sfms;"
    "CREATE TABLE IF NOT EXISTS sfms.app_migrations (owner text, name text, checksum text NOT NULL,"
    " apply_time timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (owner, name));"
    "REVOKE ALL ON SCHEMA public FROM PUBLIC";

/* Roles belong to all databases of a server, so another migration may just have made this one. */
static void
make_role(PGconn *conn, sfms_arena *a, const char *role, const char *login)
{
    if (ctl_text(conn, a, "SELECT 1 FROM pg_roles WHERE rolname = $1", SFMS_ARGS(role))[0] != '\0')
        return;
    ctl_run(conn, role,
        sfms_printf(a,
            "DO $$ BEGIN CREATE ROLE %s %s;"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
            role, login));
    printf("made the role %s\n", role);
}

/* What holds on every connection of a role, also on one that a pooler has made: names are found nowhere but in pg_catalog; times
 * and dates are written in one way; short statements are not compiled, which takes longer than running them; and a process that
 * has stopped in the middle of a transaction, or is cut off, does not hold its locks and the readers of events up for longer than
 * a minute. */
static const char *const settings[][2] = {{"search_path", "pg_catalog"}, {"TimeZone", "UTC"},
    {"DateStyle", "ISO, MDY"}, {"client_min_messages", "warning"}, {"jit", "off"},
    {"idle_in_transaction_session_timeout", "60000"}, {NULL}};

static void
settle_role(PGconn *conn, sfms_arena *a, const char *role, const char *password)
{
    if (ctl_text(conn, a,
            "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member"
            " WHERE r.rolname = $1 AND m.roleid = 'sfms_service'::regrole",
            SFMS_ARGS(role))[0] == '\0')
        ctl_run(conn, role, sfms_printf(a, "GRANT sfms_service TO %s", role));
    for (int i = 0; settings[i][0] != NULL; i++)
        if (ctl_text(conn, a,
                "SELECT 1 FROM pg_roles WHERE rolname = $1 AND $2 || '=' || $3 = ANY (rolconfig)",
                SFMS_ARGS(role, settings[i][0], settings[i][1]))[0] == '\0')
            ctl_run(conn, role,
                sfms_printf(a, "ALTER ROLE %s SET %s = %s", role, settings[i][0], settings[i][1]));
    ctl_set_password(conn, a, role, password);
}

/* Temporary tables and types are none of a service's needs, and a way to lead others' functions astray. A
 * database that was restored from a dump has the privilege again. */
static void
revoke_temporary(PGconn *conn, sfms_arena *a)
{
    if (ctl_text(conn, a,
            "SELECT 1 WHERE has_database_privilege('sfms_service', current_database(), 'TEMPORARY')",
            SFMS_NO_ARGS)[0] == '\0')
        return;
    ctl_run(conn, "privileges",
        sfms_printf(a, "REVOKE TEMPORARY ON DATABASE %s FROM PUBLIC", ctl_identifier(conn, a, PQdb(conn))));
}

/* Whoever else works in the database as its owner, by hand for example, does not stop the readers of events for long either. */
static void
settle_database(PGconn *conn, sfms_arena *a)
{
    if (ctl_text(conn, a,
            "SELECT 1 FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
            " WHERE datname = current_database() AND setrole = 0"
            "   AND EXISTS (SELECT FROM unnest(setconfig) c WHERE c LIKE 'idle\\_in\\_transaction%')",
            SFMS_NO_ARGS)[0] == '\0')
        ctl_run(conn, "settings",
            sfms_printf(a, "ALTER DATABASE %s SET idle_in_transaction_session_timeout = '10min'",
                ctl_identifier(conn, a, PQdb(conn))));
}

static int
apply_schema(PGconn *conn, sfms_arena *a)
{
    int applied = 0;

    for (int i = 0; sfms_schema[i].owner != NULL; i++) {
        ctl_file file = {sfms_schema[i].owner, sfms_schema[i].name,
            sfms_printf(a, "%s/%s", sfms_schema[i].owner, sfms_schema[i].name), sfms_schema[i].sql};

        applied += ctl_apply(conn, a, &file);
    }
    return applied;
}

/* Files of one's own, after ours: an index that only this installation needs, for example. */
static int
apply_own(PGconn *conn, sfms_arena *a, int n, char **paths)
{
    int applied = 0;

    for (int i = 0; i < n; i++) {
        const char *slash = strrchr(paths[i], '/');
        char *sql = ctl_read(paths[i]);
        ctl_file file = {"own", slash != NULL ? slash + 1 : paths[i], paths[i], sql};

        applied += ctl_apply(conn, a, &file);
        free(sql);
    }
    return applied;
}

/* The currencies as app.sync_currencies reads them. */
static const char *
currencies_json(sfms_arena *a)
{
    sfms_buf b;

    sfms_buf_init(&b, a, CURRENCIES_JSON_MAX);
    for (const sfms_currency *c = sfms_currencies; c->code[0] != '\0'; c++)
        sfms_buf_printf(&b, "%s{\"code\":\"%s\",\"digits\":%d,\"country\":\"%s\"}",
            c == sfms_currencies ? "[" : ",", c->code, c->digits, c->country);
    sfms_buf_char(&b, ']');
    return b.data;
}

int
ctl_migrate(int argc, char **argv)
{
    sfms_arena *a = sfms_arena_new();
    PGconn *conn;
    int applied;

    conn = ctl_connect();
    ctl_take_turn(conn, a);
    make_role(conn, a, "sfms_service", "NOLOGIN");
    for (int i = 0; ctl_services[i] != NULL; i++) {
        const char *role = sfms_printf(a, "sfms_%s", ctl_services[i]);
        const char *own = ctl_env->passwords[i];

        make_role(conn, a, role, "LOGIN");
        settle_role(conn, a, role, own[0] != '\0' ? own : ctl_env->database_password);
    }
    revoke_temporary(conn, a);
    settle_database(conn, a);
    if (ctl_text(conn, a, "SELECT to_regclass('sfms.app_migrations')", SFMS_NO_ARGS)[0] == '\0')
        ctl_run(conn, "ledger", ledger_sql);
    ctl_text(conn, a, "SELECT set_config('sfms.currencies', $1, false)", SFMS_ARGS(currencies_json(a)));
    applied = apply_schema(conn, a) + apply_own(conn, a, argc - 1, argv + 1);
    ctl_run(conn, "currencies", "SELECT app.sync_currencies()");
    if (strcmp(ctl_text(conn, a, "SELECT app.shift_events()", SFMS_NO_ARGS), "t") == 0)
        printf("note: restored from a dump; new events are numbered after those that it brought\n");
    if (strcmp(ctl_text(conn, a, "SELECT app.renew_order()", SFMS_NO_ARGS), "t") == 0)
        printf("note: the server's ICU has changed; the indexes by name are made again\n");
    if (strcmp(ctl_text(conn, a, "SELECT app.mark_leakproof()", SFMS_NO_ARGS), "t") != 0)
        printf("note: not a superuser, so filters on amounts and searches cannot use their indexes until "
               "\"sfmsctl prepare\" has been run as one\n");
    if (applied == 0)
        printf("the database is up to date\n");
    else
        printf("applied %d files; the database is up to date\n", applied);
    PQfinish(conn);
    sfms_arena_free(a);
    return 0;
}
