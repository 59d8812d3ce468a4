/* validate_test.c -- field rules against requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "google/protobuf/timestamp.pb-c.h"
#include "proto/json.h"
#include "proto/validate.h"
#include "sfms/customers/v1/accounts.pb-c.h"
#include "sfms/exchange/v1/imports.pb-c.h"
#include "sfms/pipeline/v1/deals.pb-c.h"

static const sfms_contract *contract;
static sfms_arena *a;
static sfms_call call;

#define ID "0190b1c2-0000-7000-8000-000000000001"

/* validate reads a request of the method from JSON and validates it. */
static void *
validate(const char *method, const char *json)
{
    call = (sfms_call){.arena = a,
        .contract = contract,
        .request_id = "r",
        .method = sfms_contract_method(contract, method)};
    assert_non_null(call.method);
    ProtobufCMessage *msg = sfms_message_new(a, call.method->input->desc);
    cJSON *tree = sfms_json_parse(&call, json, strlen(json));
    assert_non_null(tree);
    sfms_call reading = call;
    reading.method = NULL; /* the limits of lists are to be found here */
    assert_true(sfms_json_read(&reading, call.method->input, tree, "", msg, NULL));
    sfms_status status = sfms_validate(&call, msg);
    assert_int_equal(status, call.failure == NULL ? SFMS_OK : SFMS_INVALID_ARGUMENT);
    return msg;
}

static void
good(const char *method, const char *json)
{
    validate(method, json);
    if (call.failure != NULL)
        fail_msg(
            "%s: %s %s", json, call.failure->violations[0]->field, call.failure->violations[0]->description);
}

static void
bad(const char *method, const char *json, const char *field, const char *reason)
{
    validate(method, json);
    if (call.failure == NULL)
        fail_msg("%s: nothing found", json);
    if (strcmp(call.failure->violations[0]->field, field) != 0 ||
        strcmp(call.failure->violations[0]->reason, reason) != 0)
        fail_msg("%s: %s %s", json, call.failure->violations[0]->field, call.failure->violations[0]->reason);
    assert_int_equal(call.failure->n_violations, 1);
}

#define ACCOUNTS "sfms.customers.v1.Accounts/"
#define DEALS "sfms.pipeline.v1.Deals/"

static void
test_create(void **state)
{
    static const char create[] = ACCOUNTS "CreateAccount";

    (void)state;
    good(create, "{\"name\":\"x\"}");
    good(create, "{\"name\":\"x\",\"id\":\"" ID "\",\"employeeCount\":100000000,\"foundedYear\":0}");
    bad(create, "{}", "name", "REQUIRED");
    bad(create, "{\"name\":\"\"}", "name", "REQUIRED");
    bad(create, "{\"name\":\" \\t\"}", "name", "REQUIRED");
    bad(create, "{\"name\":\"x\",\"version\":\"1\"}", "version", "OUTPUT_ONLY");
    bad(create, "{\"name\":\"x\",\"createTime\":\"2026-01-01T00:00:00Z\"}", "create_time", "OUTPUT_ONLY");
    bad(create, "{\"name\":\"x\",\"id\":\"1\"}", "id", "BAD_FORMAT");
    bad(create, "{\"name\":\"x\",\"employeeCount\":-1}", "employee_count", "OUT_OF_RANGE");
    bad(create, "{\"name\":\"x\",\"employeeCount\":100000001}", "employee_count", "OUT_OF_RANGE");
    assert_string_equal(call.failure->violations[0]->description, "must be between 0 and 100000000");
    bad(create, "{\"name\":\"x\",\"annualRevenue\":\"1.1234567\"}", "annual_revenue", "BAD_FORMAT");
}

static void
test_lengths(void **state)
{
    static const char create[] = ACCOUNTS "CreateAccount";
    char long_name[255 * 4 + 8];

    /* Characters count, not bytes. */
    (void)state;
    long_name[0] = '\0';
    for (int i = 0; i < 255; i++)
        strncat(long_name, "长", sizeof long_name - strlen(long_name) - 1);
    good(create, sfms_printf(a, "{\"name\":\"%s\"}", long_name));
    bad(create, sfms_printf(a, "{\"name\":\"%sx\"}", long_name), "name", "TOO_LONG");
    assert_string_equal(call.failure->violations[0]->description, "must have at most 255 characters");
    good(create, sfms_printf(a, "{\"name\":\"x\",\"externalSource\":\"%050d\"}", 1));
    bad(create, sfms_printf(a, "{\"name\":\"x\",\"externalSource\":\"%051d\"}", 1), "external_source",
        "TOO_LONG");
    good(create, sfms_printf(a, "{\"name\":\"x\",\"description\":\"%05000d\"}", 1));
    bad(create, sfms_printf(a, "{\"name\":\"x\",\"description\":\"%05001d\"}", 1), "description", "TOO_LONG");
}

static void
test_normal_forms(void **state)
{
    (void)state;
    Pb__Account *x = validate(ACCOUNTS "CreateAccount",
        "{\"name\":\" x \",\"id\":\"0190B1C2-0000-7000-8000-00000000000A\",\"phone\":\"+86 139 1234 "
        "5678\",\"annualRevenue\":\"-0012.500\"}");
    assert_null(call.failure);
    assert_string_equal(x->id, "0190b1c2-0000-7000-8000-00000000000a");
    assert_string_equal(x->phone, "+8613912345678");
    assert_string_equal(x->annual_revenue, "-12.5");
    assert_string_equal(x->name, "x");

    Pb__Deal *d = validate(DEALS "CreateDeal", "{\"name\":\"x\",\"currency\":\"cny\"}");
    assert_string_equal(d->currency, "CNY");
}

/* Texts lose what cannot be seen at their ends, wherever they stand, and are in normal form C; those of several lines stay as
 * they are, and so do secrets. */
static void
test_texts(void **state)
{
    static const char create[] = ACCOUNTS "CreateAccount";

    (void)state;
    Pb__Account *x = validate(create,
        "{\"name\":\"\\u3000长\\u00a0沙 "
        "\\u200b\",\"city\":\"Cafe\\u0301\\ufeff\",\"industry\":\"\\u3000\",\"website\":\" "
        "https://x.example \",\"externalId\":\"42 \",\"description\":\"  a\\n\\n b  \",\"customFields\":{\" k"
        "\":[\" x \",{\"y\":\"e\\u0301\\t\"}],\"blank\":\" \"}}");
    assert_null(call.failure);
    assert_string_equal(x->name, "长\u00a0沙");
    assert_string_equal(x->city, "Café");
    assert_string_equal(x->industry, "");
    assert_string_equal(x->website, "https://x.example");
    assert_string_equal(x->external_id, "42");
    assert_string_equal(x->description, "  a\n\n b  ");
    assert_string_equal(x->custom_fields->fields[0]->key, "k");
    Google__Protobuf__ListValue *list = x->custom_fields->fields[0]->value->list_value;
    assert_string_equal(list->values[0]->string_value, "x");
    assert_string_equal(list->values[1]->struct_value->fields[0]->value->string_value, "é");
    assert_string_equal(x->custom_fields->fields[1]->value->string_value, "");

    Pb__Deal *d = validate(
        DEALS "CreateDeal", "{\"name\":\"x\",\"lineItems\":[{\"productId\":\" " ID "\",\"name\":\" y \"}]}");
    assert_null(call.failure);
    assert_string_equal(d->line_items[0]->name, "y");
    assert_string_equal(d->line_items[0]->product_id, ID);

    x = validate(create, "{\"name\":\"x\",\"description\":\" \\u3000\\n\"}");
    assert_string_equal(x->description, "");
    bad(create, "{\"name\":\"\\u3000\\u200b\\ufeff\"}", "name", "REQUIRED");
    char heap[2 * 101 + 1] = "";
    for (int i = 0; i < 101; i++)
        strcat(heap, i % 2 == 0 ? "\u0301" : "\u0323");
    bad(create, sfms_printf(a, "{\"name\":\"e%s\"}", heap), "name", "TOO_MANY_MARKS");
    bad(create, sfms_printf(a, "{\"name\":\"x\",\"customFields\":{\"k\":[\"e%s\"]}}", heap), "custom_fields",
        "TOO_MANY_MARKS");
    good(create, sfms_printf(a, "{\"name\":\"e%s\"}", heap + 2));
    bad(create, "{\"name\":\"x\",\"customFields\":{\"k\":1,\" k\":2}}", "custom_fields.k", "GIVEN_TWICE");
    bad("sfms.activities.v1.Notes/CreateNote",
        "{\"body\":\"\\n \\u3000\",\"relatedResource\":\"accounts\",\"relatedId\":\"" ID "\"}", "body",
        "REQUIRED");
}

static void
test_update(void **state)
{
    static const char update[] = ACCOUNTS "UpdateAccount";

    (void)state;
    good(update, "{\"account\":{\"id\":\"" ID "\",\"city\":\"x\"},\"updateMask\":\"city\"}");
    good(update, "{\"account\":{\"id\":\"" ID "\"},\"updateMask\":\"city,employeeCount\"}");
    good(update, "{\"account\":{\"id\":\"" ID "\"},\"updateMask\":\"\"}");
    bad(update, "{}", "account", "REQUIRED");
    bad(update, "{\"account\":{\"city\":\"x\"},\"updateMask\":\"city\"}", "account.id", "REQUIRED");
    bad(update, "{\"account\":{\"id\":\"7\",\"city\":\"x\"},\"updateMask\":\"city\"}", "account.id",
        "BAD_FORMAT");
    bad(update, "{\"account\":{\"id\":\"" ID "\"},\"updateMask\":\"name\"}", "account.name", "REQUIRED");
    /* Whether it is as it is stored, the engine says. */
    good(update, "{\"account\":{\"id\":\"" ID "\",\"version\":\"3\"},\"updateMask\":\"version\"}");
    good(update, "{\"account\":{\"id\":\"" ID "\"},\"updateMask\":\"deleteTime\"}");
    bad(update, "{\"account\":{\"id\":\"" ID "\"},\"updateMask\":\"colour\"}", "update_mask", "BAD_MASK");
    bad(update, "{\"account\":{\"id\":\"" ID "\"},\"updateMask\":\"customFields.\"}", "update_mask",
        "BAD_MASK");
    good(update, "{\"account\":{\"id\":\"" ID "\"},\"updateMask\":\"customFields.x.y,customFields.`a, b`\"}");
    bad(update, "{\"account\":{\"id\":\"" ID "\"},\"updateMask\":\"name.x\"}", "update_mask", "BAD_MASK");
    bad(update, "{\"account\":{\"id\":\"" ID "\",\"foundedYear\":10000},\"updateMask\":\"foundedYear\"}",
        "account.founded_year", "OUT_OF_RANGE");
}

static void
test_update_mask_in_json_names(void **state)
{
    static char path[] = "foundedYear";
    static char *paths[] = {path};
    Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
    Pb__Account account = PB__ACCOUNT__INIT;
    Pb__UpdateAccountRequest r = PB__UPDATE_ACCOUNT_REQUEST__INIT;

    (void)state;
    account.id = ID;
    mask.paths = paths;
    mask.n_paths = 1;
    r.account = &account;
    r.update_mask = &mask;
    call = (sfms_call){
        .arena = a, .contract = contract, .method = sfms_contract_method(contract, ACCOUNTS "UpdateAccount")};
    assert_int_equal(sfms_validate(&call, &r.base), SFMS_OK);
    assert_string_equal(mask.paths[0], "founded_year");

    /* No mask at all means the whole record, with all that must be in it. */
    r.update_mask = NULL;
    assert_int_equal(sfms_validate(&call, &r.base), SFMS_INVALID_ARGUMENT);
    assert_string_equal(call.failure->violations[0]->field, "account.name");
}

static void
test_upsert(void **state)
{
    static const char upsert[] = ACCOUNTS "UpsertAccount";

    (void)state;
    good(upsert, "{\"account\":{\"externalId\":\"E\",\"name\":\"x\"},\"updateMask\":\"externalId,name\"}");
    good(upsert, "{\"account\":{\"externalId\":\"E\",\"city\":\"x\"},\"updateMask\":\"externalId,city\"}");
    bad(upsert, "{\"account\":{\"name\":\"x\"},\"updateMask\":\"name\"}", "account.external_id", "REQUIRED");
    bad(upsert, "{\"account\":{\"externalId\":\"E\"},\"updateMask\":\"externalId,name\"}", "account.name",
        "REQUIRED");
}

static void
test_reads(void **state)
{
    (void)state;
    good(ACCOUNTS "GetAccount", "{\"id\":\"" ID "\",\"readMask\":\"id,customFields.x\"}");
    bad(ACCOUNTS "GetAccount", "{}", "id", "REQUIRED");
    bad(ACCOUNTS "GetAccount", "{\"id\":\"me\"}", "id", "BAD_FORMAT");
    bad(ACCOUNTS "GetAccount", "{\"id\":\"" ID "\",\"readMask\":\"id,colour\"}", "read_mask", "BAD_MASK");
    good(ACCOUNTS "ListAccounts", "{}");
    bad(ACCOUNTS "ListAccounts", "{\"pageSize\":-1}", "page_size", "OUT_OF_RANGE");
    bad(ACCOUNTS "ListAccounts", sfms_printf(a, "{\"search\":\"%0101d\"}", 1), "search", "TOO_LONG");
    good(ACCOUNTS "BatchGetAccounts", "{\"ids\":[\"" ID "\",\"" ID "\"]}");
    bad(ACCOUNTS "BatchGetAccounts", "{}", "ids", "REQUIRED");
    bad(ACCOUNTS "BatchGetAccounts", "{\"ids\":[\"" ID "\",\"\"]}", "ids[1]", "BAD_FORMAT");
    bad(ACCOUNTS "BatchGetAccounts", "{\"ids\":[\"" ID "\",\"x\"]}", "ids[1]", "BAD_FORMAT");
    good(ACCOUNTS "DeleteAccount", "{\"id\":\"" ID "\"}");

    sfms_buf b;
    sfms_buf_init(&b, a, 1 << 20);
    sfms_buf_add(&b, "{\"ids\":[\"" ID "\"");
    for (int i = 1; i < 200; i++)
        sfms_buf_add(&b, ",\"" ID "\"");
    good(ACCOUNTS "BatchGetAccounts", sfms_printf(a, "%s]}", b.data));
    bad(ACCOUNTS "BatchGetAccounts", sfms_printf(a, "%s,\"" ID "\"]}", b.data), "ids", "TOO_MANY_ITEMS");
}

static void
test_nested(void **state)
{
    static const char create[] = DEALS "CreateDeal";

    (void)state;
    good(create, "{\"name\":\"x\",\"lineItems\":[{\"productId\":\"" ID "\",\"discountPercent\":\"100\"}]}");
    bad(create, "{\"name\":\"x\",\"lineItems\":[{\"productId\":\"" ID "\"},{}]}", "line_items[1].product_id",
        "REQUIRED");
    bad(create,
        "{\"name\":\"x\",\"lineItems\":[{\"productId\":\"" ID "\",\"discountPercent\":\"100.000001\"}]}",
        "line_items[0].discount_percent", "OUT_OF_RANGE");
    bad(create, "{\"name\":\"x\",\"lineItems\":[{\"productId\":\"" ID "\",\"quantity\":\"-1\"}]}",
        "line_items[0].quantity", "OUT_OF_RANGE");
    bad(create, "{\"name\":\"x\",\"amount\":\"-0.01\"}", "amount", "OUT_OF_RANGE");
    assert_string_equal(
        call.failure->violations[0]->description, "must be between 0 and 1000000000000000000");
    good(create, "{\"name\":\"x\",\"amount\":\"-0\"}");
    bad(DEALS "UpdateDeal", "{\"deal\":{\"id\":\"" ID "\",\"lineItems\":[{}]},\"updateMask\":\"lineItems\"}",
        "deal.line_items[0].product_id", "REQUIRED");
}

static void
test_custom_fields(void **state)
{
    static const char create[] = ACCOUNTS "CreateAccount";
    char *most = sfms_printf(a, "{\"name\":\"x\",\"customFields\":{\"a\":\"%0*d\"}}", (16 << 10) - 8, 1);

    (void)state;
    good(create, most);
    bad(create, sfms_printf(a, "{\"name\":\"x\",\"customFields\":{\"a\":\"%0*d\"}}", (16 << 10) - 7, 1),
        "custom_fields", "TOO_LONG");
}

static void
test_what_only_the_wire_brings(void **state)
{
    /* A caller with the key may still send nonsense that JSON cannot. */
    Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Pb__Account x = PB__ACCOUNT__INIT;

    (void)state;
    call = (sfms_call){
        .arena = a, .contract = contract, .method = sfms_contract_method(contract, ACCOUNTS "CreateAccount")};
    x.name = "\xff\xfe";
    t.seconds = INT64_MAX;
    x.create_time = &t;
    assert_int_equal(sfms_validate(&call, &x.base), SFMS_INVALID_ARGUMENT);
    assert_int_equal(call.failure->n_violations, 3);
    assert_string_equal(call.failure->violations[0]->reason, "OUTPUT_ONLY");
    assert_string_equal(call.failure->violations[1]->field, "create_time");
    assert_string_equal(call.failure->violations[1]->reason, "BAD_VALUE");
    assert_string_equal(call.failure->violations[2]->field, "name");
    assert_string_equal(call.failure->violations[2]->reason, "BAD_FORMAT");
    assert_string_equal(call.failure->violations[2]->description, "must be text in UTF-8");
}

static void
test_all_at_once(void **state)
{
    (void)state;
    validate(DEALS "CreateDeal",
        "{\"amount\":\"x\",\"currency\":\"?\",\"closeDate\":\"1\",\"lineItems\":[{},{}]}");
    assert_int_equal(call.failure->n_violations, 6);
}

static void
test_maps(void **state)
{
    /* Maps are not in any request, so one is walked as a part of the resource it is in. */
    static const Pb__MethodRule rule = PB__METHOD_RULE__INIT;
    const sfms_message *mapping = sfms_contract_message(contract, &pb__import_mapping__descriptor);
    sfms_method method = {.name = "test", .input = mapping, .output = mapping, .rule = &rule};
    static const struct {
        const char *json, *field, *reason;
    } rows[] = {
        {"{\"columns\":{\"a\":{}}}", "columns.a.field", "REQUIRED"},
        {"{\"columns\":{\"a\":{\"field\":\"x\",\"scale\":\"y\"}}}", "columns.a.scale", "BAD_FORMAT"},
        {"{\"columns\":{\"a\":{\"field\":\"x\",\"values\":{\"b\":\"c\"}}}}", NULL, NULL},
        {"{\"constants\":{\"a\":\"b\"}}", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        call = (sfms_call){.arena = a, .contract = contract, .method = &method};
        ProtobufCMessage *msg = sfms_message_new(a, mapping->desc);
        cJSON *tree = sfms_json_parse(&call, rows[i].json, strlen(rows[i].json));
        assert_true(sfms_json_read(&call, mapping, tree, "", msg, NULL));
        sfms_validate(&call, msg);
        if (rows[i].field == NULL) {
            assert_null(call.failure);
            continue;
        }
        assert_string_equal(call.failure->violations[0]->field, rows[i].field);
        assert_string_equal(call.failure->violations[0]->reason, rows[i].reason);
    }

    /* The map's own rule holds for its values. */
    Pb__ImportMapping m = PB__IMPORT_MAPPING__INIT;
    Pb__ImportMapping__ConstantsEntry entry = PB__IMPORT_MAPPING__CONSTANTS_ENTRY__INIT;
    Pb__ImportMapping__ConstantsEntry *entries[] = {&entry};
    m.constants = entries;
    m.n_constants = 1;
    entry.key = "a";
    entry.value = sfms_printf(a, "%05000d", 1);
    call = (sfms_call){.arena = a, .contract = contract, .method = &method};
    assert_int_equal(sfms_validate(&call, &m.base), SFMS_OK);
    entry.value = sfms_printf(a, "%05001d", 1);
    assert_int_equal(sfms_validate(&call, &m.base), SFMS_INVALID_ARGUMENT);
    assert_string_equal(call.failure->violations[0]->field, "constants.a");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_normal_forms),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_update_mask_in_json_names),
        cmocka_unit_test(test_upsert),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_custom_fields),
        cmocka_unit_test(test_what_only_the_wire_brings),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_maps),
    };

    contract = sfms_contract_load();
    a = sfms_arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(a);
    return failed;
}
