/* call_test.c -- how a call ends, and who may make it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "proto/call.h"

static const sfms_contract *contract;
static sfms_arena *a;

static sfms_call
new_call(sfms_locale locale)
{
    return (sfms_call){.arena = a, .contract = contract, .locale = locale, .request_id = "r"};
}

static void
test_fail(void **state)
{
    sfms_call call = new_call(SFMS_LOCALE_EN);

    (void)state;
    assert_int_equal(sfms_fail(&call, &sfms_too_large, "1024"), SFMS_INVALID_ARGUMENT);
    assert_int_equal(call.failure->code, 3);
    assert_string_equal(call.failure->message, "The body is larger than 1024 bytes.");
    assert_string_equal(call.failure->reason, "BODY_TOO_LARGE");
    assert_int_equal(call.failure->n_violations, 0);

    call = new_call(SFMS_LOCALE_ZH);
    assert_int_equal(sfms_fail(&call, &sfms_not_found), SFMS_NOT_FOUND);
    assert_string_equal(call.failure->message, "记录不存在。");
    assert_string_equal(sfms_text(&call, &sfms_bad_filter, "3", "x"), "筛选条件第 3 个字符处有误：x。");

    /* The argument is not a format. */
    sfms_fail(&call, &sfms_bad_mask, "%s%n");
    assert_string_equal(call.failure->message, "没有字段“%s%n”。");
}

static void
test_violations(void **state)
{
    sfms_call call = new_call(SFMS_LOCALE_EN);
    char field[] = "deal.name";

    (void)state;
    assert_int_equal(sfms_violations(&call), SFMS_OK);
    assert_int_equal(sfms_violate(&call, field, &sfms_required), SFMS_INVALID_ARGUMENT);
    memset(field, 'x', 4); /* the path was copied */
    assert_int_equal(sfms_violate(&call, "b", &sfms_out_of_range, "1", "9"), SFMS_INVALID_ARGUMENT);
    /* A violation's own status does not become the call's. */
    assert_int_equal(sfms_violate(&call, "c", &sfms_taken), SFMS_INVALID_ARGUMENT);
    assert_int_equal(sfms_violations(&call), SFMS_INVALID_ARGUMENT);
    assert_int_equal(call.failure->code, SFMS_INVALID_ARGUMENT);
    assert_string_equal(call.failure->reason, "INVALID_FIELDS");
    assert_int_equal(call.failure->n_violations, 3);
    assert_string_equal(call.failure->violations[0]->field, "deal.name");
    assert_string_equal(call.failure->violations[0]->reason, "REQUIRED");
    assert_string_equal(call.failure->violations[1]->description, "must be between 1 and 9");
    assert_string_equal(call.failure->violations[2]->reason, "TAKEN");

    /* Failing for another reason keeps what was noted. */
    assert_int_equal(sfms_fail(&call, &sfms_exists), SFMS_ALREADY_EXISTS);
    assert_int_equal(call.failure->n_violations, 3);
    assert_int_equal(call.failure->code, SFMS_ALREADY_EXISTS);

    call.version = 7;
    call.created = true;
    sfms_call_retry(&call);
    assert_null(call.failure);
    assert_int_equal(call.version, 0);
    assert_false(call.created);
    assert_int_equal(sfms_violations(&call), SFMS_OK);

    /* Failed without a violation: there is none. */
    sfms_fail(&call, &sfms_not_found);
    assert_int_equal(sfms_violations(&call), SFMS_OK);
}

static void
test_many_violations(void **state)
{
    sfms_call call = new_call(SFMS_LOCALE_EN);

    (void)state;
    for (int i = 0; i < SFMS_VIOLATIONS_MAX + 50; i++)
        assert_int_equal(
            sfms_violate(&call, sfms_printf(a, "f%d", i), &sfms_required), SFMS_INVALID_ARGUMENT);
    assert_int_equal(call.failure->n_violations, SFMS_VIOLATIONS_MAX);
    assert_string_equal(call.failure->violations[SFMS_VIOLATIONS_MAX - 1]->field, "f99");
}

static sfms_status
allowed(const Pb__MethodRule *rule, const Pb__Principal *principal, bool trusted, const char *reason)
{
    sfms_method method = {.name = "m", .rule = rule};
    sfms_call call = new_call(SFMS_LOCALE_EN);

    call.method = &method;
    call.principal = principal;
    sfms_status status = sfms_allowed(&call, trusted);
    if (reason != NULL)
        assert_string_equal(call.failure->reason, reason);
    else
        assert_null(call.failure);
    return status;
}

static void
test_allowed(void **state)
{
    static const char *permissions[] = {"deals.read", "deals.write"};
    Pb__Principal someone = PB__PRINCIPAL__INIT;
    Pb__MethodRule rule = PB__METHOD_RULE__INIT;

    (void)state;
    someone.n_permissions = 2;
    someone.permissions = permissions;

    rule.permission = "deals.write";
    assert_int_equal(allowed(&rule, &someone, false, NULL), SFMS_OK);
    assert_int_equal(allowed(&rule, NULL, true, "NO_TOKEN"), SFMS_UNAUTHENTICATED);
    rule.permission = "deals.delete";
    assert_int_equal(allowed(&rule, &someone, true, "NO_PERMISSION"), SFMS_PERMISSION_DENIED);
    rule.permission = "deals.writ";
    assert_int_equal(allowed(&rule, &someone, true, "NO_PERMISSION"), SFMS_PERMISSION_DENIED);

    rule.permission = "";
    assert_int_equal(allowed(&rule, &someone, true, "NO_PERMISSION"),
        SFMS_PERMISSION_DENIED); /* a rule that says nothing */
    rule.signed_in = 1;
    assert_int_equal(allowed(&rule, &someone, false, NULL), SFMS_OK);
    assert_int_equal(allowed(&rule, NULL, false, "NO_TOKEN"), SFMS_UNAUTHENTICATED);

    rule.signed_in = 0;
    rule.public_ = 1;
    assert_int_equal(allowed(&rule, NULL, false, NULL), SFMS_OK);

    rule.public_ = 0;
    rule.internal = 1;
    assert_int_equal(allowed(&rule, NULL, true, NULL), SFMS_OK);
    assert_int_equal(allowed(&rule, &someone, false, "NO_PERMISSION"), SFMS_PERMISSION_DENIED);
}

static void
test_may(void **state)
{
    static const char *permissions[] = {"deals.read"};
    Pb__Principal someone = PB__PRINCIPAL__INIT;
    sfms_call call = new_call(SFMS_LOCALE_EN);

    (void)state;
    assert_false(sfms_may(&call, "deals.read"));
    call.principal = &someone;
    assert_false(sfms_may(&call, "deals.read"));
    someone.n_permissions = 1;
    someone.permissions = permissions;
    assert_true(sfms_may(&call, "deals.read"));
    assert_false(sfms_may(&call, "deals"));
    assert_false(sfms_may(&call, ""));
}

/* A part of a call that makes an account, and one that changes a contact. */
static void
test_asides(void **state)
{
    const sfms_method *create = sfms_contract_method(contract, "sfms.customers.v1.Accounts/CreateAccount");
    const sfms_method *update = sfms_contract_method(contract, "sfms.customers.v1.Contacts/UpdateContact");
    sfms_call call = new_call(SFMS_LOCALE_EN);
    sfms_call aside = sfms_aside(&call, create);

    (void)state;
    assert_int_equal(sfms_blame(&call, &aside, "account"), SFMS_OK);
    assert_null(call.failure);
    sfms_violate_field(&aside, "name", &sfms_required);
    assert_null(call.failure);
    assert_int_equal(sfms_blame(&call, &aside, "account"), SFMS_INVALID_ARGUMENT);
    aside = sfms_aside(&call, update);
    assert_null(aside.failure);
    sfms_violate_field(&aside, "email", &sfms_bad_value);
    sfms_blame(&call, &aside, "contact");
    aside = sfms_aside(&call, update);
    sfms_fail(&aside, &sfms_not_yours);
    assert_int_equal(sfms_blame(&call, &aside, "contact"), SFMS_PERMISSION_DENIED);
    assert_string_equal(call.failure->reason, "INVALID_FIELDS");
    assert_int_equal(call.failure->n_violations, 3);
    assert_string_equal(call.failure->violations[0]->field, "account.name");
    assert_string_equal(call.failure->violations[1]->field, "contact.email");
    assert_string_equal(call.failure->violations[2]->field, "contact");
    assert_string_equal(call.failure->violations[2]->reason, "NOT_YOURS");
}

static void
test_what_ends_more_than_an_aside(void **state)
{
    const sfms_method *create = sfms_contract_method(contract, "sfms.customers.v1.Accounts/CreateAccount");
    sfms_call call = new_call(SFMS_LOCALE_EN);
    sfms_call aside = sfms_aside(&call, create);

    (void)state;
    sfms_violate_field(&aside, "name", &sfms_required);
    sfms_blame(&call, &aside, NULL);
    assert_string_equal(call.failure->violations[0]->field, "name");
    aside = sfms_aside(&call, create);
    sfms_fail(&aside, &sfms_unavailable);
    assert_int_equal(sfms_blame(&call, &aside, "account"), SFMS_UNAVAILABLE);
    assert_string_equal(call.failure->reason, "UNAVAILABLE");
    aside = sfms_aside(&call, create);
    sfms_violate_field(&aside, "name", &sfms_required);
    sfms_blame(&call, &aside, "account");
    assert_string_equal(call.failure->reason, "UNAVAILABLE");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail),
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_many_violations),
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_may),
        cmocka_unit_test(test_asides),
        cmocka_unit_test(test_what_ends_more_than_an_aside),
    };

    contract = sfms_contract_load();
    a = sfms_arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(a);
    return failed;
}
