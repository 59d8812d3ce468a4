/* Tests common/rpc/turns.c: whose call is next, who may not have one more, and how long it would take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/turns.h"

enum { N = 12 };
static sfms_turns t;
static sfms_link_call calls[N];

static int
fresh(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    memset(calls, 0, sizeof(calls));
    return 0;
}

/* Calls of the turns that a text names: "aab" are two of a and one of b. */
static void
push(const char *turns)
{
    for (int i = 0; turns[i] != '\0'; i++) {
        calls[i].turn = (unsigned)turns[i];
        calls[i].deadline_us = 1000 + i;
        sfms_turns_push(&t, &calls[i], 0);
    }
}

/* Takes all that a message with that number may have, each turn once around; answers whose they were. */
static const char *
taken(uint64_t mark, unsigned cap, int most)
{
    static char text[N + 1];
    int n = 0;
    bool is_new;

    for (; n < most && sfms_turns_peek(&t, mark, cap) != NULL; n++) {
        text[n] = (char)sfms_turns_pop(&t, mark, &is_new)->turn;
        sfms_turns_pass(&t);
    }
    text[n] = '\0';
    return text;
}

static void
each_in_turn(void **state)
{
    (void)state;
    push("aaaabbc");
    assert_string_equal(taken(1, 9, N), "abcabaa");
    assert_int_equal(t.n, 0);
    assert_int_equal(t.n_turns, 0);
    assert_null(sfms_turns_peek(&t, 2, 9));
}

static void
who_has_enough_under_way_waits(void **state)
{
    (void)state;
    push("aaabc");
    assert_string_equal(taken(1, 1, 1), "a");
    assert_string_equal(taken(2, 1, N), "bc");
    assert_null(sfms_turns_peek(&t, 3, 1));
    assert_int_equal(t.n, 2);
    sfms_turns_back(&t, 'a');
    assert_string_equal(taken(4, 1, N), "aa"); /* as many as fit into one message */
}

static void
what_comes_back_goes_first(void **state)
{
    bool is_new;
    sfms_link_call *call;

    (void)state;
    push("aab");
    call = sfms_turns_pop(&t, 1, &is_new);
    assert_true(is_new);
    sfms_turns_pass(&t);
    sfms_turns_unshift(&t, call);
    assert_string_equal(taken(2, 9, 1), "b");
    assert_ptr_equal(sfms_turns_peek(&t, 3, 9), call);
}

static void
what_has_expired_leaves(void **state)
{
    sfms_link_queue expired = {0};

    (void)state;
    push("abab");
    assert_int_equal(sfms_turns_first_deadline(&t), 1000);
    sfms_turns_expire(&t, 1001, &expired);
    assert_int_equal(expired.n, 2);
    assert_int_equal(t.n, 2);
    assert_int_equal(sfms_turns_first_deadline(&t), 1002);
    sfms_turns_expire(&t, 2000, &expired);
    assert_int_equal(t.n, 0);
    assert_int_equal(t.n_turns, 0);
    push("c");
    assert_int_equal(sfms_turns_take_all(&t).n, 1);
    assert_int_equal(t.n_turns, 0);
}

static void
who_asks_for_much_waits_longer_than_who_does_not(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++)
        sfms_turns_note(&t, 4, 4000);
    assert_in_range(t.call_us, 900, 1000);
    assert_int_equal(sfms_turns_wait_us(&t, 'b', 2), 0);
    push("aaaaaaaa");
    assert_int_equal(sfms_turns_wait_us(&t, 'a', 2), t.call_us * 8 / 2);
    assert_int_equal(sfms_turns_wait_us(&t, 'b', 2), t.call_us * 1 / 2);
}

static void
a_lane_is_shared_when_two_have_called(void **state)
{
    (void)state;
    calls[0].turn = 5;
    sfms_turns_push(&t, &calls[0], 60000000);
    assert_int_equal(t.shared_until_us, 0);
    calls[1].turn = 7;
    sfms_turns_push(&t, &calls[1], 60000100);
    assert_true(t.shared_until_us > 60000100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_in_turn, fresh),
        cmocka_unit_test_setup(who_has_enough_under_way_waits, fresh),
        cmocka_unit_test_setup(what_comes_back_goes_first, fresh),
        cmocka_unit_test_setup(what_has_expired_leaves, fresh),
        cmocka_unit_test_setup(who_asks_for_much_waits_longer_than_who_does_not, fresh),
        cmocka_unit_test_setup(a_lane_is_shared_when_two_have_called, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
