/* translate_test.c -- HTTP requests to request messages of the real contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/path.c"
#include "gateway/route.c"
#include "gateway/translate.c"
#include "sfms/customers/v1/accounts.pb-c.h"
#include "sfms/exchange/v1/imports.pb-c.h"
#include "sfms/pipeline/v1/deals.pb-c.h"

#define ID "01a20acd-1d26-7503-a827-8abfde1c8a50"
#define OTHER "01a20acd-1d26-7503-a827-8abfde1c8a51"

static sfms_arena *arena;
static const sfms_contract *contract;
static router *routes;
static sfms_call call;
static size_t in_body;

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

static void *
translate_with(const char *verb, const char *target, const translate_body *body)
{
    const char *allow;
    path_parts parts;
    route_match m;

    assert_true(path_split(sfms_strdup(arena, target), &parts));
    assert_true(route_find(routes, arena, verb, &parts, &m, &allow));
    call = (sfms_call){.arena = arena, .contract = contract, .method = m.target->method, .request_id = "r"};
    return translate_request(&call, &m, parts.query, body, &in_body);
}

static void *
translate(const char *verb, const char *target, const char *json)
{
    translate_body body = {.data = json, .len = json != NULL ? strlen(json) : 0};

    return translate_with(verb, target, &body);
}

static void
violates(const char *field, const char *reason)
{
    assert_non_null(call.failure);
    assert_true(call.failure->n_violations > 0);
    assert_string_equal(call.failure->violations[0]->field, field);
    assert_string_equal(call.failure->violations[0]->reason, reason);
}

static void
test_get(void **state)
{
    (void)state;
    const Pb__GetRequest *get = translate("GET", "/v1/accounts/" ID "?readMask=id,name", NULL);
    assert_non_null(get);
    assert_string_equal(get->id, ID);
    assert_int_equal(get->read_mask->n_paths, 2);

    const Pb__ListRequest *list =
        translate("GET", "/v1/accounts?pageSize=20&filter=name%3A%22%E5%BC%A0%22&showDeleted=true", NULL);
    assert_non_null(list);
    assert_int_equal(list->page_size, 20);
    assert_string_equal(list->filter, "name:\"张\"");
    assert_true(list->show_deleted);

    const Pb__BatchGetRequest *batch = translate("GET", "/v1/accounts:batchGet?ids=a&ids=b", NULL);
    assert_non_null(batch);
    assert_int_equal(batch->n_ids, 2);
}

static void
test_bad_parameters(void **state)
{
    (void)state;
    assert_null(translate("GET", "/v1/accounts?nope=1", NULL));
    violates("nope", "UNKNOWN_FIELD");
    assert_null(translate("GET", "/v1/accounts?pageSize=many", NULL));
    violates("page_size", "WRONG_TYPE");
    assert_int_equal(in_body, 0);
    assert_null(translate("GET", "/v1/accounts/" ID "?id=" OTHER, NULL));
    violates("id", "UNKNOWN_FIELD");
    assert_null(translate("POST", "/v1/accounts?name=x", "{}"));
    violates("name", "UNKNOWN_FIELD");
    assert_null(translate("GET", "/v1/accounts?filter=%", NULL));
    assert_string_equal(call.failure->reason, "BAD_URL");
    assert_null(translate("GET", "/v1/accounts?pageSize=1&search=a&page_size=2", NULL));
    violates("page_size", "GIVEN_TWICE");
}

static void
test_create(void **state)
{
    (void)state;
    const Pb__Account *a = translate("POST", "/v1/accounts", "{\"name\":\"云帆\",\"employeeCount\":12}");
    assert_non_null(a);
    assert_string_equal(a->name, "云帆");
    assert_int_equal(a->employee_count, 12);

    assert_non_null(translate("POST", "/v1/accounts", "")); /* the service says what is missing */
    assert_null(translate("POST", "/v1/accounts", "{\"name\":"));
    assert_string_equal(call.failure->reason, "BAD_JSON");
    assert_null(translate("POST", "/v1/accounts", "[]"));
    violates("", "WRONG_TYPE");
    assert_null(translate("POST", "/v1/accounts", "{\"name\":1,\"x\":2}"));
    assert_int_equal(call.failure->n_violations, 2);
}

/* What cannot be read, and what the rules say about the rest; about no field twice. */
static void
test_all_that_is_wrong(void **state)
{
    (void)state;
    assert_null(translate("POST", "/v1/accounts", "{\"employeeCount\":\"many\",\"website\":\"nonsense\"}"));
    assert_int_equal(call.failure->n_violations, 3);
    assert_int_equal(in_body, 1);
    violates("employee_count", "WRONG_TYPE");
    assert_string_equal(call.failure->violations[1]->field, "name");
    assert_string_equal(call.failure->violations[1]->reason, "REQUIRED");
    assert_string_equal(call.failure->violations[2]->field, "website");
    assert_null(translate("POST", "/v1/accounts", "{\"name\":1}"));
    assert_int_equal(call.failure->n_violations, 1);
    assert_null(translate("POST", "/v1/accounts", "[]"));
    assert_int_equal(call.failure->n_violations, 1);
    assert_null(translate("PATCH", "/v1/accounts/x", "{\"employeeCount\":\"many\"}"));
    assert_int_equal(call.failure->n_violations, 2); /* the id in the address */
    assert_string_equal(call.failure->violations[1]->field, "account.id");
}

static const Google__Protobuf__FieldMask *
mask_of(const char *target, const char *json)
{
    const Pb__UpdateAccountRequest *u = translate("PATCH", target, json);

    assert_non_null(u);
    assert_string_equal(u->account->id, ID);
    return u->update_mask;
}

static void
test_update(void **state)
{
    const Google__Protobuf__FieldMask *mask;

    (void)state;
    mask = mask_of("/v1/accounts/" ID, "{\"name\":\"a\",\"employeeCount\":null}");
    assert_int_equal(mask->n_paths, 2);
    assert_string_equal(mask->paths[1], "employee_count");
    mask = mask_of("/v1/accounts/" ID, "{\"id\":\"" ID "\",\"name\":\"a\"}");
    assert_int_equal(mask->n_paths, 1);
    assert_string_equal(mask->paths[0], "name");
    mask = mask_of("/v1/accounts/" ID "?updateMask=city", "{\"name\":\"a\"}");
    assert_int_equal(mask->n_paths, 1);
    assert_string_equal(mask->paths[0], "city");

    assert_null(translate("PATCH", "/v1/accounts/" ID, "{\"id\":\"" OTHER "\"}"));
    violates("account.id", "IMMUTABLE");
    assert_int_equal(in_body, 1);
    assert_null(translate("PATCH", "/v1/accounts/" ID, "{\"id\":5}"));
    violates("account.id", "WRONG_TYPE");
    assert_int_equal(in_body, 1);
    assert_null(translate("PATCH", "/v1/accounts/" ID, "{\"nope\":1}"));
    violates("account.nope", "UNKNOWN_FIELD");
}

static void
test_custom_verbs(void **state)
{
    (void)state;
    const Pb__MoveDealRequest *move =
        translate("POST", "/v1/deals/" ID ":move", "{\"stageId\":\"" OTHER "\"}");
    assert_non_null(move);
    assert_string_equal(move->id, ID);
    assert_string_equal(move->stage_id, OTHER);
    const Pb__DeleteRequest *undelete = translate("POST", "/v1/accounts/" ID ":undelete", NULL);
    assert_non_null(undelete);
    assert_string_equal(undelete->id, ID);
}

static void
test_files(void **state)
{
    static const form_part file = {.name = "file", .content_type = "text/csv", .data = "a,b\n", .len = 4};
    static const form_part form = {
        .name = "resource", .data = "accounts", .len = 8, .next = (form_part *)(uintptr_t)&file};
    translate_body raw = {.data = "a,b\n", .len = 4, .content_type = "text/csv"};
    translate_body parts = {.content_type = "multipart/form-data", .form = &form};

    (void)state;
    const Pb__CreateImportRequest *r = translate_with("POST", "/v1/imports?resource=accounts", &raw);
    assert_non_null(r);
    assert_string_equal(r->resource, "accounts");
    assert_string_equal(r->file->content_type, "text/csv");
    assert_int_equal(r->file->data.len, 4);
    assert_ptr_equal(r->file->data.data, raw.data);

    r = translate_with("POST", "/v1/imports", &parts);
    assert_non_null(r);
    assert_string_equal(r->resource, "accounts");
    assert_memory_equal(r->file->data.data, "a,b\n", 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_bad_parameters),
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_all_that_is_wrong),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_custom_verbs),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
