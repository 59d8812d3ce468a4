/* head_test.c -- headers, origins and rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/head.c"
#include "gateway/ratelimit.c"

static void
test_take(void **state)
{
    head h = {0};
    uint64_t len;

    (void)state;
    head_take(&h, "content-LENGTH", "12");
    head_take(&h, "If-Match", "*");
    head_take(&h, "X-Whatever", "x");
    assert_string_equal(h.content_length, "12");
    assert_string_equal(h.if_match, "*");
    assert_true(head_has_body(&h, &len));
    assert_int_equal(len, 12);
    assert_string_equal(head_bearer("bearer  abc"), "abc");
    assert_null(head_bearer("Basic abc"));
    assert_null(head_bearer("Bearer "));
    assert_null(head_bearer(NULL));
}

/* True if a request with these headers (name, value, ..., NULL) is sound. */
static bool
is_sound(const char *version, const char *const *headers)
{
    head h = {0};

    for (; *headers != NULL; headers += 2)
        head_take(&h, headers[0], headers[1]);
    return head_is_sound(&h, version);
}

#define SOUND(version, ...) is_sound(version, (const char *[]){__VA_ARGS__, NULL})

static void
test_sound(void **state)
{
    (void)state;
    assert_true(SOUND("HTTP/1.1", "Host", "x", "Content-Length", "5"));
    assert_true(SOUND("HTTP/1.1", "Host", "", "Transfer-Encoding", "Chunked"));
    assert_true(SOUND("HTTP/1.0", "Accept", "*/*"));
    assert_true(SOUND("HTTP/1.1", "Host", "x", "Accept", "a", "Accept", "b"));
    assert_false(SOUND("HTTP/1.1", "Accept", "*/*"));
    assert_false(SOUND("HTTP/1.1", "Host", "x", "host", "y"));
    assert_false(SOUND("HTTP/1.1", "Host", "x", "Content-Length", "5", "Content-Length", "5"));
    assert_false(SOUND("HTTP/1.1", "Host", "x", "Content-Length ", "5"));
    assert_false(SOUND("HTTP/1.1", "Host", "x", "Content-Length", "5", "Transfer-Encoding", "chunked"));
    assert_false(SOUND("HTTP/1.1", "Host", "x", "Transfer-Encoding", "gzip, chunked"));
    assert_false(SOUND("HTTP/1.1", "Host", "x", "Transfer-Encoding", "identity"));
}

static void
test_if_match(void **state)
{
    uint64_t v[HEAD_TAGS_MAX];
    unsigned n;

    (void)state;
    assert_int_equal(head_if_match(NULL, v, &n), HEAD_NO_CONDITION);
    assert_int_equal(head_if_match("*", v, &n), HEAD_ANY_VERSION);
    assert_int_equal(head_if_match("\"7\"", v, &n), HEAD_SOME_VERSIONS);
    assert_int_equal(n, 1);
    assert_int_equal(v[0], 7);
    assert_int_equal(head_if_match("W/\"18\"", v, &n), HEAD_SOME_VERSIONS);
    assert_int_equal(v[0], 18);
    assert_int_equal(head_if_match("\"7\", \"x,\" ,,W/\"8\"", v, &n), HEAD_SOME_VERSIONS);
    assert_int_equal(n, 2);
    assert_int_equal(v[1], 8);
    assert_int_equal(head_if_match("\"x\"", v, &n), HEAD_NO_VERSION);
    assert_int_equal(head_if_match("\"x\", \"\"", v, &n), HEAD_NO_VERSION);
    assert_int_equal(head_if_match("\"07\"", v, &n), HEAD_NO_VERSION);
    assert_int_equal(head_if_match("\"9223372036854775808\"", v, &n), HEAD_NO_VERSION);
    assert_int_equal(head_if_match("\"99999999999999999999999\"", v, &n), HEAD_NO_VERSION);
    assert_int_equal(head_if_match("7", v, &n), HEAD_NO_TAG);
    assert_int_equal(head_if_match("\"7\" \"8\"", v, &n), HEAD_NO_TAG);
    assert_int_equal(head_if_match("\"7\", *", v, &n), HEAD_NO_TAG);
    assert_int_equal(head_if_match("", v, &n), HEAD_NO_TAG);
    assert_int_equal(head_if_match("\"7", v, &n), HEAD_NO_TAG);
    assert_int_equal(head_if_match("\"", v, &n), HEAD_NO_TAG);
    assert_int_equal(head_if_match("W/", v, &n), HEAD_NO_TAG);
}

static void
test_values(void **state)
{
    (void)state;
    assert_true(head_is_printable("abc-1", 5));
    assert_false(head_is_printable("abc-12", 5));
    assert_false(head_is_printable("", 5));
    assert_false(head_is_printable("a b", 5));
    assert_false(head_is_printable("a\x80", 5));
    assert_true(head_is_json(NULL));
    assert_true(head_is_json("application/JSON; charset=utf-8"));
    assert_true(head_is_json("application/merge-patch+json"));
    assert_false(head_is_json("text/plain"));
    assert_false(head_is_json("application/jsonx"));
}

static void
test_rate(void **state)
{
    ratelimit *l = ratelimit_new(2);
    unsigned left, wait;

    (void)state;
    assert_null(ratelimit_new(0));
    assert_true(ratelimit_take(l, "a", 1000000, &left, &wait));
    assert_int_equal(left, 1);
    assert_true(ratelimit_take(l, "a", 1000000, &left, &wait));
    assert_false(ratelimit_take(l, "a", 1000000, &left, &wait));
    assert_int_equal(left, 0);
    assert_true(wait >= 1);
    assert_true(ratelimit_take(l, "b", 1000000, &left, &wait));
    assert_false(ratelimit_take(l, "a", 1400000, &left, &wait));
    assert_true(ratelimit_take(l, "a", 1500001, &left, &wait));
    assert_true(ratelimit_take(l, "a", 90000000, &left, &wait)); /* saved up to one second's worth */
    assert_true(ratelimit_take(l, "a", 90000000, &left, &wait));
    assert_false(ratelimit_take(l, "a", 90000000, &left, &wait));
    ratelimit_free(l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_if_match),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
