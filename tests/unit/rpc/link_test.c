/* Tests common/rpc/link.c and slot.c: what is sent at once, what travels together, and what travels alone. */
#include "link_server.h"

static void
a_call_is_sent_at_once_and_answered(void **state)
{
    server s = server_start('a');
    sfms_link *link = link_to(&s);
    request r;
    caller c;

    (void)state;
    start(link, &c, &point_write, 2000);
    assert_true(server_recv(&s, 10000, &r));
    assert_int_equal(r.batch->n_calls, 1);
    assert_string_equal(r.batch->calls[0]->method, "t/Write");
    assert_in_range(r.batch->calls[0]->timeout_ms, 1000, 2000);
    assert_int_equal(r.batch->calls[0]->principal, 0);
    server_reply(&r, keys.reply, -1, false);
    expect_answer(&c);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

/* What is sent before the server has greeted us waits for that; and no two messages are the same to the server. */
static void
calls_wait_for_the_greeting_and_are_numbered(void **state)
{
    server s = server_start('a');
    sfms_link *link = sfms_link_open("test", s.url, &keys);
    request r;
    caller c;
    uint64_t number = 0;

    (void)state;
    usleep(300000); /* to connect */
    assert_false(sfms_link_up(link));
    start(link, &c, &point_write, 5000);
    assert_int_equal(c.n_done, 0);
    server_greet(&s);
    for (int i = 0; i < 3; i++) {
        assert_true(server_recv(&s, 10000, &r));
        assert_int_equal(r.batch->slot, SFMS_LINK_READS); /* the first of the writes */
        assert_true(r.batch->number > number);
        number = r.batch->number;
        server_reply(&r, keys.reply, -1, false);
        expect_answer(&c);
        if (i < 2)
            start(link, &c, &point_write, 5000);
    }
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
    sfms_link *link = link_to(&s);
    request busy[SFMS_LINK_WRITES], r;
    caller first[SFMS_LINK_WRITES], more[N];

    (void)state;
    for (int i = 0; i < SFMS_LINK_WRITES; i++) {
        start(link, &first[i], &point_write, 5000);
        assert_true(server_recv(&s, 10000, &busy[i]));
        assert_int_equal(busy[i].batch->n_calls, 1);
    }
    for (int i = 0; i < N; i++)
        start(link, &more[i], &point_write, 5000);
    assert_false(server_recv(&s, 100, &r)); /* all links are busy */
    server_reply(&busy[0], keys.reply, -1, false);
    assert_true(server_recv(&s, 10000, &r));
    assert_int_equal(r.batch->n_calls, N);
    server_reply(&r, keys.reply, -1, false);
    for (int i = 0; i < N; i++)
        expect_answer(&more[i]);
    server_reply(&busy[1], keys.reply, -1, false);
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
    sfms_link *link = link_to(&s);
    request busy[SFMS_LINK_WRITES], r;
    caller first[SFMS_LINK_WRITES];
    caller *more = calloc(N, sizeof(*more));

    (void)state;
    for (int i = 0; i < SFMS_LINK_WRITES; i++) {
        start(link, &first[i], &point_write, 5000);
        assert_true(server_recv(&s, 10000, &busy[i]));
    }
    for (int i = 0; i < N; i++)
        start(link, &more[i], &point_write, 5000);
    server_reply(&busy[0], keys.reply, -1, false);
    assert_true(server_recv(&s, 10000, &r));
    assert_int_equal(r.batch->n_calls, SFMS_BATCH_CALLS);
    server_reply(&r, keys.reply, -1, false);
    assert_true(server_recv(&s, 10000, &r));
    assert_int_equal(r.batch->n_calls, 5);
    server_reply(&r, keys.reply, -1, false);
    server_reply(&busy[1], keys.reply, -1, false);
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
    sfms_link *link = link_to(&s);
    Pb__Principal ann = PB__PRINCIPAL__INIT, bob = PB__PRINCIPAL__INIT;
    const Pb__Principal *order[] = {&ann, &bob, NULL, &ann, &bob, &ann};
    static const uint32_t expected[] = {1, 1, 1, 2, 2, 0};
    request busy[SFMS_LINK_WRITES], r;
    caller first[SFMS_LINK_WRITES], more[6];

    (void)state;
    ann.user_id = "ann";
    bob.user_id = "bob";
    for (int i = 0; i < SFMS_LINK_WRITES; i++) {
        start(link, &first[i], &point_write, 5000);
        assert_true(server_recv(&s, 10000, &busy[i]));
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
    server_reply(&busy[0], keys.reply, -1, false);
    assert_true(server_recv(&s, 10000, &r));
    assert_int_equal(r.batch->n_principals, 2);
    assert_string_equal(r.batch->principals[0]->user_id, "ann");
    assert_string_equal(r.batch->principals[1]->user_id, "bob");
    assert_int_equal(r.batch->n_calls, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(r.batch->calls[i]->principal, expected[i]);
    server_reply(&r, keys.reply, -1, false);
    server_reply(&busy[1], keys.reply, -1, false);
    for (int i = 0; i < 6; i++)
        expect_answer(&more[i]); /* each its own */
    finish(&first[0]);
    finish(&first[1]);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

/* Starts a call of an organisation. */
static void
start_for(sfms_link *link, caller *c, const sfms_method *method, const Pb__Principal *who)
{
    memset(c, 0, sizeof(*c));
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->ended, NULL);
    c->call = (sfms_link_call){.method = method,
        .request = c->request,
        .principal = who,
        .deadline_us = sfms_mono_us() + 5000000,
        .done = on_done,
        .arg = c};
    sfms_link_send(link, &c->call);
}

/* Two organisations that do not share a turn; which ones do differs from run to run. */
static void
two_organisations(Pb__Principal *greedy, Pb__Principal *other)
{
    static char name[24];

    pb__principal__init(greedy);
    pb__principal__init(other);
    greedy->org_id = "greedy";
    other->org_id = name;
    for (int i = 0; i == 0 || sfms_turn_of(greedy, NULL) == sfms_turn_of(other, NULL); i++)
        snprintf(name, sizeof(name), "other %d", i);
}

static void
slow_calls_travel_alone_and_leave_a_place_for_another_organisation(void **state)
{
    enum { MOST = SFMS_LINK_SLOW - 1 };
    server s = server_start('a');
    sfms_link *link = link_to(&s);
    Pb__Principal greedy, other;
    request busy[MOST], r;
    caller c[MOST + 1], quick, more;

    (void)state;
    two_organisations(&greedy, &other);
    for (int i = 0; i < MOST + 1; i++)
        start_for(link, &c[i], &slow, &greedy);
    for (int i = 0; i < MOST; i++) {
        assert_true(server_recv(&s, 10000, &busy[i]));
        assert_int_equal(busy[i].batch->n_calls, 1);
    }
    start_for(link, &quick, &point_read, &greedy);
    assert_true(server_recv(&s, 10000, &r));
    assert_string_equal(r.batch->calls[0]->method, "t/Read");
    server_reply(&r, keys.reply, -1, false);
    expect_answer(&quick);
    start_for(link, &more, &slow, &other);
    assert_true(server_recv(&s, 10000, &r));
    assert_string_equal(r.batch->principals[0]->org_id, other.org_id);
    server_reply(&r, keys.reply, -1, false);
    expect_answer(&more);
    for (int i = 0; i < MOST; i++)
        server_reply(&busy[i], keys.reply, -1, false);
    assert_true(server_recv(&s, 10000, &r));
    server_reply(&r, keys.reply, -1, false);
    for (int i = 0; i < MOST + 1; i++)
        expect_answer(&c[i]);
    sfms_link_close(link, 1000);
    server_stop(&s);
}

/* What waits is taken in turn: one that has a hundred calls there does not stand before another's one. */
static void
organisations_take_turns(void **state)
{
    enum { MANY = 2 * SFMS_BATCH_CALLS };
    server s = server_start('a');
    sfms_link *link = link_to(&s);
    Pb__Principal greedy, other;
    request busy[SFMS_LINK_READS], r;
    caller first[SFMS_LINK_READS], *c = calloc(MANY, sizeof(*c)), one;
    bool there = false;

    (void)state;
    two_organisations(&greedy, &other);
    for (int i = 0; i < SFMS_LINK_READS; i++) {
        start_for(link, &first[i], &point_read, &greedy);
        assert_true(server_recv(&s, 10000, &busy[i]));
    }
    for (int i = 0; i < MANY; i++)
        start_for(link, &c[i], &point_read, &greedy);
    start_for(link, &one, &point_read, &other);
    server_reply(&busy[0], keys.reply, -1, false);
    assert_true(server_recv(&s, 10000, &r));
    assert_int_equal(r.batch->n_calls, SFMS_BATCH_CALLS);
    for (size_t i = 0; i < r.batch->n_principals; i++)
        there = there || strcmp(r.batch->principals[i]->org_id, other.org_id) == 0;
    assert_true(there);
    server_reply(&r, keys.reply, -1, false);
    expect_answer(&one);
    server_reply(&busy[1], keys.reply, -1, false);
    sfms_link_close(link, 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(c[i].n_done, 1);
    free(c);
    server_stop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_sent_at_once_and_answered),
        cmocka_unit_test(calls_wait_for_the_greeting_and_are_numbered),
        cmocka_unit_test(without_a_server_calls_fail_at_once),
        cmocka_unit_test(what_waits_travels_together),
        cmocka_unit_test(a_message_takes_so_many_calls_and_no_more),
        cmocka_unit_test(calls_of_one_principal_stand_together),
        cmocka_unit_test(slow_calls_travel_alone_and_leave_a_place_for_another_organisation),
        cmocka_unit_test(organisations_take_turns),
    };

    return cmocka_run_group_tests(tests, link_setup, NULL);
}
