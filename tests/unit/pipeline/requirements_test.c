/* requirements_test.c -- what a stage may require. */
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
    const sfms_call call = {.arena = arena, .contract = contract};
    sfms_place place;

    return pipeline_requirement_find(&call, text, &place) ? sfms_place_json(arena, &place) : NULL;
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_either_kind),
        cmocka_unit_test(what_nobody_can_fill),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
