/* route_test.c -- paths to methods of the real contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/path.c"
#include "gateway/route.c"

static sfms_arena *arena;
static router *routes;

static bool
own_run(struct request *r)
{
    (void)r;
    return true;
}

static const route_own_row own[] = {{"GET", "/healthz", own_run}, {NULL, NULL, NULL}};

static int
setup(void **state)
{
    (void)state;
    arena = sfms_arena_new();
    routes = route_build(arena, sfms_contract_load(), own);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    sfms_arena_free(arena);
    return 0;
}

static bool
find(const char *verb, const char *path, route_match *m, const char **allow)
{
    path_parts parts;

    assert_true(path_split(sfms_strdup(arena, path), &parts));
    return route_find(routes, arena, verb, &parts, m, allow);
}

static void
leads_to(const char *verb, const char *path, const char *method, const char *value)
{
    const char *allow;
    route_match m;

    assert_true(find(verb, path, &m, &allow));
    assert_string_equal(m.target->method->short_name, method);
    if (value != NULL)
        assert_string_equal(m.value[0], value);
}

static void
test_standard_methods(void **state)
{
    (void)state;
    leads_to("GET", "/v1/accounts/a1", "GetAccount", "a1");
    leads_to("HEAD", "/v1/accounts/a1", "GetAccount", "a1");
    leads_to("GET", "/v1/%61ccounts", "ListAccounts", NULL);
    leads_to("POST", "/v1/accounts", "CreateAccount", NULL);
    leads_to("PATCH", "/v1/accounts/a1", "UpdateAccount", "a1");
    leads_to("DELETE", "/v1/accounts/a1", "DeleteAccount", "a1");
    leads_to("POST", "/v1/accounts/a1:undelete", "UndeleteAccount", "a1");
    leads_to("GET", "/v1/accounts:batchGet?ids=1", "BatchGetAccounts", NULL);
    leads_to("POST", "/v1/accounts/a%3Aundelete", "UndeleteAccount", "a");
    leads_to("POST", "/v1/accounts/a%3aundelete", "UndeleteAccount", "a");
}

/* A literal goes before a variable, but a variable is tried where the literal leads nowhere. */
static void
test_literal_before_variable(void **state)
{
    const char *allow;
    route_match m;

    (void)state;
    leads_to("GET", "/v1/deals/d1/stageHistory", "GetStageHistory", "d1");
    assert_true(find("GET", "/v1/deals/d1/history", &m, &allow));
    assert_string_equal(m.target->method->short_name, "GetHistory");
    assert_string_equal(m.value[0], "deals");
    assert_string_equal(m.value[1], "d1");
}

static void
test_nothing_there(void **state)
{
    static const char *const paths[] = {"/", "/v1", "/v1/nope", "/v1/accounts/", "/v1/accounts/a1:nope",
        "/v1//a1", "/v2/accounts", "/healthz/x", "/v1/accounts/a1/b/c"};
    const char *allow;
    route_match m;

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_false(find("GET", paths[i], &m, &allow));
        assert_null(allow);
    }
}

static void
test_wrong_verb(void **state)
{
    const char *allow;
    route_match m;

    (void)state;
    assert_false(find("PUT", "/v1/accounts/a1", &m, &allow));
    assert_non_null(strstr(allow, "GET"));
    assert_non_null(strstr(allow, "HEAD"));
    assert_non_null(strstr(allow, "PATCH"));
    assert_non_null(strstr(allow, "DELETE"));
    assert_null(strstr(allow, "POST"));
    assert_false(find("GET", "/v1/accounts/a1:undelete", &m, &allow));
    assert_string_equal(allow, "POST");
    assert_false(find("POST", "/healthz", &m, &allow));
    assert_string_equal(allow, "GET, HEAD");
}

static void
test_targets(void **state)
{
    const char *allow;
    route_match m;

    (void)state;
    assert_true(find("PATCH", "/v1/accounts/a1", &m, &allow));
    assert_string_equal(m.target->body->desc->name, "account");
    assert_non_null(m.target->update_mask);
    assert_string_equal(m.target->location, "/v1/accounts/");
    assert_true(find("GET", "/v1/accounts", &m, &allow));
    assert_non_null(m.target->read_mask);
    assert_null(m.target->body);
    assert_true(find("POST", "/v1/imports", &m, &allow));
    assert_non_null(m.target->raw);
    assert_true(find("GET", "/healthz", &m, &allow));
    assert_ptr_equal(m.target->own, own_run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard_methods),
        cmocka_unit_test(test_literal_before_variable),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_wrong_verb),
        cmocka_unit_test(test_targets),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
