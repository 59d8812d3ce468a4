/* The built-in roles, as they are written into the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "identity/permissions.c"

static void
test_the_roles_are_the_contracts(void **state)
{
    sfms_arena *a = sfms_arena_new();
    const char *json = roles_json(a, sfms_contract_load());
    const char *manager = strstr(json, "\"MANAGER\""), *rep = strstr(json, "\"REP\""),
               *viewer = strstr(json, "\"VIEWER\"");

    (void)state;
    assert_true(manager < rep && rep < viewer);
    assert_non_null(strstr(json, "{\"known\":[\"accounts.delete\",\"accounts.export\",\"accounts.read\","));
    assert_non_null(strstr(manager, "\"deals.delete\""));
    assert_true(strstr(manager, "\"users.write\"") == NULL);
    assert_true(strstr(rep, "\"deals.delete\"") == NULL);
    assert_non_null(strstr(rep, "\"deals.write\""));
    assert_true(strstr(viewer, ".write\"") == NULL);
    assert_true(SFMS_SCHEMA >= 20);
    sfms_arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_roles_are_the_contracts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
