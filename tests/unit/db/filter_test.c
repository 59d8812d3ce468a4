/* filter_test.c -- filters to SQL: shapes, parameters, and errors with their place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "db/filter.h"

static const sfms_contract *contract;
static sfms_arena *arena;

typedef struct {
    sfms_call call;
    sfms_buf sql;
    sfms_params params;
    const char *values[256];
    sfms_status status;
} outcome;

static outcome *
run(const char *filter)
{
    outcome *o = sfms_new(arena, outcome);

    o->call = (sfms_call){.arena = arena, .contract = contract, .request_id = "r"};
    o->params = (sfms_params){.max = 256, .values = o->values};
    sfms_buf_init(&o->sql, arena, 1 << 16);
    o->status = sfms_filter_sql(
        &o->call, sfms_contract_resource(contract, "accounts"), NULL, filter, &o->sql, &o->params);
    return o;
}

static void
gives(const char *filter, const char *sql, const char *first_value)
{
    outcome *o = run(filter);

    assert_int_equal(o->status, SFMS_OK);
    assert_string_equal(o->sql.data, sql);
    if (first_value != NULL)
        assert_string_equal(o->values[0], first_value);
    else
        assert_int_equal(o->params.n, 0);
}

static void
fails(const char *filter, const char *where)
{
    outcome *o = run(filter);

    assert_int_equal(o->status, SFMS_INVALID_ARGUMENT);
    assert_string_equal(o->call.failure->reason, "BAD_FILTER");
    assert_non_null(strstr(o->call.failure->message, where));
}

static void
test_comparisons(void **state)
{
    (void)state;
    gives("name = \"Acme\"", "((name COLLATE app.by_name = $1))", "Acme");
    gives("name='O\\'Hara'", "((name COLLATE app.by_name = $1))", "O'Hara");
    gives("employeeCount >= 10", "((employee_count >= $1))", "10");
    gives("employee_count < 10", "((employee_count < $1))", "10");
    gives("annualRevenue > 1000.50", "((annual_revenue > $1))", "1000.50");
    gives("createTime >= 2026-01-01", "((create_time >= app.day_start($1::date)))", "2026-01-01");
    gives("createTime < 2026-01-01", "((create_time < app.day_start($1::date)))", "2026-01-01");
    gives("createTime > 2026-01-01", "((create_time >= app.day_start($1::date + 1)))", "2026-01-01");
    gives("createTime <= 2026-01-01", "((create_time < app.day_start($1::date + 1)))", "2026-01-01");
    gives("createTime = 2026-01-01",
        "(((create_time >= app.day_start($1::date) AND create_time < app.day_start($1::date + 1))))",
        "2026-01-01");
    gives("createTime != 2026-01-01",
        "(((create_time >= app.day_start($1::date) AND create_time < app.day_start($1::date + 1)) IS NOT "
        "TRUE))",
        "2026-01-01");
    gives("createTime < \"2026-01-01T00:00:00+08:00\"", "((create_time < $1))", "2026-01-01T00:00:00+08:00");
    gives("name != Acme", "((name COLLATE app.by_name IS DISTINCT FROM $1))", "Acme");
    gives("parentId = null", "((parent_id IS NULL))", NULL);
    gives("parentId != null", "((parent_id IS NOT NULL))", NULL);
    gives("phone:*", "((phone IS NOT NULL))", NULL);
    gives("name:云帆", "((strpos(app.fold(name), (SELECT app.fold($1))) > 0))", "云帆");
    gives("name =~ ' 云帆'", "((app.fold(name) = (SELECT app.fold($1))))", "云帆");
}

/* Values are compared in the form in which they are stored; what is nothing is what is answered as nothing. */
static void
test_values_have_the_form_of_their_field(void **state)
{
    (void)state;
    gives("name = \"  Cafe\u0301 \"", "((name COLLATE app.by_name = $1))", "Caf\u00e9");
    gives("parentId = \"0192F3A0-0000-7000-8000-000000000000\"", "((parent_id = $1))",
        "0192f3a0-0000-7000-8000-000000000000");
    gives("phone != \"+86 138 0013 8000\"", "((phone IS DISTINCT FROM $1))", "+8613800138000");
    gives("city = \"\"", "((city IS NULL))", NULL);
    gives("city != ' '", "((city IS NOT NULL))", NULL);
    gives("parentId = \"\"", "((parent_id IS NULL))", NULL);
    gives("phone < 138", "((phone < $1))", "138"); /* no number, but a text to compare with */
    gives("phone:\"138 0013\"",
        "(((strpos(phone, (SELECT nullif(regexp_replace(app.fold($1), '[^0-9+]', '', 'g'), ''))) > 0)))",
        "138 0013");
    fails("phone = 12", "character 9:");
    fails("phone != nobody", "character 10:");
    fails("phone = 12", "a phone number");
    fails("createTime > 2026-01-01T00:00:00", "with its offset");
}

static void
test_through_a_reference(void **state)
{
    static const sfms_through through[] = {{"employee_count", "parent_id", "t.other"}, {NULL, NULL, NULL}};
    outcome *o = sfms_new(arena, outcome);

    (void)state;
    o->call = (sfms_call){.arena = arena, .contract = contract, .request_id = "r"};
    o->params = (sfms_params){.max = 256, .values = o->values};
    sfms_buf_init(&o->sql, arena, 1 << 16);
    assert_int_equal(sfms_filter_sql(&o->call, sfms_contract_resource(contract, "accounts"), through,
                         "employeeCount > 3", &o->sql, &o->params),
        SFMS_OK);
    assert_string_equal(o->sql.data, "((parent_id = ANY (ARRAY(SELECT r.id FROM t.other r"
                                     " WHERE r.org_id = (SELECT app.org_id()) AND r.employee_count > $1))))");
}

static void
test_structure(void **state)
{
    (void)state;
    gives("city=a city=b", "((city = $1)) AND ((city = $2))", "a");
    gives("city=a AND city=b", "((city = $1)) AND ((city = $2))", "a");
    gives("city=a OR city=b OR city=c", "((city = $1)) OR ((city = $2)) OR ((city = $3))", "a");
    gives("(city=a OR city=b) AND NOT name=c",
        "((((city = $1)) OR ((city = $2)))) AND ((name COLLATE app.by_name = $3) IS NOT TRUE)", "a");
    gives("-name=c", "((name COLLATE app.by_name = $1) IS NOT TRUE)", "c");
    gives("  ( city = a )  ", "((((city = $1))))", "a");
    gives("city=ORANGE OR city=ANDORRA", "((city = $1)) OR ((city = $2))", "ORANGE");
}

static void
test_custom_fields(void **state)
{
    (void)state;
    gives("customFields.color = red", "((custom_fields ->> $1::text = $2))", "color");
    gives("customFields.color = null", "((custom_fields ->> $1::text IS NULL))", "color");
    gives("customFields.color != null", "((custom_fields ->> $1::text IS NOT NULL))", "color");
    gives("customFields.\"a key\" = red", "((custom_fields ->> $1::text = $2))", "a key");
    gives("customFields.`a.b` = red", "((custom_fields ->> $1::text = $2))", "a.b");
    gives("customFields.'\\'' = \"null\"", "((custom_fields ->> $1::text = $2))", "'");
    gives("customFields.色 = red", "((custom_fields ->> $1::text = $2))", "色");
    gives("customFields.id = \"12345678901234567890\"", "((custom_fields ->> $1::text = $2))", "id");
    assert_non_null(strstr(run("customFields.id = 12345678901234567890")->sql.data, "$2::numeric"));
    assert_non_null(strstr(run("customFields.id < 1e3")->sql.data, "$2::numeric"));
    fails("customFields.\"\" = 1", "character 1:");
    fails("customFields.\"open = 1", "character 14:");
    fails("customFields.color > null", "character 22:");
    gives("customFields.color:*", "((coalesce(custom_fields ->> $1::text, '') <> ''))", "color");
    assert_non_null(
        strstr(run("customFields.size > 5")->sql.data, "jsonb_typeof(custom_fields -> $1::text) = 'number'"));
}

/* Nothing of a value may reach the SQL. */
static void
test_values_stay_values(void **state)
{
    outcome *o = run("name = \"x'; DROP TABLE customers.accounts; --\" AND customFields.a'b = c");

    (void)state;
    assert_int_equal(o->status, SFMS_INVALID_ARGUMENT); /* a quote ends the field's name */
    o = run("name = \"x'; DROP TABLE customers.accounts; --\"");
    assert_int_equal(o->status, SFMS_OK);
    assert_string_equal(o->sql.data, "((name COLLATE app.by_name = $1))");
    assert_string_equal(o->values[0], "x'; DROP TABLE customers.accounts; --");
}

static void
test_errors_have_a_place(void **state)
{
    (void)state;
    fails("colour = red", "character 1:");
    fails("name = a AND colour = red", "character 14:");
    fails("城市 = a", "character 1:");
    fails("name = \"长沙\" colour = 1", "character 13:"); /* characters, not bytes */
    fails("name", "character 5:");
    fails("name =", "character 7:");
    fails("name = \"open", "character 8:");
    fails("(name = a", "character 10:");
    fails("name = a)", "character 9:");
    fails("name = a AND city = b OR city = c", "character 23:");
    fails("name = a city = b OR city = c", "character 19:");
    fails("employeeCount = many", "character 17:");
    fails("ownerId = 42", "character 11:");
    fails("createTime > yesterday", "character 14:");
    fails("employeeCount:3", "character 15:");
    fails("parentId > null", "character 12:");
    fails("customFields. = 1", "character 1:");
    fails("", "character 1:");
    fails("()", "character 2:");
}

static void
test_errors_speak_chinese(void **state)
{
    outcome *o = sfms_new(arena, outcome);

    (void)state;
    o->call = (sfms_call){.arena = arena, .contract = contract, .request_id = "r", .locale = SFMS_LOCALE_ZH};
    o->params = (sfms_params){.max = 256, .values = o->values};
    sfms_buf_init(&o->sql, arena, 1 << 16);
    assert_int_equal(sfms_filter_sql(&o->call, sfms_contract_resource(contract, "accounts"), NULL, "x=1",
                         &o->sql, &o->params),
        SFMS_INVALID_ARGUMENT);
    assert_non_null(strstr(o->call.failure->message, "没有可筛选的字段“x”"));
    assert_string_equal(o->call.failure->reason, "BAD_FILTER");
}

static void
test_bounds(void **state)
{
    sfms_buf b;

    (void)state;
    sfms_buf_init(&b, arena, 1 << 16);
    for (int i = 0; i < SFMS_FILTER_TERMS; i++)
        sfms_buf_printf(&b, "city=a ");
    assert_int_equal(run(b.data)->status, SFMS_OK);
    sfms_buf_add(&b, "city=a");
    assert_int_equal(run(b.data)->status, SFMS_INVALID_ARGUMENT);
    sfms_buf_clear(&b);
    for (int i = 0; i < 100000 && b.len < 60000; i++)
        sfms_buf_char(&b, '(');
    assert_int_equal(run(b.data)->status, SFMS_INVALID_ARGUMENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_values_have_the_form_of_their_field),
        cmocka_unit_test(test_through_a_reference),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_custom_fields),
        cmocka_unit_test(test_values_stay_values),
        cmocka_unit_test(test_errors_have_a_place),
        cmocka_unit_test(test_errors_speak_chinese),
        cmocka_unit_test(test_bounds),
    };

    contract = sfms_contract_load();
    arena = sfms_arena_new();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
