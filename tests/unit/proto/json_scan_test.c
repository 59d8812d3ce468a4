/* json_scan_test.c -- is it JSON? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "proto/json_scan.h"

/* scan checks as a request is checked. */
static sfms_scan
scan(const char *text, size_t n, size_t *ret_at)
{
    sfms_scanned s = {.text = text, .n = n, .depth = SFMS_JSON_DEPTH, .values = 20};
    sfms_scan found = sfms_json_scan(&s);

    *ret_at = s.at;
    return found;
}

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
        "-1e400",
        "1234567890123456789012345678901234567890123456789012345678901234567890",
        "\"\\uffff\\ue000\\ud7ff\"",
        "\"\xef\xbf\xbf\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t at;

        if (scan(rows[i], strlen(rows[i]), &at) != SFMS_SCAN_OK)
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
        {"", 0},
        {" ", 1},
        {"{", 1},
        {"}", 0},
        {"[", 1},
        {"[1", 2},
        {"[1,", 3},
        {"[1,]", 3},
        {"[,1]", 1},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{\"a\":1,}", 7},
        {"{a:1}", 1},
        {"{'a':1}", 1},
        {"{\"a\":1 \"b\":2}", 7},
        {"{1:2}", 1},
        {"nul", 0},
        {"nullx", 4},
        {"True", 0},
        {"NaN", 0},
        {"Infinity", 0},
        {"undefined", 0},
        {"01", 1},
        {"1.", 2},
        {".5", 0},
        {"+1", 0},
        {"-", 1},
        {"--1", 1},
        {"1e", 2},
        {"1e+", 3},
        {"0x10", 1},
        {"1.e3", 2},
        {"1 2", 2},
        {"{}{}", 2},
        {"[] x", 3},
        {"\"", 1},
        {"\"a", 2},
        {"\"a\nb\"", 2},
        {"\"a\tb\"", 2},
        {"\"\x01\"", 1},
        {"\"\\x\"", 3},
        {"\"\\", 2},
        {"\"\\u12\"", 3},
        {"\"\\u00g0\"", 6},
        {"\"\\u0000\"", 7},
        {"\"\\ud83d\"", 7},
        {"\"\\ud83dx\"", 7},
        {"\"\\ud83d\\u0041\"", 13},
        {"\"\\ude00\"", 7},
        {"\"\x80\"", 1},
        {"\"\xc0\xaf\"", 1},
        {"\"\xed\xa0\x80\"", 1},
        {"\"\xe9\x95", 1},
        {"\f1", 0},
        {"\v{}", 0},
        {"/*x*/1", 0},
        {"1//x", 1},
        {"\xef\xbb\xbf{}", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t at = 999;

        if (scan(rows[i].text, strlen(rows[i].text), &at) != SFMS_SCAN_BAD || at != rows[i].at)
            fail_msg("%s at %zu", rows[i].text, at);
    }
}

static void
test_nul(void **state)
{
    size_t at;

    (void)state;
    assert_int_equal(scan("1\0", 2, &at), SFMS_SCAN_BAD);
    assert_int_equal(at, 1);
    assert_int_equal(scan("\"a\0b\"", 5, &at), SFMS_SCAN_BAD);
    assert_int_equal(scan("{}garbage", 2, &at), SFMS_SCAN_OK); /* not beyond what is given */
    assert_int_equal(scan("12345", 0, &at), SFMS_SCAN_BAD);
}

static void
test_depth(void **state)
{
    char text[4 * SFMS_JSON_DEPTH + 4];
    size_t at;

    (void)state;
    memset(text, '[', SFMS_JSON_DEPTH);
    memset(text + SFMS_JSON_DEPTH, ']', SFMS_JSON_DEPTH);
    assert_int_equal(scan(text, 2 * SFMS_JSON_DEPTH, &at), SFMS_SCAN_OK);
    memset(text, '[', SFMS_JSON_DEPTH + 1);
    memset(text + SFMS_JSON_DEPTH + 1, ']', SFMS_JSON_DEPTH + 1);
    assert_int_equal(scan(text, 2 * SFMS_JSON_DEPTH + 2, &at), SFMS_SCAN_DEEP);
    assert_int_equal(at, SFMS_JSON_DEPTH + 1);
    /* Side by side is not deep. */
    assert_int_equal(
        scan("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]", 58, &at), SFMS_SCAN_OK);
}

static void
test_many(void **state)
{
    static const char text[] = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,{},0]"; /* with the list 21 */
    sfms_scanned s = {.text = text, .n = strlen(text), .depth = 9, .values = 21};

    (void)state;
    assert_int_equal(sfms_json_scan(&s), SFMS_SCAN_OK);
    s.values = 20;
    assert_int_equal(sfms_json_scan(&s), SFMS_SCAN_MANY);
    assert_int_equal(s.at, strlen(text) - 2);
}

static void
test_odd_numbers(void **state)
{
    static const char text[] = "[1,9007199254740993,{\"a\":[0.1,1e400]},-12345678901234567890]";
    sfms_arena *a = sfms_arena_new();
    sfms_scanned s = {.text = text, .n = strlen(text), .depth = 9, .values = 99, .arena = a};

    (void)state;
    assert_int_equal(sfms_json_scan(&s), SFMS_SCAN_OK);
    assert_int_equal(s.n_odd, 3);
    assert_int_equal(s.odd[0].ordinal, 1);
    assert_memory_equal(text + s.odd[0].at, "9007199254740993", s.odd[0].n);
    assert_int_equal(s.odd[1].ordinal, 3);
    assert_memory_equal(text + s.odd[1].at, "1e400", s.odd[1].n);
    assert_int_equal(s.odd[2].ordinal, 4);
    assert_int_equal(s.odd[2].n, 21);
    sfms_arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_odd_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
