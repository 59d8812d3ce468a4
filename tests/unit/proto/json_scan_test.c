/* json_scan_test.c -- is it JSON? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "proto/json_scan.h"

static void
test_good(void **state)
{
    static const char *const rows[] = {
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "-12.5e+3",
        "1E5",
        "1e-5",
        "0.0",
        "\"\"",
        " \t\r\n{ } ",
        "[1,2,[3],{}]",
        "{\"a\":{\"b\":[null,true,false]},\"c\":\"\"}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"",
        "\"\\ud83d\\ude00\"",
        "\"长沙😀\x7f\"",
        "{\"\":1}",
        "[[[[]]]]",
        "123456789012345678901234567890",
        "1e308",
        "\"\\uffff\\ue000\\ud7ff\"",
        "\"\xef\xbf\xbf\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t at;

        if (sfms_json_scan(rows[i], strlen(rows[i]), &at) != SFMS_SCAN_OK)
            fail_msg("%s at %zu", rows[i], at);
    }
}

static void
test_bad(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } rows[] = {
        {"", 0}, {" ", 1}, {"{", 1}, {"}", 0}, {"[", 1}, {"[1", 2}, {"[1,", 3}, {"[1,]", 3}, {"[,1]", 1},
        {"{\"a\"}", 4}, {"{\"a\":}", 5}, {"{\"a\":1,}", 7}, {"{a:1}", 1}, {"{'a':1}", 1},
        {"{\"a\":1 \"b\":2}", 7}, {"{1:2}", 1}, {"nul", 0}, {"nullx", 4}, {"True", 0}, {"NaN", 0},
        {"Infinity", 0}, {"undefined", 0}, {"01", 1}, {"1.", 2}, {".5", 0}, {"+1", 0}, {"-", 1}, {"--1", 1},
        {"1e", 2}, {"1e+", 3}, {"0x10", 1}, {"1.e3", 2}, {"1e309", 5}, {"-1e400", 6}, {"1 2", 2}, {"{}{}", 2},
        {"[] x", 3}, {"\"", 1}, {"\"a", 2}, {"\"a\nb\"", 2}, {"\"a\tb\"", 2}, {"\"\x01\"", 1}, {"\"\\x\"", 3},
        {"\"\\", 2}, {"\"\\u12\"", 3}, {"\"\\u00g0\"", 6}, {"\"\\u0000\"", 7}, {"\"\\ud83d\"", 7},
        {"\"\\ud83dx\"", 7}, {"\"\\ud83d\\u0041\"", 13}, {"\"\\ude00\"", 7}, {"\"\x80\"", 1},
        {"\"\xc0\xaf\"", 1}, {"\"\xed\xa0\x80\"", 1}, {"\"\xe9\x95", 1}, {"\f1", 0}, {"\v{}", 0},
        {"/*x*/1", 0}, {"1//x", 1}, {"\xef\xbb\xbf{}", 0},
        {"1234567890123456789012345678901234567890123456789012345678901234",
            64}, /* more than 63 characters */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t at = 999;

        if (sfms_json_scan(rows[i].text, strlen(rows[i].text), &at) != SFMS_SCAN_BAD || at != rows[i].at)
            fail_msg("%s at %zu", rows[i].text, at);
    }
}

static void
test_nul(void **state)
{
    size_t at;

    (void)state;
    assert_int_equal(sfms_json_scan("1\0", 2, &at), SFMS_SCAN_BAD);
    assert_int_equal(at, 1);
    assert_int_equal(sfms_json_scan("\"a\0b\"", 5, &at), SFMS_SCAN_BAD);
    assert_int_equal(sfms_json_scan("{}garbage", 2, &at), SFMS_SCAN_OK); /* not beyond what is given */
    assert_int_equal(sfms_json_scan("12345", 0, &at), SFMS_SCAN_BAD);
}

static void
test_depth(void **state)
{
    char text[4 * SFMS_JSON_DEPTH + 4];
    size_t at;

    (void)state;
    memset(text, '[', SFMS_JSON_DEPTH);
    memset(text + SFMS_JSON_DEPTH, ']', SFMS_JSON_DEPTH);
    assert_int_equal(sfms_json_scan(text, 2 * SFMS_JSON_DEPTH, &at), SFMS_SCAN_OK);
    memset(text, '[', SFMS_JSON_DEPTH + 1);
    memset(text + SFMS_JSON_DEPTH + 1, ']', SFMS_JSON_DEPTH + 1);
    assert_int_equal(sfms_json_scan(text, 2 * SFMS_JSON_DEPTH + 2, &at), SFMS_SCAN_DEEP);
    assert_int_equal(at, SFMS_JSON_DEPTH + 1);
    /* Side by side is not deep. */
    assert_int_equal(
        sfms_json_scan("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]", 58, &at), SFMS_SCAN_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
