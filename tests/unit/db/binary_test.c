/* binary_test.c -- PostgreSQL's binary formats. The bytes are what PostgreSQL 15 sends for the texts beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/binary.h"

static sfms_arena *arena;

/* Bytes from hexadecimal text. */
static const char *
bytes(const char *hex, int *ret_n)
{
    size_t n = strlen(hex) / 2;
    char *out = sfms_alloc(arena, n + 1);

    for (size_t i = 0; i < n; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        out[i] = (char)strtol(two, NULL, 16);
    }
    *ret_n = (int)n;
    return out;
}

static void
reads(Oid type, const char *hex, const char *text)
{
    int n;
    const char *value = bytes(hex, &n);

    assert_true(sfms_binary_known(type));
    assert_string_equal(sfms_binary_text(arena, type, value, n), text);
}

static void
test_numeric(void **state)
{
    (void)state;
    reads(SFMS_OID_NUMERIC, "0000000000000000", "0");
    reads(SFMS_OID_NUMERIC, "0000000000000002", "0.00");
    reads(SFMS_OID_NUMERIC, "00010000000000000001", "1");
    reads(SFMS_OID_NUMERIC, "00010000400000000001", "-1");
    reads(SFMS_OID_NUMERIC, "000200010000000200191388", "255000.00"); /* 25 * 10000 + 5000 */
    reads(SFMS_OID_NUMERIC, "0001000100000000000a", "100000");
    reads(SFMS_OID_NUMERIC, "0003000100000003007b115c1388", "1234444.500");
    reads(SFMS_OID_NUMERIC, "0001ffff000000011388", "0.5");
    reads(SFMS_OID_NUMERIC, "0001fffe400000080001", "-0.00000001");
    reads(SFMS_OID_NUMERIC, "00050004000000060001092904d2162e04d2", "12345123456781234.000000");
    reads(SFMS_OID_NUMERIC, "00000000c0000000", "NaN");
}

static void
test_times(void **state)
{
    int n;
    sfms_moment m;

    (void)state;
    reads(SFMS_OID_DATE, "00000000", "2000-01-01");
    reads(SFMS_OID_DATE, "ffffffff", "1999-12-31");
    reads(SFMS_OID_DATE, "0000003b", "2000-02-29");
    reads(SFMS_OID_DATE, "0000265f", "2026-11-23");
    reads(SFMS_OID_DATE, "fff4dbf9", "0001-01-01");
    reads(SFMS_OID_DATE, "7fffffff", "infinity");
    reads(SFMS_OID_TIMESTAMPTZ, "0000000000000000", "2000-01-01T00:00:00Z");
    reads(SFMS_OID_TIMESTAMPTZ, "ffffffffffffffff", "1999-12-31T23:59:59.999999Z");
    reads(SFMS_OID_TIMESTAMPTZ, "7fffffffffffffff", "infinity");
    assert_true(sfms_binary_moment(bytes("00000000000f4241", &n), &m));
    assert_int_equal(m.seconds, 946684801);
    assert_int_equal(m.nanos, 1000);
    assert_false(sfms_binary_moment(bytes("8000000000000000", &n), &m));
}

static void
test_the_rest(void **state)
{
    int n;

    (void)state;
    reads(SFMS_OID_UUID, "00000000000070008000000000012691", "00000000-0000-7000-8000-000000012691");
    reads(SFMS_OID_BOOL, "01", "t");
    reads(SFMS_OID_BOOL, "00", "f");
    reads(SFMS_OID_INT2, "ffff", "-1");
    reads(SFMS_OID_INT4, "80000000", "-2147483648");
    reads(SFMS_OID_INT8, "7fffffffffffffff", "9223372036854775807");
    reads(SFMS_OID_FLOAT8, "4024000000000000", "10");
    reads(SFMS_OID_FLOAT8, "3fb999999999999a", "0.10000000000000001");
    reads(SFMS_OID_TEXT, "e4ba9100", "云");
    reads(SFMS_OID_JSONB, "017b7d00", "{}");
    assert_true(sfms_binary_double(SFMS_OID_FLOAT4, bytes("3fc00000", &n)) == 1.5);
    assert_true(sfms_binary_double(SFMS_OID_INT4, bytes("00000007", &n)) == 7.0);
    assert_false(sfms_binary_known(600)); /* point */
}

static void
test_arrays(void **state)
{
    char **items;
    int n;
    const char *value;

    (void)state;
    value = bytes("000000010000000000000019000000030000000100000001610000000000000003e4ba91", &n);
    assert_int_equal(sfms_binary_array(arena, value, n, &items), 3);
    assert_string_equal(items[0], "a");
    assert_string_equal(items[1], "");
    assert_string_equal(items[2], "云");
    value = bytes("000000000000000000000019", &n); /* {} */
    assert_int_equal(sfms_binary_array(arena, value, n, &items), 0);
    value = bytes("000000010000000000000b8600000001000000010000001000000000000070008000000000012691", &n);
    assert_int_equal(sfms_binary_array(arena, value, n, &items), 1);
    assert_string_equal(items[0], "00000000-0000-7000-8000-000000012691");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numeric),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_the_rest),
        cmocka_unit_test(test_arrays),
    };

    arena = sfms_arena_new();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
