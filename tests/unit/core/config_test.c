/* config_test.c -- configuration from the environment. */
#include "dies.h"

#include <errno.h>
#include <stdlib.h>

#include "core/config.h"

typedef struct {
    const char *text;
    int number;
    const char *secret;
} settings;

static const sfms_option options[] = {
    {"T_TEXT", SFMS_OPT_TEXT, offsetof(settings, text), "fallback", "a text"},
    {"T_NUMBER", SFMS_OPT_INT, offsetof(settings, number), "7", "a number"},
    {"T_SECRET", SFMS_OPT_SECRET, offsetof(settings, secret), NULL, "the secret"},
    {0},
};

static char program_name[] = "/usr/bin/sfms-test";
static char flag[16];
static char *program[] = {program_name, flag, NULL};
static char path[] = "/tmp/config_test.XXXXXX";
static char out[16384];

static int
clean(void **state)
{
    static const char *const names[] = {
        "T_TEXT", "T_TEXT_FILE", "T_NUMBER", "T_NUMBER_FILE", "T_SECRET", "T_SECRET_FILE"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    return 0;
}

static void
write_file(const char *text, size_t n)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

static settings
read_all(void)
{
    settings s;

    sfms_config_read(options, &s, 1, program, "about");
    return s;
}

static void
read_in_child(const void *arg)
{
    settings s;

    if (arg != NULL)
        snprintf(flag, sizeof flag, "%s", (const char *)arg);
    sfms_config_read(options, &s, arg != NULL ? 2 : 1, program, "a thing for tests");
}

static void
test_values(void **state)
{
    (void)state;
    setenv("T_SECRET", "s", 1);
    settings s = read_all();
    assert_string_equal(s.text, "fallback");
    assert_int_equal(s.number, 7);
    assert_string_equal(s.secret, "s");

    setenv("T_TEXT", "given", 1);
    setenv("T_NUMBER", "-12", 1);
    s = read_all();
    setenv("T_TEXT", "changed", 1); /* the value read before must not change with it */
    assert_string_equal(s.text, "given");
    assert_int_equal(s.number, -12);

    setenv("T_TEXT", "", 1); /* empty is unset */
    assert_string_equal(read_all().text, "fallback");
}

static void
test_files(void **state)
{
    (void)state;
    write_file("from file\r\n\n", 12);
    setenv("T_SECRET_FILE", path, 1);
    assert_string_equal(read_all().secret, "from file");
    setenv("T_SECRET", "also", 1);
    dies(read_in_child, NULL, "both T_SECRET and T_SECRET_FILE are set");
    unsetenv("T_SECRET");
    write_file("\n", 1);
    dies(read_in_child, NULL, "T_SECRET must be set: the secret");
    setenv("T_SECRET_FILE", "/nowhere/at/all", 1);
    dies(read_in_child, NULL, "cannot read /nowhere/at/all, which T_SECRET_FILE names");
}

static void
test_refused(void **state)
{
    static const char *const bad[] = {"x", "1x", "", " ", "99999999999", "-99999999999999999999", "1.5"};

    (void)state;
    dies(read_in_child, NULL, "T_SECRET must be set: the secret");
    setenv("T_SECRET", "s", 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (bad[i][0] == '\0')
            continue;
        setenv("T_NUMBER", bad[i], 1);
        dies(read_in_child, NULL, "T_NUMBER must be a whole number");
    }
}

static void
test_help(void **state)
{
    (void)state;
    int status = output_of(read_in_child, "--help", out, sizeof out);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_non_null(strstr(out, "sfms-test: a thing for tests\n"));
    assert_non_null(strstr(out, "a text (fallback)\n"));
    assert_non_null(strstr(out, "the secret (must be set)\n"));
    status = output_of(read_in_child, "--version", out, sizeof out);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(out, SFMS_VERSION "\n");
}

static void
lookup_is(const char *list, const char *name, const char *expected)
{
    const char *found = sfms_config_lookup(list, name);

    if (expected == NULL)
        assert_null(found);
    else
        assert_string_equal(found, expected);
}

static void
test_lookup(void **state)
{
    static const char list[] = "identity=ipc:///run/a.ipc,pipeline=tcp://a:1|tcp://b:1?x=y";

    (void)state;
    lookup_is(list, "identity", "ipc:///run/a.ipc");
    lookup_is(list, "pipeline", "tcp://a:1|tcp://b:1?x=y");
    lookup_is(list, "pipe", NULL);
    lookup_is(list, "pipelines", NULL);
    lookup_is(list, "", NULL);
    lookup_is("", "x", NULL);
    lookup_is(NULL, "x", NULL);
    lookup_is("x=", "x", NULL);
    lookup_is(" a=1 ,\n b=2 ", "b", "2");
    lookup_is(" a=1 ,\n b=2 ", "a", "1");
    lookup_is("xa=1,a=2", "a", "2");
    lookup_is("a=1,a=2", "a", "1");
}

static void
test_read_file(void **state)
{
    size_t n = 99;

    (void)state;
    write_file("a\0b", 3);
    char *data = sfms_read_file(path, 3, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(data, "a\0b", 4);
    free(data);

    n = 99;
    assert_null(sfms_read_file(path, 2, &n));
    assert_int_equal(errno, EFBIG);
    assert_int_equal(n, 99); /* untouched on failure */
    assert_null(sfms_read_file("/nowhere/at/all", 10, &n));
    assert_int_equal(errno, ENOENT);
    assert_null(sfms_read_file("/tmp", 10, &n));
    assert_int_equal(errno, EISDIR);

    write_file("", 0);
    data = sfms_read_file(path, 0, &n);
    assert_int_equal(n, 0);
    assert_string_equal(data, "");
    free(data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_values, clean),
        cmocka_unit_test_setup(test_files, clean),
        cmocka_unit_test_setup(test_refused, clean),
        cmocka_unit_test_setup(test_help, clean),
        cmocka_unit_test_setup(test_lookup, clean),
        cmocka_unit_test_setup(test_read_file, clean),
    };

    close(mkstemp(path));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
