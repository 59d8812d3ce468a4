/* time_test.c -- clocks and the texts of times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "core/time.h"

static void
test_clocks(void **state)
{
    (void)state;
    int64_t ms = sfms_now_ms();
    int64_t us = sfms_mono_us();
    nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    assert_true(sfms_now_ms() >= ms + 2);
    assert_true(sfms_mono_us() >= us + 2000);
    assert_true(ms / 1000 >= (int64_t)time(NULL) - 2 && ms / 1000 <= (int64_t)time(NULL));
}

static void
test_parse(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        int32_t nanos;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0, 0},
        {"2026-11-23T22:50:17.5+08:00", 1795445417, 500000000},
        {"2026-11-23t14:50:17.5z", 1795445417, 500000000},
        {"2026-11-23 14:50:17.5+00", 1795445417, 500000000},
        {"2026-11-23 22:50:17.500000+08", 1795445417, 500000000},
        {"2026-11-23T20:20:17.5+05:30", 1795445417, 500000000},
        {"2026-11-23T04:50:17.5-10:00", 1795445417, 500000000},
        {"2000-02-29T23:59:59.123456789Z", 951868799, 123456789},
        {"1969-12-31T23:59:59.999999999Z", -1, 999999999},
        {"0001-01-01T00:00:00Z", -62135596800, 0},
        {"9999-12-31T23:59:59.999999999Z", 253402300799, 999999999},
        {"1900-03-01T00:00:00Z", -2203891200, 0},
        {"2026-11-23T22:50:17.000000001Z", 1795474217, 1},
        {"2026-11-23T00:00:00-00:00", 1795392000, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sfms_moment m = {-7, -7};

        if (!sfms_moment_parse(rows[i].text, &m) || m.seconds != rows[i].seconds || m.nanos != rows[i].nanos)
            fail_msg("%s: %lld.%09d", rows[i].text, (long long)m.seconds, m.nanos);
    }
}

static void
test_parse_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T22:50:17",
        "2026-11-23T22:50Z",
        "2026-11-23T22:50:17.Z",
        "2026-11-23T22:50:17.1234567890Z",
        "2026-11-23T22:50:17Zx",
        "2026-11-23T22:50:17+8:00",
        "2026-11-23T22:50:17+08:0",
        "2026-11-23T22:50:17+24:00",
        "2026-11-23T22:50:17+08:60",
        "2026-11-23T24:00:00Z",
        "2026-11-23T22:60:00Z",
        "2026-11-23T22:50:60Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
        "2026-1-01T00:00:00Z",
        "2026-11-23_22:50:17Z",
        " 2026-11-23T22:50:17Z",
        "2026-11-23T22:50:17 Z",
        "infinity",
        "-infinity",
        "0044-03-15 00:00:00+00 BC",
        "2026-11-23T22:50:17,5Z",
        "+026-11-23T22:50:17Z",
        "2026-11-23T-1:50:17Z",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sfms_moment m = {-7, -7};

        if (sfms_moment_parse(rows[i], &m))
            fail_msg("%s", rows[i]);
        assert_int_equal(m.seconds, -7); /* untouched on failure */
    }
}

static void
format_is(int64_t seconds, int32_t nanos, const char *expected)
{
    char text[SFMS_MOMENT_SIZE];

    sfms_moment_format((sfms_moment){seconds, nanos}, text);
    assert_string_equal(text, expected);
}

static void
test_format(void **state)
{
    (void)state;
    format_is(0, 0, "1970-01-01T00:00:00Z");
    format_is(1795445417, 500000000, "2026-11-23T14:50:17.500Z");
    format_is(1795445417, 123456000, "2026-11-23T14:50:17.123456Z");
    format_is(1795445417, 1, "2026-11-23T14:50:17.000000001Z");
    format_is(1795445417, 10000, "2026-11-23T14:50:17.000010Z");
    format_is(-1, 999000000, "1969-12-31T23:59:59.999Z");
    format_is(951782400, 0, "2000-02-29T00:00:00Z");
    format_is(-62135596800, 0, "0001-01-01T00:00:00Z");
    format_is(253402300799, 999999999, "9999-12-31T23:59:59.999999999Z");
    /* Moments from elsewhere that are none are brought to the nearest that is. */
    format_is(INT64_MIN, -5, "0001-01-01T00:00:00Z");
    format_is(INT64_MAX, INT32_MAX, "9999-12-31T23:59:59Z");
}

static void
test_there_and_back(void **state)
{
    /* Every 100,003 seconds of the 9,999 years, against the C library where it can tell. */
    (void)state;
    for (int64_t s = -62135596800; s <= 253402300799; s += 100003 * 101) {
        char text[SFMS_MOMENT_SIZE], other[100];
        struct tm tm;
        time_t t = (time_t)s;
        sfms_moment back;

        sfms_moment_format((sfms_moment){s, 7000}, text);
        assert_true(sfms_moment_parse(text, &back));
        assert_true(back.seconds == s && back.nanos == 7000);
        gmtime_r(&t, &tm);
        snprintf(other, sizeof other, "%04d-%02d-%02dT%02d:%02d:%02d.000007Z", tm.tm_year + 1900,
            tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        assert_string_equal(text, other);
    }
}

static void
test_dates(void **state)
{
    static const char *const good[] = {"2026-11-23", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"};
    static const char *const bad[] = {"", "2026-11-23 ", " 2026-11-23", "2026-11-2", "2026-11-31",
        "2023-02-29", "1900-02-29", "0000-01-01", "2026/11/23", "20261123", "2026-11-23T00:00:00Z",
        "abcd-ef-gh"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(sfms_date_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(sfms_date_valid(bad[i]));
}

static void
test_date_formats(void **state)
{
    static const struct {
        const char *text, *format, *date;
    } rows[] = {
        {"27-10-16", "%d-%m-%y", "2016-10-27"},
        {"1-2-69", "%d-%m-%y", "1969-02-01"},
        {"1-2-68", "%d-%m-%y", "2068-02-01"},
        {"01-02-00", "%d-%m-%y", "2000-02-01"},
        {"31-12-99", "%d-%m-%y", "1999-12-31"},
        {"20261123", "%Y%m%d", "2026-11-23"},
        {"11/23/2026", "%m/%d/%Y", "2026-11-23"},
        {"2026年11月3日", "%Y年%m月%d日", "2026-11-03"},
        {"3 Feb 2026", "%d %b %Y", "2026-02-03"},
        {"3 february 2026", "%d %B %Y", "2026-02-03"},
        {"3 February 2026", "%d %b %Y", "2026-02-03"},
        {"3 feb 2026", "%d %B %Y", "2026-02-03"},
        {"May 5, 2026", "%b %d, %Y", "2026-05-05"},
        {"29-02-24", "%d-%m-%y", "2024-02-29"},
        {"100%2026-01-02", "100%%%Y-%m-%d", "2026-01-02"},
        {"45231", "%N", "2023-11-01"},
        {"61", "%N", "1900-03-01"},
        {"2958465", "%N", "9999-12-31"},
        {"45231.0", "%N.0", "2023-11-01"},
        /* and what does not fit */
        {"60", "%N", NULL}, /* 29 February 1900, or 28 */
        {"0", "%N", NULL},
        {"-45231", "%N", NULL},
        {"45231.604", "%N", "2023-11-01"},
        {"45231,999999999", "%N", "2023-11-01"},
        {"45231.", "%N", NULL},
        {"3 Sept 2025", "%d %b %Y", "2025-09-03"},
        {"3  sep. 2025", "%d %b %Y", "2025-09-03"},
        {"3 September 2025", "%d %b %Y", "2025-09-03"},
        {"2025年九月3日", "%Y年%b%d日", "2025-09-03"},
        {"2025年十二月3日", "%Y年%b%d日", "2025-12-03"},
        {"3 12月 2025", "%d %b %Y", "2025-12-03"},
        {"3 Septem 2025", "%d %b %Y", NULL},
        {"03.09.2025 14:30", "%d.%m.%Y %H:%M", "2025-09-03"},
        {"9/3/2025 12:05:01 PM", "%m/%d/%Y %I:%M:%S %p", "2025-09-03"},
        {"2025/9/3 下午 12:05", "%Y/%m/%d %p %I:%M", "2025-09-03"},
        {"2025/9/3 上午9:05", "%Y/%m/%d %p%I:%M", "2025-09-03"},
        {"2025/9/3 下午13:05", "%Y/%m/%d %p%I:%M", NULL},
        {"9/3/2025 13:05 PM", "%m/%d/%Y %I:%M %p", NULL},
        {"9/3/2025 0:05 AM", "%m/%d/%Y %I:%M %p", NULL},
        {"2958466", "%N", NULL},
        {"99999999999999999999", "%N", NULL},
        {"2023-11-01", "%N", NULL},
        {"", "%N", NULL},
        {"29-02-23", "%d-%m-%y", NULL},
        {"32-01-23", "%d-%m-%y", NULL},
        {"00-01-23", "%d-%m-%y", NULL},
        {"01-13-23", "%d-%m-%y", NULL},
        {"01-01-2023", "%d-%m-%y", NULL},
        {"01-01-23 ", "%d-%m-%y", NULL},
        {"01-01", "%d-%m", NULL},
        {"2023", "%Y", NULL},
        {"", "", NULL},
        {"", "%d-%m-%y", NULL},
        {"1/1/2023", "%d-%m-%Y", NULL},
        {"2023-01-01", "%F", NULL},
        {"2023-01-01", "%Y-%m-%d%", NULL},
        {"01-Foo-23", "%d-%b-%y", NULL},
        {"01-01-3", "%d-%m-%y", NULL},
        {"-1-01-23", "%d-%m-%y", NULL},
        {"01-01-0000", "%d-%m-%Y", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[11] = "";
        bool fits = sfms_date_parse(rows[i].text, rows[i].format, out);

        if (fits != (rows[i].date != NULL) || (fits && strcmp(out, rows[i].date) != 0))
            fail_msg("%s by %s: %s", rows[i].text, rows[i].format, out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refused),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_date_formats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
