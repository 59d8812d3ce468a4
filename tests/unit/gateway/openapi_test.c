/* openapi_test.c -- the OpenAPI document is whole: it parses, names are unique, references lead somewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "gateway/kind.c"
#include "gateway/openapi.c"
#include "gateway/operation.c"
#include "gateway/path.c"
#include "gateway/route.c"
#include "gateway/schema.c"
#include "gateway/schema_value.c"
#include "gateway/schemas.c"
#include "gateway/writer.c"

static sfms_arena *arena;
static cJSON *doc;

static int
setup(void **state)
{
    static const route_own_row own[] = {{NULL, NULL, NULL}};
    sfms_buf b;

    (void)state;
    arena = sfms_arena_new();
    sfms_buf_init(&b, arena, SFMS_MESSAGE_MAX);
    const sfms_contract *contract = sfms_contract_load();
    openapi_write(&b, route_build(arena, contract, own), contract, false);
    doc = cJSON_Parse(b.data);
    return doc == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
    (void)state;
    cJSON_Delete(doc);
    sfms_arena_free(arena);
    return 0;
}

/* The member at a JSON pointer without escapes; NULL if there is none. */
static const cJSON *
at(const cJSON *item, const char *pointer)
{
    while (item != NULL && *pointer == '/') {
        size_t n = strcspn(++pointer, "/");
        item = cJSON_GetObjectItemCaseSensitive(item, sfms_strndup(arena, pointer, n));
        pointer += n;
    }
    return item;
}

static unsigned
check_references(const cJSON *item)
{
    unsigned n = 0;

    for (const cJSON *c = item->child; c != NULL; c = c->next) {
        if (c->string != NULL && strcmp(c->string, "$ref") == 0) {
            assert_int_equal(c->valuestring[0], '#');
            if (at(doc, c->valuestring + 1) == NULL)
                fail_msg("%s leads nowhere", c->valuestring);
            n++;
        }
        n += check_references(c);
    }
    return n;
}

static void
test_references(void **state)
{
    (void)state;
    assert_true(check_references(doc) > 100);
}

static void
test_operations(void **state)
{
    const char *seen[1024];
    unsigned n = 0;
    const cJSON *path, *operation;

    (void)state;
    cJSON_ArrayForEach(path, cJSON_GetObjectItem(doc, "paths"))
    {
        cJSON_ArrayForEach(operation, path)
        {
            const cJSON *id = cJSON_GetObjectItem(operation, "operationId");
            assert_non_null(id);
            for (unsigned i = 0; i < n; i++)
                assert_string_not_equal(seen[i], id->valuestring);
            assert_true(n < 1024);
            seen[n++] = id->valuestring;
            assert_non_null(cJSON_GetObjectItem(operation, "summary"));
            assert_non_null(cJSON_GetObjectItem(operation, "responses"));
        }
    }
    assert_true(n > 50);
}

static void
test_schemas(void **state)
{
    const cJSON *all = at(doc, "/components/schemas");

    (void)state;
    const cJSON *account = cJSON_GetObjectItem(all, "Account");
    assert_non_null(account);
    assert_true(cJSON_IsTrue(at(account, "/properties/version/readOnly")));
    assert_int_equal(at(all, "/AccountInput/properties/name/maxLength")->valueint, 255);
    assert_string_equal(at(account, "/properties/parentId/x-references")->valuestring, "accounts");
    assert_true(cJSON_IsTrue(at(account, "/properties/createTime/x-sortable")));
    assert_null(at(account, "/properties/city/x-sortable"));
    assert_true(cJSON_IsTrue(at(account, "/properties/phone/x-lookup")));
    assert_null(at(account, "/properties/city/x-lookup"));
    assert_string_equal(at(account, "/properties/createTime/format")->valuestring, "date-time");
    assert_non_null(at(cJSON_GetObjectItem(all, "ListAccountsResponse"), "/required"));
    const cJSON *patch = at(cJSON_GetObjectItem(at(doc, "/paths"), "/v1/accounts/{id}"), "/patch");
    assert_non_null(patch);
    assert_string_equal(cJSON_GetObjectItem(patch, "x-permission")->valuestring, "accounts.write");
}

static bool
demands(const cJSON *schema, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, cJSON_GetObjectItem(schema, "required"))
    {
        if (strcmp(item->valuestring, name) == 0)
            return true;
    }
    return false;
}

/* An answer holds every field but the secret ones, or what a readMask leaves; a request those that a caller may set. */
static void
test_uses(void **state)
{
    const cJSON *all = at(doc, "/components/schemas");

    (void)state;
    assert_non_null(at(all, "/Deal/properties/stageId"));
    assert_null(at(all, "/Deal/required"));
    assert_true(demands(at(all, "/Me"), "user") && demands(at(all, "/LineItem"), "quantity"));
    assert_null(at(all, "/Deal/additionalProperties"));
    assert_null(at(all, "/DealInput/properties/version"));
    assert_non_null(at(all, "/DealInput/properties/stageId"));
    assert_true(demands(at(all, "/DealInput"), "name") && !demands(at(all, "/DealInput"), "id"));
    assert_null(at(all, "/DealPatch/properties/stageId"));
    assert_null(at(all, "/DealPatch/required"));
    assert_non_null(at(all, "/DealUpsert/properties/stageId"));
    assert_true(demands(at(all, "/DealUpsert"), "externalId") && !demands(at(all, "/DealUpsert"), "name"));
    assert_non_null(at(all, "/CreateSessionRequest")); /* only sent: no need for another name */
}

/* The type of what may be null is ["...", "null"]. */
static bool
is_null_too(const cJSON *schema)
{
    const cJSON *type = cJSON_GetObjectItem(schema, "type");

    return cJSON_IsArray(type) && strcmp(cJSON_GetArrayItem(type, 1)->valuestring, "null") == 0;
}

static void
test_null(void **state)
{
    const cJSON *all = at(doc, "/components/schemas");

    (void)state;
    assert_false(is_null_too(at(all, "/Account/properties/id")));
    assert_false(is_null_too(at(all, "/Account/properties/createTime")));
    assert_true(is_null_too(at(all, "/Account/properties/deleteTime")));
    assert_false(is_null_too(at(all, "/Account/properties/city")));
    assert_true(is_null_too(at(all, "/AccountPatch/properties/city")));
    assert_true(is_null_too(at(all, "/AccountPatch/properties/employeeCount")));
    assert_false(is_null_too(at(all, "/AccountPatch/properties/name")));
    assert_false(is_null_too(at(all, "/AccountUpsert/properties/externalId")));
    assert_non_null(at(all, "/TaskPatch/properties/status/anyOf"));
    assert_non_null(at(all, "/TaskStatus/enum"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_schemas),
        cmocka_unit_test(test_uses),
        cmocka_unit_test(test_null),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
