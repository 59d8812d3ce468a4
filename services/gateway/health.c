/*
 * health.c -- /healthz and /readyz.
 *
 * Ready means: sending requests here makes sense. That is so while the service that knows who calls answers, and one more. What
 * else is away takes its own calls with it and no others: a gateway taken out for that would take everything. It is said
 * as "degraded", with 200, and which services are well stands beside it.
 */
#include "health.h"

#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "core/time.h"

enum { CHECK_MS = 2000, VERSION_SIZE = 32, READERS_MAX = 16 };

struct checks;

/* What one service says. Filled by threads of nng, which may not touch the request's arena. */
typedef struct {
    struct checks *all;
    const char *service;
    sfms_link *link;
    sfms_link_call call;
    int64_t took_us;
    bool ok, database;
    char version[VERSION_SIZE];
    unsigned n_readers;
    health_reader readers[READERS_MAX];
} check;

typedef struct checks {
    request *request;
    int64_t start_us;
    atomic_uint open; /* not answered yet, and one more while they are being sent */
    unsigned n;
    check *check;
} checks;

bool
health_live(request *r)
{
    static const char body[] = "{\"status\":\"ok\"}";

    answer_set(&r->answer, 200, "application/json", body, sizeof body - 1);
    return true;
}

/* Whether requests are welcome; *ret_all, whether nothing is away. */
static bool
is_ready(const gateway *gw, const checks *all, bool *ret_all)
{
    const sfms_link *callers = auth_link(gw->auth);
    bool known = false;
    unsigned n = 0;

    for (unsigned i = 0; i < all->n; i++) {
        n += all->check[i].ok;
        known = known || (all->check[i].ok && all->check[i].link == callers);
    }
    *ret_all = n == all->n;
    return known && (n > 1 || all->n == 1) && !atomic_load(&gw->draining);
}

static next_step
all_checked(request *r)
{
    const checks *all = r->own;
    bool whole, ready = is_ready(r->gw, all, &whole);
    sfms_buf b;

    sfms_buf_init(&b, r->call.arena, SFMS_MESSAGE_MAX);
    sfms_buf_printf(&b, "{\"ready\":%s,\"degraded\":%s,\"services\":[", ready ? "true" : "false",
        whole ? "false" : "true");
    for (unsigned i = 0; i < all->n; i++) {
        const check *c = &all->check[i];
        sfms_buf_add(&b, i == 0 ? "{\"service\":" : ",{\"service\":");
        sfms_buf_json(&b, c->service, strlen(c->service));
        sfms_buf_printf(&b, ",\"ok\":%s,\"database\":%s,\"version\":", c->ok ? "true" : "false",
            c->database ? "true" : "false");
        sfms_buf_json(&b, c->version, strlen(c->version));
        sfms_buf_printf(&b, ",\"ms\":%.3f}", (double)c->took_us / 1000);
    }
    sfms_buf_add(&b, "]}");
    answer_set(&r->answer, ready ? 200 : 503, "application/json", b.data, b.len);
    if (!ready)
        answer_add(&r->answer, "Retry-After", "1");
    return NEXT_ANSWER;
}

static void
one_less(checks *all)
{
    if (atomic_fetch_sub(&all->open, 1) != 1)
        return;
    atomic_fetch_sub(&all->request->gw->calls, 1);
    request_resume(all->request);
}

static void
checked(sfms_link_call *call, const Pb__Reply *reply)
{
    check *c = call->arg;

    c->took_us = sfms_mono_us() - c->all->start_us;
    if (reply->status == NULL || reply->status->code == SFMS_OK) {
        Pb__HealthStatus *status = (Pb__HealthStatus *)protobuf_c_message_unpack(
            &pb__health_status__descriptor, NULL, reply->response.len, reply->response.data);
        c->ok = status != NULL;
        if (status != NULL) {
            c->database = status->database;
            (void)snprintf(c->version, sizeof c->version, "%s", status->version);
            for (size_t i = 0; i < status->n_readers && i < READERS_MAX; i++) {
                health_reader *reader = &c->readers[c->n_readers++];
                (void)snprintf(reader->name, sizeof reader->name, "%s", status->readers[i]->name);
                reader->lag_ms = status->readers[i]->lag_ms;
            }
        }
        protobuf_c_message_free_unpacked((ProtobufCMessage *)status, NULL);
    }
    one_less(c->all);
}

static void
count_link(void *arg, const char *service, sfms_link *link)
{
    (void)service;
    (void)link;
    (*(unsigned *)arg)++;
}

static void
add_check(void *arg, const char *service, sfms_link *link)
{
    checks *all = arg;
    check *c = &all->check[all->n++];
    const request *r = all->request;

    c->all = all;
    c->service = sfms_strdup(r->call.arena, service); /* the answer may come after the end of the links */
    c->link = link;
    c->call = (sfms_link_call){
        .method = sfms_contract_method(r->gw->contract, "sfms.rpc.v1.Health/Check"),
        .request = "",
        .deadline_us = all->start_us + CHECK_MS * INT64_C(1000),
        .request_id = r->call.request_id,
        .done = checked,
        .arg = c,
    };
}

/* Asks all services how they are; then goes on with the request. False while it waits; true, with an answer, if there is nobody
 * to ask any more. */
static bool
ask_all(request *r, next_step (*then)(request *r))
{
    checks *all = sfms_new(r->call.arena, checks);
    unsigned n = 0;

    /* Counted like a call, so that the links stay until it is over. */
    atomic_fetch_add(&r->gw->calls, 1);
    if (atomic_load(&r->gw->stopped)) {
        static const char gone[] = "{\"ready\":false,\"degraded\":true,\"services\":[]}";

        atomic_fetch_sub(&r->gw->calls, 1);
        answer_set(&r->answer, 503, "application/json", gone, sizeof gone - 1);
        answer_add(&r->answer, "Retry-After", "1");
        return true;
    }
    sfms_links_each(r->gw->links, count_link, &n);
    all->request = r;
    all->start_us = sfms_mono_us();
    all->check = sfms_new_array(r->call.arena, check, n + 1);
    sfms_links_each(r->gw->links, add_check, all);
    atomic_init(&all->open, n + 1);
    r->own = all;

    request_suspend(r, then);
    for (unsigned i = 0; i < n; i++)
        sfms_link_send(all->check[i].link, &all->check[i].call);
    one_less(all);
    return false;
}

bool
health_ready(request *r)
{
    return ask_all(r, all_checked);
}

bool
health_ask(request *r, next_step (*then)(request *r))
{
    return ask_all(r, then);
}

void
health_each_reader(
    const request *r, void (*each)(void *arg, const char *service, const health_reader *reader), void *arg)
{
    const checks *all = r->own;

    for (unsigned i = 0; i < all->n; i++)
        for (unsigned k = 0; k < all->check[i].n_readers; k++)
            each(arg, all->check[i].service, &all->check[i].readers[k]);
}
