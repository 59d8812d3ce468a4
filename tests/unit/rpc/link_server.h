/* link_server.h -- for tests of the link: a server in the test's hands, and callers that remember what they heard. */
#ifndef SFMS_TEST_LINK_SERVER_H
#define SFMS_TEST_LINK_SERVER_H

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
#include "rpc/lane.h"
#include "rpc/link.h"

static sfms_wire_keys keys;
static const Pb__MethodRule point_write_rule = {
    .base = PROTOBUF_C_MESSAGE_INIT(&pb__method_rule__descriptor), .point = 1};
static const Pb__MethodRule point_read_rule = {
    .base = PROTOBUF_C_MESSAGE_INIT(&pb__method_rule__descriptor), .point = 1, .idempotent = 1};
static const Pb__MethodRule slow_rule = {.base = PROTOBUF_C_MESSAGE_INIT(&pb__method_rule__descriptor)};
static const sfms_method point_write = {.name = "t/Write", .service = "t", .rule = &point_write_rule};
static const sfms_method point_read = {.name = "t/Read", .service = "t", .rule = &point_read_rule};
static const sfms_method slow = {.name = "t/Slow", .service = "t", .rule = &slow_rule};

/* ---- a server ---------------------------------------------------------------------------------------- */

typedef struct {
    char url[96];
    nng_socket socket;
    sfms_bond greeting; /* of the link that connected last */
    nng_ctx watch;      /* its watch; answered to say that the server is about to stop */
    sfms_bond watch_bond;
    bool watched;
} server;

/* One message that the server has received and not answered. */
typedef struct {
    nng_ctx ctx;
    sfms_bond bond; /* of the answer */
    Pb__Batch *batch;
    sfms_arena *arena;
} request;

static inline server
server_start(char name)
{
    server s = {0};

    snprintf(s.url, sizeof(s.url), "ipc:///tmp/sfms-link-test-%d-%c.ipc", (int)getpid(), name);
    assert_int_equal(nng_rep0_open(&s.socket), 0);
    assert_int_equal(sfms_socket_options(s.socket), 0);
    /* The address may be in use for a moment yet, by the server that was stopped before. */
    for (int tries = 0; nng_listen(s.socket, s.url, NULL, 0) != 0; tries++) {
        assert_true(tries < 100);
        usleep(50000);
    }
    return s;
}

static inline void
server_stop(server *s)
{
    nng_close(s->socket);
}

/* Waits for the next message, bound to bond; false if none comes in time. */
static inline bool
recv_any(const server *s, int timeout_ms, const sfms_bond *bond, request *ret)
{
    nng_aio *aio;
    nng_msg *msg;
    bool came;

    assert_int_equal(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, timeout_ms);
    assert_int_equal(nng_ctx_open(&ret->ctx, s->socket), 0);
    nng_ctx_recv(ret->ctx, aio);
    nng_aio_wait(aio);
    came = nng_aio_result(aio) == 0;
    msg = came ? nng_aio_get_msg(aio) : NULL;
    nng_aio_free(aio);
    if (!came) {
        nng_ctx_close(ret->ctx);
        return false;
    }
    ret->arena = sfms_arena_new();
    ret->bond = sfms_wire_bond(msg);
    ret->batch = (Pb__Batch *)sfms_wire_open(
        ret->arena, keys.request, bond, &pb__batch__descriptor, nng_msg_body(msg), nng_msg_len(msg));
    nng_msg_free(msg);
    assert_non_null(ret->batch);
    return true;
}

/* Waits for the next message with calls; false if none comes in time. A batch without calls is the link's watch. */
static inline bool
server_recv(server *s, int timeout_ms, request *ret)
{
    for (;;) {
        if (!recv_any(s, timeout_ms, &s->greeting, ret))
            return false;
        if (ret->batch->n_calls > 0)
            return true;
        s->watch = ret->ctx;
        s->watch_bond = ret->bond;
        s->watched = true;
        sfms_arena_free(ret->arena);
    }
}

/* Answers what is bound to it. */
static inline sfms_bond
send_replies(nng_ctx ctx, const sfms_ring *key, const sfms_bond *bond, const Pb__Replies *replies)
{
    nng_msg *msg = sfms_wire_pack(key, bond, &replies->base);
    sfms_bond sent = sfms_wire_bond(msg);
    nng_aio *aio;

    assert_int_equal(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_msg(aio, msg);
    nng_ctx_send(ctx, aio);
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0)
        nng_msg_free(msg);
    nng_aio_free(aio);
    nng_ctx_close(ctx);
    return sent;
}

/* Waits for a link to connect, and greets it. */
static inline void
server_greet(server *s)
{
    static const sfms_bond none;
    Pb__Replies greeting = PB__REPLIES__INIT;
    request hello;

    assert_true(recv_any(s, 10000, &none, &hello));
    assert_int_equal(hello.batch->n_calls, 0);
    s->greeting = send_replies(hello.ctx, keys.reply, &hello.bond, &greeting);
    sfms_arena_free(hello.arena);
}

/* Answers each call with its own request bytes, n of them (all if it is negative). */
static inline void
server_reply(request *r, const sfms_ring *key, int n, bool draining)
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
    send_replies(r->ctx, key, &r->bond, &replies);
    sfms_arena_free(r->arena);
}

static inline void
server_drop(request *r)
{
    nng_ctx_close(r->ctx);
    sfms_arena_free(r->arena);
}

/* ---- callers ----------------------------------------------------------------------------------------- */

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

static inline void
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
    snprintf(c->response, sizeof(c->response), "%.*s", (int)reply->response.len,
        (const char *)reply->response.data);
    pthread_cond_signal(&c->ended);
    pthread_mutex_unlock(&c->lock);
}

static inline void
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

static inline void
finish(caller *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->n_done == 0)
        pthread_cond_wait(&c->ended, &c->lock);
    pthread_mutex_unlock(&c->lock);
    assert_int_equal(c->n_done, 1);
}

static inline void
expect_answer(caller *c)
{
    finish(c);
    assert_int_equal(c->code, SFMS_OK);
    assert_string_equal(c->response, c->request);
}

static inline void
expect_failure(caller *c, sfms_status status, const char *reason)
{
    finish(c);
    assert_string_equal(c->reason, reason);
    assert_int_equal(c->code, status);
}

static inline bool
wait_up(sfms_link *link, bool up, int timeout_ms)
{
    int64_t until = sfms_mono_us() + timeout_ms * 1000;

    while (sfms_link_up(link) != up && sfms_mono_us() < until)
        usleep(1000);
    return sfms_link_up(link) == up;
}

/* A link to a server, or to two, that has been greeted. */
static inline sfms_link *
link_to_both(server *a, server *b)
{
    char urls[256];
    sfms_link *link;

    snprintf(urls, sizeof(urls), "%s%s%s", a->url, b != NULL ? "|" : "", b != NULL ? b->url : "");
    link = sfms_link_open("test", urls, &keys);
    server_greet(a);
    if (b != NULL)
        server_greet(b);
    assert_true(wait_up(link, true, 2000));
    return link;
}

static inline sfms_link *
link_to(server *s)
{
    return link_to_both(s, NULL);
}

static inline int
link_setup(void **state)
{
    (void)state;
    sfms_seal_init();
    sfms_wire_keys_init(&keys, "a secret of at least thirty-two characters", NULL);
    return 0;
}

#endif
