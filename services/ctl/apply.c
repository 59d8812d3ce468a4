/*
 * apply.c -- one migration file, applied once.
 *
 * A file is one transaction. It waits for a lock only so long that nobody notices who stands behind it, and begins again then.
 * NAME.aside.sql is for indexes of tables that are in use: its statements run one by one outside of a transaction, each may be
 * interrupted, and all of them are run again until the last has succeeded.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/seal.h"
#include "ctl.h"

enum {
    TRIES = 120,      /* for locks: with the pauses, about five minutes */
    PAUSE_US = 500000 /* between two: who stood behind us goes on */
};

/* How long others may have to stand behind us. */
#define LOCK_TIMEOUT "1500ms"

/* What was waited for in vain: a lock, in time or for ever. */
static const char *const busy_states[] = {"55P03", "40P01", NULL};

static void
record(PGconn *conn, sfms_arena *a, const ctl_file *file, const char *checksum)
{
    ctl_text(conn, a,
        "INSERT INTO sfms.app_migrations (owner, name, checksum) VALUES ($1, $2, $3) RETURNING ''",
        SFMS_ARGS(file->owner, file->name, checksum));
}

static bool
try_once(PGconn *conn, sfms_arena *a, const ctl_file *file, const char *checksum)
{
    ctl_run(conn, file->what, "BEGIN");
    ctl_run(conn, file->what, "SET LOCAL lock_timeout = '" LOCK_TIMEOUT "'");
    if (!ctl_try(conn, file->what, file->sql, busy_states)) {
        ctl_run(conn, file->what, "ROLLBACK");
        return false;
    }
    record(conn, a, file, checksum);
    ctl_run(conn, file->what, "COMMIT");
    return true;
}

static void
apply_whole(PGconn *conn, sfms_arena *a, const ctl_file *file, const char *checksum)
{
    for (int i = 0; i < TRIES; i++) {
        if (try_once(conn, a, file, checksum))
            return;
        if (i == 0) {
            printf("%s waits for tables that are in use\n", file->what);
            fflush(stdout);
        }
        usleep(PAUSE_US);
    }
    sfms_die("%s: its tables are in use all the time, see pg_locks; try again later", file->what);
}

/* ---- aside ------------------------------------------------------------------------------------------- */

/* Indexes whose making was interrupted: they are kept up and never used. */
static const char broken_sql[] =
    "SELECT format('DROP INDEX CONCURRENTLY IF EXISTS %s', i.indexrelid::regclass)"
    "  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace s ON s.oid = c.relnamespace"
    " WHERE NOT i.indisvalid AND c.relkind = 'i' AND pg_get_userbyid(c.relowner) = current_user"
    "   AND s.nspname IN (SELECT 'app' UNION SELECT owner FROM sfms.app_migrations)"
    "   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)"
    " LIMIT 1";

static void
drop_broken(PGconn *conn, sfms_arena *a)
{
    for (;;) {
        const char *drop = ctl_text(conn, a, broken_sql, SFMS_NO_ARGS);

        if (drop[0] == '\0')
            return;
        ctl_run(conn, "an index that was not finished", drop);
    }
}

/* A statement ends with the ; at the end of a line. */
static const char *
next_statement(sfms_arena *a, const char **at)
{
    const char *begin, *end;

    while (isspace((unsigned char)**at))
        (*at)++;
    begin = *at;
    if (*begin == '\0')
        return NULL;
    end = strstr(begin, ";\n");
    end = end != NULL ? end + 1 : begin + strlen(begin);
    *at = end;
    return sfms_strndup(a, begin, (size_t)(end - begin));
}

/* What was done before an interruption is met again. */
static bool
may_repeat(const char *sql)
{
    return strstr(sql, " CONCURRENTLY IF NOT EXISTS ") != NULL ||
           strstr(sql, " CONCURRENTLY IF EXISTS ") != NULL;
}

static void
apply_aside(PGconn *conn, sfms_arena *a, const ctl_file *file, const char *checksum)
{
    const char *at = file->sql;

    for (const char *one = next_statement(a, &at); one != NULL; one = next_statement(a, &at)) {
        if (!may_repeat(one))
            sfms_die("%s: only CREATE INDEX CONCURRENTLY IF NOT EXISTS and DROP INDEX CONCURRENTLY IF EXISTS "
                     "can be done aside",
                file->what);
        drop_broken(conn, a);
        ctl_run(conn, file->what, one);
    }
    record(conn, a, file, checksum);
}

/* ---- either ------------------------------------------------------------------------------------------ */

static bool
is_aside(const char *name)
{
    static const char end[] = ".aside.sql";
    size_t n = strlen(name), k = strlen(end);

    return n > k && strcmp(name + n - k, end) == 0;
}

int
ctl_apply(PGconn *conn, sfms_arena *a, const ctl_file *file)
{
    uint8_t hash[SFMS_MAC_SIZE];
    const char *known =
        ctl_text(conn, a, "SELECT checksum FROM sfms.app_migrations WHERE owner = $1 AND name = $2",
            SFMS_ARGS(file->owner, file->name));
    const char *checksum;

    sfms_hash(file->sql, strlen(file->sql), hash);
    checksum = sfms_hex(a, hash, sizeof(hash));
    if (strcmp(known, checksum) == 0)
        return 0;
    if (known[0] != '\0')
        sfms_die(
            "%s was applied to this database in another form; undo the change and add a new file instead",
            file->what);
    if (is_aside(file->name))
        apply_aside(conn, a, file, checksum);
    else
        apply_whole(conn, a, file, checksum);
    printf("applied %s\n", file->what);
    fflush(stdout);
    return 1;
}
