/* log_test.c -- one line per thing that happened. */
#include "dies.h"

#include <signal.h>
#include <stdlib.h>

#include "core/log.h"

static char out[65536];

static void
two_lines(const void *arg)
{
    sfms_log_open("pipeline", arg);
    sfms_log(SFMS_LOG_DEBUG, "hidden");
    sfms_log(SFMS_LOG_INFO, "call=%s ms=%d", "MoveDeal", 7);
    sfms_log(SFMS_LOG_WARN, "odd");
}

static void
test_lines(void **state)
{
    (void)state;
    output_of(two_lines, "info", out, sizeof out);

    /* 2026-11-23T22:50:17.123Z INFO pipeline call=MoveDeal ms=7 */
    assert_int_equal(out[4], '-');
    assert_int_equal(out[10], 'T');
    assert_int_equal(out[19], '.');
    assert_int_equal(out[23], 'Z');
    const char *rest = out + 24;
    assert_string_equal(strchr(rest, '\n') + 1 + 24, " WARN pipeline odd\n");
    *strchr(rest, '\n') = '\0';
    assert_string_equal(rest, " INFO pipeline call=MoveDeal ms=7");
}

static void
test_levels(void **state)
{
    (void)state;
    output_of(two_lines, "debug", out, sizeof out);
    assert_non_null(strstr(out, "DEBUG pipeline hidden\n"));
    output_of(two_lines, "warn", out, sizeof out);
    assert_null(strstr(out, "INFO"));
    assert_non_null(strstr(out, "WARN"));
    output_of(two_lines, "error", out, sizeof out);
    assert_string_equal(out, "");
    output_of(two_lines, "nonsense", out, sizeof out);
    assert_non_null(strstr(out, "INFO"));
    assert_null(strstr(out, "hidden"));
    output_of(two_lines, NULL, out, sizeof out);
    assert_non_null(strstr(out, "INFO"));

    sfms_log_open("test", "warn");
    assert_false(sfms_log_on(SFMS_LOG_INFO));
    assert_true(sfms_log_on(SFMS_LOG_WARN));
    assert_true(sfms_log_on(SFMS_LOG_ERROR));
}

static void
forged_line(const void *arg)
{
    sfms_log_open("test", "info");
    sfms_log(SFMS_LOG_INFO, "%s", (const char *)arg);
}

static void
test_one_line_each(void **state)
{
    static char longest[20000];

    (void)state;
    output_of(forged_line, "a\nb\r\tc\x1b[1m", out, sizeof out);
    assert_non_null(strstr(out, "a\\nb\\r\\tc\\x1b[1m\n"));
    output_of(forged_line, "长沙", out, sizeof out);
    assert_non_null(strstr(out, " 长沙\n"));

    /* What is too long is cut, and still a line. */
    memset(longest, '\n', sizeof longest - 1);
    output_of(forged_line, longest, out, sizeof out);
    assert_true(strlen(out) > 4000 && strlen(out) < 8193);
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
}

static void
end(const void *arg)
{
    sfms_log_open("test", "error");
    sfms_die("cannot open %s", (const char *)arg);
}

static void
wrong(const void *arg)
{
    (void)arg;
    SFMS_WRONG("up is down");
}

static void
test_ends(void **state)
{
    (void)state;
    dies(end, "/x", "ERROR test cannot open /x\n");
    int status = output_of(wrong, NULL, out, sizeof out);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(out, "up is down"));
    assert_non_null(strstr(out, "log_test.c:"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_one_line_each),
        cmocka_unit_test(test_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
