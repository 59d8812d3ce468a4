/* sfms-gateway: HTTP and JSON on one side, the services on the other. */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "client.h"
#include "compress.h"
#include "core/budget.h"
#include "core/config.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/renew.h"
#include "core/ring.h"
#include "core/seal.h"
#include "core/time.h"
#include "gateway.h"
#include "health.h"
#include "http.h"
#include "request.h"
#include "stream.h"

enum {
    FILES_BESIDE = 128, /* descriptors for what is no HTTP connection */
    DRAIN_MS = 15000,   /* for requests under way when the process is told to stop */
    CLOSE_MS = 1000,    /* then for calls that have still not come back */
};

/* What the name of a header is made of: RFC 9110, section 5.6.2. */
#define HEADER_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"

/* The gateway's own addresses; all others are the contract's. */
static const route_own_row own[] = {
    {"GET", "/openapi.json", openapi_own},
    {"GET", "/openapi-3.0.json", openapi_own_30},
    {"GET", "/healthz", health_live},
    {"GET", "/readyz", health_ready},
    {"GET", "/metrics", metrics_own},
    {NULL, NULL, NULL},
};

/* clang-format off */
#define AT(member) offsetof(gateway_config, member)
static const sfms_option options[] = {
    {"SFMS_SERVICES", SFMS_OPT_TEXT, AT(services), NULL, "services and their URLs: name=url[|url],name=url"},
    {"SFMS_SECRET", SFMS_OPT_SECRET, AT(secret), NULL, "what all processes share, 32 characters or more; several by lines, the first signs"},
    SFMS_TLS_OPTIONS(gateway_config, tls),
    {"SFMS_HTTP_HOST", SFMS_OPT_TEXT, AT(host), "127.0.0.1", "address to listen on; 0.0.0.0 or :: for all"},
    {"SFMS_PORT", SFMS_OPT_INT, AT(port), "8080", "port to listen on; 0 for any that is free"},
    {"SFMS_HTTP_THREADS", SFMS_OPT_INT, AT(threads), "2", "threads that serve HTTP"},
    {"SFMS_CONNECTIONS", SFMS_OPT_INT, AT(connections), "4096", "HTTP connections at most"},
    {"SFMS_CONNECTIONS_PER_ADDRESS", SFMS_OPT_INT, AT(per_address), "0", "those of one address at most; 0: a quarter, but any behind SFMS_TRUST_PROXY"},
    {"SFMS_STREAMS", SFMS_OPT_INT, AT(streams), "1024", "streams of events at most, half of them of one organisation; never more than half of SFMS_CONNECTIONS"},
    {"SFMS_CORS_ORIGINS", SFMS_OPT_TEXT, AT(origins), "", "origins whose pages may call, by commas; * for all"},
    {"SFMS_CORS_HEADERS", SFMS_OPT_TEXT, AT(cors_headers), "", "more headers that such pages may send, by commas"},
    {"SFMS_RATE_LIMIT", SFMS_OPT_INT, AT(rate), "0", "requests per second of a user or unknown address; 0: any"},
    {"SFMS_TRUST_PROXY", SFMS_OPT_INT, AT(trust_proxy), "-1", "proxies in front that add to X-Forwarded-For; -1: not said, as 0"},
    {"SFMS_MEMORY_MB", SFMS_OPT_INT, AT(memory_mb), "320", "MiB for bodies and answers; what does not fit is told to come again"},
    {"SFMS_LOG_LEVEL", SFMS_OPT_TEXT, AT(log_level), "info", "debug, info, warn or error"},
    {NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

static void
check_config(const gateway_config *c)
{
    if (c->port < 0 || c->port > 65535)
        sfms_die("SFMS_PORT must be between 0 and 65535");
    if (c->threads < 1 || c->threads > 64)
        sfms_die("SFMS_HTTP_THREADS must be between 1 and 64");
    if (c->connections < c->threads || c->connections > 1000000)
        sfms_die("SFMS_CONNECTIONS must be between SFMS_HTTP_THREADS and 1000000");
    if (c->streams < 0)
        sfms_die("SFMS_STREAMS must not be negative");
    if (c->per_address < 0)
        sfms_die("SFMS_CONNECTIONS_PER_ADDRESS must not be negative");
    if (c->cors_headers[strspn(c->cors_headers, HEADER_LETTERS ", ")] != '\0')
        sfms_die("SFMS_CORS_HEADERS must be names of headers, by commas");
    if (c->trust_proxy < -1 || c->trust_proxy > 16)
        sfms_die("SFMS_TRUST_PROXY must be the number of proxies in front, 0 to 16");
    if (!sfms_budget_open(c->memory_mb))
        sfms_die("SFMS_MEMORY_MB must be between %d and %d", SFMS_BUDGET_MIN_MB, SFMS_BUDGET_MAX_MB);
    if (c->rate < 0)
        sfms_die("SFMS_RATE_LIMIT must not be negative");
}

/* Every connection is a file descriptor, and the usual soft limit of 1024 is for programs that use select. If the system
 * does not give enough, there are fewer connections, so that none takes a descriptor that something else needs. */
static void
allow_files(gateway_config *c)
{
    rlim_t wanted = (rlim_t)c->connections + FILES_BESIDE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted)
        return;
    int left = limit.rlim_cur > FILES_BESIDE ? (int)(limit.rlim_cur - FILES_BESIDE) : 0;
    c->connections = left > c->threads ? left : c->threads;
    sfms_log(SFMS_LOG_WARN, "the limit of open files allows only %d connections", c->connections);
}

static void
find_links(gateway *gw)
{
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(gw->contract, &n);

    gw->link_of = calloc(n, sizeof *gw->link_of);
    if (gw->link_of == NULL)
        sfms_die("out of memory");
    for (unsigned i = 0; i < n; i++)
        gw->link_of[i] = sfms_links_find(gw->links, methods[i].service);
}

static void
open_gateway(gateway *gw, sfms_arena *a)
{
    sfms_wire_keys keys;
    unsigned n_targets;

    gw->contract = sfms_contract_load();
    gw->router = route_build(a, gw->contract, own);
    (void)route_targets(gw->router, &n_targets);
    gw->metrics = metrics_new(n_targets);
    gw->limit = ratelimit_new(gw->config.rate);
    gw->openapi = openapi_new(gw->router, gw->contract);
    sfms_wire_keys_init(&keys, gw->config.secret, &gw->config.tls);
    sfms_renew_watch("SFMS_SECRET", sfms_rings_renew);
    sfms_socket_watch();
    gw->links = sfms_links_open(gw->config.services, &keys);
    find_links(gw);
    gw->auth = auth_new(gw->contract, gw->links);
    streams_start(gw);
}

static void
close_gateway(gateway *gw)
{
    auth_free(gw->auth);
    openapi_free(gw->openapi);
    ratelimit_free(gw->limit);
    metrics_free(gw->metrics);
    free(gw->link_of);
    request_end();
    compress_end();
}

static void
nap(void)
{
    const struct timespec ms = {.tv_nsec = 5000000};

    (void)nanosleep(&ms, NULL);
}

/* Waits until a count is zero; false if it still is not when the time is over. */
static bool
wait_for_none(atomic_uint *count, int ms)
{
    int64_t until = sfms_mono_us() + ms * INT64_C(1000);

    while (atomic_load(count) != 0) {
        if (sfms_mono_us() > until)
            return false;
        nap();
    }
    return true;
}

/* No new connections; what is under way is answered, and asks for its connection to be closed. Then no new
 * calls either, and the links are closed, which ends what calls there still are. */
static void
drain(gateway *gw, http *server)
{
    atomic_store(&gw->draining, true);
    http_quiesce(server);
    streams_drain();
    if (!wait_for_none(&gw->under_way, DRAIN_MS))
        sfms_log(SFMS_LOG_WARN, "%u requests were still under way", atomic_load(&gw->under_way));
    atomic_store(&gw->stopped, true);
    (void)wait_for_none(&gw->calls, CLOSE_MS);
    sfms_socket_deadline(SFMS_CLOSE_SECONDS, 0);
    sfms_links_close(gw->links, CLOSE_MS);
    sfms_socket_deadline(0, 0);
    (void)wait_for_none(&gw->under_way, CLOSE_MS);
    http_stop(server);
    streams_stop();
}

/* Until the process is told to stop. Secrets are read again when their files have changed, and all of them at a SIGHUP. */
static void
wait_for_signal(const sigset_t *signals)
{
    static const struct timespec second = {.tv_sec = 1};
    int which;

    do {
        which = sigtimedwait(signals, NULL, &second);
        sfms_renew_look(which == SIGHUP);
    } while (which < 0 || which == SIGHUP);
}

int
main(int argc, char **argv)
{
    static gateway gw;
    sigset_t signals;

    (void)mallopt(
        M_MMAP_THRESHOLD, SFMS_ARENA_KEEP); /* what is large goes back to the system when it is given back */
    (void)mallopt(M_ARENA_MAX, 2);          /* few threads allocate; more arenas only cost memory */
    sfms_config_read(options, &gw.config, argc, argv, "HTTP and JSON in front of the services");
    sfms_log_open("sfms-gateway", gw.config.log_level);
    check_config(&gw.config);
    allow_files(&gw.config);
    client_start(&gw.config);
    sfms_seal_init();

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before there are threads, so that all inherit it */
    (void)signal(SIGPIPE, SIG_IGN);

    sfms_arena *arena = sfms_arena_new();
    open_gateway(&gw, arena);
    http *server = http_start(&gw);
    sfms_log(SFMS_LOG_INFO, "ready url=http://%s:%d", gw.config.host, http_port(server));

    wait_for_signal(&signals);
    sfms_log(SFMS_LOG_INFO, "stopping");
    drain(&gw, server);
    close_gateway(&gw);
    sfms_arena_free(arena);
    sfms_log(SFMS_LOG_INFO, "stopped");
    return 0;
}
