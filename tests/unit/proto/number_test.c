/* number_test.c -- numbers that have no field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "proto/number.h"

static void
test_held(void **state)
{
    static const char *const rows[] = {"0", "-0", "0.0", "0e999999999999", "1", "-1", "1.10", "0.1",
        "-1.5e-3", "1e15", "1E+15", "999999999999999", "9007199254740992", "-9007199254740992",
        "18014398509481984", "1e22", "0.30000000000000004", "1234567.12345678", "1e-60", "1e-7", "12.50000",
        "0.000000000000000000000000000012", "1.7976931348623157"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!sfms_number_held(rows[i], strlen(rows[i])))
            fail_msg("%s", rows[i]);
}

static void
test_not_held(void **state)
{
    static const char *const rows[] = {"9007199254740993", "-9007199254740993", "12345678901234567890",
        "12345678901234567000", "123456789012345678", "1e100", "-1e70", "1e-70", "1e63", "1e400", "-1e400",
        "1e-400", "1e23", "1e30", "1152921504606846976", "0.10000000000000001", "0.123456789012345678",
        "1234567890123456.789", "1e99999999999999999999", "1e-99999999999999999999",
        "1234567890123456789012345678901234567890123456789012345678901234567890",
        "0.0000000000000000000000000000000000000000000000000000000000000000000000"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (sfms_number_held(rows[i], strlen(rows[i])))
            fail_msg("%s", rows[i]);
}

static void
writes(double number, const char *expected)
{
    sfms_arena *a = sfms_arena_new();
    sfms_buf b;

    sfms_buf_init(&b, a, 1000);
    sfms_number_write(&b, number);
    assert_string_equal(b.data, expected);
    sfms_arena_free(a);
}

static void
test_written(void **state)
{
    (void)state;
    writes(0, "0");
    writes(-0.0, "0");
    writes(-1.5e-3, "-0.0015");
    writes(12, "12");
    writes(1200, "1200");
    writes(0.1, "0.1");
    writes(0.30000000000000004, "0.30000000000000004");
    writes(1e15, "1000000000000000");
    writes(1e22, "10000000000000000000000");
    writes(-123.25, "-123.25");
    writes(1e-20, "0.00000000000000000001");
    writes(9007199254740992, "9007199254740992");
    writes(1e100, "1e+100");
    writes(1e-100, "1e-100");
    writes((double)INFINITY, "\"Infinity\"");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_not_held),
        cmocka_unit_test(test_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
