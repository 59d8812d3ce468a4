/* database.c -- the owner's connection. One that has stopped in the middle of a transaction does not hold others up for long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "ctl.h"

enum { TURN_US = 100000 };

/* What an operator reads of a server's notice: warnings, without the rest. */
static void
print_notice(void *arg, const char *message)
{
    (void)arg;
    fprintf(stderr, "%s", message);
}

PGconn *
ctl_connect(void)
{
    const char *const names[] = {"dbname", "application_name", "options", NULL};
    const char *const values[] = {ctl_env->database_url, "sfmsctl",
        "-c client_min_messages=warning -c search_path=pg_catalog -c TimeZone=UTC -c DateStyle=ISO"
        " -c idle_in_transaction_session_timeout=60000",
        NULL};
    PGconn *conn;

    if (ctl_env->database_url[0] == '\0')
        sfms_die("SFMS_DATABASE_URL must be set: it says where PostgreSQL is");
    conn = PQconnectdbParams(names, values, 1);
    if (PQstatus(conn) != CONNECTION_OK)
        sfms_die("cannot connect to the database: %s", PQerrorMessage(conn));
    PQsetNoticeProcessor(conn, print_notice, NULL);
    return conn;
}

/* The line of the SQL that the server points to; 0 if it points nowhere. */
static int
line_of(const PGresult *result, const char *sql)
{
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    long characters = position != NULL ? strtol(position, NULL, 10) : 0;
    int line = 1;

    if (characters == 0)
        return 0;
    for (const char *p = sql; *p != '\0' && characters > 1; p++) {
        if (((unsigned char)*p & 0xc0) == 0x80)
            continue;
        characters--;
        line += *p == '\n';
    }
    return line;
}

static const char *
or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* Ends the process with the server's words: sentence, detail, and the line of the SQL. */
static _Noreturn void
die_of(const PGresult *result, const char *what, const char *sql)
{
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = or_empty(PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
    int line = line_of(result, sql);
    char at[32] = "";

    if (line > 0)
        snprintf(at, sizeof(at), ", line %d", line);
    if (message == NULL)
        message = PQresultErrorMessage(result);
    sfms_die("%s%s: %s%s%s", what, at, message, detail[0] != '\0' ? ": " : "", detail);
}

static bool
is_one_of(const PGresult *result, const char *const *states)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    for (; state != NULL && *states != NULL; states++) {
        if (strcmp(state, *states) == 0)
            return true;
    }
    return false;
}

bool
ctl_try(PGconn *conn, const char *what, const char *sql, const char *const *states)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;

    if (status == PGRES_COPY_IN)
        sfms_die("%s: COPY FROM STDIN is not possible here; write INSERT", what);
    if (!ok && !is_one_of(result, states))
        die_of(result, what, sql);
    PQclear(result);
    return ok;
}

void
ctl_run(PGconn *conn, const char *what, const char *sql)
{
    static const char *const none[] = {NULL};

    ctl_try(conn, what, sql, none);
}

const char *
ctl_text(PGconn *conn, sfms_arena *a, const char *sql, int n, const char *const *values)
{
    PGresult *result =
        sfms_arena_own(a, PQexecParams(conn, sql, n, NULL, values, NULL, NULL, 0), (sfms_dtor *)PQclear);

    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        die_of(result, "the database refuses", sql);
    return PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
}

const char *
ctl_identifier(PGconn *conn, sfms_arena *a, const char *name)
{
    return sfms_arena_own(a, PQescapeIdentifier(conn, name, strlen(name)), PQfreemem);
}

/* Who waits does not do so inside of a statement: making an index aside would wait for that in turn. */
void
ctl_take_turn(PGconn *conn, sfms_arena *a)
{
    while (strcmp(ctl_text(conn, a, "SELECT pg_try_advisory_lock(hashtext('sfms migrate'))", SFMS_NO_ARGS),
               "t") != 0)
        usleep(TURN_US);
}

void
ctl_set_password(PGconn *conn, sfms_arena *a, const char *role, const char *password)
{
    char *verifier;

    if (password[0] == '\0')
        return;
    verifier = PQencryptPasswordConn(conn, password, role, "scram-sha-256");
    if (verifier == NULL)
        sfms_die("the password of %s: %s", role, PQerrorMessage(conn));
    sfms_arena_own(a, verifier, PQfreemem);
    ctl_run(conn, role, sfms_printf(a, "ALTER ROLE %s PASSWORD '%s'", role, verifier));
}
