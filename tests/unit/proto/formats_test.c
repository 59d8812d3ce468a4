/* formats_test.c -- texts with a format, and their normal forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/formats.h"
#include "proto/validate.h"

typedef struct {
    const char *text;
    const char *normal; /* NULL if it is refused */
} row;

static sfms_call call;

static void
check(Pb__Format format, const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *normal = sfms_format_normal(&call, format, rows[i].text);

        if ((normal == NULL) != (rows[i].normal == NULL) ||
            (normal != NULL && strcmp(normal, rows[i].normal) != 0))
            fail_msg("\"%s\" became \"%s\"", rows[i].text, normal != NULL ? normal : "(refused)");
        if (normal != NULL) /* the normal form is its own */
            assert_string_equal(sfms_format_normal(&call, format, normal), normal);
    }
}

#define CHECK(format, rows) check(PB__FORMAT__##format, rows, sizeof(rows) / sizeof((rows)[0]))

static void
test_uuid(void **state)
{
    static const row rows[] = {
        {"0190B1C2-0000-7000-8000-00000000000A", "0190b1c2-0000-7000-8000-00000000000a"},
        {"0190b1c2-0000-7000-8000-00000000000", NULL},
        {"0190b1c2000070008000000000000001", NULL},
    };

    (void)state;
    CHECK(UUID, rows);
}

static void
test_date(void **state)
{
    static const row rows[] = {
        {"2026-11-23", "2026-11-23"}, {"2026-11-31", NULL}, {"2026-11-23T00:00:00Z", NULL}};

    (void)state;
    CHECK(DATE, rows);
}

static void
test_decimal(void **state)
{
    static const row rows[] = {
        {"0", "0"},
        {"-0", "0"},
        {"-0.000", "0"},
        {"00", "0"},
        {"007", "7"},
        {"-007.50", "-7.5"},
        {"12.500000", "12.5"},
        {"12.0", "12"},
        {"0.5", "0.5"},
        {"0.000001", "0.000001"},
        {"999999999999999999.999999", "999999999999999999.999999"},
        {"100", "100"},
        {"10.010", "10.01"},
        {"1000000000000000000", NULL},
        {"0.0000001", NULL},
        {"", NULL},
        {"-", NULL},
        {".", NULL},
        {".5", NULL},
        {"5.", NULL},
        {"+5", NULL},
        {"1e3", NULL},
        {"1,5", NULL},
        {" 1", NULL},
        {"1 ", NULL},
        {"--1", NULL},
        {"1.2.3", NULL},
        {"NaN", NULL},
        {"１", NULL},
    };

    (void)state;
    CHECK(DECIMAL, rows);
    assert_true(sfms_decimal_valid("-12.50"));
    assert_false(sfms_decimal_valid("12.5000000"));
}

static void
test_currency(void **state)
{
    static const row rows[] = {
        {"CNY", "CNY"},
        {"cny", "CNY"},
        {"Eur", "EUR"},
        {"AED", "AED"},
        {"ZWG", "ZWG"},
        {"XYZ", NULL},
        {"CN", NULL},
        {"CNYX", NULL},
        {"C Y", NULL},
        {"¥", NULL},
        {"元", NULL},
        {"NYE", NULL},
        {"   ", NULL},
    };

    (void)state;
    CHECK(CURRENCY, rows);
}

/* As many decimals as the currency of the caller's organisation has; without one, as many as a decimal has. */
static void
test_money(void **state)
{
    static const row yen[] = {
        {"12", "12"}, {"12.0", "12"}, {"12.000000", "12"}, {"12.3", NULL}, {"0.5", NULL}, {"1e3", NULL}};
    static const row yuan[] = {{"12.34", "12.34"}, {"12.340", "12.34"}, {"-0.01", "-0.01"}, {"12.345", NULL}};
    static const row dinar[] = {
        {"0.005", "0.005"}, {"1.234", "1.234"}, {"1.2340", "1.234"}, {"1.2345", NULL}};
    static const row any[] = {{"1.234567", "1.234567"}, {"1.2345678", NULL}};
    Pb__Principal principal = PB__PRINCIPAL__INIT;

    (void)state;
    CHECK(MONEY, any);
    call.principal = &principal;
    principal.currency = "JPY";
    CHECK(MONEY, yen);
    assert_string_equal(sfms_format_name(&call, PB__FORMAT__MONEY),
        "an amount, a decimal number with at most 18 digits before and 0 after the point, as in JPY");
    principal.currency = "CNY";
    CHECK(MONEY, yuan);
    principal.currency = "KWD";
    CHECK(MONEY, dinar);
    call.principal = NULL;
}

static void
test_country(void **state)
{
    static const row rows[] = {
        {"CN", "CN"}, {"us", "US"}, {"XX", NULL}, {"CHN", NULL}, {"C", NULL}, {"中", NULL}};

    (void)state;
    CHECK(COUNTRY, rows);
}

static void
test_email(void **state)
{
    static const row rows[] = {
        {"Wang.Wei@Example.COM", "wang.wei@example.com"}, {"a+b_c-d@x.io", "a+b_c-d@x.io"},
        {"a@sub.example.co.uk", "a@sub.example.co.uk"}, {"王伟@例子.公司", "王伟@例子.公司"},
        {"o'neil@x.ie", "o'neil@x.ie"}, {"@x.io", NULL}, {"a@", NULL}, {"a", NULL}, {"a@x", NULL},
        {"a b@x.io", NULL}, {"a@x..io", NULL}, {"a@.io", NULL}, {"a@x.io.", NULL}, {"a@-x.io", NULL},
        {"a@x-.io", NULL}, {".a@x.io", NULL}, {"a.@x.io", NULL}, {"a@b@x.io", NULL}, {"a@x_y.io", NULL},
        {"<a@x.io>", NULL}, {"a@x.io\n", NULL}, {"a,b@x.io", NULL},
        {"ANN@MÜNCHEN.example", "ann@münchen.example"}, {"Ａｎｎ＠ｘ．ｉｏ", "ann@x.io"},
        {"ANN@STRAßE.example", "ann@straße.example"}, {"\u200bann@x.io", NULL}, {"ann\u00a0@x.io", NULL},
        {"an\u00adn@x.io", NULL}, {"ann@x\u202e.io", NULL}, {"ann@x.io\ufeff", NULL},
        {"ann\u3000@x.io", NULL}, {"ann@\u2800x.io", NULL}, {"ann\u3164@x.io", NULL},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@x.io",
            NULL},                                                                       /* 65 before the @ */
        {"a@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.io", NULL}, /* 64 in a label */
    };

    (void)state;
    CHECK(EMAIL, rows);
}

/* By the country of the caller's organisation; more of it in phone_test.c. */
static void
test_phone(void **state)
{
    static const row nowhere[] = {
        {"+86 139-1234-5678", "+8613912345678"}, {"13912345678", NULL}, {"call me", NULL}};
    static const row china[] = {
        {"139 1234 5678", "+8613912345678"}, {"0731-88886666 转 8001", "+8673188886666;ext=8001"}};
    static const row states[] = {{"1-415-555-0142", "+14155550142"}, {"139 1234 5678", NULL}};
    Pb__Principal principal = PB__PRINCIPAL__INIT;

    (void)state;
    CHECK(PHONE, nowhere);
    call.principal = &principal;
    CHECK(PHONE, nowhere);
    assert_string_equal(sfms_format_name(&call, PB__FORMAT__PHONE),
        "a phone number with + and its country code, such as +86 10 6552 9988");
    principal.country = "CN";
    CHECK(PHONE, china);
    principal.country = "US";
    CHECK(PHONE, states);
    assert_string_equal(sfms_format_name(&call, PB__FORMAT__PHONE),
        "a phone number with + and its country code, such as +86 10 6552 9988, or a valid one of US");
    call.principal = NULL;
}

static void
test_url(void **state)
{
    static const row rows[] = {
        {"https://example.com", "https://example.com"},
        {"HTTP://Example.com/", "HTTP://Example.com/"},
        {"http://localhost:8080/a?b=c#d", "http://localhost:8080/a?b=c#d"},
        {"https://例子.公司/路径", "https://例子.公司/路径"},
        {"https://x?y", "https://x?y"},
        {"http://1.2.3.4", "http://1.2.3.4"},
        {"example.com", NULL},
        {"ftp://x.io", NULL},
        {"javascript:alert(1)", NULL},
        {"https://", NULL},
        {"https:///x", NULL},
        {"https://a b", NULL},
        {"https://x.io/<script>", NULL},
        {"https://user@evil.io", NULL},
        {"https://user:pass@evil.io", NULL},
        {"https://x:", NULL},
        {"https://x:123456", NULL},
        {"https://x:80x", NULL},
        {"https://x.io/\n", NULL},
        {"https://-x.io", NULL},
        {"https://x\\y", NULL},
    };

    (void)state;
    CHECK(URL, rows);
}

static void
test_time_zone(void **state)
{
    static const row rows[] = {
        {"Asia/Shanghai", "Asia/Shanghai"}, {"UTC", "UTC"}, {"Etc/GMT+8", "Etc/GMT+8"},
        {"America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"}, {"+08:00", NULL},
        {"Asia/Shang hai", NULL}, {"../etc/passwd", NULL}, {"Asia/上海", NULL}, {"A'; DROP TABLE x", NULL},
        {"Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL}, /* 65 */
    };

    (void)state;
    CHECK(TIME_ZONE, rows);
}

static void
test_language(void **state)
{
    static const row rows[] = {
        {"zh-CN", "zh-CN"},
        {"en", "en"},
        {"zh-Hans-CN", "zh-Hans-CN"},
        {"de-1996", "de-1996"},
        {"cmn", "cmn"},
        {"e", NULL},
        {"zh_CN", NULL},
        {"zh-", NULL},
        {"-zh", NULL},
        {"zh--CN", NULL},
        {"zh-abcdefghi", NULL},
        {"中文", NULL},
        {"12", NULL},
    };

    (void)state;
    CHECK(LANGUAGE, rows);
}

static void
test_names(void **state)
{
    (void)state;
    assert_string_equal(sfms_format_normal(&call, PB__FORMAT__FORMAT_UNSPECIFIED, " any "), " any ");
    for (unsigned i = 0; i < pb__format__descriptor.n_values; i++) {
        Pb__Format format = (Pb__Format)pb__format__descriptor.values[i].value;

        for (call.locale = 0; call.locale < SFMS_LOCALES; call.locale++)
            assert_true(sfms_format_name(&call, format)[0] != '\0');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uuid),
        cmocka_unit_test(test_date),
        cmocka_unit_test(test_decimal),
        cmocka_unit_test(test_currency),
        cmocka_unit_test(test_money),
        cmocka_unit_test(test_country),
        cmocka_unit_test(test_email),
        cmocka_unit_test(test_phone),
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_time_zone),
        cmocka_unit_test(test_language),
        cmocka_unit_test(test_names),
    };

    call.arena = sfms_arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(call.arena);
    return failed;
}
