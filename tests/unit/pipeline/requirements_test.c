/* requirements_test.c -- what a stage may require, and when a deal has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/requirements.c"

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

static const char *
spelled(const char *text)
{
    pipeline_requirement r;

    return pipeline_requirement_parse(contract, text, &r) ? pipeline_requirement_text(arena, &r) : NULL;
}

static bool
met(const char *text, const Pb__Deal *deal)
{
    pipeline_requirement r;

    assert_true(pipeline_requirement_parse(contract, text, &r));
    return pipeline_requirement_met(&r, deal);
}

static void
names_of_either_kind(void **state)
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_either_kind),
        cmocka_unit_test(what_nobody_can_fill),
        cmocka_unit_test(texts_and_lists),
        cmocka_unit_test(custom_fields_with_something_in_them),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
