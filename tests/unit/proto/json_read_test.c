/* json_read_test.c -- JSON to messages, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "everything.h"
#include "proto/json.h"
#include "sfms/analytics/v1/analytics.pb-c.h"
#include "sfms/customers/v1/accounts.pb-c.h"
#include "sfms/exchange/v1/imports.pb-c.h"
#include "sfms/pipeline/v1/deals.pb-c.h"

static const sfms_contract *contract;
static sfms_arena *a;
static sfms_call call;
static Google__Protobuf__FieldMask *mask;
static bool ok;

static void *
read_as(const sfms_message *m, const char *text, const char *prefix)
{
    ProtobufCMessage *msg =
        m->desc->message_init != NULL ? sfms_message_new(a, m->desc) : sfms_alloc(a, m->desc->sizeof_message);

    msg->descriptor = m->desc;
    call = (sfms_call){.arena = a, .contract = contract, .request_id = "r"};
    call.method = sfms_contract_method(contract, "sfms.pipeline.v1.Deals/CreateDeal");
    mask = (Google__Protobuf__FieldMask *)sfms_message_new(a, &google__protobuf__field_mask__descriptor);
    cJSON *tree = sfms_json_parse(&call, text, strlen(text));
    assert_non_null(tree);
    ok = sfms_json_read(&call, m, tree, prefix, msg, mask);
    assert_int_equal(ok, call.failure == NULL);
    return msg;
}

static Pb__Deal *
read_deal(const char *text)
{
    return read_as(sfms_contract_resource(contract, "deals"), text, "deal.");
}

static everything *
read_everything(const char *text)
{
    return read_as(everything_message(), text, "");
}

/* wrong asserts that the last reading noted just this. */
static void
wrong(const char *field, const char *reason)
{
    assert_false(ok);
    assert_int_equal(call.failure->n_violations, 1);
    assert_string_equal(call.failure->violations[0]->field, field);
    assert_string_equal(call.failure->violations[0]->reason, reason);
}

static void
test_deal(void **state)
{
    Pb__Deal *d = read_deal(
        "{\"name\":\"长沙 \\\"x\\\"\",\"amount\":\"12.50\",\"closeDate\":null,\"customFields\":{\"tier\":1},"
        "\"lineItems\":[{\"productId\":\"p\"},{\"quantity\":3}],\"external_id\":\"E\",\"lostReason\":\"\"}");

    (void)state;
    assert_true(ok);
    assert_string_equal(d->name, "长沙 \"x\"");
    assert_string_equal(d->amount, "12.50");
    assert_string_equal(d->close_date, "");
    assert_ptr_equal(d->lost_reason, protobuf_c_empty_string);
    assert_string_equal(d->external_id, "E"); /* proto names are fine too */
    assert_int_equal(d->n_line_items, 2);
    assert_string_equal(d->line_items[0]->product_id, "p");
    assert_string_equal(d->line_items[1]->quantity, "3");
    assert_int_equal(d->custom_fields->n_fields, 1);
    assert_null(d->create_time);

    /* The mask has what was there, null too, in proto names. */
    static const char *const names[] = {
        "name", "amount", "close_date", "custom_fields", "line_items", "external_id", "lost_reason"};
    assert_int_equal(mask->n_paths, 7);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(mask->paths[i], names[i]);
}

static void
test_every_type(void **state)
{
    everything *e = read_everything(
        "{\"i32\":-2147483648,\"u32\":4294967295,\"i64\":\"-9223372036854775808\","
        "\"u64\":\"18446744073709551615\",\"f32\":1.5,\"f64\":-1e300,\"flag\":true,\"verb\":\"LIST\","
        "\"text\":\"x\",\"bytes\":\"aGk/\",\"numbers\":[\"1\",2],\"texts\":[\"a\",\"\"],"
        "\"chosen_text\":\"c\"}");

    (void)state;
    assert_true(ok);
    assert_int_equal(e->i32, INT32_MIN);
    assert_int_equal(e->u32, UINT32_MAX);
    assert_true(e->i64 == INT64_MIN);
    assert_true(e->u64 == UINT64_MAX);
    assert_true(e->f32 == 1.5f && e->f64 == -1e300);
    assert_true(e->flag);
    assert_int_equal(e->verb, PB__VERB__LIST);
    assert_int_equal(e->bytes.len, 3);
    assert_memory_equal(e->bytes.data, "hi?", 3);
    assert_int_equal(e->n_numbers, 2);
    assert_true(e->numbers[0] == 1 && e->numbers[1] == 2);
    assert_int_equal(e->n_texts, 2);
    assert_string_equal(e->texts[0], "a");
    assert_ptr_equal(e->texts[1], protobuf_c_empty_string);
    assert_int_equal(e->choice_case, 14);
    assert_string_equal(e->chosen_text, "c");

    e = read_everything(
        "{\"i32\":2147483647,\"i64\":9007199254740992,\"bytes\":\"-_8\",\"chosen_number\":0}");
    assert_true(ok);
    assert_int_equal(e->i32, INT32_MAX);
    assert_true(e->i64 == 9007199254740992);
    assert_memory_equal(e->bytes.data, "\xfb\xff", 2);
    assert_int_equal(e->choice_case, 13); /* chosen, though 0 */
}

static void
test_wrong_types(void **state)
{
    static const struct {
        const char *text, *field, *reason;
    } rows[] = {
        {"{\"i32\":2147483648}", "i32", "WRONG_TYPE"},
        {"{\"i32\":-2147483649}", "i32", "WRONG_TYPE"},
        {"{\"i32\":1.5}", "i32", "WRONG_TYPE"},
        {"{\"i32\":\"1\"}", "i32", "WRONG_TYPE"},
        {"{\"i32\":true}", "i32", "WRONG_TYPE"},
        {"{\"i32\":[1]}", "i32", "WRONG_TYPE"},
        {"{\"i32\":{}}", "i32", "WRONG_TYPE"},
        {"{\"i32\":1e20}", "i32", "WRONG_TYPE"},
        {"{\"u32\":-1}", "u32", "WRONG_TYPE"},
        {"{\"u32\":4294967296}", "u32", "WRONG_TYPE"},
        {"{\"i64\":\"9223372036854775808\"}", "i64", "WRONG_TYPE"},
        {"{\"i64\":\"-9223372036854775809\"}", "i64", "WRONG_TYPE"},
        {"{\"i64\":9007199254740994}", "i64", "WRONG_TYPE"},
        {"{\"i64\":9007199254740993}", "i64", "WRONG_TYPE"}, /* a double would be ...992 */
        {"{\"i64\":\"\"}", "i64", "WRONG_TYPE"},
        {"{\"i64\":\"1.0\"}", "i64", "WRONG_TYPE"},
        {"{\"i64\":\" 1\"}", "i64", "WRONG_TYPE"},
        {"{\"i64\":\"-\"}", "i64", "WRONG_TYPE"},
        {"{\"i64\":\"+1\"}", "i64", "WRONG_TYPE"},
        {"{\"i64\":\"0x1\"}", "i64", "WRONG_TYPE"},
        {"{\"u64\":\"-1\"}", "u64", "WRONG_TYPE"},
        {"{\"u64\":\"18446744073709551616\"}", "u64", "WRONG_TYPE"},
        {"{\"u64\":\"99999999999999999999999\"}", "u64", "WRONG_TYPE"},
        {"{\"f32\":1e39}", "f32", "WRONG_TYPE"},
        {"{\"f64\":\"1\"}", "f64", "WRONG_TYPE"},
        {"{\"flag\":1}", "flag", "WRONG_TYPE"},
        {"{\"flag\":\"true\"}", "flag", "WRONG_TYPE"},
        {"{\"verb\":\"list\"}", "verb", "UNKNOWN_VALUE"},
        {"{\"verb\":3}", "verb", "UNKNOWN_VALUE"},
        {"{\"verb\":\"\"}", "verb", "UNKNOWN_VALUE"},
        {"{\"text\":1}", "text", "WRONG_TYPE"},
        {"{\"text\":false}", "text", "WRONG_TYPE"},
        {"{\"text\":[]}", "text", "WRONG_TYPE"},
        {"{\"bytes\":\"a\"}", "bytes", "WRONG_TYPE"},
        {"{\"bytes\":\"aGk/=\"}", "bytes", "WRONG_TYPE"},
        {"{\"bytes\":1}", "bytes", "WRONG_TYPE"},
        {"{\"numbers\":1}", "numbers", "WRONG_TYPE"},
        {"{\"numbers\":{}}", "numbers", "WRONG_TYPE"},
        {"{\"numbers\":[1,null]}", "numbers[1]", "WRONG_TYPE"},
        {"{\"texts\":[\"a\",2,\"c\"]}", "texts[1]", "WRONG_TYPE"},
        {"{\"nothing\":1}", "nothing", "UNKNOWN_FIELD"},
        {"{\"I32\":1}", "I32", "UNKNOWN_FIELD"},
        {"{\"\":1}", "\\e", "UNKNOWN_FIELD"},
        {"{\"a.b\":1}", "a\\.b", "UNKNOWN_FIELD"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        read_everything(rows[i].text);
        wrong(rows[i].field, rows[i].reason);
    }
    /* Who walks a list whose reading failed must still find strings. */
    assert_string_equal(read_everything("{\"texts\":[1]}")->texts[0], "");
}

static void
test_what_is_said(void **state)
{
    (void)state;
    read_everything("{\"verb\":\"x\"}");
    static const char first[] =
        "must be one of GET, BATCH_GET, LIST, CREATE, UPDATE, DELETE, UNDELETE, UPSERT";
    assert_memory_equal(call.failure->violations[0]->description, first, sizeof first - 1);
    read_everything("{\"i32\":\"x\"}");
    assert_string_equal(call.failure->violations[0]->description, "must be a whole number of 32 bits");
}

static void
test_paths(void **state)
{
    (void)state;
    read_deal("{\"lineItems\":[{},{\"productId\":7}]}");
    wrong("deal.line_items[1].product_id", "WRONG_TYPE");
    read_deal("{\"lineItems\":[{},null]}");
    wrong("deal.line_items[1]", "WRONG_TYPE");
    read_deal("{\"lineItems\":{}}");
    wrong("deal.line_items", "WRONG_TYPE");
    read_deal("{\"lineItems\":[{\"colour\":7}]}");
    wrong("deal.line_items[0].colour", "UNKNOWN_FIELD");
    read_deal("{\"createTime\":\"yesterday\"}");
    wrong("deal.create_time", "WRONG_TYPE");
    read_deal("{\"createTime\":1}");
    wrong("deal.create_time", "WRONG_TYPE");
    read_deal("{\"customFields\":[]}");
    wrong("deal.custom_fields", "WRONG_TYPE");
    read_deal(
        "{\"name\":\"a\",\"accountId\":\"1\",\"account_id\":\"2\"}"); /* the same field by both its names */
    wrong("deal.account_id", "BAD_VALUE");

    read_as(sfms_contract_resource(contract, "deals"), "[]", "deal.");
    wrong("deal", "WRONG_TYPE");
    read_as(sfms_contract_resource(contract, "deals"), "7", "");
    wrong("", "WRONG_TYPE");
}

static void
test_all_is_said_at_once(void **state)
{
    (void)state;
    read_deal("{\"x\":1,\"name\":2,\"amount\":true,\"lineItems\":[{\"y\":1},{\"quantity\":[]}]}");
    assert_int_equal(call.failure->n_violations, 5);
    assert_string_equal(call.failure->violations[4]->field, "deal.line_items[1].quantity");
}

static void
test_decimals(void **state)
{
    static const struct {
        const char *number, *text; /* NULL if it must come as a string */
    } rows[] = {
        {"0", "0"},
        {"-0", "0"},
        {"-0.0", "0"},
        {"12", "12"},
        {"-12", "-12"},
        {"12.5", "12.5"},
        {"0.1", "0.1"},
        {"1e3", "1000"},
        {"0.000001", "0.000001"},
        {"123456789.123456", "123456789.123456"},
        {"9007199254740992", "9007199254740992"},
        {"-9007199254740992", "-9007199254740992"},
        {"9007199254740993.5", NULL},
        {"9007199254740994", NULL},
        {"1e22", NULL},
        {"1e300", NULL},
        {"0.0000001", NULL},
        {"1234567890.1234567", NULL},
        {"99999999999999.99", NULL},
        {"true", NULL},
        {"[]", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Pb__Deal *d = read_deal(sfms_printf(a, "{\"amount\":%s}", rows[i].number));

        if (rows[i].text == NULL)
            wrong("deal.amount", "WRONG_TYPE");
        else
            assert_string_equal(d->amount, rows[i].text);
    }
    /* A string that is no decimal, and a number for a text that is no decimal, are different things: the one is for validation. */
    assert_string_equal(read_deal("{\"amount\":\"abc\"}")->amount, "abc");
    read_deal("{\"name\":1}");
    wrong("deal.name", "WRONG_TYPE");
}

static void
test_time_and_mask(void **state)
{
    const sfms_message *update = sfms_contract_message(contract, &pb__update_account_request__descriptor);

    (void)state;
    Pb__Deal *d = read_deal("{\"createTime\":\"1970-01-01T08:00:01.5+08:00\"}");
    assert_true(d->create_time->seconds == 1 && d->create_time->nanos == 500000000);

    Pb__UpdateAccountRequest *u =
        read_as(update, "{\"account\":{\"name\":\"x\"},\"updateMask\":\"name,annualRevenue\"}", "");
    assert_true(ok);
    assert_string_equal(u->account->name, "x");
    assert_int_equal(u->update_mask->n_paths, 2);
    assert_string_equal(u->update_mask->paths[1], "annual_revenue");
    assert_int_equal(mask->n_paths, 2); /* only the top level */
    read_as(update, "{\"updateMask\":[\"name\"]}", "");
    wrong("update_mask", "WRONG_TYPE");
    read_as(update, "{\"account\":\"x\"}", "");
    wrong("account", "WRONG_TYPE");
    u = read_as(update, "{\"account\":null}", "");
    assert_true(ok && u->account == NULL);
}

static void
test_maps(void **state)
{
    const sfms_message *mapping = sfms_contract_message(contract, &pb__import_mapping__descriptor);
    Pb__ImportMapping *m = read_as(mapping,
        "{\"columns\":{\"产品\":{\"field\":\"productId\",\"values\":{\"GTXPro\":\"GTX "
        "Pro\"}},\"b\":{}},\"constants\":{\"x\":\"y\"},"
        "\"mode\":\"UPSERT\"}",
        "");

    (void)state;
    assert_true(ok);
    assert_int_equal(m->n_columns, 2);
    assert_string_equal(m->columns[0]->key, "产品");
    assert_string_equal(m->columns[0]->value->field, "productId");
    assert_string_equal(m->columns[0]->value->values[0]->value, "GTX Pro");
    assert_string_equal(m->constants[0]->value, "y");

    read_as(mapping, "{\"columns\":{\"a\":{\"field\":1}}}", "");
    wrong("columns.a.field", "WRONG_TYPE");
    read_as(mapping, "{\"constants\":{\"a\":1}}", "");
    wrong("constants.a", "WRONG_TYPE");
    read_as(mapping, "{\"constants\":[]}", "");
    wrong("constants", "WRONG_TYPE");
    read_as(mapping, "{\"columns\":{\"a\":null}}", "");
    wrong("columns.a", "WRONG_TYPE");
}

static void
test_too_many_elements(void **state)
{
    const sfms_message *deals = sfms_contract_resource(contract, "deals");
    sfms_buf b;

    (void)state;
    sfms_buf_init(&b, a, SFMS_BODY_MAX);
    sfms_buf_add(&b, "{\"lineItems\":[{}");
    for (int i = 1; i < 200; i++)
        sfms_buf_add(&b, ",{}");
    sfms_buf_add(&b, "]}");
    assert_int_equal(read_deal(b.data)->n_line_items, 200);
    assert_true(ok);

    b.len -= 2;
    sfms_buf_add(&b, ",{}]}");
    assert_int_equal(read_deal(b.data)->n_line_items, 0); /* not even read */
    wrong("deal.line_items", "TOO_MANY_ITEMS");

    /* What our own database says is not a request, and not bounded. */
    Pb__Deal *d = (Pb__Deal *)sfms_message_new(a, &pb__deal__descriptor);
    sfms_call own = {.arena = a, .contract = contract, .request_id = ""};
    assert_true(sfms_json_read(&own, deals, sfms_json_parse(&own, b.data, b.len), "", &d->base, NULL));
    assert_int_equal(d->n_line_items, 201);
}

static void
test_long_unknown_names(void **state)
{
    char text[1000] = "{\"";

    /* The answer does not echo all of it, and does not cut within a character. */
    (void)state;
    for (int i = 0; i < 200; i++)
        strncat(text, "长", sizeof text - strlen(text) - 1);
    strncat(text, "\":1}", sizeof text - strlen(text) - 1);
    read_everything(text);
    assert_false(ok);
    assert_int_equal(strlen(call.failure->violations[0]->field), 99);
}

/* A number that may be missing: null leaves it out, 0 is one. */
static void
test_wrappers(void **state)
{
    const sfms_message *m = sfms_contract_message(contract, &pb__performance_row__descriptor);
    Pb__PerformanceRow *row = read_as(m, "{\"winRate\":0,\"averageCycleDays\":null}", "");
    ProtobufCMessage *by_text = sfms_message_new(a, m->desc);

    (void)state;
    assert_true(ok);
    assert_non_null(row->win_rate);
    assert_true(row->win_rate->value == 0);
    assert_null(row->average_cycle_days);
    read_as(m, "{\"winRate\":\"much\"}", "");
    wrong("win_rate", "WRONG_TYPE");
    read_as(m, "{\"winRate\":{\"value\":1}}", "");
    wrong("win_rate", "WRONG_TYPE");
    assert_true(sfms_json_read_text(&call, m, "winRate", "0.5", by_text));
    assert_true(((Pb__PerformanceRow *)by_text)->win_rate->value == 0.5);
    assert_false(sfms_json_read_text(&call, m, "winRate", "half", by_text));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deal),
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_all_is_said_at_once),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_time_and_mask),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_too_many_elements),
        cmocka_unit_test(test_long_unknown_names),
        cmocka_unit_test(test_wrappers),
    };

    contract = sfms_contract_load();
    a = sfms_arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(a);
    return failed;
}
