/* arena_test.c -- memory with a lifetime. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/limits.h"

static char order[8];

static void
note(void *object)
{
    strncat(order, object, sizeof order - strlen(order) - 1);
}

static void
test_zeroed_and_aligned(void **state)
{
    sfms_arena *a = sfms_arena_new();

    (void)state;
    for (size_t n = 0; n < 300; n++) {
        unsigned char *p = sfms_alloc(a, n);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    sfms_arena_reset(a);
    unsigned char *again = sfms_alloc(a, 4000);
    for (size_t i = 0; i < 4000; i++)
        assert_int_equal(again[i], 0);
    sfms_arena_free(a);
}

static void
test_objects_do_not_overlap(void **state)
{
    sfms_arena *a = sfms_arena_new();
    unsigned char *p[2000];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        p[i] = sfms_alloc(a, 100);
        memset(p[i], i % 251, 100);
    }
    for (int i = 0; i < 2000; i++)
        for (int j = 0; j < 100; j++)
            assert_int_equal(p[i][j], i % 251);
    sfms_arena_free(a);
}

static void
test_big_objects(void **state)
{
    sfms_arena *a = sfms_arena_new();

    (void)state;
    for (int round = 0; round < 3; round++) {
        char *small = sfms_strdup(a, "small");
        char *big = sfms_alloc(a, 3 * SFMS_ARENA_CHUNK);
        char *exact = sfms_alloc(a, SFMS_ARENA_CHUNK);
        char *huge = sfms_alloc(a, 2 * SFMS_ARENA_KEEP);

        memset(big, 1, 3 * SFMS_ARENA_CHUNK);
        memset(exact, 2, SFMS_ARENA_CHUNK);
        memset(huge, 3, 2 * SFMS_ARENA_KEEP);
        assert_string_equal(small, "small");
        assert_int_equal(big[3 * SFMS_ARENA_CHUNK - 1], 1);
        assert_int_equal(exact[SFMS_ARENA_CHUNK - 1], 2);
        sfms_arena_reset(a);
    }
    sfms_arena_free(a);
}

static void
test_used(void **state)
{
    sfms_arena *a = sfms_arena_new();

    (void)state;
    assert_int_equal(sfms_arena_used(a), 0);
    sfms_alloc(a, 100);
    sfms_alloc(a, 23);
    assert_int_equal(sfms_arena_used(a), 123);
    sfms_arena_reset(a);
    assert_int_equal(sfms_arena_used(a), 0);
    sfms_arena_free(a);
}

static void
test_copies(void **state)
{
    sfms_arena *a = sfms_arena_new();

    (void)state;
    assert_string_equal(sfms_strdup(a, "text"), "text");
    assert_string_equal(sfms_strdup(a, NULL), "");
    assert_string_equal(sfms_strndup(a, "text", 2), "te");
    assert_string_equal(sfms_strndup(a, "text", 20), "text");
    assert_string_equal(sfms_strndup(a, "text", 0), "");
    assert_string_equal(sfms_strndup(a, NULL, 5), "");
    assert_memory_equal(sfms_memdup(a, "a\0b", 3), "a\0b", 3);
    assert_non_null(sfms_memdup(a, NULL, 0));
    /* strndup does not look beyond what it copies. */
    char open[3] = {'a', 'b', 'c'};
    assert_string_equal(sfms_strndup(a, open, 3), "abc");
    sfms_arena_free(a);
}

static void
test_printf(void **state)
{
    sfms_arena *a = sfms_arena_new();
    char expected[1001];

    (void)state;
    assert_string_equal(sfms_printf(a, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(sfms_printf(a, "%s", ""), "");
    for (int n = 250; n < 260; n++) { /* around the size of the buffer inside */
        char *made = sfms_printf(a, "%0*d", n, 1);

        assert_int_equal(strlen(made), n);
        assert_int_equal(made[n - 1], '1');
    }
    memset(expected, 'y', 1000);
    expected[1000] = '\0';
    assert_string_equal(sfms_printf(a, "%s", expected), expected);
    assert_string_equal(sfms_printf(a, "%2$s %1$s", "a", "b"), "b a");
    sfms_arena_free(a);
}

static void
test_own(void **state)
{
    sfms_arena *a = sfms_arena_new();

    (void)state;
    order[0] = '\0';
    assert_null(sfms_arena_own(a, NULL, note));
    static char one[] = "1", two[] = "2", three[] = "3";
    assert_ptr_equal(sfms_arena_own(a, one, note), one);
    sfms_arena_own(a, two, note);
    sfms_arena_reset(a);
    assert_string_equal(order, "21"); /* the newest first */
    sfms_arena_reset(a);
    assert_string_equal(order, "21"); /* and only once */
    sfms_arena_own(a, three, note);
    sfms_arena_free(a);
    assert_string_equal(order, "213");
    sfms_arena_free(NULL);
}

static void
test_protobuf_allocator(void **state)
{
    sfms_arena *a = sfms_arena_new();
    ProtobufCAllocator *pb = sfms_arena_pb(a);
    char *p = pb->alloc(pb->allocator_data, 10);

    (void)state;
    assert_non_null(p);
    memset(p, 1, 10);
    pb->free(pb->allocator_data, p);
    p[0] = 2; /* still ours */
    assert_true(sfms_arena_used(a) >= 10);
    sfms_arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_and_aligned),
        cmocka_unit_test(test_objects_do_not_overlap),
        cmocka_unit_test(test_big_objects),
        cmocka_unit_test(test_used),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_printf),
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_protobuf_allocator),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
