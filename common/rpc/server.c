/* server.c -- a service process: configuration, start-up checks, serving, and a stop that loses nothing. */
#include "rpc/server.h"

#include <malloc.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/budget.h"
#include "core/config.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/renew.h"
#include "core/ring.h"
#include "core/time.h"
#include "rpc/link.h"
#include "rpc/serving.h"

enum {
    WORKERS_MAX = 64,
    DATABASE_PATIENCE_MS = 30000, /* at start-up, while PostgreSQL starts too */
    DATABASE_RETRY_MS = 250,
    DATABASE_COMPLAIN_MS = 5000,
    DRAIN_MS = 10000, /* for all that a stop waits for */
    WATCH_MS = 250,   /* how often it is looked whether somebody works for nobody */
    RENEW_LOOKS = 4,  /* of these, until files of secrets are looked at */
};

typedef struct {
    const char *services, *listen, *secret, *database_url, *database_user, *database_password, *prepared,
        *log_level;
    int workers, memory_mb, unsigned_principals;
    sfms_tls tls;
} settings;

static const sfms_option options[] = {
    {"SFMS_SERVICES", SFMS_OPT_TEXT, offsetof(settings, services), NULL,
        "addresses of all services: name=url[|url],name=url,..."},
    {"SFMS_LISTEN", SFMS_OPT_TEXT, offsetof(settings, listen), "",
        "where to listen; the first own address of SFMS_SERVICES if unset"},
    {"SFMS_SECRET", SFMS_OPT_SECRET, offsetof(settings, secret), NULL,
        "shared secret of all processes, at least 32 characters; several by lines, the first signs"},
    {"SFMS_DATABASE_URL", SFMS_OPT_SECRET, offsetof(settings, database_url), NULL,
        "PostgreSQL, as a libpq URL or connection string"},
    {"SFMS_DATABASE_USER", SFMS_OPT_TEXT, offsetof(settings, database_user), "",
        "role to connect as; sfms_<service> if unset"},
    {"SFMS_DATABASE_PASSWORD", SFMS_OPT_SECRET, offsetof(settings, database_password), "",
        "password of that role"},
    {"SFMS_PREPARED", SFMS_OPT_TEXT, offsetof(settings, prepared), "auto",
        "1 if statements are prepared under names, 0 if not; auto: not behind a pooler"},
    {"SFMS_WORKERS", SFMS_OPT_INT, offsetof(settings, workers), "6",
        "messages worked on at once, each with a database connection"},
    {"SFMS_MEMORY_MB", SFMS_OPT_INT, offsetof(settings, memory_mb), "320",
        "MiB for calls that wait or are worked on; what does not fit is told to come again"},
    {"SFMS_UNSIGNED_PRINCIPALS", SFMS_OPT_INT, offsetof(settings, unsigned_principals), "0",
        "1 while identity is of a version that does not sign whom calls are made for"},
    SFMS_TLS_OPTIONS(settings, tls),
    {"SFMS_TLS_CLIENTS", SFMS_OPT_INT, offsetof(settings, tls.clients), "1",
        "1 if who connects by tls+tcp must show a certificate of SFMS_TLS_CA"},
    {"SFMS_LOG_LEVEL", SFMS_OPT_TEXT, offsetof(settings, log_level), "info", "debug, info, warn or error"},
    {NULL},
};

static sfms_server server; /* one per process */

/* What is done beside calls; NULL while there is nothing. */
static pthread_mutex_t beside_lock = PTHREAD_MUTEX_INITIALIZER;
static void *beside;

const sfms_server_env *
sfms_env(void)
{
    return &server.env;
}

void
sfms_server_report(sfms_arena *a, Pb__HealthStatus *health)
{
    pthread_mutex_lock(&beside_lock);
    if (beside != NULL)
        server.service->background->report(beside, a, health);
    pthread_mutex_unlock(&beside_lock);
}

static void *
set_beside(void *running)
{
    void *before;

    pthread_mutex_lock(&beside_lock);
    before = beside;
    beside = running;
    pthread_mutex_unlock(&beside_lock);
    return before;
}

/* ---- starting ---------------------------------------------------------------------------------------- */

/* Where to listen: as told, or at the first of the service's own addresses. */
static const char *
listen_url(sfms_arena *perm, const settings *set, const char *service)
{
    const char *urls;

    if (set->listen[0] != '\0')
        return set->listen;
    urls = sfms_config_lookup(set->services, service);
    if (urls == NULL)
        sfms_die("SFMS_SERVICES does not name %s, and SFMS_LISTEN is not set", service);
    return sfms_strndup(perm, urls, strcspn(urls, "|"));
}

static sfms_prepare
prepare_setting(const char *text)
{
    if (strcmp(text, "auto") == 0)
        return SFMS_PREPARE_AUTO;
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
        sfms_die("SFMS_PREPARED must be 0, 1 or auto");
    return text[0] == '1' ? SFMS_PREPARE_ALWAYS : SFMS_PREPARE_NEVER;
}

static sfms_db_config *
database_config(sfms_arena *perm, const settings *set, const char *service)
{
    sfms_db_config *config = sfms_new(perm, sfms_db_config);

    config->url = set->database_url;
    config->user = set->database_user[0] != '\0' ? set->database_user : sfms_printf(perm, "sfms_%s", service);
    config->password = set->database_password;
    config->password_name = "SFMS_DATABASE_PASSWORD";
    config->url_name = "SFMS_DATABASE_URL";
    config->name = sfms_printf(perm, "sfms-%s", service);
    config->prepare = prepare_setting(set->prepared);
    return config;
}

/* All places may be taken while an upgrade runs both versions: one will be free. PostgreSQL and PgBouncer say so in words. */
static bool
is_full(const char *error)
{
    static const char *const words[] = {
        "too many", "connection slots are reserved", "no more connections allowed", NULL};

    for (int i = 0; words[i] != NULL; i++) {
        if (strstr(error, words[i]) != NULL)
            return true;
    }
    return false;
}

/* Waits for the database, which may be starting at this moment too, or have no connection left for us. Being told to stop ends
 * the process. */
static void
wait_for_database(sfms_db *db, const sigset_t *stop)
{
    static const struct timespec pause = {.tv_nsec = DATABASE_RETRY_MS * 1000000L};
    int64_t start = sfms_mono_us(), said = 0;

    while (!sfms_db_ready(db)) {
        int64_t now = sfms_mono_us();

        if (is_full(sfms_db_error(db)))
            start = now;
        if (now - start >= DATABASE_PATIENCE_MS * 1000LL)
            sfms_die("the database cannot be reached: %s", sfms_db_error(db));
        if (said == 0 || now - said >= DATABASE_COMPLAIN_MS * 1000LL) {
            sfms_log(SFMS_LOG_WARN, "waiting for the database: %s", sfms_db_error(db));
            said = now;
        }
        if (sigtimedwait(stop, NULL, &pause) > 0)
            exit(0);
    }
}

static void
block_signals(sigset_t *stop)
{
    sigset_t renew;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(stop);
    sigaddset(stop, SIGTERM);
    sigaddset(stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, stop, NULL);
    sigemptyset(&renew);
    sigaddset(&renew, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &renew, NULL);
}

static void
open_socket(sfms_server *s)
{
    int rv = nng_rep0_open(&s->socket);

    if (rv == 0)
        rv = sfms_socket_options(s->socket);
    if (rv != 0)
        sfms_die("cannot open a socket: %s", nng_strerror(rv));
    s->news = sfms_news_new(s->keys.reply, s->service->tells_news ? s->env.database : NULL);
    s->peers = sfms_peers_new(s->socket, s->keys.reply, s->news);
}

/* A socket file that a killed process left behind is no hindrance: nng removes it if nobody answers there. */
static void
start_listening(const sfms_server *s, const char *url)
{
    int rv = sfms_listen(s->socket, url, &s->keys.tls);

    if (rv == NNG_EADDRINUSE)
        sfms_die("cannot listen at %s: another process does", url);
    if (rv != 0)
        sfms_die("cannot listen at %s: %s", url, nng_strerror(rv));
}

/* How many connections to the database the process opens at most: one for each worker, the one that asks whether the database
 * answers, those of what it does beside, and the one that watches the log of events. */
static int
count_connections(const sfms_service *service, int workers)
{
    return workers + 1 + service->tells_news +
           (service->background != NULL ? service->background->connections(service) : 0);
}

/* Everything that can be wrong is found out here, before the first call. */
static void
prepare(
    sfms_server *s, const sfms_service *service, const settings *set, sfms_arena *perm, const sigset_t *stop)
{
    sfms_ring *token_ring, *once_ring;
    sfms_db_config *database = database_config(perm, set, service->name);
    sfms_db *db;

    sfms_seal_init();
    s->service = service;
    s->unsigned_principals = set->unsigned_principals == 1;
    sfms_wire_keys_init(&s->keys, set->secret, &set->tls);
    token_ring = sfms_ring_new(set->secret, "page token");
    once_ring = sfms_ring_new(set->secret, "idempotency key");
    sfms_renew_watch("SFMS_SECRET", sfms_rings_renew);
    s->env.service = service->name;
    s->env.contract = sfms_contract_load();
    s->env.database = database;
    s->env.token_ring = token_ring;
    s->env.once_ring = once_ring;
    db = sfms_db_open(s->env.database);
    wait_for_database(db, stop);
    sfms_db_settle(db, database);
    s->served = sfms_served_table(perm, service, s->env.contract, sfms_db_conn(db), token_ring);
    sfms_db_close(db);
    s->env.links = sfms_links_open_lazy(set->services, &s->keys);
    if (service->start != NULL)
        service->start(&s->env);
}

/* ---- stopping ---------------------------------------------------------------------------------------- */

/* No call that has been received is lost, nor one that is on its way here: clients are told, and workers go on until
 * nothing has come for a while. The listener stays open meanwhile: nng closes its connections with it. Who connects now is
 * told at once. */
static bool
drain(sfms_server *s, sfms_workers *workers)
{
    int64_t until = sfms_mono_us() + DRAIN_MS * 1000LL;
    void *background;
    bool drained;

    atomic_store(&s->last_us, sfms_mono_us());
    atomic_store(&s->draining, true);
    sfms_peers_tell(s->peers);
    drained = sfms_workers_drain(workers, DRAIN_MS);
    background = set_beside(NULL);
    if (background != NULL) {
        int64_t left_ms = (until - sfms_mono_us()) / 1000;

        s->service->background->stop(background, left_ms > 0 ? (int)left_ms : 0);
    }
    return drained;
}

/* Waits until it is told to stop, and looks after workers and secrets meanwhile; SIGHUP has all secrets read again. */
static int
wait_for_signal(const sigset_t *stop, sfms_workers *workers)
{
    static const struct timespec pause = {.tv_nsec = WATCH_MS * 1000000L};
    sigset_t signals = *stop;
    int signal_number = -1;

    sigaddset(&signals, SIGHUP);
    for (unsigned n = 1; signal_number < 0; n++) {
        signal_number = sigtimedwait(&signals, NULL, &pause);
        sfms_workers_watch(workers);
        if (signal_number == SIGHUP || n % RENEW_LOOKS == 0)
            sfms_renew_look(signal_number == SIGHUP);
        if (signal_number == SIGHUP)
            signal_number = -1;
    }
    return signal_number;
}

int
sfms_service_main(const sfms_service *service, int argc, char **argv)
{
    sfms_arena *perm = sfms_arena_new();
    sfms_workers *workers;
    settings set = {0};
    sigset_t stop;
    int64_t start = sfms_mono_us();
    const char *url;
    int signal_number;

    mallopt(
        M_MMAP_THRESHOLD, SFMS_ARENA_KEEP); /* what is large goes back to the system when it is given back */
    mallopt(
        M_ARENA_MAX, 2); /* threads share heaps: idle memory counts more than the last malloc per second */
    sfms_config_read(options, &set, argc, argv, service->about);
    sfms_log_open(sfms_printf(perm, "sfms-%s", service->name), set.log_level);
    if (set.workers < 1 || set.workers > WORKERS_MAX)
        sfms_die("SFMS_WORKERS must be between 1 and %d", WORKERS_MAX);
    if (!sfms_budget_open(set.memory_mb))
        sfms_die("SFMS_MEMORY_MB must be between %d and %d", SFMS_BUDGET_MIN_MB, SFMS_BUDGET_MAX_MB);
    url = listen_url(perm, &set, service->name);
    block_signals(&stop);
    prepare(&server, service, &set, perm, &stop);
    open_socket(&server);
    sfms_db_watch(server.env.database);
    sfms_socket_watch();
    workers = sfms_workers_start(&server, set.workers);
    start_listening(&server, url);
    if (service->background != NULL)
        set_beside(service->background->start(&server.env, service));
    sfms_log(SFMS_LOG_INFO, "ready listen=%s workers=%d connections=%d ms=%d", url, set.workers,
        count_connections(service, set.workers), (int)((sfms_mono_us() - start) / 1000));

    signal_number = wait_for_signal(&stop, workers);
    sfms_log(SFMS_LOG_INFO, "stopping signal=%s", signal_number == SIGINT ? "INT" : "TERM");
    if (!drain(&server, workers)) {
        sfms_log(SFMS_LOG_WARN, "stopped with calls still running after %d ms", DRAIN_MS);
        _exit(0);
    }
    sfms_db_watch_end();
    sfms_socket_deadline(SFMS_CLOSE_SECONDS, 0);
    sfms_workers_free(workers);
    nng_close(server.socket);
    sfms_peers_free(server.peers);
    sfms_news_free(server.news);
    sfms_links_close(server.env.links, 0);
    sfms_socket_deadline(0, 0);
    sfms_arena_free(perm);
    sfms_log(SFMS_LOG_INFO, "stopped");
    return 0;
}
