/* Tests common/rpc/link.c and its parts against a server in the test's hands: what travels together, what is
 * never sent twice, and what callers hear when the server is slow, stopping or gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <pthread.h>

#include "core/limits.h"
#include "core/time.h"
#include "rpc/link.h"

static sfms_wire_keys keys;
static const Pb__MethodRule point_write_rule = {
    .base = PROTOBUF_C_MESSAGE_INIT(&pb__method_rule__descriptor), .point = 1};
static const Pb__MethodRule point_read_rule = {
    .base = PROTOBUF_C_MESSAGE_INIT(&pb__method_rule__descriptor), .point = 1, .idempotent = 1};
static const Pb__MethodRule slow_rule = {.base = PROTOBUF_C_MESSAGE_INIT(&pb__method_rule__descriptor)};
static const sfms_method point_write = {.name = "t/Write", .rule = &point_write_rule};
static const sfms_method point_read = {.name = "t/Read", .rule = &point_read_rule};
static const sfms_method slow = {.name = "t/Slow", .rule = &slow_rule};

/* ---- a server
 * --------------------------------------------------------------------------------------------------- */

typedef struct {
    char url[96];
    nng_socket socket;
    nng_ctx watch; /* of the link that connected last; answered to say that the server is about to stop */
    bool watched;
} server;

/* One message that the server has received and not answered. */
typedef struct {
    nng_ctx ctx;
    Pb__Batch *batch;
    sfms_arena *arena;
} request;

static server
server_start(char name)
{
    server s = {0};

    snprintf(s.url, sizeof(s.url), "ipc:///tmp/sfms-link-test-%d-%c.ipc", (int)getpid(), name);
    assert_int_equal(nng_rep0_open(&s.socket), 0);
    assert_int_equal(nng_listen(s.socket, s.url, NULL, 0), 0);
    return s;
}

static void
server_stop(server *s)
{
    nng_close(s->socket);
}

/* Waits for the next message with calls; false if none comes in time. A batch without calls is the link's
 * watch. */
static bool
server_recv(server *s, int timeout_ms, request *ret)
{
    nng_aio *aio;

    assert_int_equal(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, timeout_ms);
    for (;;) {
        nng_msg *msg;

        assert_int_equal(nng_ctx_open(&ret->ctx, s->socket), 0);
        nng_ctx_recv(ret->ctx, aio);
        nng_aio_wait(aio);
        if (nng_aio_result(aio) != 0) {
            nng_ctx_close(ret->ctx);
            nng_aio_free(aio);
            return false;
        }
        msg = nng_aio_get_msg(aio);
        ret->arena = sfms_arena_new();
        ret->batch = (Pb__Batch *)sfms_wire_open(
            ret->arena, &keys.request, &pb__batch__descriptor, nng_msg_body(msg), nng_msg_len(msg));
        nng_msg_free(msg);
        assert_non_null(ret->batch);
        if (ret->batch->n_calls > 0)
            break;
        s->watch = ret->ctx;
        s->watched = true;
        sfms_arena_free(ret->arena);
    }
    nng_aio_free(aio);
    return true;
}

static void
send_replies(nng_ctx ctx, const sfms_key *key, const Pb__Replies *replies)
{
    nng_msg *msg = sfms_wire_pack(key, &replies->base);
    nng_aio *aio;

    assert_int_equal(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_msg(aio, msg);
    nng_ctx_send(ctx, aio);
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0)
        nng_msg_free(msg);
    nng_aio_free(aio);
    nng_ctx_close(ctx);
}

/* Answers each call with its own request bytes, n of them (all if it is negative). */
static void
server_reply(request *r, const sfms_key *key, int n, bool draining)
{
    Pb__Replies replies = PB__REPLIES__INIT;

    replies.n_replies = n < 0 ? r->batch->n_calls : (size_t)n;
    replies.replies = sfms_new_array(r->arena, Pb__Reply *, replies.n_replies + 1);
    for (size_t i = 0; i < replies.n_replies; i++) {
        replies.replies[i] = sfms_new(r->arena, Pb__Reply);
        pb__reply__init(replies.replies[i]);
        replies.replies[i]->response = r->batch->calls[i]->request;
    }
    replies.draining = draining;
    send_replies(r->ctx, key, &replies);
    sfms_arena_free(r->arena);
}

static void
server_drop(request *r)
{
    nng_ctx_close(r->ctx);
    sfms_arena_free(r->arena);
}

/* ---- callers
 * ---------------------------------------------------------------------------------------------------- */

typedef struct {
    sfms_link_call call;
    char request[32];
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int n_done;
    int code;
    int retry_after;
    char reason[40];
    char response[32];
    int64_t at_us;
} caller;

static void
on_done(sfms_link_call *call, const Pb__Reply *reply)
{
    caller *c = call->arg;

    pthread_mutex_lock(&c->lock);
    c->n_done++;
    c->at_us = sfms_mono_us();
    if (reply->status != NULL) {
        c->code = reply->status->code;
        c->retry_after = (int)reply->status->retry_after;
        snprintf(c->reason, sizeof(c->reason), "%s", reply->status->reason);
    }
    memcpy(c->response, reply->response.data,
        reply->response.len < sizeof(c->response) ? reply->response.len : sizeof(c->response) - 1);
    pthread_cond_signal(&c->ended);
    pthread_mutex_unlock(&c->lock);
}

static void
start(sfms_link *link, caller *c, const sfms_method *method, int timeout_ms)
{
    static int number;

    memset(c, 0, sizeof(*c));
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->ended, NULL);
    snprintf(c->request, sizeof(c->request), "request %d", __atomic_fetch_add(&number, 1, __ATOMIC_RELAXED));
    c->call.method = method;
    c->call.request = c->request;
    c->call.request_len = strlen(c->request);
    c->call.deadline_us = sfms_mono_us() + timeout_ms * 1000;
    c->call.done = on_done;
    c->call.arg = c;
    sfms_link_send(link, &c->call);
}

static void
finish(caller *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->n_done == 0)
        pthread_cond_wait(&c->ended, &c->lock);
    pthread_mutex_unlock(&c->lock);
    assert_int_equal(c->n_done, 1);
}

static void
expect_answer(caller *c)
{
    finish(c);
    assert_int_equal(c->code, SFMS_OK);
    assert_string_equal(c->response, c->request);
}

static void
expect_failure(caller *c, sfms_status status, const char *reason)
{
    finish(c);
    assert_string_equal(c->reason, reason);
    assert_int_equal(c->code, status);
}

static bool
wait_up(sfms_link *link, bool up, int timeout_ms)
{
    int64_t until = sfms_mono_us() + timeout_ms * 1000;

    while (sfms_link_up(link) != up && sfms_mono_us() < until)
        usleep(1000);
    return sfms_link_up(link) == up;
}

static sfms_link *
link_to(const char *urls)
{
    sfms_link *link = sfms_link_open("test", urls, &keys);

    assert_true(wait_up(link, true, 2000));
    return link;
}

static int
setup(void **state)
{
    (void)state;
    sfms_seal_init();
    sfms_wire_keys_init(&keys, "a secret of at least thirty-two characters");
    return 0;
}

/* ---- tests
 * ------------------------------------------------------------------------------------------------------ */

static void
a_call_is_sent_at_once_and_answered(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(s.url);
    request r;
    caller c;

    (void)state;
    start(link, &c, &point_write, 2000);
    assert_true(server_recv(&s, 2000, &r));
    assert_int_equal(r.batch->n_calls, 1);
    assert_string_equal(r.batch->calls[0]->method, "t/Write");
    assert_in_range(r.batch->calls[0]->timeout_ms, 1000, 2000);
    assert_int_equal(r.batch->calls[0]->principal, 0);
    server_reply(&r, &keys.reply, -1, false);
    expect_answer(&c);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
without_a_server_calls_fail_at_once(void **state)
{
    sfms_link *link = sfms_link_open("test", "ipc:///tmp/sfms-link-test-nobody.ipc", &keys);
    caller c;

    (void)state;
    start(link, &c, &point_write, 2000);
    assert_int_equal(c.n_done, 1);
    expect_failure(&c, SFMS_UNAVAILABLE, "UNAVAILABLE");
    assert_int_equal(c.retry_after, 1);
    sfms_link_close(link, 0);
}

static void
what_waits_travels_together(void **state)
{
    enum { N = 10 };
    server s = server_start('a');
    sfms_link *link = link_to(s.url);
    request busy[SFMS_LINK_POINT], r;
    caller first[SFMS_LINK_POINT], more[N];

    (void)state;
    for (int i = 0; i < SFMS_LINK_POINT; i++) {
        start(link, &first[i], &point_write, 5000);
        assert_true(server_recv(&s, 2000, &busy[i]));
        assert_int_equal(busy[i].batch->n_calls, 1);
    }
    for (int i = 0; i < N; i++)
        start(link, &more[i], &point_write, 5000);
    assert_false(server_recv(&s, 100, &r)); /* all links are busy */
    server_reply(&busy[0], &keys.reply, -1, false);
    assert_true(server_recv(&s, 2000, &r));
    assert_int_equal(r.batch->n_calls, N);
    server_reply(&r, &keys.reply, -1, false);
    for (int i = 0; i < N; i++)
        expect_answer(&more[i]);
    server_reply(&busy[1], &keys.reply, -1, false);
    expect_answer(&first[0]);
    expect_answer(&first[1]);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
a_message_takes_so_many_calls_and_no_more(void **state)
{
    enum { N = SFMS_BATCH_CALLS + 5 };
    server s = server_start('a');
    sfms_link *link = link_to(s.url);
    request busy[SFMS_LINK_POINT], r;
    caller first[SFMS_LINK_POINT];
    caller *more = calloc(N, sizeof(*more));

    (void)state;
    for (int i = 0; i < SFMS_LINK_POINT; i++) {
        start(link, &first[i], &point_write, 5000);
        assert_true(server_recv(&s, 2000, &busy[i]));
    }
    for (int i = 0; i < N; i++)
        start(link, &more[i], &point_write, 5000);
    server_reply(&busy[0], &keys.reply, -1, false);
    assert_true(server_recv(&s, 2000, &r));
    assert_int_equal(r.batch->n_calls, SFMS_BATCH_CALLS);
    server_reply(&r, &keys.reply, -1, false);
    assert_true(server_recv(&s, 2000, &r));
    assert_int_equal(r.batch->n_calls, 5);
    server_reply(&r, &keys.reply, -1, false);
    server_reply(&busy[1], &keys.reply, -1, false);
    for (int i = 0; i < N; i++)
        expect_answer(&more[i]);
    finish(&first[0]);
    finish(&first[1]);
    free(more);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
calls_of_one_principal_stand_together(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(s.url);
    Pb__Principal ann = PB__PRINCIPAL__INIT, bob = PB__PRINCIPAL__INIT;
    const Pb__Principal *order[] = {&ann, &bob, NULL, &ann, &bob, &ann};
    static const uint32_t expected[] = {1, 1, 1, 2, 2, 0};
    request busy[SFMS_LINK_POINT], r;
    caller first[SFMS_LINK_POINT], more[6];

    (void)state;
    ann.user_id = "ann";
    bob.user_id = "bob";
    for (int i = 0; i < SFMS_LINK_POINT; i++) {
        start(link, &first[i], &point_write, 5000);
        assert_true(server_recv(&s, 2000, &busy[i]));
    }
    for (int i = 0; i < 6; i++) {
        caller *c = &more[i];

        memset(c, 0, sizeof(*c));
        pthread_mutex_init(&c->lock, NULL);
        pthread_cond_init(&c->ended, NULL);
        snprintf(c->request, sizeof(c->request), "of %d", i);
        c->call = (sfms_link_call){.method = &point_write,
            .request = c->request,
            .request_len = strlen(c->request),
            .principal = order[i],
            .deadline_us = sfms_mono_us() + 5000000,
            .done = on_done,
            .arg = c};
        sfms_link_send(link, &c->call);
    }
    server_reply(&busy[0], &keys.reply, -1, false);
    assert_true(server_recv(&s, 2000, &r));
    assert_int_equal(r.batch->n_principals, 2);
    assert_string_equal(r.batch->principals[0]->user_id, "ann");
    assert_string_equal(r.batch->principals[1]->user_id, "bob");
    assert_int_equal(r.batch->n_calls, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(r.batch->calls[i]->principal, expected[i]);
    server_reply(&r, &keys.reply, -1, false);
    server_reply(&busy[1], &keys.reply, -1, false);
    for (int i = 0; i < 6; i++)
        expect_answer(&more[i]); /* each its own */
    finish(&first[0]);
    finish(&first[1]);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
slow_calls_travel_alone_and_do_not_hold_up_point_calls(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(s.url);
    request busy[SFMS_LINK_SLOW], r;
    caller c[SFMS_LINK_SLOW + 1], quick;

    (void)state;
    for (int i = 0; i < SFMS_LINK_SLOW + 1; i++)
        start(link, &c[i], &slow, 5000);
    for (int i = 0; i < SFMS_LINK_SLOW; i++) {
        assert_true(server_recv(&s, 2000, &busy[i]));
        assert_int_equal(busy[i].batch->n_calls, 1);
    }
    start(link, &quick, &point_read, 5000);
    assert_true(server_recv(&s, 2000, &r));
    assert_string_equal(r.batch->calls[0]->method, "t/Read");
    server_reply(&r, &keys.reply, -1, false);
    expect_answer(&quick);
    for (int i = 0; i < SFMS_LINK_SLOW; i++)
        server_reply(&busy[i], &keys.reply, -1, false);
    assert_true(server_recv(&s, 2000, &r));
    server_reply(&r, &keys.reply, -1, false);
    for (int i = 0; i < SFMS_LINK_SLOW + 1; i++)
        expect_answer(&c[i]);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
a_lost_write_is_never_sent_again(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(s.url);
    request r;
    caller c, after;

    (void)state;
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 2000, &r));
    server_drop(&r);
    server_stop(&s);
    expect_failure(&c, SFMS_UNAVAILABLE, "OUTCOME_UNKNOWN");
    assert_true(wait_up(link, false, 1000));
    start(link, &after, &point_write, 5000);
    expect_failure(&after, SFMS_UNAVAILABLE, "UNAVAILABLE");

    s = server_start('a');
    assert_true(wait_up(link, true, 1000)); /* within a second */
    assert_false(server_recv(&s, 300, &r));
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 2000, &r));
    server_reply(&r, &keys.reply, -1, false);
    expect_answer(&c);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
a_lost_read_is_sent_once_more_to_another_replica(void **state)
{
    server a = server_start('a'), b = server_start('b');
    char urls[256];
    sfms_link *link;
    request at_a, at_b;
    caller c[2];
    sfms_link_stats stats;

    (void)state;
    snprintf(urls, sizeof(urls), "%s|%s", a.url, b.url);
    link = link_to(urls);
    usleep(200000); /* both */
    start(link, &c[0], &point_read, 5000);
    start(link, &c[1], &point_read, 5000);
    assert_true(server_recv(&a, 2000, &at_a)); /* one each: the replica with the fewest under way */
    assert_true(server_recv(&b, 2000, &at_b));
    server_reply(&at_b, &keys.reply, -1, false);
    server_drop(&at_a);
    server_stop(&a);
    assert_true(server_recv(&b, 2000, &at_b)); /* the read that a has lost */
    server_drop(&at_b);
    server_stop(&b); /* and is lost again: that is enough */
    finish(&c[0]);
    finish(&c[1]);
    assert_int_equal(c[0].code + c[1].code, SFMS_UNAVAILABLE); /* the other was answered */
    sfms_link_stat(link, &stats);
    assert_int_equal(stats.retries, 1);
    assert_int_equal(stats.calls, 2);
    assert_int_equal(stats.messages, 3);
    assert_int_equal(stats.waiting + stats.under_way, 0);
    sfms_link_close(link, 1000);
}

static void
a_server_that_says_so_in_an_answer_gets_nothing_more(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(s.url);
    request r;
    caller c, after;

    (void)state;
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 2000, &r));
    server_reply(&r, &keys.reply, -1, true);
    expect_answer(&c);
    assert_false(sfms_link_up(link));
    start(link, &after, &point_read, 5000);
    expect_failure(&after, SFMS_UNAVAILABLE, "UNAVAILABLE");
    assert_false(server_recv(&s, 100, &r));
    server_stop(&s);

    s = server_start('a'); /* a new process at the same address */
    assert_true(wait_up(link, true, 1000));
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
a_server_that_says_so_while_idle_gets_nothing_more(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(s.url);
    Pb__Replies replies = PB__REPLIES__INIT;
    request r;

    (void)state;
    assert_false(server_recv(&s, 100, &r));
    assert_true(s.watched);
    replies.draining = true;
    send_replies(s.watch, &keys.reply, &replies);
    assert_true(wait_up(link, false, 1000));
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
calls_expire_under_way_and_waiting(void **state)
{
    enum { N = SFMS_LINK_POINT + 3 };
    server s = server_start('a');
    sfms_link *link = link_to(s.url);
    int64_t from = sfms_mono_us();
    request r;
    caller c[N], late;

    (void)state;
    start(link, &late, &point_write, 3000);
    assert_true(server_recv(&s, 2000, &r));
    for (int i = 0; i < N; i++)
        start(link, &c[i], &point_write, 200);
    for (int i = 0; i < N; i++) {
        expect_failure(&c[i], SFMS_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
        assert_in_range(c[i].at_us - from, 190000, 600000);
    }
    assert_int_equal(late.n_done, 0);
    server_reply(&r, &keys.reply, -1, false);
    expect_answer(&late);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
answers_that_cannot_be_trusted_count_as_lost(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(s.url);
    request r;
    caller c;

    (void)state;
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 2000, &r));
    server_reply(&r, &keys.request, -1, false); /* the wrong key */
    expect_failure(&c, SFMS_UNAVAILABLE, "OUTCOME_UNKNOWN");
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 2000, &r));
    server_reply(&r, &keys.reply, 0, false); /* the wrong number */
    expect_failure(&c, SFMS_UNAVAILABLE, "OUTCOME_UNKNOWN");
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
too_much_waiting_is_refused_and_closing_answers_all(void **state)
{
    enum { N = SFMS_LINK_POINT + SFMS_QUEUE_CALLS };
    server s = server_start('a');
    sfms_link *link = link_to(s.url);
    caller *c = calloc(N + 1, sizeof(*c));
    sfms_link_stats stats;

    (void)state;
    for (int i = 0; i < N; i++)
        start(link, &c[i], &point_write, 60000);
    sfms_link_stat(link, &stats);
    assert_int_equal(stats.waiting, SFMS_QUEUE_CALLS);
    assert_int_equal(stats.under_way, SFMS_LINK_POINT);
    start(link, &c[N], &point_write, 60000);
    expect_failure(&c[N], SFMS_UNAVAILABLE, "OVERLOADED");
    assert_int_equal(c[N].retry_after, 1);
    sfms_link_close(link, 50);
    for (int i = 0; i < N; i++) {
        assert_int_equal(c[i].n_done, 1);
        assert_int_equal(c[i].code, SFMS_UNAVAILABLE);
    }
    free(c);
    server_stop(&s);
}

/* ---- many threads, and a server that comes and goes
 * ---------------------------------------------------------------- */

typedef struct {
    server *server;
    bool stop;
    unsigned long served;
} echo;

static void *
echo_thread(void *arg)
{
    echo *e = arg;

    while (!__atomic_load_n(&e->stop, __ATOMIC_ACQUIRE)) {
        server mine = *e->server;
        request r;

        if (!server_recv(&mine, 50, &r))
            continue;
        __atomic_fetch_add(&e->served, r.batch->n_calls, __ATOMIC_RELAXED);
        server_reply(&r, &keys.reply, -1, false);
    }
    return NULL;
}

typedef struct {
    sfms_link *link;
    int answered, failed;
} crowd;

enum { ROUNDS = 300, AT_ONCE = 16, THREADS = 4 };

static void *
crowd_thread(void *arg)
{
    crowd *w = arg;
    caller c[AT_ONCE];

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < AT_ONCE; i++)
            start(w->link, &c[i], i % 4 == 0 ? &slow : i % 4 == 1 ? &point_read : &point_write, 5000);
        for (int i = 0; i < AT_ONCE; i++) {
            finish(&c[i]);
            w->answered += c[i].code == SFMS_OK;
            w->failed += c[i].code != SFMS_OK;
            if (c[i].code == SFMS_OK)
                assert_string_equal(c[i].response, c[i].request);
        }
    }
    return NULL;
}

static void
every_call_ends_once_whatever_happens(void **state)
{
    server a = server_start('a'), b = server_start('b');
    echo at_a[2] = {{&a}, {&a}}, at_b[2] = {{&b}, {&b}};
    pthread_t servers[4], callers[THREADS];
    crowd crowds[THREADS];
    char urls[256];
    sfms_link *link;
    int answered = 0;

    (void)state;
    snprintf(urls, sizeof(urls), "%s|%s", a.url, b.url);
    link = link_to(urls);
    for (int i = 0; i < 2; i++) {
        pthread_create(&servers[i], NULL, echo_thread, &at_a[i]);
        pthread_create(&servers[2 + i], NULL, echo_thread, &at_b[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        crowds[i] = (crowd){.link = link};
        pthread_create(&callers[i], NULL, crowd_thread, &crowds[i]);
    }
    usleep(100000);
    for (int i = 0; i < 2; i++) { /* b goes away in the middle of it all */
        __atomic_store_n(&at_b[i].stop, true, __ATOMIC_RELEASE);
        pthread_join(servers[2 + i], NULL);
    }
    server_stop(&b);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(callers[i], NULL);
        answered += crowds[i].answered;
        assert_int_equal(crowds[i].answered + crowds[i].failed, ROUNDS * AT_ONCE);
    }
    assert_true(answered > THREADS * ROUNDS * AT_ONCE / 2);
    for (int i = 0; i < 2; i++) {
        __atomic_store_n(&at_a[i].stop, true, __ATOMIC_RELEASE);
        pthread_join(servers[i], NULL);
    }
    sfms_link_close(link, 1000);
    server_stop(&a);
}

static void
waiting_callers_get_copies(void **state)
{
    server s = server_start('a');
    sfms_links *links;
    echo e = {&s};
    char list[256];
    pthread_t thread;
    sfms_arena *a = sfms_arena_new();
    sfms_link_call calls[3];
    Pb__Reply *replies[3];
    const char *requests[] = {"one", "two", "three"};

    (void)state;
    snprintf(list, sizeof(list), "other=ipc:///tmp/sfms-link-test-nobody.ipc,test=%s", s.url);
    links = sfms_links_open_lazy(list, &keys);
    pthread_create(&thread, NULL, echo_thread, &e);
    for (int i = 0; i < 3; i++)
        calls[i] = (sfms_link_call){.method = &point_read,
            .request = requests[i],
            .request_len = strlen(requests[i]),
            .deadline_us = sfms_mono_us() + 5000000};
    assert_null(sfms_links_find(links, "nobody"));
    sfms_link_wait(sfms_links_find(links, "test"), a, 3, calls, replies); /* connects first */
    for (int i = 0; i < 3; i++) {
        assert_null(replies[i]->status);
        assert_int_equal(replies[i]->response.len, strlen(requests[i]));
        assert_memory_equal(replies[i]->response.data, requests[i], strlen(requests[i]));
    }
    sfms_links_close(links, 1000);
    __atomic_store_n(&e.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    sfms_arena_free(a);
    server_stop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_sent_at_once_and_answered),
        cmocka_unit_test(without_a_server_calls_fail_at_once),
        cmocka_unit_test(what_waits_travels_together),
        cmocka_unit_test(a_message_takes_so_many_calls_and_no_more),
        cmocka_unit_test(calls_of_one_principal_stand_together),
        cmocka_unit_test(slow_calls_travel_alone_and_do_not_hold_up_point_calls),
        cmocka_unit_test(a_lost_write_is_never_sent_again),
        cmocka_unit_test(a_lost_read_is_sent_once_more_to_another_replica),
        cmocka_unit_test(a_server_that_says_so_in_an_answer_gets_nothing_more),
        cmocka_unit_test(a_server_that_says_so_while_idle_gets_nothing_more),
        cmocka_unit_test(calls_expire_under_way_and_waiting),
        cmocka_unit_test(answers_that_cannot_be_trusted_count_as_lost),
        cmocka_unit_test(too_much_waiting_is_refused_and_closing_answers_all),
        cmocka_unit_test(every_call_ends_once_whatever_happens),
        cmocka_unit_test(waiting_callers_get_copies),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
