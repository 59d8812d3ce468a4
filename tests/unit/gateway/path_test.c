/* path_test.c -- request targets taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/path.c"

static bool
split(const char *target, path_parts *ret)
{
    static char copy[256];

    assert_true(strlen(target) < sizeof copy);
    memcpy(copy, target, strlen(target) + 1);
    return path_split(copy, ret);
}

static void
test_segments(void **state)
{
    path_parts p;

    (void)state;
    assert_true(split("/v1/deals/42:move?a=b", &p));
    assert_int_equal(p.n, 3);
    assert_string_equal(p.segment[0], "v1");
    assert_string_equal(p.segment[2], "42");
    assert_string_equal(p.verb, "move");
    assert_string_equal(p.query, "a=b");

    assert_true(split("/", &p));
    assert_int_equal(p.n, 1);
    assert_string_equal(p.segment[0], "");
    assert_null(p.query);
    assert_true(split("/v1/deals/", &p));
    assert_int_equal(p.n, 3);
    assert_string_equal(p.segment[2], "");
}

static void
test_escapes(void **state)
{
    path_parts p;

    (void)state;
    assert_true(split("/v1/a%2Fb/c%3Ad:go", &p));
    assert_string_equal(p.segment[1], "a/b");
    assert_string_equal(p.segment[2], "c:d");
    assert_string_equal(p.verb, "go");
    assert_true(split("/%E5%BC%A0", &p));
    assert_string_equal(p.segment[0], "张");

    assert_true(split("HTTP://sfms.example:80/v1/me?a=b", &p));
    assert_int_equal(p.n, 2);
    assert_string_equal(p.segment[1], "me");
    assert_string_equal(p.query, "a=b");
    assert_false(split("http://sfms.example", &p));
    assert_false(split("ftp://sfms.example/v1/me", &p));
    assert_false(split("/v1/me x", &p));

    assert_false(split("/%", &p));
    assert_false(split("/%4", &p));
    assert_false(split("/%zz", &p));
    assert_false(split("/a%00b", &p));
    assert_false(split("/%ff", &p));
    assert_false(split("v1", &p));
    assert_false(split("*", &p));
    assert_false(split("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", &p));
}

static void
test_query(void **state)
{
    char text[] = "&a=1&&filter=name%20%3D+%22x%22&flag&=v&last=";
    char bad[] = "a=%";
    char *cursor = text;
    const char *name, *value;

    (void)state;
    assert_int_equal(path_query_next(&cursor, &name, &value), 1);
    assert_string_equal(name, "a");
    assert_string_equal(value, "1");
    assert_int_equal(path_query_next(&cursor, &name, &value), 1);
    assert_string_equal(value, "name = \"x\"");
    assert_int_equal(path_query_next(&cursor, &name, &value), 1);
    assert_string_equal(name, "flag");
    assert_string_equal(value, "");
    assert_int_equal(path_query_next(&cursor, &name, &value), 1);
    assert_string_equal(name, "");
    assert_int_equal(path_query_next(&cursor, &name, &value), 1);
    assert_string_equal(name, "last");
    assert_int_equal(path_query_next(&cursor, &name, &value), 0);

    cursor = bad;
    assert_int_equal(path_query_next(&cursor, &name, &value), -1);
    cursor = NULL;
    assert_int_equal(path_query_next(&cursor, &name, &value), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
