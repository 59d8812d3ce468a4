/* id_test.c -- UUIDs of version 7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/id.h"
#include "core/time.h"

static void
test_shape(void **state)
{
    char id[SFMS_ID_SIZE];
    char head[14];

    (void)state;
    int64_t before = sfms_now_ms();
    sfms_id_make(id);
    int64_t after = sfms_now_ms();
    assert_true(sfms_id_valid(id));
    assert_int_equal(strlen(id), 36);
    assert_int_equal(id[14], '7');
    assert_non_null(strchr("89ab", id[19]));
    assert_int_equal(strspn(id, "0123456789abcdef-"), 36);
    memcpy(head, id, 8);
    memcpy(head + 8, id + 9, 4);
    head[12] = '\0';
    long long ms = strtoll(head, NULL, 16);
    assert_true(ms >= before && ms <= after + 1);
}

static void
test_order(void **state)
{
    char last[SFMS_ID_SIZE], id[SFMS_ID_SIZE];

    /* Far more than the counter holds within a millisecond. */
    (void)state;
    sfms_id_make(last);
    for (int i = 0; i < 200000; i++) {
        sfms_id_make(id);
        if (strcmp(last, id) >= 0)
            fail_msg("%s is not before %s", last, id);
        memcpy(last, id, sizeof last);
    }
}

static void
test_valid(void **state)
{
    static const char *const good[] = {
        "00000000-0000-0000-0000-000000000000", "FFFFFFFF-aaaa-4BBB-9999-abcdefABCDEF"};
    static const char *const bad[] = {"", "0", "00000000-0000-0000-0000-00000000000",
        "00000000-0000-0000-0000-0000000000000", "00000000000000000000000000000000",
        "0000000g-0000-0000-0000-000000000000", "00000000_0000-0000-0000-000000000000",
        "{0000000-0000-0000-0000-00000000000}", "00000000-0000-0000-0000-00000000000 ",
        " 0000000-0000-0000-0000-000000000000", "0000000-00000-0000-0000-000000000000"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(sfms_id_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(sfms_id_valid(bad[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
