/* The built-in roles: who may do what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "identity/permissions.c"

static void
test_admin_may_everything(void **state)
{
    (void)state;
    assert_true(permission_in_role("users.delete", ROLE_ADMIN));
    assert_true(permission_in_role("deals.read", ROLE_ADMIN));
}

static void
test_manager_does_not_administer(void **state)
{
    (void)state;
    assert_true(permission_in_role("deals.delete", ROLE_MANAGER));
    assert_true(permission_in_role("imports.write", ROLE_MANAGER));
    assert_true(permission_in_role("users.read", ROLE_MANAGER));
    assert_false(permission_in_role("users.write", ROLE_MANAGER));
    assert_false(permission_in_role("roles.delete", ROLE_MANAGER));
    assert_false(permission_in_role("teams.write", ROLE_MANAGER));
    assert_false(permission_in_role("orgs.write", ROLE_MANAGER));
}

static void
test_rep_neither_deletes_nor_imports(void **state)
{
    (void)state;
    assert_true(permission_in_role("deals.write", ROLE_REP));
    assert_true(permission_in_role("imports.read", ROLE_REP));
    assert_false(permission_in_role("imports.write", ROLE_REP));
    assert_false(permission_in_role("deals.delete", ROLE_REP));
    assert_false(permission_in_role("users.write", ROLE_REP));
}

static void
test_viewer_reads(void **state)
{
    (void)state;
    assert_true(permission_in_role("analytics.read", ROLE_VIEWER));
    assert_false(permission_in_role("deals.write", ROLE_VIEWER));
}

static void
test_catalogue_comes_from_the_contract(void **state)
{
    (void)state;
    gather(sfms_contract_load());
    assert_true(permission_known("accounts.read"));
    assert_true(permission_known("roles.delete"));
    assert_false(permission_known("accounts"));
    assert_false(permission_known("accounts.fly"));
    assert_false(permission_known(""));
    for (size_t i = 1; i < n_catalogue; i++)
        assert_true(strcmp(catalogue[i - 1], catalogue[i]) < 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admin_may_everything),
        cmocka_unit_test(test_manager_does_not_administer),
        cmocka_unit_test(test_rep_neither_deletes_nor_imports),
        cmocka_unit_test(test_viewer_reads),
        cmocka_unit_test(test_catalogue_comes_from_the_contract),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
