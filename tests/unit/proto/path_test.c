/* path_test.c -- where in a request a field is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/path.h"

static void
test_text(void **state)
{
    sfms_arena *a = sfms_arena_new();
    sfms_path root = {NULL, "", -1};
    sfms_path deal = {&root, "deal", -1};
    sfms_path items = {&deal, "line_items", 12};
    sfms_path name = {&items, "name", -1};
    sfms_path prefix = {NULL, "deal.", -1};
    sfms_path below = {&prefix, "name", -1};

    (void)state;
    assert_string_equal(sfms_path_text(a, &root), "");
    assert_string_equal(sfms_path_text(a, &deal), "deal");
    assert_string_equal(sfms_path_text(a, &name), "deal.line_items[12].name");
    assert_string_equal(sfms_path_text(a, &prefix), "deal");
    assert_string_equal(sfms_path_text(a, &below), "deal.name");
    sfms_arena_free(a);
}

static void
test_cut(void **state)
{
    sfms_arena *a = sfms_arena_new();
    char name[400] = "";
    sfms_path path = {NULL, name, -1};

    (void)state;
    memset(name, 'x', 300);
    assert_int_equal(strlen(sfms_path_text(a, &path)), 100);
    for (int i = 0; i < 100; i++)
        memcpy(name + 3 * i, "长", 3);
    assert_int_equal(strlen(sfms_path_text(a, &path)), 99);
    sfms_arena_free(a);
}

static void
key_is(const char *key, const char *name)
{
    sfms_arena *a = sfms_arena_new();
    sfms_buf b;

    sfms_buf_init(&b, a, 1000);
    assert_string_equal(sfms_path_key(a, key), name);
    sfms_path_unkey(&b, name, strlen(name));
    assert_int_equal(b.len, strlen(key));
    assert_memory_equal(key, b.len > 0 ? b.data : "", b.len);
    sfms_arena_free(a);
}

/* A client's key is one name, whatever it holds. */
static void
test_keys(void **state)
{
    (void)state;
    key_is("plain 键", "plain 键");
    key_is("", "\\e");
    key_is("e", "e");
    key_is("a.b[0]\\", "a\\.b\\[0]\\\\");
    key_is("\\e", "\\\\e");
}

static void
test_within(void **state)
{
    (void)state;
    assert_true(sfms_path_within("deal.line_items[0].name", "deal.line_items"));
    assert_true(sfms_path_within("deal.name", "deal"));
    assert_true(sfms_path_within("deal", "deal"));
    assert_true(sfms_path_within("deal", ""));
    assert_false(sfms_path_within("deals", "deal"));
    assert_false(sfms_path_within("deal", "deal.name"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_within),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
