/* decimal_test.c -- exact multiplication. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "activities/decimal.c"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_not_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
