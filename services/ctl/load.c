/* load.c -- SQL of one's own, as the owner: demo data, repairs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/log.h"
#include "ctl.h"

enum { LOAD_MAX = 256 << 20 }; /* bytes of a file */

char *
ctl_read(const char *path)
{
    size_t n;
    char *sql = sfms_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, LOAD_MAX, &n);

    if (sql == NULL)
        sfms_die("cannot read %s: %s", path, strerror(errno));
    if (strlen(sql) != n)
        sfms_die("%s is not text", path);
    return sql;
}

int
ctl_load(int argc, char **argv)
{
    const char *path = argc == 2 ? argv[1] : NULL;
    PGconn *conn;
    char *sql;

    if (path == NULL)
        ctl_usage("load");
    sql = ctl_read(path);
    conn = ctl_connect();
    ctl_run(conn, path, "BEGIN");
    ctl_run(conn, path, sql);
    ctl_run(conn, path, "COMMIT");
    PQfinish(conn);
    free(sql);
    return 0;
}
