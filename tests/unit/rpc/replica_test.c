/* Tests common/rpc/replica.c and what the link makes of it: servers that are slow, stopping or gone. Nothing that may have
 * been done is ever sent twice. */
#include <sys/socket.h>
#include <sys/un.h>

#include "link_server.h"

static void
a_lost_write_is_never_sent_again(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(&s);
    request r;
    caller c, after;

    (void)state;
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 10000, &r));
    server_drop(&r);
    server_stop(&s);
    expect_failure(&c, SFMS_UNAVAILABLE, "OUTCOME_UNKNOWN");
    assert_true(wait_up(link, false, 1000));
    start(link, &after, &point_write, 5000);
    expect_failure(&after, SFMS_UNAVAILABLE, "UNAVAILABLE");

    s = server_start('a');
    server_greet(&s); /* within a second */
    assert_true(wait_up(link, true, 1000));
    assert_false(server_recv(&s, 300, &r));
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 10000, &r));
    server_reply(&r, keys.reply, -1, false);
    expect_answer(&c);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
a_lost_read_is_sent_once_more_to_another_replica(void **state)
{
    server a = server_start('a'), b = server_start('b');
    sfms_link *link = link_to_both(&a, &b);
    request at_a, at_b;
    caller c[2];
    sfms_link_stats stats;

    (void)state;
    usleep(100000); /* the second greeting */
    start(link, &c[0], &point_read, 5000);
    start(link, &c[1], &point_read, 5000);
    assert_true(server_recv(&a, 10000, &at_a)); /* one each: the replica with the fewest under way */
    assert_true(server_recv(&b, 10000, &at_b));
    server_reply(&at_b, keys.reply, -1, false);
    server_drop(&at_a);
    server_stop(&a);
    assert_true(server_recv(&b, 10000, &at_b)); /* the read that a has lost */
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
    sfms_link *link = link_to(&s);
    request r;
    caller c, after;

    (void)state;
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 10000, &r));
    server_reply(&r, keys.reply, -1, true);
    expect_answer(&c);
    assert_false(sfms_link_up(link));
    start(link, &after, &point_read, 5000);
    expect_failure(&after, SFMS_UNAVAILABLE, "UNAVAILABLE");
    assert_false(server_recv(&s, 100, &r));
    server_stop(&s);

    s = server_start('a'); /* a new process at the same address */
    server_greet(&s);
    assert_true(wait_up(link, true, 1000));
    sfms_link_close(link, 1000);
    server_stop(&s);
}

/* What waited already goes there, as there is nowhere else; nothing new does. */
static void
a_stopping_server_is_sent_what_waited_with_each_answer(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(&s);
    request busy[SFMS_LINK_WRITES], r;
    caller first[SFMS_LINK_WRITES], waiting[3], new;

    (void)state;
    for (int i = 0; i < SFMS_LINK_WRITES; i++) {
        start(link, &first[i], &point_write, 5000);
        assert_true(server_recv(&s, 10000, &busy[i]));
    }
    for (int i = 0; i < 3; i++)
        start(link, &waiting[i], &point_write, 5000);
    server_reply(&busy[0], keys.reply, -1, true);
    assert_true(server_recv(&s, 10000, &r));
    assert_int_equal(r.batch->n_calls, 3);
    start(link, &new, &point_write, 5000);
    expect_failure(&new, SFMS_UNAVAILABLE, "UNAVAILABLE");
    server_reply(&r, keys.reply, -1, true);
    server_reply(&busy[1], keys.reply, -1, true);
    for (int i = 0; i < 3; i++)
        expect_answer(&waiting[i]);
    finish(&first[0]);
    finish(&first[1]);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
a_server_that_says_so_while_idle_gets_nothing_more(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(&s);
    Pb__Replies replies = PB__REPLIES__INIT;
    request r;

    (void)state;
    assert_false(server_recv(&s, 100, &r));
    assert_true(s.watched);
    replies.draining = true;
    send_replies(s.watch, keys.reply, &s.watch_bond, &replies);
    assert_true(wait_up(link, false, 1000));
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
calls_expire_under_way_and_waiting(void **state)
{
    enum { N = SFMS_LINK_WRITES + 3 };
    server s = server_start('a');
    sfms_link *link = link_to(&s);
    int64_t from = sfms_mono_us();
    request r;
    caller c[N], late;

    (void)state;
    start(link, &late, &point_write, 3000);
    assert_true(server_recv(&s, 10000, &r));
    for (int i = 0; i < N; i++)
        start(link, &c[i], &point_write, 200);
    for (int i = 0; i < N; i++) {
        expect_failure(&c[i], SFMS_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
        assert_in_range(c[i].at_us - from, 190000, 600000);
    }
    assert_int_equal(late.n_done, 0);
    server_reply(&r, keys.reply, -1, false);
    expect_answer(&late);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

/* As when its host is gone, and the connection does not know. */
static void
a_server_that_never_answers_is_connected_to_anew(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(&s);
    request lost, r;
    caller c;

    (void)state;
    start(link, &c, &point_write, 200);
    assert_true(server_recv(&s, 10000, &lost));
    expect_failure(&c, SFMS_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
    server_greet(&s);
    assert_true(wait_up(link, true, 1000));
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 10000, &r));
    server_reply(&r, keys.reply, -1, false);
    expect_answer(&c);
    server_drop(&lost);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

/* What it still has may be answered: the connection stays. */
static void
a_server_that_is_silent_gets_nothing_more_until_it_answers(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(&s);
    request lost, late, r;
    caller first, second, third;

    (void)state;
    start(link, &first, &point_write, 5000);
    assert_true(server_recv(&s, 10000, &late));
    start(link, &second, &point_write, 200);
    assert_true(server_recv(&s, 10000, &lost));
    assert_true(wait_up(link, false, 2000));
    start(link, &third, &point_write, 5000);
    assert_false(server_recv(&s, 100, &r));
    server_reply(&late, keys.reply, -1, false);
    expect_answer(&first);
    assert_true(server_recv(&s, 10000, &r));
    server_reply(&r, keys.reply, -1, false);
    expect_answer(&third);
    assert_true(wait_up(link, true, 1000));
    expect_failure(&second, SFMS_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");
    server_drop(&lost);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
answers_that_cannot_be_trusted_count_as_lost(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(&s);
    sfms_bond before;
    request r;
    caller c;

    (void)state;
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 10000, &r));
    server_reply(&r, keys.request, -1, false); /* the wrong key */
    expect_failure(&c, SFMS_UNAVAILABLE, "OUTCOME_UNKNOWN");
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 10000, &r));
    server_reply(&r, keys.reply, 0, false); /* the wrong number */
    expect_failure(&c, SFMS_UNAVAILABLE, "OUTCOME_UNKNOWN");
    before = r.bond;
    start(link, &c, &point_write, 5000);
    assert_true(server_recv(&s, 10000, &r));
    r.bond = before; /* the answer to another request */
    server_reply(&r, keys.reply, -1, false);
    expect_failure(&c, SFMS_UNAVAILABLE, "OUTCOME_UNKNOWN");
    sfms_link_close(link, 1000);
    server_stop(&s);
}

/* A server that does not know the secret is no replica, and gets no call. */
static void
a_greeting_that_cannot_be_trusted_is_none(void **state)
{
    static const sfms_bond none;
    server s = server_start('a');
    sfms_link *link = sfms_link_open("test", s.url, &keys);
    Pb__Replies greeting = PB__REPLIES__INIT;
    request r;

    (void)state;
    for (int i = 0; i < 3; i++) { /* each on a connection of its own */
        assert_true(recv_any(&s, 10000, &none, &r));
        send_replies(r.ctx, i == 0 ? keys.request : keys.reply, i == 1 ? &none : &r.bond, &greeting);
        sfms_arena_free(r.arena);
        usleep(50000);
        assert_int_equal(sfms_link_up(link), i == 2);
    }
    sfms_link_close(link, 1000);
    server_stop(&s);
}

static void
too_much_waiting_is_refused_and_closing_answers_all(void **state)
{
    enum { N = SFMS_LINK_WRITES + SFMS_QUEUE_CALLS };
    server s = server_start('a');
    sfms_link *link = link_to(&s);
    caller *c = calloc(N + 1, sizeof(*c));
    sfms_link_stats stats;

    (void)state;
    for (int i = 0; i < N; i++)
        start(link, &c[i], &point_write, 60000);
    sfms_link_stat(link, &stats);
    assert_int_equal(stats.waiting, SFMS_QUEUE_CALLS);
    assert_int_equal(stats.under_way, SFMS_LINK_WRITES);
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

/* A plain socket at a server's address. */
static int
plain_socket(const server *s, struct sockaddr_un *ret_address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%.90s", s->url + strlen("ipc://"));
    return fd;
}

/* nng 1.5.2 by itself would accept nobody after the first of them. */
static void
a_server_survives_those_who_connect_and_go(void **state)
{
    server s = server_start('a');
    struct sockaddr_un address;
    sfms_link *link;

    (void)state;
    for (int i = 0; i < 50; i++) {
        int fd = plain_socket(&s, &address);

        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        close(fd);
    }
    link = link_to(&s);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

/* nng 1.5.2 by itself would never dial again after the first that hung up. */
static void
a_link_survives_servers_that_accept_and_go(void **state)
{
    server s = {0};
    struct sockaddr_un address;
    sfms_link *link;
    int fd;

    (void)state;
    snprintf(s.url, sizeof(s.url), "ipc:///tmp/sfms-link-test-%d-a.ipc", (int)getpid());
    fd = plain_socket(&s, &address);
    unlink(address.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 8), 0);
    link = sfms_link_open("test", s.url, &keys);
    for (int i = 0; i < 10; i++)
        close(accept(fd, NULL, NULL));
    close(fd);
    unlink(address.sun_path);
    assert_false(sfms_link_up(link));
    s = server_start('a');
    server_greet(&s);
    assert_true(wait_up(link, true, 1000));
    sfms_link_close(link, 1000);
    server_stop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_write_is_never_sent_again),
        cmocka_unit_test(a_lost_read_is_sent_once_more_to_another_replica),
        cmocka_unit_test(a_server_that_says_so_in_an_answer_gets_nothing_more),
        cmocka_unit_test(a_stopping_server_is_sent_what_waited_with_each_answer),
        cmocka_unit_test(a_server_that_says_so_while_idle_gets_nothing_more),
        cmocka_unit_test(a_server_survives_those_who_connect_and_go),
        cmocka_unit_test(a_link_survives_servers_that_accept_and_go),
        cmocka_unit_test(calls_expire_under_way_and_waiting),
        cmocka_unit_test(a_server_that_never_answers_is_connected_to_anew),
        cmocka_unit_test(a_server_that_is_silent_gets_nothing_more_until_it_answers),
        cmocka_unit_test(answers_that_cannot_be_trusted_count_as_lost),
        cmocka_unit_test(a_greeting_that_cannot_be_trusted_is_none),
        cmocka_unit_test(too_much_waiting_is_refused_and_closing_answers_all),
    };

    return cmocka_run_group_tests(tests, link_setup, NULL);
}
