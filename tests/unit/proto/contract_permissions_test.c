/* Who holds which permission: what the contract says, and nobody if it says nothing. */
#include "../core/dies.h"

#include "proto/contract_private.h"

enum {
    ADMIN = 1U << PB__BUILTIN_ROLE__ADMIN,
    MANAGER = 1U << PB__BUILTIN_ROLE__MANAGER,
    REP = 1U << PB__BUILTIN_ROLE__REP,
    VIEWER = 1U << PB__BUILTIN_ROLE__VIEWER,
};

static const sfms_contract *real;

static unsigned
roles_of(const char *name)
{
    const sfms_permission *p = sfms_contract_permission(real, name);

    assert_non_null(p);
    return p->roles;
}

static void
test_the_real_ones(void **state)
{
    unsigned n;
    const sfms_permission *all = sfms_contract_permissions(real, &n);

    (void)state;
    for (unsigned i = 0; i < n; i++) {
        assert_true((all[i].roles & ADMIN) != 0);
        assert_true(i == 0 || strcmp(all[i - 1].name, all[i].name) < 0);
    }
    assert_int_equal(roles_of("deals.read"), ADMIN | MANAGER | REP | VIEWER);
    assert_int_equal(roles_of("deals.write"), ADMIN | MANAGER | REP);
    assert_int_equal(roles_of("deals.delete"), ADMIN | MANAGER);
    assert_int_equal(roles_of("users.write"), ADMIN);
    assert_null(sfms_contract_permission(real, "accounts.fly"));
    assert_null(sfms_contract_permission(real, "accounts"));
    assert_null(sfms_contract_permission(real, ""));
}

/* Loads the permissions of the real methods with other rules. */
static void
load(const void *arg)
{
    const Pb__ServiceRule *rules[] = {NULL, arg};
    sfms_arena *a = sfms_arena_new();
    struct sfms_contract c = *real;

    c.rules = rules;
    c.n_rules = 2;
    sfms_contract_permissions_load(a, &c);
    for (unsigned i = 0; i < c.n_permissions; i++)
        assert_int_equal(
            c.permissions[i].roles, strcmp(c.permissions[i].name, "deals.read") == 0 ? ADMIN | REP : ADMIN);
    sfms_arena_free(a);
}

static void
test_rules(void **state)
{
    Pb__BuiltinRole rep = PB__BUILTIN_ROLE__REP;
    Pb__PermissionRule read = PB__PERMISSION_RULE__INIT, more = PB__PERMISSION_RULE__INIT;
    Pb__PermissionRule *permissions[] = {&read, &more};
    Pb__ServiceRule rule = PB__SERVICE_RULE__INIT;

    (void)state;
    read.name = "deals.read";
    read.roles = &rep;
    read.n_roles = 1;
    rule.permissions = permissions;
    rule.n_permissions = 1;
    load(&rule);
    rule.n_permissions = 2;
    more.name = "deals.fly";
    dies(load, &rule, "who holds \"deals.fly\", but no method asks for it");
    more = read;
    dies(load, &rule, "says twice who holds \"deals.read\"");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_real_ones),
        cmocka_unit_test(test_rules),
    };

    real = sfms_contract_load();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
