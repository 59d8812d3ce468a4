/* budget_test.c -- memory in use for requests. */
#include "core/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/limits.h"

enum { MIB = 1 << 20, BUDGET = 64 };

static size_t
used(void)
{
    sfms_budget_stats s;

    sfms_budget_stat(&s);
    return s.used;
}

static void
test_a_budget_too_small(void **state)
{
    (void)state;
    assert_false(sfms_budget_open(0));
    assert_false(sfms_budget_open(-1));
    assert_true(sfms_budget_open(BUDGET));
}

static void
test_nobody_has_more_than_half(void **state)
{
    (void)state;
    assert_true(sfms_budget_open(BUDGET));
    assert_true(sfms_budget_room(1, 0, 32 * MIB));
    assert_false(sfms_budget_room(1, 0, 33 * MIB));
    sfms_budget_add(1, 32 * MIB);
    assert_false(sfms_budget_room(1, 0, MIB));
    assert_true(sfms_budget_room(1, 0, SFMS_BUDGET_SMALL));
    assert_false(sfms_budget_room(1, SFMS_BUDGET_SMALL, 1)); /* as much by pieces is not small */
    assert_true(sfms_budget_room(2, 0, 24 * MIB));
    sfms_budget_sub(1, 32 * MIB);
    assert_int_equal(used(), 0);
}

static void
test_what_is_small_finds_room_for_longer(void **state)
{
    (void)state;
    assert_true(sfms_budget_open(BUDGET));
    sfms_budget_add(1, 30 * MIB);
    sfms_budget_add(2, 26 * MIB);
    assert_false(sfms_budget_room(3, 0, MIB));
    assert_true(sfms_budget_room(3, 0, SFMS_BUDGET_SMALL));
    sfms_budget_add(3, 8 * MIB);
    assert_false(sfms_budget_room(4, 0, 1));
    sfms_budget_sub(1, 30 * MIB);
    sfms_budget_sub(2, 26 * MIB);
    sfms_budget_sub(3, 8 * MIB);
}

static void
test_an_arena_counts_until_it_is_reset(void **state)
{
    sfms_arena *a = sfms_arena_new();

    (void)state;
    (void)sfms_alloc(a, 10);
    (void)sfms_alloc(a, MIB);
    assert_int_equal(used(), 0);
    sfms_arena_meter(a, 7);
    (void)sfms_alloc(a, MIB);
    assert_in_range(used(), MIB, MIB + SFMS_ARENA_CHUNK);
    sfms_arena_count(a, MIB);
    assert_in_range(used(), 2 * MIB, 2 * MIB + SFMS_ARENA_CHUNK);
    assert_true(sfms_arena_room(a, 16 * MIB));
    assert_false(sfms_arena_room(a, 31 * MIB));
    sfms_arena_reset(a);
    assert_int_equal(used(), 0);
    assert_true(sfms_arena_room(a, SIZE_MAX / 2)); /* nothing is counted any more */
    sfms_arena_meter(a, 7);
    sfms_arena_count(a, MIB);
    sfms_arena_free(a);
    assert_int_equal(used(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_budget_too_small),
        cmocka_unit_test(test_nobody_has_more_than_half),
        cmocka_unit_test(test_what_is_small_finds_room_for_longer),
        cmocka_unit_test(test_an_arena_counts_until_it_is_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
