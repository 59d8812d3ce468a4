/*
 * prepare.c -- the only thing that needs a superuser: makes the database's owner, who is none, and gives the database to him.
 *
 * From then on `migrate` works as that owner. One step of a migration takes a superuser in PostgreSQL, to mark functions as
 * LEAKPROOF (see app.mark_leakproof); it stays possible by a function of the superuser's that does nothing else. Safe to run
 * again, and on a database whose objects a superuser has made until now.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "ctl.h"

enum { TRIES = 120, PAUSE_US = 500000 }; /* for tables that are in use: about three minutes */

static const char *const busy_states[] = {"55P03", "40P01", NULL};

/* Who owns all rows may mark functions: what the mark lets through, to rows of others, is his already. */
static const char door_sql[] =
    "CREATE SCHEMA IF NOT EXISTS sfms_superuser;"
    "CREATE OR REPLACE FUNCTION sfms_superuser.mark_leakproof(in_functions regprocedure[]) RETURNS void"
    " LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$"
    " DECLARE f regprocedure;"
    " BEGIN"
    "   FOREACH f IN ARRAY in_functions LOOP EXECUTE format('ALTER FUNCTION %s LEAKPROOF', f); END LOOP;"
    " END $$;"
    "REVOKE ALL ON FUNCTION sfms_superuser.mark_leakproof(regprocedure[]) FROM PUBLIC;"
    "GRANT USAGE ON SCHEMA sfms_superuser TO sfms_owner;"
    "GRANT EXECUTE ON FUNCTION sfms_superuser.mark_leakproof(regprocedure[]) TO sfms_owner";

/* Since PostgreSQL 16 a role is changed by who has it WITH ADMIN OPTION; the owner has so what he makes himself. */
static const char roles_sql[] =
    "DO $$ DECLARE one name; BEGIN"
    "  FOR one IN SELECT rolname FROM pg_roles r"
    "              WHERE (rolname = 'sfms_service' OR EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles s "
    "ON s.oid = m.roleid"
    "                     WHERE m.member = r.oid AND s.rolname = 'sfms_service'))"
    "                AND rolname <> 'sfms_owner' AND NOT rolsuper"
    "                AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = r.oid AND m.admin_option"
    "                                   AND m.member = 'sfms_owner'::regrole) LOOP"
    "    EXECUTE format('GRANT %I TO sfms_owner WITH ADMIN OPTION', one);"
    "  END LOOP; END $$";

/* Gives what is in our schemas to the owner: whatever is not his. Indexes and the sequences of columns go with their tables. */
static const char give_sql[] =
    "SET LOCAL lock_timeout = '1500ms';"
    "DO $$ DECLARE statement text; owner oid := 'sfms_owner'::regrole;"
    "  ours oid[] := ARRAY(SELECT oid FROM pg_namespace WHERE nspname IN"
    "    ('sfms', 'app', 'identity', 'customers', 'pipeline', 'activities', 'analytics', 'exchange'));"
    " BEGIN"
    "  FOR statement IN"
    "    SELECT format('SCHEMA %s', oid::regnamespace) FROM pg_namespace WHERE oid = ANY (ours) AND nspowner "
    "<> owner"
    "    UNION ALL"
    "    SELECT format('TABLE %s', oid::regclass) FROM pg_class"
    "     WHERE relnamespace = ANY (ours) AND relkind IN ('r', 'p', 'v', 'm') AND relowner <> owner"
    "    UNION ALL"
    "    SELECT format('SEQUENCE %s', oid::regclass) FROM pg_class c"
    "     WHERE relnamespace = ANY (ours) AND relkind = 'S' AND relowner <> owner"
    "       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid"
    "                          AND deptype IN ('a', 'i') AND refobjsubid > 0)"
    "    UNION ALL"
    "    SELECT format('ROUTINE %s', oid::regprocedure) FROM pg_proc WHERE pronamespace = ANY (ours) AND "
    "proowner <> owner"
    "    UNION ALL"
    "    SELECT format('TYPE %s', t.oid::regtype) FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid"
    "     WHERE typnamespace = ANY (ours) AND typowner <> owner"
    "       AND (typtype IN ('d', 'e', 'r') OR (typtype = 'c' AND c.relkind = 'c'))"
    "    UNION ALL"
    "    SELECT format('COLLATION %I.%I', collnamespace::regnamespace::text, collname) FROM pg_collation"
    "     WHERE collnamespace = ANY (ours) AND collowner <> owner"
    "  LOOP EXECUTE 'ALTER ' || statement || ' OWNER TO sfms_owner'; END LOOP;"
    " END $$";

static void
give_all(PGconn *conn)
{
    for (int i = 0; i < TRIES; i++) {
        ctl_run(conn, "ownership", "BEGIN");
        if (ctl_try(conn, "ownership", give_sql, busy_states)) {
            ctl_run(conn, "ownership", "COMMIT");
            return;
        }
        ctl_run(conn, "ownership", "ROLLBACK");
        usleep(PAUSE_US);
    }
    sfms_die("the tables are in use all the time, see pg_locks; try again later");
}

int
ctl_prepare(int argc, char **argv)
{
    sfms_arena *a = sfms_arena_new();
    PGconn *conn;

    (void)argv;
    if (argc > 1)
        ctl_usage("prepare");
    conn = ctl_connect();
    if (strcmp(ctl_text(conn, a, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user", SFMS_NO_ARGS),
            "t") != 0)
        sfms_die("prepare must be run as a superuser of the database: SFMS_DATABASE_URL names none");
    ctl_take_turn(conn, a);
    if (ctl_text(conn, a, "SELECT 1 FROM pg_roles WHERE rolname = 'sfms_owner'", SFMS_NO_ARGS)[0] == '\0')
        ctl_run(conn, "sfms_owner", "CREATE ROLE sfms_owner");
    ctl_run(conn, "sfms_owner", "ALTER ROLE sfms_owner LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS");
    ctl_set_password(conn, a, "sfms_owner", ctl_env->owner_password);
    ctl_run(conn, "sfms_owner",
        sfms_printf(a, "ALTER DATABASE %s OWNER TO sfms_owner", ctl_identifier(conn, a, PQdb(conn))));
    ctl_run(conn, "sfms_superuser", door_sql);
    ctl_run(conn, "roles", roles_sql);
    give_all(conn);
    printf("the database belongs to sfms_owner, who is no superuser: migrate as him\n");
    PQfinish(conn);
    sfms_arena_free(a);
    return 0;
}
