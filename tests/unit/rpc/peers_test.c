/* Tests common/rpc/peers.c: a connection is greeted once, each message is taken once, and nothing is kept of one that is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "rpc/serving.h"

static const sfms_bond greeting = {{1, 2, 3}}, other = {{4, 5, 6}};
static sfms_wire_keys keys;
static nng_socket server;
static sfms_news *news;
static sfms_peers *peers;

static int
setup(void **state)
{
    (void)state;
    sfms_seal_init();
    sfms_wire_keys_init(&keys, "a secret of at least thirty-two characters", NULL);
    assert_int_equal(nng_rep0_open(&server), 0);
    news = sfms_news_new(keys.reply, NULL);
    peers = sfms_peers_new(server, keys.reply, news);
    assert_int_equal(nng_listen(server, "inproc://peers", NULL, 0), 0);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    nng_close(server);
    sfms_peers_free(peers);
    sfms_news_free(news);
    return 0;
}

/* Connects, sends a message, and answers the server's end of the connection. */
static nng_pipe
connection(nng_socket *ret_client, nng_ctx *ret_ctx)
{
    nng_aio *aio;
    nng_msg *msg;
    nng_pipe pipe;

    assert_int_equal(nng_req0_open(ret_client), 0);
    assert_int_equal(nng_dial(*ret_client, "inproc://peers", NULL, 0), 0);
    assert_int_equal(nng_msg_alloc(&msg, 0), 0);
    assert_int_equal(nng_sendmsg(*ret_client, msg, 0), 0);
    assert_int_equal(nng_aio_alloc(&aio, NULL, NULL), 0);
    assert_int_equal(nng_ctx_open(ret_ctx, server), 0);
    nng_ctx_recv(*ret_ctx, aio);
    nng_aio_wait(aio);
    assert_int_equal(nng_aio_result(aio), 0);
    msg = nng_aio_get_msg(aio);
    pipe = nng_msg_get_pipe(msg);
    nng_msg_free(msg);
    nng_aio_free(aio);
    return pipe;
}

static void
a_connection_is_greeted_once(void **state)
{
    static const sfms_bond none;
    nng_socket client, second;
    nng_ctx ctx, ctx2;
    nng_pipe pipe = connection(&client, &ctx), pipe2 = connection(&second, &ctx2);
    sfms_bond bond = other;

    (void)state;
    assert_int_equal(sfms_peers_state(peers, pipe, &bond), SFMS_PEER_NEW);
    assert_memory_equal(&bond, &none, sizeof(bond));
    assert_true(sfms_peers_greet(peers, pipe, &greeting));
    assert_false(sfms_peers_greet(peers, pipe, &other));
    assert_int_equal(sfms_peers_state(peers, pipe, &bond), SFMS_PEER_GREETED);
    assert_memory_equal(&bond, &greeting, sizeof(bond));
    assert_int_equal(sfms_peers_state(peers, pipe2, &bond), SFMS_PEER_NEW);

    nng_close(client);
    for (int i = 0; i < 200 && sfms_peers_state(peers, pipe, &bond) != SFMS_PEER_GONE; i++)
        usleep(10000);
    assert_int_equal(sfms_peers_state(peers, pipe, &bond), SFMS_PEER_GONE);
    assert_memory_equal(&bond, &none, sizeof(bond));
    assert_false(sfms_peers_greet(peers, pipe, &greeting));
    assert_false(sfms_peers_take(peers, pipe, 0, 1));
    assert_int_equal(sfms_peers_state(peers, pipe2, &bond), SFMS_PEER_NEW);
    nng_close(second);
    nng_ctx_close(ctx);
    nng_ctx_close(ctx2);
}

static void
a_message_is_taken_once(void **state)
{
    nng_socket client, second;
    nng_ctx ctx, ctx2;
    nng_pipe pipe = connection(&client, &ctx), pipe2 = connection(&second, &ctx2);

    (void)state;
    assert_false(sfms_peers_take(peers, pipe, 0, 0));
    assert_true(sfms_peers_take(peers, pipe, 0, 5));
    assert_false(sfms_peers_take(peers, pipe, 0, 5));
    assert_false(sfms_peers_take(peers, pipe, 0, 4)); /* given up before 5 was sent */
    assert_true(sfms_peers_take(peers, pipe, 1, 4));  /* another slot */
    assert_true(sfms_peers_take(peers, pipe2, 0, 5)); /* another connection */
    assert_true(sfms_peers_take(peers, pipe, 0, UINT64_MAX));
    assert_false(sfms_peers_take(peers, pipe, 0, 1));
    assert_true(sfms_peers_take(peers, pipe, SFMS_WIRE_SLOTS - 1, 1));
    assert_false(sfms_peers_take(peers, pipe, SFMS_WIRE_SLOTS, 1));
    assert_false(sfms_peers_take(peers, pipe, UINT32_MAX, 1));
    nng_close(client);
    nng_close(second);
    nng_ctx_close(ctx);
    nng_ctx_close(ctx2);
}

/* The last test, as the server stops. */
static void
who_waits_for_it_hears_that_the_server_stops(void **state)
{
    nng_socket client, second;
    nng_ctx ctx, ctx2;
    nng_pipe pipe = connection(&client, &ctx), pipe2 = connection(&second, &ctx2);
    sfms_arena *a = sfms_arena_new();
    Pb__Replies *replies;
    nng_msg *msg;

    (void)state;
    assert_true(sfms_peers_park(peers, pipe, ctx, &other));
    assert_false(sfms_peers_park(peers, pipe, ctx2, &other)); /* one each */
    sfms_peers_tell(peers);
    assert_int_equal(nng_recvmsg(client, &msg, 0), 0);
    replies = (Pb__Replies *)sfms_wire_open(
        a, keys.reply, &other, &pb__replies__descriptor, nng_msg_body(msg), nng_msg_len(msg));
    assert_non_null(replies);
    assert_true(replies->draining);
    assert_false(sfms_peers_park(peers, pipe2, ctx2, &other)); /* too late: answered now */
    nng_msg_free(msg);
    sfms_arena_free(a);
    nng_close(client);
    nng_close(second);
    nng_ctx_close(ctx2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_greeted_once),
        cmocka_unit_test(a_message_is_taken_once),
        cmocka_unit_test(who_waits_for_it_hears_that_the_server_stops),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
