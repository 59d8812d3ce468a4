/* Tests common/core/ring.c: a key that is changed while it is used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/ring.h"

#define OLD "the old secret has more than thirty-two characters"
#define NEW "the new secret has more than thirty-two characters"

static sfms_arena *arena;

static bool
opens(const sfms_ring *ring, const char *sealed)
{
    size_t n;
    const char *data = sfms_ring_unseal(arena, ring, sealed, &n);

    return data != NULL && n == 4 && memcmp(data, "data", 4) == 0;
}

static void
what_is_no_good_is_refused(void **state)
{
    (void)state;
    assert_null(sfms_ring_new(NULL, "p"));
    assert_null(sfms_ring_new("", "p"));
    assert_null(sfms_ring_new("\n\r\n", "p"));
    assert_null(sfms_ring_new("short", "p"));
    assert_null(sfms_ring_new(OLD "\nshort", "p"));
    assert_null(sfms_ring_new(OLD "\n" OLD "\n" OLD "\n" OLD "\n" OLD, "p"));
    assert_false(sfms_rings_renew("short"));
}

static void
lines_and_one_line_are_the_same_key(void **state)
{
    const sfms_ring *one = sfms_ring_new(OLD, "p"), *two = sfms_ring_new("\r\n" OLD "\r\n" NEW "\n", "p");
    size_t n;
    sfms_key first = *sfms_ring_keys(one, &n);

    (void)state;
    assert_int_equal(n, 1);
    assert_memory_equal(&first, sfms_ring_keys(two, &n), sizeof(first));
    assert_int_equal(n, 2);
}

static void
nothing_is_lost_while_keys_are_changed(void **state)
{
    const sfms_ring *ring = sfms_ring_new(OLD, "p"), *other = sfms_ring_new(OLD, "q");
    const char *before = sfms_ring_seal(arena, ring, "data", 4), *after;

    (void)state;
    assert_true(opens(ring, before));
    assert_false(opens(other, before));
    assert_true(sfms_rings_renew(OLD "\n" NEW));
    assert_true(opens(ring, before));
    assert_true(sfms_rings_renew(NEW "\n" OLD));
    after = sfms_ring_seal(arena, ring, "data", 4);
    assert_true(opens(ring, before));
    assert_true(opens(ring, after));
    assert_false(sfms_rings_renew(NEW "\nshort"));
    assert_true(opens(ring, before));
    assert_true(sfms_rings_renew(NEW));
    assert_false(opens(ring, before));
    assert_true(opens(ring, after));
    assert_false(opens(other, after));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_good_is_refused),
        cmocka_unit_test(lines_and_one_line_are_the_same_key),
        cmocka_unit_test(nothing_is_lost_while_keys_are_changed),
    };
    int failed;

    sfms_seal_init();
    arena = sfms_arena_new();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(arena);
    return failed;
}
