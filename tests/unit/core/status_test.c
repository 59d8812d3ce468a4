/* status_test.c -- codes, titles, languages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/status.h"
#include "core/utf8.h"

static void
test_codes(void **state)
{
    (void)state;
    assert_string_equal(sfms_status_name(SFMS_OK), "OK");
    assert_string_equal(sfms_status_name(SFMS_UNAUTHENTICATED), "UNAUTHENTICATED");
    assert_int_equal(SFMS_UNAUTHENTICATED, 16); /* the numbers of google.rpc.Code */
    assert_int_equal(SFMS_ABORTED, 10);
    assert_int_equal(sfms_status_http(SFMS_OK), 200);
    assert_int_equal(sfms_status_http(SFMS_NOT_FOUND), 404);
    assert_int_equal(sfms_status_http(SFMS_UNAVAILABLE), 503);
    assert_int_equal(sfms_status_http(SFMS_RESOURCE_EXHAUSTED), 429);
    assert_string_equal(sfms_status_title(SFMS_NOT_FOUND, SFMS_LOCALE_EN), "Not found");
    assert_string_equal(sfms_status_title(SFMS_NOT_FOUND, SFMS_LOCALE_ZH), "未找到");
}

static void
test_codes_that_are_none(void **state)
{
    (void)state;
    assert_string_equal(sfms_status_name((sfms_status)17), "UNKNOWN");
    assert_string_equal(sfms_status_name((sfms_status)-1), "UNKNOWN");
    assert_int_equal(sfms_status_http((sfms_status)1000), 500);
    assert_string_equal(sfms_status_title(SFMS_OK, (sfms_locale)7), "OK");
}

/* arguments answers how many arguments a format takes; all are strings. -1 if one is of another kind. */
static int
arguments(const char *format)
{
    int n = 0;

    for (const char *p = strchr(format, '%'); p != NULL; p = strchr(p + 2, '%')) {
        if (p[1] == '%')
            continue;
        const char *kind = p + 1 + strspn(p + 1, "0123456789$");
        if (*kind != 's')
            return -1;
        n++;
    }
    return n;
}

static void
test_reasons(void **state)
{
    static const sfms_reason *const all[] = {
#define REASON(symbol, name, status, en, zh) &sfms_##symbol,
#include "core/reasons.def"
#undef REASON
    };

    (void)state;
    assert_string_equal(sfms_version.name, "VERSION_MISMATCH");
    assert_int_equal(sfms_version.status, SFMS_ABORTED);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const sfms_reason *r = all[i];

        assert_int_not_equal(r->status, SFMS_OK);
        assert_int_equal(strspn(r->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), strlen(r->name));
        for (int l = 0; l < SFMS_LOCALES; l++)
            assert_true(r->text[l][0] != '\0' && sfms_utf8_valid(r->text[l], strlen(r->text[l])));
        assert_true(arguments(r->text[SFMS_LOCALE_EN]) >= 0);
        assert_int_equal(arguments(r->text[SFMS_LOCALE_EN]), arguments(r->text[SFMS_LOCALE_ZH]));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(all[j]->name, r->name);
    }
}

static void
test_locales(void **state)
{
    static const struct {
        const char *header;
        sfms_locale locale;
    } rows[] = {
        {NULL, SFMS_LOCALE_EN}, {"", SFMS_LOCALE_EN}, {"zh", SFMS_LOCALE_ZH}, {"zh-CN", SFMS_LOCALE_ZH},
        {"ZH-hant-TW", SFMS_LOCALE_ZH}, {"zh_CN", SFMS_LOCALE_ZH}, {"en", SFMS_LOCALE_EN},
        {"zh-CN,zh;q=0.9,en;q=0.8", SFMS_LOCALE_ZH}, {"en-US,en;q=0.9,zh;q=0.8", SFMS_LOCALE_EN},
        {"en;q=0.5, zh;q=0.7", SFMS_LOCALE_ZH}, {"fr, zh;q=0.1", SFMS_LOCALE_ZH}, {"fr, de", SFMS_LOCALE_EN},
        {"*", SFMS_LOCALE_EN}, {"zh;q=0", SFMS_LOCALE_EN}, {"zh;q=0.000, en;q=0", SFMS_LOCALE_EN},
        {"zh;q=1.000", SFMS_LOCALE_ZH}, {"en;q=0.001, zh;q=0.002", SFMS_LOCALE_ZH},
        {"zh ; q=0.3 , en ; q=0.2", SFMS_LOCALE_ZH}, {"zhx", SFMS_LOCALE_EN}, {"z", SFMS_LOCALE_EN},
        {"zh;q=abc,en;q=0.1", SFMS_LOCALE_EN}, {"zh;level=1", SFMS_LOCALE_EN}, {",,,zh,,", SFMS_LOCALE_ZH},
        {"en,zh", SFMS_LOCALE_EN}, /* the first of equals */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (sfms_locale_parse(rows[i].header) != rows[i].locale)
            fail_msg("%s", rows[i].header);
    assert_string_equal(sfms_locale_name(SFMS_LOCALE_EN), "en");
    assert_string_equal(sfms_locale_name(SFMS_LOCALE_ZH), "zh-CN");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_codes_that_are_none),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_locales),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
