/* json_write_test.c -- messages to JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "everything.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "proto/json.h"
#include "sfms/customers/v1/accounts.pb-c.h"
#include "sfms/exchange/v1/imports.pb-c.h"
#include "sfms/pipeline/v1/deals.pb-c.h"

static const sfms_contract *contract;
static sfms_arena *a;

static const char *
json(const sfms_message *m, const ProtobufCMessage *msg, const char *fields)
{
    Google__Protobuf__FieldMask *mask = NULL;
    sfms_buf b;

    if (fields != NULL) {
        sfms_call call = {.arena = a, .request_id = "r"};
        Pb__GetRequest r = PB__GET_REQUEST__INIT;

        assert_true(sfms_json_read_text(
            &call, sfms_contract_message(contract, r.base.descriptor), "readMask", fields, &r.base));
        mask = r.read_mask;
    }
    sfms_buf_init(&b, a, 1 << 20);
    sfms_json_write(&b, m, msg, mask);
    assert_true(sfms_buf_ok(&b));
    return b.data;
}

static void
test_every_type(void **state)
{
    static const char *texts[] = {"a", ""};
    static int64_t numbers[] = {-1, INT64_MAX};
    static uint8_t bytes[] = {'h', 'i', '?', 0xff};
    everything e = {.base = {.descriptor = &everything_descriptor}, .text = "\"", .password = "secret"};

    (void)state;
    assert_string_equal(json(everything_message(), &e.base, NULL),
        "{\"i32\":0,\"u32\":0,\"i64\":\"0\",\"u64\":\"0\",\"f32\":0,\"f64\":0,\"flag\":false,\"verb\":\"VERB_"
        "UNSPECIFIED\","
        "\"text\":\"\\\"\",\"bytes\":\"\",\"numbers\":[],\"texts\":[],\"chosen_number\":null,\"chosen_text\":"
        "null}");

    e.i32 = INT32_MIN;
    e.u32 = UINT32_MAX;
    e.i64 = INT64_MIN;
    e.u64 = UINT64_MAX;
    e.f32 = 0.1f;
    e.f64 = 0.1;
    e.flag = 1;
    e.verb = (Pb__Verb)99; /* from a newer version: the number */
    e.text = NULL;
    e.bytes = (ProtobufCBinaryData){4, bytes};
    e.numbers = numbers;
    e.n_numbers = 2;
    e.texts = texts;
    e.n_texts = 2;
    e.choice_case = 14;
    e.chosen_text = "c";
    assert_string_equal(json(everything_message(), &e.base, NULL),
        "{\"i32\":-2147483648,\"u32\":4294967295,\"i64\":\"-9223372036854775808\",\"u64\":"
        "\"18446744073709551615\",\"f32\":0.1,"
        "\"f64\":0.1,\"flag\":true,\"verb\":99,\"text\":\"\",\"bytes\":\"aGk//"
        "w==\",\"numbers\":[\"-1\",\"9223372036854775807\"],"
        "\"texts\":[\"a\",\"\"],\"chosen_number\":null,\"chosen_text\":\"c\"}");
}

static void
floats_are(double f64, float f32, const char *expected)
{
    everything e = {.base = {.descriptor = &everything_descriptor}, .f64 = f64, .f32 = f32};

    assert_non_null(strstr(json(everything_message(), &e.base, NULL), expected));
}

static void
test_floats(void **state)
{
    (void)state;
    floats_are(1.0 / 3, 1.0f / 3, "\"f32\":0.33333334,\"f64\":0.3333333333333333,");
    floats_are(0.1 + 0.2, 16777216, "\"f32\":16777216,\"f64\":0.30000000000000004,");
    floats_are(1e15, 3.4e38f, "\"f32\":3.4e+38,\"f64\":1e+15,");
    floats_are(-123456789012345.0, -2.5f, "\"f32\":-2.5,\"f64\":-123456789012345,");
    floats_are(5e-324, 1e-45f, "\"f64\":4.94065645841247e-324,");
    floats_are(NAN, INFINITY, "\"f32\":\"Infinity\",\"f64\":\"NaN\",");
    floats_are(-0.0, -INFINITY, "\"f32\":\"-Infinity\",\"f64\":0,");
}

static void
test_resource(void **state)
{
    const sfms_message *m = sfms_contract_resource(contract, "deals");
    Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Pb__Deal d = PB__DEAL__INIT;
    Pb__LineItem item = PB__LINE_ITEM__INIT;
    Pb__LineItem *items[] = {&item};

    (void)state;
    const char *empty = json(m, &d.base, NULL);
    assert_memory_equal(empty, "{\"id\":null,\"version\":\"0\",\"createTime\":null,", 43);
    assert_non_null(strstr(empty, "\"customFields\":null,\"name\":\"\","));
    assert_non_null(strstr(empty, "\"lineItems\":[]"));
    assert_non_null(strstr(empty, "\"amount\":null,\"currency\":null,"));

    d.id = "0190b1c2-0000-7000-8000-000000000001";
    d.version = 3;
    t.seconds = 1795445417;
    t.nanos = 123456000;
    d.create_time = &t;
    d.amount = "12.50";
    item.product_id = "x";
    d.line_items = items;
    d.n_line_items = 1;
    const char *full = json(m, &d.base, NULL);
    assert_non_null(strstr(
        full, "\"version\":\"3\",\"createTime\":\"2026-11-23T14:50:17.123456Z\",\"updateTime\":null,"));
    assert_non_null(strstr(full, "\"amount\":\"12.50\","));
    assert_non_null(strstr(full, "\"lineItems\":[{\"productId\":\"x\",\"name\":\"\",\"quantity\":null,"));
}

static void
test_mask(void **state)
{
    const sfms_message *one = sfms_contract_resource(contract, "accounts");
    const sfms_message *page = sfms_contract_message(contract, &pb__list_accounts_response__descriptor);
    Pb__Account x = PB__ACCOUNT__INIT, y = PB__ACCOUNT__INIT;
    Pb__Account *both[] = {&x, &y};
    Google__Protobuf__Int64Value total = GOOGLE__PROTOBUF__INT64_VALUE__INIT;
    Pb__ListAccountsResponse list = PB__LIST_ACCOUNTS_RESPONSE__INIT;

    (void)state;
    x.name = "X";
    y.name = "Y";
    list.accounts = both;
    list.n_accounts = 2;
    total.value = 2;
    list.total_size = &total;
    assert_string_equal(json(one, &x.base, "name,version"), "{\"version\":\"0\",\"name\":\"X\"}");
    assert_string_equal(json(one, &x.base, "employeeCount"), "{\"employeeCount\":0}");
    assert_string_equal(json(one, &x.base, "nothing"), "{}");
    assert_string_equal(json(one, &x.base, "customFields.colour"), "{\"customFields\":null}");
    assert_non_null(strstr(json(one, &x.base, ""), "\"city\":")); /* an empty mask is none */
    assert_string_equal(json(page, &list.base, "name"),
        "{\"accounts\":[{\"name\":\"X\"},{\"name\":\"Y\"}],\"nextPageToken\":"
        "\"\",\"totalSize\":\"2\",\"totalIsEstimate\":false}");
}

static void
test_mask_does_not_reach_into_resources(void **state)
{
    const sfms_message *m = sfms_contract_resource(contract, "deals");
    Pb__Deal d = PB__DEAL__INIT;
    Pb__LineItem item = PB__LINE_ITEM__INIT;
    Pb__LineItem *items[] = {&item};

    (void)state;
    d.line_items = items;
    d.n_line_items = 1;
    assert_string_equal(json(m, &d.base, "lineItems"),
        "{\"lineItems\":[{\"productId\":null,\"name\":\"\",\"quantity\":null,"
        "\"unitPrice\":null,\"discountPercent\":null,\"amount\":null}]}");
}

static void
test_maps_and_values(void **state)
{
    static const char text[] =
        "{\"columns\":{\"产\\\"品\":{\"field\":\"productId\",\"lookup\":\"\",\"filter\":\"\",\"values\":{"
        "\"a\":\"b\"},"
        "\"dateFormat\":\"\",\"scale\":null,\"default\":\"\",\"numberFormat\":\"\"}},\"constants\":{},"
        "\"mode\":\"CREATE\"}";
    const sfms_message *m = sfms_contract_message(contract, &pb__import_mapping__descriptor);
    sfms_call call = {.arena = a, .request_id = "r"};
    ProtobufCMessage *mapping = sfms_message_new(a, m->desc);

    (void)state;
    assert_true(sfms_json_read(&call, m, sfms_json_parse(&call, text, strlen(text)), "", mapping, NULL));
    assert_string_equal(json(m, mapping, NULL), text);

    static const char custom[] = "{\"customFields\":{\"a\":[1,-2.5,\"x\",true,false,null,{}],\"b\":{\"c\":[]}"
                                 ",\"\":10000000000000000000000}}";
    const sfms_message *account = sfms_contract_resource(contract, "accounts");
    ProtobufCMessage *msg = sfms_message_new(a, account->desc);
    assert_true(
        sfms_json_read(&call, account, sfms_json_parse(&call, custom, strlen(custom)), "", msg, NULL));
    assert_string_equal(json(account, msg, "customFields"), custom);
}

static void
test_mask_as_value(void **state)
{
    const sfms_message *m = sfms_contract_message(contract, &pb__get_request__descriptor);
    static char path0[] = "close_date", path1[] = "line_items.product_id", path2[] = "a\"b\\c\n",
                path3[] = "x_1_";
    static char *paths[] = {path0, path1, path2, path3};
    Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
    Pb__GetRequest r = PB__GET_REQUEST__INIT;

    (void)state;
    r.read_mask = &mask;
    assert_string_equal(json(m, &r.base, NULL),
        "{\"id\":null,\"readMask\":\"\",\"names\":false,\"access\":false,\"parent\":null}");
    mask.paths = paths;
    mask.n_paths = 4;
    assert_string_equal(json(m, &r.base, NULL),
        "{\"id\":null,\"readMask\":\"closeDate,lineItems.product_id,"
        "a\\\"b\\\\c\\n,x_1_\",\"names\":false,\"access\":false,\"parent\":null}");
}

static void
test_empty_elements(void **state)
{
    static const char *ids[] = {"", "x"};
    Pb__BatchGetRequest r = PB__BATCH_GET_REQUEST__INIT;

    /* The ids have a format; a field of that kind would be null. */
    (void)state;
    r.ids = ids;
    r.n_ids = 2;
    assert_string_equal(json(sfms_contract_message(contract, r.base.descriptor), &r.base, NULL),
        "{\"ids\":[\"\",\"x\"],\"readMask\":null,\"names\":false,\"access\":false,\"parent\":null}");
}

static void
test_bound(void **state)
{
    const sfms_message *m = sfms_contract_resource(contract, "deals");
    Pb__Deal d = PB__DEAL__INIT;
    sfms_buf b;

    (void)state;
    sfms_buf_init(&b, a, 100);
    sfms_json_write(&b, m, &d.base, NULL);
    assert_false(sfms_buf_ok(&b));
    assert_true(b.len <= 100);
    sfms_json_write(&b, m, NULL, NULL);
    sfms_buf_init(&b, a, 100);
    sfms_json_write(&b, m, NULL, NULL);
    assert_string_equal(b.data, "null");
}

#define PACKED(text) ((sfms_packed){(const uint8_t *)(text), sizeof(text) - 1})

static const char *
packed_json(const sfms_message *m, sfms_packed msg)
{
    sfms_buf b;

    sfms_buf_init(&b, a, 1 << 20);
    assert_true(sfms_json_write_packed(&b, m, msg, NULL));
    return b.data;
}

/* What others than protobuf-c may send: any order, packed lists, fields that we do not know or that are of another type. */
static void
test_foreign_bytes(void **state)
{
    const sfms_message *m = everything_message();

    (void)state;
    const char *text = packed_json(m, PACKED("\x7a\x01p"    /* the password, which is not written */
                                             "\xc0\x3e\x05" /* number 1000 */
                                             "\x62\x01"
                                             "a"                    /* texts */
                                             "\x5a\x03\x01\xac\x02" /* numbers: 1, 300 packed */
                                             "\x08\x05"             /* i32: 5, and then 6 */
                                             "\x4a\x02x\0"          /* text with a NUL */
                                             "\x58\x07"             /* numbers: 7, not packed */
                                             "\x20\x09"             /* u64 */
                                             "\x62\x00"             /* an empty text */
                                             "\x12\x01z"            /* u32, but as a string */
                                             "\x08\x06"));
    assert_string_equal(text,
        "{\"i32\":6,\"u32\":0,\"i64\":\"0\",\"u64\":\"9\",\"f32\":0,\"f64\":0,\"flag\":false,\"verb\":\"VERB_"
        "UNSPECIFIED\",\"text\":\"x\\u0000\",\"bytes\":\"\",\"numbers\":[\"1\",\"300\",\"7\"],\"texts\":["
        "\"a\","
        "\"\"],\"chosen_number\":null,\"chosen_text\":null}");
    assert_non_null(strstr(packed_json(m, PACKED("\x68\x00")), "\"chosen_number\":0,\"chosen_text\":null}"));
}

static void
is_broken(const sfms_message *m, sfms_packed msg)
{
    sfms_buf b;

    sfms_buf_init(&b, a, 1 << 20);
    assert_false(sfms_json_write_packed(&b, m, msg, NULL));
}

static void
test_broken_bytes(void **state)
{
    const sfms_message *m = everything_message();
    const sfms_message *account = sfms_contract_resource(contract, "accounts");
    const sfms_field *custom = sfms_message_field(account, "custom_fields", 13);
    sfms_buf b, deep;

    (void)state;
    is_broken(m, PACKED("\x08"));
    is_broken(m, PACKED("\x4a\x09x"));
    is_broken(m, PACKED("\x5a\x02\x01\x80")); /* a packed list that breaks off */
    sfms_buf_init(&b, a, 1 << 20);
    sfms_pack_bytes(&b, custom->desc->id, "\x0a\x09x", 3);
    is_broken(account, (sfms_packed){(const uint8_t *)b.data, b.len});

    /* {"": {"": ... }}, deeper than anybody reads: a value is a struct, which has an entry with a value. */
    sfms_buf_init(&deep, a, 1 << 20);
    for (int i = 0; i < 200; i++) {
        sfms_buf value, entry, outer;

        sfms_buf_init(&value, a, 1 << 20);
        sfms_buf_init(&entry, a, 1 << 20);
        sfms_buf_init(&outer, a, 1 << 20);
        sfms_pack_bytes(&value, 5, deep.data, deep.len);
        sfms_pack_bytes(&entry, 2, value.data, value.len);
        sfms_pack_bytes(&outer, 1, entry.data, entry.len);
        deep = outer;
    }
    sfms_buf_clear(&b);
    sfms_pack_bytes(&b, custom->desc->id, deep.data, deep.len);
    is_broken(account, (sfms_packed){(const uint8_t *)b.data, b.len});
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_resource),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_mask_does_not_reach_into_resources),
        cmocka_unit_test(test_maps_and_values),
        cmocka_unit_test(test_mask_as_value),
        cmocka_unit_test(test_empty_elements),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_foreign_bytes),
        cmocka_unit_test(test_broken_bytes),
    };

    contract = sfms_contract_load();
    a = sfms_arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(a);
    return failed;
}
