/* readers.c -- how far the readers of the event log have come, and putting one somewhere else. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "ctl.h"

static const char list_sql[] =
    "SELECT r.name, count(*), count(next.at), coalesce(round(extract(epoch FROM "
    "max(now() - next.at)))::text, '0'),"
    "       coalesce(max(r.error), '')"
    "  FROM app.readers r LEFT JOIN LATERAL ("
    "       SELECT e.event_time AS at FROM app.events e WHERE e.org_id = r.org_id "
    "AND (e.xid, e.seq) > (r.xid, r.seq)"
    "        ORDER BY e.xid, e.seq LIMIT 1) next ON true"
    " WHERE r.org_id <> '00000000-0000-0000-0000-000000000000' GROUP BY 1 ORDER BY 1";

/* Just before the first event of that time or later; at the end of the log if there is none. */
static const char begin_sql[] =
    "UPDATE app.readers r SET seq = 0, error = NULL, update_time = now(),"
    "       xid = CASE $2 WHEN 'start' THEN '0' WHEN 'now' THEN app.event_mark()"
    "             ELSE coalesce((SELECT e.xid FROM app.events e WHERE e.org_id = r.org_id"
    "                               AND e.event_time >= CASE WHEN $2 NOT IN ('start', 'now') THEN "
    "$2::timestamptz END"
    "                             ORDER BY e.xid, e.seq LIMIT 1), app.event_mark()) END"
    " WHERE r.name = $1 AND r.org_id <> '00000000-0000-0000-0000-000000000000'"
    "   AND ($3::uuid IS NULL OR r.org_id = $3::uuid)";

int
ctl_readers(int argc, char **argv)
{
    PGconn *conn;
    PGresult *rows;

    (void)argv;
    if (argc > 1)
        ctl_usage("readers");
    conn = ctl_connect();
    rows = PQexec(conn, list_sql);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        sfms_die("the readers cannot be listed: %s", PQerrorMessage(conn));
    for (int r = 0; r < PQntuples(rows); r++)
        printf("%-24s %s organisations, %s behind, the oldest by %s s%s%s\n", PQgetvalue(rows, r, 0),
            PQgetvalue(rows, r, 1), PQgetvalue(rows, r, 2), PQgetvalue(rows, r, 3),
            PQgetvalue(rows, r, 4)[0] != '\0' ? "; it fails: " : "", PQgetvalue(rows, r, 4));
    PQclear(rows);
    PQfinish(conn);
    return 0;
}

int
ctl_readers_begin(int argc, char **argv)
{
    static const struct option options[] = {
        {"from", required_argument, NULL, 'f'}, {"org", required_argument, NULL, 'o'}, {NULL}};
    const char *values[3] = {NULL, NULL, NULL};
    PGconn *conn;
    PGresult *done;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c != 'f' && c != 'o')
            ctl_usage("readers begin");
        values[c == 'f' ? 1 : 2] = optarg;
    }
    if (optind != argc - 1 || values[1] == NULL)
        ctl_usage("readers begin");
    values[0] = argv[optind];
    conn = ctl_connect();
    done = PQexecParams(conn, begin_sql, 3, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(done) != PGRES_COMMAND_OK)
        sfms_die("the reader stays where it is: %s", PQerrorMessage(conn));
    if (strcmp(PQcmdTuples(done), "0") == 0)
        sfms_die("there is no reader \"%s\"; \"sfmsctl readers\" lists them", values[0]);
    printf("%s begins again in %s organisations\n", values[0], PQcmdTuples(done));
    PQclear(done);
    PQfinish(conn);
    return 0;
}
