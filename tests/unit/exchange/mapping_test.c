/* mapping_test.c -- mappings held against a file's header and the contract, and rows read by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "exchange/imports/decimal.c"
#include "exchange/imports/lookup.c"
#include "exchange/imports/mapping.c"
#include "exchange/imports/rows.c"
#include "exchange/imports/values.c"
#include "sfms/customers/v1/accounts.pb-c.h"

static const sfms_contract *contract;
static sfms_call call;

static int
set_up_once(void **state)
{
    (void)state;
    contract = sfms_contract_load();
    return 0;
}

static int
set_up(void **state)
{
    (void)state;
    call = (sfms_call){.arena = sfms_arena_new(), .contract = contract, .request_id = ""};
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    sfms_arena_free(call.arena);
    return 0;
}

static const char *const header[] = {"Name", "Sector", "Revenue", "Parent", "Founded", "Key"};
enum { WIDTH = 6 };

static sfms_status
plan(const char *collection, const char *json, import_plan *ret)
{
    const Pb__ImportMapping *mapping = import_mapping_parse(&call, json);

    if (mapping == NULL)
        return SFMS_INVALID_ARGUMENT;
    return import_plan_make(&call, collection, mapping, WIDTH, header, ret);
}

/* Whether the mapping is refused with this reason for this field, and nothing else. */
static bool
refused(const char *json, const char *field, const char *reason)
{
    import_plan p;
    const Pb__Status *failure;

    sfms_call_retry(&call);
    if (plan("accounts", json, &p) == SFMS_OK)
        return false;
    failure = call.failure;
    if (failure->n_violations == 1 && strcmp(failure->violations[0]->field, field) == 0 &&
        strcmp(failure->violations[0]->reason, reason) == 0)
        return true;
    for (size_t i = 0; i < failure->n_violations; i++)
        print_error("%s: %s %s\n", failure->violations[i]->field, failure->violations[i]->reason,
            failure->violations[i]->description);
    return false;
}

static void
test_a_plan(void **state)
{
    import_plan p;

    (void)state;
    assert_int_equal(
        plan("accounts",
            "{\"columns\":{\"Name\":{\"field\":\"name,externalId\"},\"Revenue\":{\"field\":\"annualRevenue\","
            "\"scale\":\"1000000\"},\"Parent\":{\"field\":\"parentId\",\"lookup\":\"accounts.name\"}},"
            "\"constants\":{\"externalSource\":\"erp\"},\"mode\":\"UPSERT\"}",
            &p),
        SFMS_OK);
    assert_int_equal(p.n_columns, 3);
    assert_int_equal(p.columns[0].n_targets, 2);
    assert_string_equal(p.columns[0].targets[1].path, "external_id");
    assert_int_equal(p.columns[1].index, 2);
    assert_true(p.columns[2].lookup_self);
    assert_string_equal(p.columns[2].lookup_field->desc->name, "name");
    assert_true(p.upsert);
    assert_true(p.has_external_id);
    assert_ptr_equal(import_column_of(&p, "parent_id"), &p.columns[2]);
    assert_null(import_column_of(&p, "industry"));
}

static void
test_paths_into_messages(void **state)
{
    import_plan p;

    (void)state;
    assert_int_equal(
        plan("deals",
            "{\"columns\":{\"Name\":{\"field\":\"name\"},\"Key\":{\"field\":\"lineItems.productId\","
            "\"lookup\":\"products.name\"},\"Sector\":{\"field\":\"stageId\",\"lookup\":\"stages.name\"},"
            "\"Founded\":{\"field\":\"closeDate\",\"dateFormat\":\"%d-%m-%y\"}}}",
            &p),
        SFMS_OK);
    assert_ptr_equal(import_column_of(&p, "line_items[0].product_id")->lookup,
        sfms_contract_standard(contract, "products", PB__VERB__LIST));
}

static void
test_no_mapping_means_columns_are_fields(void **state)
{
    static const char *const names[] = {"name", "industry"};
    import_plan p;

    (void)state;
    assert_int_equal(
        import_plan_make(&call, "accounts", import_mapping_parse(&call, ""), 2, names, &p), SFMS_OK);
    assert_int_equal(p.n_columns, 2);
    assert_false(p.upsert);
}

static void
test_what_is_refused(void **state)
{
    import_plan p;

    (void)state;
    assert_true(refused("[]", "mapping", "BAD_FORMAT"));
    assert_true(refused("{\"columns\":", "mapping", "BAD_FORMAT"));
    assert_true(refused("{\"colums\":{}}", "mapping.colums", "UNKNOWN_FIELD"));
    assert_true(
        refused("{\"columns\":{\"None\":{\"field\":\"name\"}}}", "mapping.columns.None", "NO_SUCH_COLUMN"));
    assert_true(refused(
        "{\"columns\":{\"Name\":{\"field\":\"nme\"}}}", "mapping.columns.Name.field", "UNKNOWN_FIELD"));
    assert_true(refused("{\"columns\":{\"Name\":{}}}", "mapping.columns.Name.field", "REQUIRED"));
    assert_true(refused(
        "{\"columns\":{\"Name\":{\"field\":\"createTime\"}}}", "mapping.columns.Name.field", "OUTPUT_ONLY"));
    assert_true(refused("{\"columns\":{\"Name\":{\"field\":\"customFields\"}}}", "mapping.columns.Name.field",
        "NOT_A_VALUE"));
    assert_true(refused("{\"columns\":{\"Name\":{\"field\":\"name\",\"lookup\":\"accounts\"}}}",
        "mapping.columns.Name.lookup", "BAD_LOOKUP"));
    assert_true(refused("{\"columns\":{\"Name\":{\"field\":\"name\",\"lookup\":\"nothing.name\"}}}",
        "mapping.columns.Name.lookup", "BAD_LOOKUP"));
    assert_true(refused("{\"columns\":{\"Name\":{\"field\":\"name\",\"dateFormat\":\"%d\"}}}",
        "mapping.columns.Name.dateFormat", "BAD_VALUE"));
    assert_true(refused("{\"columns\":{\"Name\":{\"field\":\"name\",\"scale\":\"2\"}}}",
        "mapping.columns.Name.scale", "BAD_VALUE"));
    assert_true(refused("{\"columns\":{\"Name\":{\"field\":\"name\",\"numberFormat\":\"1,234.5\"}}}",
        "mapping.columns.Name.numberFormat", "BAD_VALUE"));
    assert_true(
        refused("{\"columns\":{\"Name\":{\"field\":\"name\"},\"Revenue\":{\"field\":\"annualRevenue\","
                "\"numberFormat\":\"1,234\"}}}",
            "mapping.columns.Revenue.numberFormat", "BAD_FORMAT"));
    assert_true(
        refused("{\"columns\":{\"Sector\":{\"field\":\"industry\"}}}", "mapping.columns", "REQUIRED"));
    assert_true(refused("{\"columns\":{\"Name\":{\"field\":\"name\"}},\"mode\":\"UPSERT\"}", "mapping.mode",
        "NEEDS_EXTERNAL_ID"));
    assert_true(refused("{\"columns\":{\"Name\":{\"field\":\"name\"},\"Key\":{\"field\":\"name\"}}}",
        "mapping.columns.Key.field", "FIELD_TWICE"));
    assert_true(refused(
        "{\"constants\":{\"name\":\"x\",\"nothing\":\"y\"}}", "mapping.constants.nothing", "UNKNOWN_FIELD"));
    sfms_call_retry(&call);
    assert_int_equal(plan("nothing", "{}", &p), SFMS_INVALID_ARGUMENT);
    assert_string_equal(call.failure->violations[0]->field, "resource");
}

/* A row of cells through read and build; look-ups are not in these. */
static import_row
row_of(const import_plan *p, unsigned n, const char **cells)
{
    import_row row = {.number = 7, .n_cells = n, .cells = cells};

    import_row_read(&call, p, &row);
    import_row_build(&call, p, &row, NULL, "01890000-0000-7000-8000-000000000001", true);
    return row;
}

static void
test_a_row_becomes_a_record(void **state)
{
    const char *cells[WIDTH] = {"Acme", "technolgy", "1100.04", "", "1996", ""};
    const Pb__Account *account;
    import_plan p;
    import_row row;

    (void)state;
    assert_int_equal(
        plan("accounts",
            "{\"columns\":{\"Name\":{\"field\":\"name\"},\"Sector\":{\"field\":\"industry\",\"values\":"
            "{\"technolgy\":\"technology\"}},\"Revenue\":{\"field\":\"annualRevenue\",\"scale\":\"1000000\"},"
            "\"Founded\":{\"field\":\"foundedYear\"},\"Key\":{\"field\":\"city\",\"default\":\"Wuhan\"},"
            "\"Parent\":{\"field\":\"parentId\",\"lookup\":\"accounts.name\"}},"
            "\"constants\":{\"country\":\"CN\"}}",
            &p),
        SFMS_OK);
    row = row_of(&p, WIDTH, cells);
    assert_int_equal(row.state, IMPORT_ROW_READY);
    account = (const Pb__Account *)row.request;
    assert_string_equal(account->name, "Acme");
    assert_string_equal(account->industry, "technology");
    assert_string_equal(account->annual_revenue, "1100040000");
    assert_int_equal(account->founded_year, 1996);
    assert_string_equal(account->city, "Wuhan");
    assert_string_equal(account->country, "CN");
    assert_string_equal(account->parent_id, "");
    assert_true(sfms_id_valid(account->id));
}

static void
test_an_upsert_says_which_fields(void **state)
{
    const char *cells[WIDTH] = {"Acme", "", "", "", "", "k1"};
    const Pb__UpdateAccountRequest *request;
    import_plan p;
    import_row row;

    (void)state;
    assert_int_equal(plan("accounts",
                         "{\"columns\":{\"Name\":{\"field\":\"name\"},\"Sector\":{\"field\":\"industry\"},"
                         "\"Key\":{\"field\":\"externalId\"}},\"mode\":\"UPSERT\"}",
                         &p),
        SFMS_OK);
    row = row_of(&p, WIDTH, cells);
    assert_int_equal(row.state, IMPORT_ROW_READY);
    request = (const Pb__UpdateAccountRequest *)row.request;
    assert_string_equal(request->account->external_id, "k1");
    assert_string_equal(request->account->id, "");
    assert_int_equal(request->update_mask->n_paths, 2); /* the empty cell leaves its field alone */
    assert_string_equal(request->update_mask->paths[0], "name");
}

static void
test_a_row_is_refused_with_all_reasons(void **state)
{
    const char *cells[WIDTH] = {"Acme", "", "much", "", "soon", ""};
    import_plan p;
    import_row row;

    (void)state;
    assert_int_equal(
        plan("accounts",
            "{\"columns\":{\"Name\":{\"field\":\"name\"},\"Revenue\":{\"field\":\"annualRevenue\","
            "\"scale\":\"2\"},\"Founded\":{\"field\":\"foundedYear\"}}}",
            &p),
        SFMS_OK);
    row = row_of(&p, 4, cells); /* missing cells are empty */
    assert_string_equal(row.reason, "Revenue: \"much\" is not a decimal number");
    row = row_of(&p, 7, (const char *[]){"x", "", "", "", "", "", "y"});
    assert_int_equal(row.state, IMPORT_ROW_REFUSED);
    assert_string_equal(
        row.reason, "The row has 7 cells, the header has 6, and one without a name is filled.");
    row = row_of(&p, 7, (const char *[]){"x", "", "", "", "", "", " "});
    assert_int_equal(row.state, IMPORT_ROW_READY);
    row = row_of(&p, WIDTH, cells);
    assert_int_equal(row.state, IMPORT_ROW_REFUSED);
    assert_string_equal(row.reason, "Revenue: \"much\" is not a decimal number");
    cells[2] = "1";
    row = row_of(&p, WIDTH, cells);
    assert_int_equal(row.state, IMPORT_ROW_REFUSED);
    assert_memory_equal(row.reason, "Founded: ", strlen("Founded: "));
}

/* ---- replies ----------------------------------------------------------------------------------------- */

static import_row_state
settled(const import_plan *p, int32_t code, const char *existing_id, Pb__Violation *violation)
{
    Pb__Status status = PB__STATUS__INIT;
    Pb__Reply reply = PB__REPLY__INIT;
    import_row row = {.number = 1, .state = IMPORT_ROW_READY, .external_id = "k1", .id = "id-1"};

    status.code = code;
    status.message = "it was refused";
    status.existing_id = existing_id;
    if (violation != NULL) {
        status.n_violations = 1;
        status.violations = &violation;
    }
    reply.status = code != SFMS_OK ? &status : NULL;
    import_row_settle(&call, p, &row, &reply);
    return row.state;
}

static void
test_replies(void **state)
{
    Pb__Violation external = PB__VIOLATION__INIT, name = PB__VIOLATION__INIT;
    import_plan p = {0};

    (void)state;
    external.field = "external_source";
    name.field = "name";
    assert_int_equal(settled(&p, SFMS_OK, "", NULL), IMPORT_ROW_CREATED);
    assert_int_equal(
        settled(&p, SFMS_ALREADY_EXISTS, "id-1", NULL), IMPORT_ROW_CREATED); /* of an earlier attempt */
    assert_int_equal(settled(&p, SFMS_ALREADY_EXISTS, "id-2", &external), IMPORT_ROW_SKIPPED);
    assert_int_equal(settled(&p, SFMS_ALREADY_EXISTS, "", &name), IMPORT_ROW_REFUSED);
    assert_int_equal(settled(&p, SFMS_INVALID_ARGUMENT, "", &name), IMPORT_ROW_REFUSED);
    assert_int_equal(settled(&p, SFMS_PERMISSION_DENIED, "", NULL), IMPORT_ROW_REFUSED);
}

static void
test_ids_go_by_row(void **state)
{
    char before[SFMS_ID_SIZE] = "", id[SFMS_ID_SIZE], other[SFMS_ID_SIZE];

    (void)state;
    for (int64_t i = 1; i <= IMPORT_ROWS_MAX; i += 997) {
        import_row_id("01890000-1234-7abc-8000-000000000001", i, id);
        assert_true(sfms_id_valid(id));
        assert_true(strcmp(before, id) < 0);
        assert_memory_equal(id, "01890000-1234-7", 15);
        memcpy(before, id, sizeof(id));
    }
    import_row_id("01890000-1234-7abc-8000-000000000001", 5, id);
    import_row_id("01890000-1234-7abc-8000-000000000002", 5, other);
    assert_string_not_equal(id, other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_plan, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_paths_into_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_mapping_means_columns_are_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_row_becomes_a_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_upsert_says_which_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_row_is_refused_with_all_reasons, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replies, set_up, tear_down),
        cmocka_unit_test(test_ids_go_by_row),
    };

    return cmocka_run_group_tests(tests, set_up_once, NULL);
}
