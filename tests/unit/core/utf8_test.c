/* utf8_test.c -- what is UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/utf8.h"

static void
test_next(void **state)
{
    static const struct {
        const char *s;
        size_t step;
    } rows[] = {
        {"a", 1},
        {"\x7f", 1},
        {"é", 2},
        {"长", 3},
        {"😀", 4},
        {"\xc2\x80", 2},
        {"\xdf\xbf", 2},
        {"\xe0\xa0\x80", 3},
        {"\xef\xbf\xbf", 3},
        {"\xf0\x90\x80\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4}, /* U+10FFFF, the last */
        {"\x80", 0},
        {"\xbf", 0},
        {"\xff", 0},
        {"\xfe", 0}, /* no starts */
        {"\xc0\x80", 0},
        {"\xc1\xbf", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xf0\x8f\xbf\xbf", 0}, /* overlong */
        {"\xed\xa0\x80", 0},
        {"\xed\xbf\xbf", 0}, /* surrogates */
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0}, /* beyond */
        {"\xe9\x95", 0},
        {"\xc3", 0},
        {"\xf0\x9f\x98", 0},
        {"\xc3x", 0},
        {"\xe9\x95z", 0},
        {"\xf0\x9f\x98z", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(sfms_utf8_next(rows[i].s, strlen(rows[i].s)), rows[i].step);
    assert_int_equal(sfms_utf8_next("", 0), 0);
    assert_int_equal(sfms_utf8_next("\0", 1), 1);
    assert_int_equal(sfms_utf8_next("长", 2), 0);
    assert_int_equal(sfms_utf8_next("\xed\x9f\xbf", 3), 3); /* U+D7FF, just before the surrogates */
    assert_int_equal(sfms_utf8_next("\xee\x80\x80", 3), 3); /* U+E000, just behind them */
}

static void
test_valid_and_count(void **state)
{
    (void)state;
    assert_true(sfms_utf8_valid("", 0));
    assert_true(sfms_utf8_valid("abc长沙😀", 13));
    assert_false(sfms_utf8_valid("abc长沙😀", 12));
    assert_false(sfms_utf8_valid("abc\x80xyz", 7));
    assert_int_equal(sfms_utf8_count(""), 0);
    assert_int_equal(sfms_utf8_count("abc长沙😀é"), 7);
    assert_int_equal(sfms_utf8_count("a\x80\xff长"), 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_valid_and_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
