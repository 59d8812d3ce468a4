/* place_test.c -- paths to fields: found, spelled, and where their values are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/place.h"
#include "sfms/pipeline/v1/deals.pb-c.h"

static const sfms_contract *contract;
static sfms_arena *arena;

static int
set_up(void **state)
{
    (void)state;
    contract = sfms_contract_load();
    arena = sfms_arena_new();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    sfms_arena_free(arena);
    return 0;
}

static sfms_place
place(const char *path)
{
    sfms_place p;

    assert_true(sfms_place_find(
        arena, sfms_contract_message(contract, &pb__deal__descriptor), path, strlen(path), &p));
    return p;
}

static bool
met(const char *path, const Pb__Deal *deal)
{
    const sfms_place p = place(path);

    return sfms_place_filled(&p, &deal->base);
}

static void
both_spellings(void **state)
{
    static const char *const paths[][3] = {
        {"amount", "amount", "amount"},
        {"expectedCloseDate", "expected_close_date", "expectedCloseDate"},
        {"expected_close_date", "expected_close_date", "expectedCloseDate"},
        {"lineItems.productId", "line_items.product_id", "lineItems.productId"},
        {"customFields.budget", "custom_fields.budget", "customFields.budget"},
        {"customFields.a.b", "custom_fields.a.b", "customFields.a.b"},
        {"custom_fields.`a, b`", "custom_fields.a, b", "customFields.a, b"},
        {"customFields.预算", "custom_fields.预算", "customFields.预算"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const sfms_place p = place(paths[i][0]);

        assert_string_equal(sfms_place_name(arena, &p), paths[i][1]);
        assert_string_equal(sfms_place_json(arena, &p), paths[i][2]);
    }
    assert_string_equal(place("customFields.`a`").key, "a");
    assert_string_equal(place("customFields.``").key, "``");
    assert_null(place("customFields").key);
}

static void
paths_that_lead_nowhere(void **state)
{
    static const char *const paths[] = {"", ".", "nope", "amount.x", ".amount", "amount.", "customFields.",
        "lineItems.nope", "lineItems.productId.x", "createTime.seconds"};
    const sfms_message *deal = sfms_contract_message(contract, &pb__deal__descriptor);
    sfms_place p;

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_false(sfms_place_find(arena, deal, paths[i], strlen(paths[i]), &p));
    assert_false(sfms_place_find(arena, deal, "lineItems.nope", 14, &p));
    assert_int_equal(p.n, 1); /* as far as it goes */
    assert_true(sfms_place_find(arena, deal, "amount desc", 6, &p));
}

static void
who_may(void **state)
{
    const sfms_call call = {.arena = arena, .contract = contract};
    const sfms_place version = place("version"), name = place("name"), item = place("lineItems.quantity");

    (void)state;
    assert_true(sfms_place_seen(&call, &version));
    assert_false(sfms_place_fillable(&call, &version));
    assert_true(sfms_place_fillable(&call, &name));
    assert_true(sfms_place_fillable(&call, &item));
}

static void
values_below(void **state)
{
    Pb__Deal deal = PB__DEAL__INIT;
    Pb__LineItem item = PB__LINE_ITEM__INIT;
    Pb__LineItem *items[] = {&item};
    const sfms_place p = place("lineItems.productId");

    (void)state;
    assert_null(sfms_place_holder(&p, &deal.base));
    assert_false(sfms_place_filled(&p, &deal.base));
    deal.n_line_items = 1;
    deal.line_items = items;
    assert_ptr_equal(sfms_place_holder(&p, &deal.base), &item.base);
    assert_false(sfms_place_filled(&p, &deal.base));
    item.product_id = "x";
    assert_true(sfms_place_filled(&p, &deal.base));
}

static void
texts_and_lists(void **state)
{
    Pb__Deal deal = PB__DEAL__INIT;
    Pb__LineItem item = PB__LINE_ITEM__INIT;
    Pb__LineItem *items[] = {&item};

    (void)state;
    assert_false(met("amount", &deal));
    assert_false(met("lineItems", &deal));
    deal.amount = "0";
    deal.n_line_items = 1;
    deal.line_items = items;
    assert_true(met("amount", &deal));
    assert_true(met("lineItems", &deal));
}

static void
custom_fields_with_something_in_them(void **state)
{
    Google__Protobuf__Value value = GOOGLE__PROTOBUF__VALUE__INIT;
    Google__Protobuf__Struct__FieldsEntry entry = GOOGLE__PROTOBUF__STRUCT__FIELDS_ENTRY__INIT;
    Google__Protobuf__Struct__FieldsEntry *entries[] = {&entry};
    Google__Protobuf__Struct fields = GOOGLE__PROTOBUF__STRUCT__INIT;
    Pb__Deal deal = PB__DEAL__INIT;

    (void)state;
    assert_false(met("customFields.budget", &deal));
    entry.key = (char *)"budget";
    entry.value = &value;
    fields.n_fields = 1;
    fields.fields = entries;
    deal.custom_fields = &fields;
    value.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
    assert_false(met("customFields.budget", &deal));
    value.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    value.string_value = (char *)"";
    assert_false(met("customFields.budget", &deal));
    value.string_value = (char *)"5";
    assert_true(met("customFields.budget", &deal));
    assert_false(met("customFields.other", &deal));
    value.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE;
    value.bool_value = false;
    assert_true(met("customFields.budget", &deal));
}

static const char *
spelled(const char *text)
{
    const sfms_call call = {.arena = arena, .contract = contract};
    sfms_place p;

    return sfms_place_to_fill(&call, sfms_contract_message(contract, &pb__deal__descriptor), text, &p)
               ? sfms_place_json(arena, &p)
               : NULL;
}

static void
what_people_fill_of_a_record(void **state)
{
    (void)state;
    assert_string_equal(spelled("amount"), "amount");
    assert_string_equal(spelled("expected_close_date"), "expectedCloseDate");
    assert_string_equal(spelled("expectedCloseDate"), "expectedCloseDate");
    assert_string_equal(spelled("custom_fields.budget"), "customFields.budget");
    assert_string_equal(spelled("customFields.a.b"), "customFields.a.b");
}

static void
what_nobody_can_fill(void **state)
{
    static const char *const texts[] = {"", "nope", "version", "probability", "createTime", "customFields",
        "customFields.", "amount.x", ".amount"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_null(spelled(texts[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings),
        cmocka_unit_test(paths_that_lead_nowhere),
        cmocka_unit_test(who_may),
        cmocka_unit_test(values_below),
        cmocka_unit_test(texts_and_lists),
        cmocka_unit_test(custom_fields_with_something_in_them),
        cmocka_unit_test(what_people_fill_of_a_record),
        cmocka_unit_test(what_nobody_can_fill),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
