/* currency_test.c -- the currencies, and how many decimals they have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/currency.h"

static void
test_decimals(void **state)
{
    static const struct {
        int digits;
        const char *codes[20];
    } rows[] = {
        {0, {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
                "XOF", "XPF"}},
        {3, {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}},
        {2, {"CNY", "USD", "EUR", "MGA", "MRU", "HUF", "TWD", "IDR", "AED", "ZWG"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t k = 0; rows[i].codes[k] != NULL; k++)
            assert_int_equal(sfms_currency_find(rows[i].codes[k])->digits, rows[i].digits);
}

static void
test_whose(void **state)
{
    (void)state;
    assert_string_equal(sfms_currency_find("CNY")->country, "CN");
    assert_string_equal(sfms_currency_find("JPY")->country, "JP");
    assert_string_equal(sfms_currency_find("EUR")->country, "");
    assert_string_equal(sfms_currency_find("USD")->country, "");
    assert_null(sfms_currency_find("XYZ"));
    assert_null(sfms_currency_find(""));
    assert_null(sfms_currency_find("cny"));
}

/* The search relies on it. */
static void
test_order(void **state)
{
    (void)state;
    for (const sfms_currency *c = sfms_currencies; c[1].code[0] != '\0'; c++)
        assert_true(strcmp(c[0].code, c[1].code) < 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_whose),
        cmocka_unit_test(test_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
