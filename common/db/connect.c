/* connect.c -- how a session with PostgreSQL begins and ends, and how it is ended from outside. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/config.h"
#include "core/log.h"
#include "core/time.h"
#include "db/clock.h"
#include "db/connection.h"
#include "db/pulse.h"

enum { PARAMETERS = 16 };

/* What the URL says otherwise counts. A host that has gone is noticed within 15 s, one to which we send within 10. */
static const char *const before[][2] = {
    {"connect_timeout", "2"},
    {"keepalives", "1"},
    {"keepalives_idle", "5"},
    {"keepalives_interval", "3"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "10000"},
};

/* What the URL says about hosts. */
typedef struct {
    bool several; /* by name or path, of which one may be asked for alone */
    bool primary; /* the one that takes writes is wanted, as nothing else is said */
} hosts;

static hosts
hosts_of(const char *url)
{
    PQconninfoOption *all = PQconninfoParse(url, NULL);
    bool names = false, addresses = false, said = false;

    for (const PQconninfoOption *o = all; o != NULL && o->keyword != NULL; o++) {
        if (o->val == NULL)
            continue;
        names = names || (strcmp(o->keyword, "host") == 0 && strchr(o->val, ',') != NULL);
        addresses = addresses || strcmp(o->keyword, "hostaddr") == 0;
        said = said || strcmp(o->keyword, "target_session_attrs") == 0;
    }
    PQconninfoFree(all);
    return (hosts){.several = names && !addresses, .primary = names && !said};
}

/* Of several hosts the one that answered last: while the first in the list is away, not everybody has to wait for it. */
static struct {
    pthread_mutex_t lock;
    char host[256], port[16]; /* "" if none is known */
} last = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
remember(const char *host, const char *port)
{
    pthread_mutex_lock(&last.lock);
    snprintf(last.host, sizeof(last.host), "%s", host);
    snprintf(last.port, sizeof(last.port), "%s", port);
    pthread_mutex_unlock(&last.lock);
}

static void
no_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result; /* notices of triggers are for people at a prompt */
}

typedef struct {
    const char *keys[PARAMETERS], *values[PARAMETERS];
    size_t n;
} parameters;

static void
add(parameters *p, const char *key, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    p->keys[p->n] = key;
    p->values[p->n++] = value;
}

/* Nothing but what every pooler takes: what a session must be like is set for its role, see sfms_db_settle. */
static PGconn *
connect_to(const sfms_db_config *config, bool primary, const char *host, const char *port)
{
    parameters p = {.n = 0};
    char *url = config->url_name != NULL ? sfms_config_again(config->url_name) : NULL;
    char *password = config->password_name != NULL ? sfms_config_again(config->password_name) : NULL;
    PGconn *conn;

    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        add(&p, before[i][0], before[i][1]);
    add(&p, "dbname", url != NULL ? url : config->url);
    add(&p, "application_name", config->name);
    add(&p, "target_session_attrs", primary ? "read-write" : NULL);
    add(&p, "host", host);
    add(&p, "port", port);
    add(&p, "user", config->user);
    add(&p, "password", password != NULL ? password : config->password);
    conn = PQconnectdbParams(p.keys, p.values, 1);
    free(url);
    free(password);
    PQsetNoticeReceiver(conn, no_notice, NULL);
    return conn;
}

PGconn *
sfms_connect(const sfms_db_config *config)
{
    hosts h = hosts_of(config->url);
    char host[sizeof(last.host)], port[sizeof(last.port)];
    PGconn *conn;

    if (!h.several)
        return connect_to(config, h.primary, NULL, NULL);
    pthread_mutex_lock(&last.lock);
    memcpy(host, last.host, sizeof(host));
    memcpy(port, last.port, sizeof(port));
    pthread_mutex_unlock(&last.lock);
    if (host[0] != '\0') {
        conn = connect_to(config, h.primary, host, port);
        if (PQstatus(conn) == CONNECTION_OK)
            return conn;
        PQfinish(conn);
        remember("", "");
    }
    conn = connect_to(config, h.primary, NULL, NULL);
    if (PQstatus(conn) == CONNECTION_OK)
        remember(PQhost(conn), PQport(conn));
    return conn;
}

/* ---- from outside ------------------------------------------------------------------------------------ */

/* How to end what runs, and the connection, from another thread. The socket is a copy, as libpq closes its own when it likes. */
static void
keep_handles(sfms_db *db, PGcancel *cancel, int socket)
{
    pthread_mutex_lock(&db->handles_lock);
    PQfreeCancel(db->cancel);
    db->cancel = cancel;
    if (db->socket >= 0)
        close(db->socket);
    db->socket = socket;
    pthread_mutex_unlock(&db->handles_lock);
}

static void *
cancel(void *handle)
{
    char why[256];

    if (PQcancel(handle, why, sizeof(why)) != 1)
        sfms_log(SFMS_LOG_WARN, "a statement could not be cancelled: %s", why);
    PQfreeCancel(handle);
    return NULL;
}

/* A thread of its own, to which the handle belongs then: to say it to the server may take long, too. */
void
sfms_db_cancel(sfms_db *db)
{
    pthread_t thread;
    PGcancel *handle;

    pthread_mutex_lock(&db->handles_lock);
    handle = db->cancel;
    db->cancel = NULL;
    pthread_mutex_unlock(&db->handles_lock);
    if (handle == NULL)
        return;
    if (pthread_create(&thread, NULL, cancel, handle) == 0)
        pthread_detach(thread);
    else
        PQfreeCancel(handle);
}

void
sfms_connection_renew_cancel(sfms_db *db)
{
    pthread_mutex_lock(&db->handles_lock);
    if (db->cancel == NULL)
        db->cancel = PQgetCancel(db->conn);
    pthread_mutex_unlock(&db->handles_lock);
}

void
sfms_db_hang_up(sfms_db *db)
{
    pthread_mutex_lock(&db->handles_lock);
    if (db->socket >= 0)
        shutdown(db->socket, SHUT_RDWR);
    pthread_mutex_unlock(&db->handles_lock);
}

/* ---- the time that all processes share ----------------------------------------------------------------- */

/* What the database's clock was ahead of our monotonic one when we last asked; INT64_MIN before. */
static _Atomic int64_t ahead_us = INT64_MIN;

int64_t
sfms_db_now_ms(void)
{
    int64_t ahead = atomic_load(&ahead_us);

    return ahead == INT64_MIN ? sfms_now_ms() : (sfms_mono_us() + ahead) / 1000;
}

/* A new connection asks for the time. One that cannot tell it is found out about by what it is made for. */
static void
ask_time(PGconn *conn)
{
    PGresult *result = PQexec(conn, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");

    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        atomic_store(&ahead_us, strtoll(PQgetvalue(result, 0, 0), NULL, 10) - sfms_mono_us());
    PQclear(result);
}

/* ---- beginning and ending ---------------------------------------------------------------------------- */

bool
sfms_connection_begin(sfms_db *db)
{
    sfms_pulse_waits(db);
    db->conn = sfms_connect(&db->config);
    if (PQstatus(db->conn) == CONNECTION_OK)
        ask_time(db->conn);
    sfms_pulse_heard(db, PQstatus(db->conn) == CONNECTION_OK);
    if (PQstatus(db->conn) == CONNECTION_OK) {
        keep_handles(db, PQgetCancel(db->conn), fcntl(PQsocket(db->conn), F_DUPFD_CLOEXEC, 0));
        db->begin_us = sfms_mono_us();
        return true;
    }
    snprintf(db->error, sizeof(db->error), "%s", PQerrorMessage(db->conn));
    db->error[strcspn(db->error, "\n")] = '\0';
    sfms_connection_end(db);
    return false;
}

void
sfms_connection_end(sfms_db *db)
{
    keep_handles(db, NULL, -1);
    sfms_connection_forget(db);
    PQfinish(db->conn);
    db->conn = NULL;
    db->pipeline = false;
    db->read_only = false;
}

/* ---- what a session must be like --------------------------------------------------------------------- */

/* The names of what a service reads and writes, and how times and dates are written. */
static const char settings_sql[] = "SELECT coalesce(string_agg(format('%s is %s and should be %s', w.name, "
                                   "current_setting(w.name), w.value), ', '), ''),"
                                   "       pg_backend_pid()"
                                   "  FROM (VALUES ('search_path', 'pg_catalog'), ('TimeZone', 'UTC'), "
                                   "('DateStyle', 'ISO, MDY')) w (name, value)"
                                   " WHERE current_setting(w.name) <> w.value";

void
sfms_db_settle(sfms_db *db, sfms_db_config *config)
{
    PGconn *conn = sfms_db_conn(db);
    PGresult *result = PQexec(conn, settings_sql);

    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        sfms_die("the database refuses: %s", PQerrorMessage(conn));
    if (PQgetvalue(result, 0, 0)[0] != '\0')
        sfms_die("%s for the role %s: \"sfmsctl migrate\" sets them", PQgetvalue(result, 0, 0), PQuser(conn));
    /* Whoever stands between gives us another session's number than the one that works for us. */
    config->pooled = strtol(PQgetvalue(result, 0, 1), NULL, 10) != PQbackendPID(conn);
    PQclear(result);
    if (config->prepare == SFMS_PREPARE_AUTO)
        config->prepare = config->pooled ? SFMS_PREPARE_NEVER : SFMS_PREPARE_ALWAYS;
    sfms_log(SFMS_LOG_INFO, "database pooled=%s prepared=%s", config->pooled ? "yes" : "no",
        config->prepare == SFMS_PREPARE_ALWAYS ? "yes" : "no");
}
