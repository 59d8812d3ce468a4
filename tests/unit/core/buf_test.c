/* buf_test.c -- a growing buffer with an upper bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"

static void
test_append(void **state)
{
    sfms_arena *a = sfms_arena_new();
    sfms_buf b;

    (void)state;
    sfms_buf_init(&b, a, 1 << 20);
    assert_string_equal(b.data, "");
    sfms_buf_add(&b, "ab");
    sfms_buf_char(&b, 'c');
    sfms_buf_mem(&b, "de\0f", 4);
    sfms_buf_mem(&b, NULL, 0);
    sfms_buf_int(&b, -12);
    sfms_buf_printf(&b, "<%s>", "x");
    assert_int_equal(b.len, 13);
    assert_memory_equal(b.data, "abcde\0f-12<x>", 14);
    assert_true(sfms_buf_ok(&b));
    sfms_arena_free(a);
}

static void
test_grows(void **state)
{
    sfms_arena *a = sfms_arena_new();
    sfms_buf in_arena, in_heap;

    (void)state;
    sfms_buf_init(&in_arena, a, 1 << 20);
    sfms_buf_init(&in_heap, NULL, 1 << 20);
    for (int i = 0; i < 100000; i++) {
        sfms_buf_char(&in_arena, (char)('a' + i % 26));
        sfms_buf_char(&in_heap, (char)('a' + i % 26));
    }
    assert_int_equal(in_arena.len, 100000);
    assert_int_equal(in_heap.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(in_arena.data[i], 'a' + i % 26);
    assert_memory_equal(in_arena.data, in_heap.data, 100001);
    sfms_buf_fini(&in_heap);
    assert_string_equal(in_heap.data, "");
    sfms_buf_add(&in_heap, "again");
    assert_string_equal(in_heap.data, "again");
    sfms_buf_fini(&in_heap);
    sfms_buf_fini(&in_heap);
    sfms_arena_free(a);
}

static void
test_bound(void **state)
{
    sfms_arena *a = sfms_arena_new();
    sfms_buf b;

    (void)state;
    sfms_buf_init(&b, a, 5);
    sfms_buf_add(&b, "12345"); /* exactly full */
    assert_true(sfms_buf_ok(&b));
    sfms_buf_mem(&b, "", 0);
    assert_true(sfms_buf_ok(&b));
    sfms_buf_char(&b, '6');
    assert_false(sfms_buf_ok(&b));
    assert_string_equal(b.data, "12345");
    sfms_buf_clear(&b);
    assert_true(sfms_buf_ok(&b));
    assert_string_equal(b.data, "");

    /* What failed stays failed: the smaller piece that would fit is not taken either. */
    sfms_buf_add(&b, "123");
    sfms_buf_add(&b, "456");
    sfms_buf_add(&b, "4");
    sfms_buf_int(&b, 4);
    sfms_buf_printf(&b, "%d", 4);
    sfms_buf_json(&b, "", 0);
    assert_false(sfms_buf_ok(&b));
    assert_string_equal(b.data, "123");
    assert_null(sfms_buf_grow(&b, 1));

    sfms_buf_init(&b, a, 0);
    sfms_buf_clear(&b);
    sfms_buf_mem(&b, "", 0);
    assert_true(sfms_buf_ok(&b));
    sfms_buf_char(&b, 'x');
    assert_false(sfms_buf_ok(&b));
    assert_string_equal(b.data, "");
    assert_null(sfms_buf_grow(&b, SIZE_MAX));
    sfms_arena_free(a);
}

static void
test_grow(void **state)
{
    sfms_arena *a = sfms_arena_new();
    sfms_buf b;

    (void)state;
    sfms_buf_init(&b, a, 1000);
    sfms_buf_add(&b, "x");
    memcpy(sfms_buf_grow(&b, 3), "yyy", 3);
    b.len += 3;
    assert_string_equal(b.data, "xyyy");
    sfms_arena_free(a);
}

static void
test_int(void **state)
{
    static const struct {
        int64_t n;
        const char *text;
    } rows[] = {{0, "0"}, {-1, "-1"}, {10, "10"}, {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"}};
    sfms_arena *a = sfms_arena_new();
    sfms_buf b;

    (void)state;
    sfms_buf_init(&b, a, 100);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sfms_buf_clear(&b);
        sfms_buf_int(&b, rows[i].n);
        assert_string_equal(b.data, rows[i].text);
    }
    sfms_arena_free(a);
}

static void
json_is(const char *s, size_t n, const char *expected)
{
    sfms_buf b;

    sfms_buf_init(&b, NULL, 10000);
    sfms_buf_json(&b, s, n);
    assert_string_equal(b.data, expected);
    sfms_buf_fini(&b);
}

static void
test_json(void **state)
{
    (void)state;
    json_is("", 0, "\"\"");
    json_is("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
    json_is("\b\f\n\r\t\v\x01\x1f\x7f", 9, "\"\\b\\f\\n\\r\\t\\u000b\\u0001\\u001f\x7f\"");
    json_is("a\0b", 3, "\"a\\u0000b\"");
    json_is("长沙😀é", 12, "\"长沙😀é\"");
    /* Not UTF-8: a lone tail, an overlong slash, a surrogate, a character cut off. */
    json_is("\x80", 1, "\"\xef\xbf\xbd\"");
    json_is("\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    json_is("\xed\xa0\x80!", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!\"");
    json_is("ok\xe9\x95", 4, "\"ok\xef\xbf\xbd\xef\xbf\xbd\"");
    json_is("ok长", 4, "\"ok\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void
test_json_at_every_place(void **state)
{
    char text[40], expected[128];

    /* The eight-byte steps must find a byte wherever it stands, and not take its neighbours for it. */
    (void)state;
    for (int at = 0; at < 32; at++)
        for (int c = 0; c < 256; c++) {
            memset(text, 'z', 32);
            text[at] = (char)c;
            const char *escape = c == '"' ? "\\\"" : c == '\\' ? "\\\\" : NULL;
            char plain[8] = {(char)c};
            char code[8];

            if (escape == NULL && c >= 0x20 && c < 0x80)
                escape = plain;
            if (escape == NULL && c >= 0x80)
                escape = "\xef\xbf\xbd";
            if (escape == NULL) {
                const char *known = c == 8    ? "\\b"
                                    : c == 9  ? "\\t"
                                    : c == 10 ? "\\n"
                                    : c == 12 ? "\\f"
                                    : c == 13 ? "\\r"
                                              : NULL;
                snprintf(code, sizeof code, "\\u%04x", c);
                escape = known != NULL ? known : code;
            }
            snprintf(expected, sizeof expected, "\"%.*s%s%.*s\"", at, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
                escape, 31 - at, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
            json_is(text, 32, expected);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_int),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_at_every_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
