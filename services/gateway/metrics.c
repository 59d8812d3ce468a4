/* metrics.c -- numbers for operators. */
#include "metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "connections.h"
#include "core/budget.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "health.h"
#include "request.h"
#include "stream.h"

/* Upper bounds in microseconds; the last bucket has none. */
static const int64_t bounds[] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};
enum { N_BUCKETS = sizeof bounds / sizeof bounds[0] + 1, N_CLASSES = 6 };

typedef struct {
    atomic_uint_fast64_t by_class[N_CLASSES]; /* 1xx to 5xx */
    atomic_uint_fast64_t by_time[N_BUCKETS];
    atomic_uint_fast64_t time_us;
} counters;

struct metrics {
    unsigned n_targets;
    int64_t start_us;
    counters counters[]; /* by target; the last for none */
};

metrics *
metrics_new(unsigned n_targets)
{
    metrics *m = calloc(1, sizeof *m + sizeof(counters) * (n_targets + 1));

    if (m == NULL)
        sfms_die("out of memory");
    m->n_targets = n_targets;
    m->start_us = sfms_mono_us();
    return m;
}

void
metrics_free(metrics *m)
{
    free(m);
}

static void
add(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t
get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void
metrics_count(metrics *m, const route_target *target, unsigned status, int64_t took_us)
{
    counters *c = &m->counters[target != NULL ? target->index : m->n_targets];
    unsigned bucket = 0;

    while (bucket < N_BUCKETS - 1 && took_us > bounds[bucket])
        bucket++;
    add(&c->by_class[status / 100 < N_CLASSES ? status / 100 : 0], 1);
    add(&c->by_time[bucket], 1);
    add(&c->time_us, (uint64_t)took_us);
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static void
describe(sfms_buf *b, const char *name, const char *type, const char *help)
{
    sfms_buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static const char *
label_of(sfms_arena *a, const route_target *t)
{
    return t != NULL ? sfms_printf(a, "route=\"%s %s\"", t->verb, t->path) : "route=\"\"";
}

static void
write_classes(sfms_buf *b, const counters *c, const char *label)
{
    for (unsigned i = 1; i < N_CLASSES; i++) {
        if (get(&c->by_class[i]) != 0)
            sfms_buf_printf(b, "sfms_http_requests_total{%s,status=\"%uxx\"} %" PRIu64 "\n", label, i,
                get(&c->by_class[i]));
    }
}

static void
write_times(sfms_buf *b, const counters *c, const char *label)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < N_BUCKETS; i++)
        sum += get(&c->by_time[i]);
    if (sum == 0)
        return;
    uint64_t up_to = 0;
    for (unsigned i = 0; i < N_BUCKETS - 1; i++) {
        up_to += get(&c->by_time[i]);
        sfms_buf_printf(b, "sfms_http_request_seconds_bucket{%s,le=\"%g\"} %" PRIu64 "\n", label,
            (double)bounds[i] / 1e6, up_to);
    }
    sfms_buf_printf(b, "sfms_http_request_seconds_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", label, sum);
    sfms_buf_printf(b, "sfms_http_request_seconds_sum{%s} %.6f\n", label, (double)get(&c->time_us) / 1e6);
    sfms_buf_printf(b, "sfms_http_request_seconds_count{%s} %" PRIu64 "\n", label, sum);
}

static void
write_requests(sfms_buf *b, const gateway *gw)
{
    const metrics *m = gw->metrics;
    unsigned n;
    const route_target *const *targets = route_targets(gw->router, &n);

    describe(b, "sfms_http_requests_total", "counter", "Requests answered, by route and class of status.");
    for (unsigned i = 0; i <= n; i++)
        write_classes(b, &m->counters[i], label_of(b->arena, i < n ? targets[i] : NULL));
    describe(
        b, "sfms_http_request_seconds", "histogram", "Time from a request's first line to the answer's end.");
    for (unsigned i = 0; i <= n; i++)
        write_times(b, &m->counters[i], label_of(b->arena, i < n ? targets[i] : NULL));
    describe(b, "sfms_http_requests_in_flight", "gauge", "Requests begun and not ended.");
    sfms_buf_printf(b, "sfms_http_requests_in_flight %u\n", atomic_load(&gw->under_way));
}

typedef struct {
    sfms_buf *b;
    const char *name;
    uint64_t (*value)(const sfms_link_stats *s);
} link_metric;

static uint64_t
link_calls(const sfms_link_stats *s)
{
    return s->calls;
}

static uint64_t
link_messages(const sfms_link_stats *s)
{
    return s->messages;
}

static uint64_t
link_retries(const sfms_link_stats *s)
{
    return s->retries;
}

static uint64_t
link_unavailable(const sfms_link_stats *s)
{
    return s->unavailable;
}

static uint64_t
link_waiting(const sfms_link_stats *s)
{
    return s->waiting;
}

static uint64_t
link_under_way(const sfms_link_stats *s)
{
    return s->under_way;
}

static void
write_link(void *arg, const char *service, sfms_link *link)
{
    const link_metric *lm = arg;
    sfms_link_stats stats;

    sfms_link_stat(link, &stats);
    sfms_buf_printf(lm->b, "%s{service=\"%s\"} %" PRIu64 "\n", lm->name, service, lm->value(&stats));
}

static void
write_up(void *arg, const char *service, sfms_link *link)
{
    sfms_buf_printf(arg, "sfms_link_up{service=\"%s\"} %d\n", service, sfms_link_up(link) ? 1 : 0);
}

static void
write_links(sfms_buf *b, const gateway *gw)
{
    static const struct {
        const char *name, *type, *help;
        uint64_t (*value)(const sfms_link_stats *s);
    } rows[] = {
        {"sfms_link_calls_total", "counter", "Calls made to a service.", link_calls},
        {"sfms_link_messages_total", "counter", "Messages in which they travelled.", link_messages},
        {"sfms_link_retries_total", "counter", "Calls sent a second time.", link_retries},
        {"sfms_link_unavailable_total", "counter", "Calls that found no service.", link_unavailable},
        {"sfms_link_calls_waiting", "gauge", "Calls waiting to be sent.", link_waiting},
        {"sfms_link_calls_under_way", "gauge", "Calls sent and not answered.", link_under_way},
    };

    describe(b, "sfms_link_up", "gauge", "1 if a replica of the service is connected.");
    sfms_links_each(gw->links, write_up, b);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        link_metric lm = {.b = b, .name = rows[i].name, .value = rows[i].value};
        describe(b, rows[i].name, rows[i].type, rows[i].help);
        sfms_links_each(gw->links, write_link, &lm);
    }
}

static void
write_memory(sfms_buf *b)
{
    sfms_budget_stats s;

    sfms_budget_stat(&s);
    describe(
        b, "sfms_memory_budget_bytes", "gauge", "Bytes that requests may have in memory: SFMS_MEMORY_MB.");
    sfms_buf_printf(b, "sfms_memory_budget_bytes %zu\n", s.bytes);
    describe(b, "sfms_memory_used_bytes", "gauge", "Bytes that requests have in memory.");
    sfms_buf_printf(b, "sfms_memory_used_bytes %zu\n", s.used);
    describe(b, "sfms_memory_peak_bytes", "gauge", "The most that they had since the start.");
    sfms_buf_printf(b, "sfms_memory_peak_bytes %zu\n", s.peak);
    describe(b, "sfms_memory_refused_total", "counter", "Times that there was no room.");
    sfms_buf_printf(b, "sfms_memory_refused_total %" PRIu64 "\n", s.refused);
}

static void
write_connections(sfms_buf *b)
{
    connections_stats s;

    connections_stat(&s);
    describe(b, "sfms_http_connections", "gauge", "HTTP connections that are open.");
    sfms_buf_printf(b, "sfms_http_connections %u\n", s.open);
    describe(b, "sfms_http_connections_ended_total", "counter", "Connections that were ended, and why.");
    sfms_buf_printf(b, "sfms_http_connections_ended_total{why=\"idle\"} %" PRIu64 "\n", s.made_room);
    sfms_buf_printf(b, "sfms_http_connections_ended_total{why=\"address\"} %" PRIu64 "\n", s.too_many);
    sfms_buf_printf(b, "sfms_http_connections_ended_total{why=\"head\"} %" PRIu64 "\n", s.slow_heads);
}

static void
write_process(sfms_buf *b, const metrics *m)
{
    struct rusage use;

    (void)getrusage(RUSAGE_SELF, &use);
    double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                 (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    describe(b, "process_cpu_seconds_total", "counter", "CPU time used.");
    sfms_buf_printf(b, "process_cpu_seconds_total %.3f\n", cpu);
    describe(b, "sfms_uptime_seconds", "gauge", "Time since the start.");
    sfms_buf_printf(b, "sfms_uptime_seconds %.3f\n", (double)(sfms_mono_us() - m->start_us) / 1e6);
    describe(b, "sfms_build_info", "gauge", "The version that runs.");
    sfms_buf_printf(b, "sfms_build_info{version=\"%s\"} 1\n", SFMS_VERSION);
}

static void
write_reader(void *arg, const char *service, const health_reader *reader)
{
    sfms_buf_printf(arg, "sfms_reader_lag_seconds{service=\"%s\",reader=\"%s\"} %.3f\n", service,
        reader->name, (double)reader->lag_ms / 1e3);
}

static next_step
write_all(request *r)
{
    sfms_buf b;

    sfms_buf_init(&b, r->call.arena, SFMS_MESSAGE_MAX);
    write_requests(&b, r->gw);
    atomic_fetch_add(&r->gw->calls, 1); /* like a call, so that the links stay until this is over */
    if (!atomic_load(&r->gw->stopped))
        write_links(&b, r->gw);
    atomic_fetch_sub(&r->gw->calls, 1);
    write_memory(&b);
    write_connections(&b);
    streams_write(&b);
    describe(&b, "sfms_reader_lag_seconds", "gauge",
        "For how long the oldest event has waited that a reader has not dealt with.");
    health_each_reader(r, write_reader, &b);
    write_process(&b, r->gw->metrics);
    answer_set(&r->answer, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
    return NEXT_ANSWER;
}

bool
metrics_own(request *r)
{
    return health_ask(r, write_all);
}
