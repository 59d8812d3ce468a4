/* problem_test.c -- where an error is, and what it looks like over HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "gateway/answer.c"
#include "gateway/path.c"
#include "gateway/problem.c"
#include "gateway/route.c"

static sfms_arena *arena;
static const sfms_contract *contract;
static router *routes;

static int
setup(void **state)
{
    static const route_own_row own[] = {{NULL, NULL, NULL}};

    (void)state;
    arena = sfms_arena_new();
    contract = sfms_contract_load();
    routes = route_build(arena, contract, own);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    sfms_arena_free(arena);
    return 0;
}

static const route_target *
target_of(const char *verb, const char *path)
{
    const char *allow;
    path_parts parts;
    route_match m;

    assert_true(path_split(sfms_strdup(arena, path), &parts));
    assert_true(route_find(routes, arena, verb, &parts, &m, &allow));
    return m.target;
}

static void
is_at(const char *verb, const char *path, const char *field, const char *place)
{
    sfms_buf b;

    sfms_buf_init(&b, arena, 4096);
    problem_place(&b, target_of(verb, path), field, false);
    assert_string_equal(b.data, place);
}

static void
test_places(void **state)
{
    (void)state;
    is_at("POST", "/v1/accounts", "employee_count", "\"pointer\":\"/employeeCount\"");
    is_at("POST", "/v1/accounts", "custom_fields.a/b~c", "\"pointer\":\"/customFields/a~1b~0c\"");
    is_at("POST", "/v1/accounts", "custom_fields.a\\.b\\[0\\\\", "\"pointer\":\"/customFields/a.b[0\\\\\"");
    is_at("POST", "/v1/accounts", "custom_fields.\\e", "\"pointer\":\"/customFields/\"");
    is_at("POST", "/v1/accounts", "custom_fields.a[3][2].b", "\"pointer\":\"/customFields/a/3/2/b\"");
    is_at("POST", "/v1/accounts", "nope_field", "\"pointer\":\"/nope_field\"");
    is_at("PATCH", "/v1/accounts/1", "account.employee_count", "\"pointer\":\"/employeeCount\"");
    is_at("PATCH", "/v1/accounts/1", "account", "\"pointer\":\"\"");
    is_at("PATCH", "/v1/accounts/1", "account.id", "\"parameter\":\"id\"");
    is_at("PATCH", "/v1/accounts/1", "update_mask", "\"parameter\":\"updateMask\"");
    is_at("GET", "/v1/accounts/1", "id", "\"parameter\":\"id\"");
    is_at("GET", "/v1/accounts", "page_size", "\"parameter\":\"pageSize\"");
    is_at("GET", "/v1/accounts", "whatever", "\"parameter\":\"whatever\"");
    is_at("POST", "/v1/deals/1:move", "stage_id", "\"pointer\":\"/stageId\"");
    is_at("POST", "/v1/deals/1:move", "id", "\"parameter\":\"id\"");
    is_at("PATCH", "/v1/deals/1", "deal.line_items[2].product_id", "\"pointer\":\"/lineItems/2/productId\"");
    is_at("POST", "/v1/imports", "resource", "\"parameter\":\"resource\"");
}

static void
test_a_variable_in_the_body(void **state)
{
    sfms_buf b;

    (void)state;
    sfms_buf_init(&b, arena, 4096);
    problem_place(&b, target_of("PATCH", "/v1/accounts/1"), "account.id", true);
    assert_string_equal(b.data, "\"pointer\":\"/id\"");
}

static sfms_call
failed(const sfms_reason *reason, sfms_locale locale)
{
    sfms_call call = {.arena = arena, .contract = contract, .request_id = "r-1", .locale = locale};

    sfms_fail(&call, reason, "this", "that"); /* as many as any sentence takes */
    return call;
}

static const char *
header(const answer *ans, const char *name)
{
    for (unsigned i = 0; i < ans->n_headers; i++) {
        if (strcmp(ans->header[i].name, name) == 0)
            return ans->header[i].value;
    }
    return NULL;
}

static void
gives_http(const sfms_reason *reason, unsigned http)
{
    sfms_call call = failed(reason, SFMS_LOCALE_EN);
    answer ans = {0};

    problem_answer(&ans, &call, NULL, "/v1/x", 0);
    assert_int_equal(ans.status, http);
    assert_string_equal(ans.content_type, "application/problem+json");
}

static void
test_statuses(void **state)
{
    (void)state;
    gives_http(&sfms_no_route, 404);
    gives_http(&sfms_wrong_verb, 405);
    gives_http(&sfms_no_token, 401);
    gives_http(&sfms_no_permission, 403);
    gives_http(&sfms_version, 412);
    gives_http(&sfms_too_large, 413);
    gives_http(&sfms_bad_media_type, 415);
    gives_http(&sfms_key_reused, 422);
    gives_http(&sfms_key_running, 409);
    gives_http(&sfms_rate_limited, 429);
    gives_http(&sfms_unavailable, 503);
    gives_http(&sfms_deadline, 504);
}

static void
test_headers(void **state)
{
    sfms_call call = failed(&sfms_unavailable, SFMS_LOCALE_ZH);
    answer ans = {0};

    (void)state;
    call.failure->retry_after = 7;
    problem_answer(&ans, &call, NULL, "/", 0);
    assert_string_equal(header(&ans, "Retry-After"), "7");
    assert_string_equal(header(&ans, "Content-Language"), "zh-CN");

    call = failed(&sfms_no_token, SFMS_LOCALE_EN);
    ans = (answer){0};
    problem_answer(&ans, &call, NULL, "/", 0);
    assert_string_equal(header(&ans, "WWW-Authenticate"), "Bearer");
    assert_null(header(&ans, "Retry-After"));
}

static void
test_document(void **state)
{
    sfms_call call = {.arena = arena, .contract = contract, .request_id = "r\"1"};
    answer ans = {0};

    (void)state;
    sfms_violate(&call, "name", &sfms_required);
    sfms_violate(&call, "employee_count", &sfms_out_of_range, "0", "9");
    problem_answer(&ans, &call, target_of("POST", "/v1/accounts"), "/v1/accounts", 2);

    cJSON *doc = cJSON_Parse(ans.body);
    assert_non_null(doc);
    assert_int_equal(cJSON_GetObjectItem(doc, "status")->valueint, 400);
    assert_string_equal(cJSON_GetObjectItem(doc, "code")->valuestring, "INVALID_FIELDS");
    assert_string_equal(cJSON_GetObjectItem(doc, "requestId")->valuestring, "r\"1");
    assert_string_equal(cJSON_GetObjectItem(doc, "instance")->valuestring, "/v1/accounts");
    const cJSON *errors = cJSON_GetObjectItem(doc, "errors");
    assert_int_equal(cJSON_GetArraySize(errors), 2);
    const cJSON *second = cJSON_GetArrayItem(errors, 1);
    assert_string_equal(cJSON_GetObjectItem(second, "pointer")->valuestring, "/employeeCount");
    assert_string_equal(cJSON_GetObjectItem(second, "reason")->valuestring, "OUT_OF_RANGE");
    assert_string_equal(cJSON_GetObjectItem(second, "detail")->valuestring, "must be between 0 and 9");
    cJSON_Delete(doc);
}

static void
test_etags(void **state)
{
    (void)state;
    assert_true(answer_etag_matches("\"12\"", 12));
    assert_true(answer_etag_matches("\"1\", W/\"12\"", 12));
    assert_true(answer_etag_matches("*", 12));
    assert_false(answer_etag_matches("\"12\"", 1));
    assert_false(answer_etag_matches("\"12x\"", 12));
    assert_false(answer_etag_matches("12", 12));
    assert_false(answer_etag_matches(NULL, 12));
    assert_false(answer_etag_matches("\"0\"", 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_a_variable_in_the_body),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_etags),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
