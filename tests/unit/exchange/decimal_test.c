/* decimal_test.c -- numbers as people write them, and exact multiplication. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exchange/imports/decimal.c"

static void
test_products(void **state)
{
    static const struct {
        const char *a, *b, *product;
    } rows[] = {
        {"1100.04", "1000000", "1100040000"},
        {"0.1", "0.2", "0.02"},
        {"-1.5", "2", "-3"},
        {"-0", "5", "0"},
        {"0.000001", "1000000", "1"},
        {"999999999999999999.999999", "1000", "999999999999999999999.999"},
        {"007", "0.50", "3.5"},
        {"-2", "-0.25", "0.5"},
    };
    sfms_arena *a = sfms_arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(import_decimal_multiply(a, rows[i].a, rows[i].b), rows[i].product);
    sfms_arena_free(a);
}

static void
test_not_numbers(void **state)
{
    static const char *const rows[] = {
        "", "-", ".", "1.", ".5", "1e3", "1,000", "--1", "1.2.3", " 1", "1234567890123456789012345678901"};
    sfms_arena *a = sfms_arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_null(import_decimal_multiply(a, rows[i], "1"));
    sfms_arena_free(a);
}

static void
test_styles(void **state)
{
    static const struct {
        const char *example, *text, *number;
    } rows[] = {
        {"1,234.5", "1,234.50", "1234.50"},
        {"1,234.5", "-1,234,567", "-1234567"},
        {"1,234.5", "1234567.8", "1234567.8"},
        {"1,234.5", " 12 ", "12"},
        {"1.234,5", "1.234,50", "1234.50"},
        {"1.234,5", "1.234", "1234"},
        {"1 234,5", "1 234 567,5", "1234567.5"},
        {"1\u202f234,5", "1\u202f234,5", "1234.5"},
        {"1'234.5", "1'234", "1234"},
        {"1234.5", "1234", "1234"},
        {"￥1,234.5", "￥1,234", "1234"},
        {"￥1,234.5", "-￥1,234", "-1234"},
        {"￥1,234.5", "￥ -1,234", "-1234"},
        {"￥1,234.5", "1,234", "1234"},
        {"1,234.5 元", "12,000 元", "12000"},
        {"1,234.5 元", "12,000元", "12000"},
        {"1 234,5 €", "1 234 €", "1234"},
        {"US$ 1,234.5", "US$ 0.5", "0.5"},
        {"1 234,5", "1\u00a0234\u2009567,5", "1234567.5"},
        {"1\u202f234,5", "1 234,5", "1234.5"},
        {"1,234.5", "(1,234.50)", "-1234.50"},
        {"1,234.5", "1.", "1"},
        {"1,234.5", ".5", "0.5"},
        {"1,234.5", "-.50", "-0.50"},
        {"1 234,5 €", ",5 €", "0.5"},
        {"1'234.5", "1’234.50", "1234.50"},
        {"1,234.5", "50.00-", "-50.00"},
        {"1234.5", "\u22125", "-5"},
        {"1234.5", "+5", "5"},
        {"1,234.5", "１，２３４．５０", "1234.50"},
        {"￥1,234.5", "¥1,234", "1234"},
        /* and what does not fit */
        {"1,234.5", "1.234,50", NULL},
        {"1,234.5", "12,34", NULL},
        {"1,234.5", "1234,567", NULL},
        {"1,234.5", "1,2345", NULL},
        {"1,234.5", ",234", NULL},
        {"1,234.5", "1,", NULL},
        {"1,234.5", ".", NULL},
        {"1,234.5", "-.", NULL},
        {"1,234.5", "..5", NULL},
        {"1,234.5", "--1", NULL},
        {"1,234.5", "$1", NULL},
        {"1,234.5", "(-1)", NULL},
        {"1,234.5", "-1-", NULL},
        {"1,234.5", "(1", NULL},
        {"1,234.5", "1e3", NULL},
        {"1,234.5", "", NULL},
        {"1,234.5", "-", NULL},
        {"￥1,234.5", "$1,234", NULL},
        {"1234.5", "1,234", NULL},
    };
    sfms_arena *a = sfms_arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        import_number_style style;
        const char *number;

        assert_true(import_number_style_read(a, rows[i].example, &style));
        number = import_number_read(a, &style, rows[i].text);
        if ((number == NULL) != (rows[i].number == NULL) ||
            (number != NULL && strcmp(number, rows[i].number) != 0))
            fail_msg("%s by %s: %s", rows[i].text, rows[i].example, number != NULL ? number : "none");
    }
    sfms_arena_free(a);
}

static void
test_not_styles(void **state)
{
    static const char *const rows[] = {"", "1,234", "1,234.", "1234", "1234.6", "0.5", "1,234.50", "-1,234.5",
        "1,234,5", "12345", "1,2,34.5", "21,234.5", "1,234.5 m2", "#,##0.00", "1,234.5.5", "1.234e5"};
    sfms_arena *a = sfms_arena_new();
    import_number_style style;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (import_number_style_read(a, rows[i], &style))
            fail_msg("%s", rows[i]);
    sfms_arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_styles),
        cmocka_unit_test(test_not_styles),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_not_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
