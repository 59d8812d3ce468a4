/* json_text_test.c -- fields from the text of parameters and cells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "everything.h"
#include "proto/json.h"
#include "sfms/api/v1/requests.pb-c.h"
#include "sfms/pipeline/v1/deals.pb-c.h"

static const sfms_contract *contract;
static sfms_arena *a;
static sfms_call call;

static bool
set(const sfms_message *m, ProtobufCMessage *msg, const char *path, const char *text)
{
    call = (sfms_call){.arena = a, .contract = contract, .request_id = "r"};
    bool ok = sfms_json_read_text(&call, m, path, text, msg);
    assert_int_equal(ok, call.failure == NULL);
    return ok;
}

static void
wrong(const char *field, const char *reason)
{
    assert_int_equal(call.failure->n_violations, 1);
    assert_string_equal(call.failure->violations[0]->field, field);
    assert_string_equal(call.failure->violations[0]->reason, reason);
}

static void
test_list_request(void **state)
{
    const sfms_message *m = sfms_contract_message(contract, &pb__list_request__descriptor);
    Pb__ListRequest r = PB__LIST_REQUEST__INIT;
    char filter[] = "a = 1";

    (void)state;
    assert_true(set(m, &r.base, "pageSize", "25"));
    assert_true(set(m, &r.base, "filter", filter));
    memset(filter, 'x', 5); /* the text was copied */
    assert_true(set(m, &r.base, "show_deleted", "true"));
    assert_true(set(m, &r.base, "readMask", "id,closeDate, lineItems.productId,"));
    assert_true(set(m, &r.base, "readMask", "name"));
    assert_int_equal(r.page_size, 25);
    assert_string_equal(r.filter, "a = 1");
    assert_true(r.show_deleted);
    assert_int_equal(r.read_mask->n_paths, 4);
    assert_string_equal(r.read_mask->paths[1], "close_date");
    assert_string_equal(r.read_mask->paths[2], "line_items.productId"); /* what follows a dot may be a key */
    assert_string_equal(r.read_mask->paths[3], "name");

    assert_true(set(m, &r.base, "filter", ""));
    assert_string_equal(r.filter, "");
    assert_false(set(m, &r.base, "pageSize", "x"));
    wrong("page_size", "WRONG_TYPE");
    assert_false(set(m, &r.base, "pageSize", ""));
    assert_false(set(m, &r.base, "pageSize", "2147483648"));
    assert_false(set(m, &r.base, "showDeleted", "yes"));
    wrong("show_deleted", "WRONG_TYPE");
    assert_false(set(m, &r.base, "colour", "red"));
    wrong("colour", "UNKNOWN_FIELD");
    assert_false(set(m, &r.base, "", "red"));
    assert_false(set(m, &r.base, "filter.more", "red"));
    wrong("filter.more", "UNKNOWN_FIELD");
    assert_false(set(m, &r.base, "filter", "\xff"));
    wrong("filter", "WRONG_TYPE");
    assert_int_equal(r.page_size, 25); /* untouched by what failed */
}

static void
test_every_type(void **state)
{
    const sfms_message *m = everything_message();
    everything e = {.base = {.descriptor = &everything_descriptor}};

    (void)state;
    assert_true(set(m, &e.base, "i32", "-5"));
    assert_true(set(m, &e.base, "u32", "5"));
    assert_true(set(m, &e.base, "i64", "-9223372036854775808"));
    assert_true(set(m, &e.base, "u64", "18446744073709551615"));
    assert_true(set(m, &e.base, "f32", "0.5"));
    assert_true(set(m, &e.base, "f64", "-1.5e3"));
    assert_true(set(m, &e.base, "flag", "1"));
    assert_true(set(m, &e.base, "verb", "UPSERT"));
    assert_true(set(m, &e.base, "text", "长"));
    assert_true(set(m, &e.base, "bytes", "aGk="));
    assert_true(set(m, &e.base, "numbers", "7"));
    assert_true(set(m, &e.base, "numbers", "8"));
    assert_true(set(m, &e.base, "texts", "a,b")); /* not split: a text may hold a comma */
    assert_true(set(m, &e.base, "chosen_number", "3"));
    assert_true(e.i32 == -5 && e.u32 == 5 && e.i64 == INT64_MIN && e.u64 == UINT64_MAX && e.f32 == 0.5f &&
                e.f64 == -1500);
    assert_true(e.flag && e.verb == PB__VERB__UPSERT && e.bytes.len == 2 && e.choice_case == 13);
    assert_int_equal(e.n_numbers, 2);
    assert_true(e.numbers[1] == 8);
    assert_int_equal(e.n_texts, 1);
    assert_string_equal(e.texts[0], "a,b");

    static const char *const bad_numbers[] = {"", " 1", "1 ", "nan", "inf", "0x1p3", "1e999", "1,5", "--1"};
    for (size_t i = 0; i < sizeof bad_numbers / sizeof bad_numbers[0]; i++)
        assert_false(set(m, &e.base, "f64", bad_numbers[i]));
    assert_false(set(m, &e.base, "f32", "1e39"));
    assert_false(set(m, &e.base, "verb", "upsert"));
    wrong("verb", "UNKNOWN_VALUE");
    assert_false(set(m, &e.base, "numbers", "1,2"));
    assert_int_equal(e.n_numbers, 2);
}

static void
test_paths(void **state)
{
    const sfms_message *m = sfms_contract_resource(contract, "deals");
    Pb__Deal d = PB__DEAL__INIT;

    (void)state;
    assert_true(set(m, &d.base, "lineItems.productId", "p"));
    assert_true(set(m, &d.base, "line_items.quantity", "3"));
    assert_int_equal(d.n_line_items, 1); /* both in the first element */
    assert_string_equal(d.line_items[0]->product_id, "p");
    assert_string_equal(d.line_items[0]->quantity, "3");
    assert_true(set(m, &d.base, "createTime", "1970-01-01T00:00:05Z"));
    assert_true(d.create_time->seconds == 5);
    assert_true(set(m, &d.base, "customFields.colour", "red"));
    assert_true(set(m, &d.base, "customFields.size", "L"));
    assert_true(set(m, &d.base, "customFields.colour", "blue"));
    assert_int_equal(d.custom_fields->n_fields, 2);
    assert_string_equal(d.custom_fields->fields[0]->value->string_value, "blue");

    assert_false(set(m, &d.base, "createTime", "today"));
    wrong("create_time", "WRONG_TYPE");
    assert_false(set(m, &d.base, "lineItems", "x"));
    wrong("line_items", "WRONG_TYPE");
    assert_false(set(m, &d.base, "customFields", "x"));
    wrong("custom_fields", "WRONG_TYPE");
    assert_false(set(m, &d.base, "customFields.", "x"));
    assert_false(set(m, &d.base, "lineItems.colour", "x"));
    wrong("line_items[0].colour", "UNKNOWN_FIELD");
    assert_false(set(m, &d.base, "lineItems.", "x"));
    assert_false(set(m, &d.base, ".", "x"));
    assert_false(set(m, &d.base, "createTime.seconds", "1"));
    assert_false(set(m, &d.base, "name.first", "x"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_request),
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_paths),
    };

    contract = sfms_contract_load();
    a = sfms_arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(a);
    return failed;
}
