/* keyset_test.c -- orders, the condition after a row, and page tokens. */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "db/engine.h"

static const sfms_contract *contract;
static sfms_arena *arena;
static bool not_null[64];
static sfms_ring *ring;
static sfms_engine engine;
static Pb__Principal principal = PB__PRINCIPAL__INIT;

static sfms_call *
new_call(void)
{
    sfms_call *call = sfms_new(arena, sfms_call);

    *call = (sfms_call){.arena = arena, .contract = contract, .request_id = "r", .principal = &principal};
    return call;
}

/* "field direction,..." of what was read; "" if it was refused. */
static const char *
parsed(const char *order_by)
{
    sfms_order orders[SFMS_ORDER_FIELDS + 1];
    sfms_call *call = new_call();
    unsigned n = sfms_order_parse(&engine, call, order_by, orders);
    sfms_buf b;

    sfms_buf_init(&b, arena, 1000);
    for (unsigned i = 0; i < n; i++)
        sfms_buf_printf(
            &b, "%s%s%s", i > 0 ? "," : "", orders[i].field->desc->name, orders[i].descending ? " desc" : "");
    assert_true((n == 0) == (call->failure != NULL));
    return b.data;
}

static void
test_orders(void **state)
{
    (void)state;
    assert_string_equal(parsed(""), "id");
    assert_string_equal(parsed("name"), "name,id");
    assert_string_equal(parsed("createTime desc"), "create_time desc,id desc");
    assert_string_equal(parsed("create_time DESC , name asc"), "create_time desc,name,id");
    assert_string_equal(parsed("id desc"), "id desc");
    assert_string_equal(parsed("currency"), "");  /* not sortable */
    assert_string_equal(parsed("name,name"), ""); /* twice */
    assert_string_equal(parsed("name down"), "");
    assert_string_equal(parsed("name desc desc"), "");
    assert_string_equal(parsed("nope"), "");
    assert_string_equal(parsed("name; DROP TABLE x"), "");
}

static const char *
condition(const char *order_by, const char *const *values)
{
    sfms_order orders[SFMS_ORDER_FIELDS + 1];
    unsigned n = sfms_order_parse(&engine, new_call(), order_by, orders);
    sfms_composer w;

    sfms_composer_init(&engine, &w, arena);
    sfms_keyset_sql(&w, orders, n, values);
    return w.sql.data;
}

static void
test_conditions(void **state)
{
    (void)state;
    assert_string_equal(condition("", (const char *const[]){"7"}), "(id) > ($1)");
    assert_string_equal(
        condition("name desc", (const char *const[]){"x", "7"}), "(name COLLATE app.by_name, id) < ($1, $2)");
    /* close_date may be NULL, and NULLs are the largest */
    assert_string_equal(condition("closeDate", (const char *const[]){"x", "7"}),
        "((close_date > $1 OR close_date IS NULL) OR (close_date = $2 AND ((id > $3))))");
    assert_string_equal(condition("closeDate", (const char *const[]){NULL, "7"}),
        "((false) OR (close_date IS NULL AND ((id > $1))))");
    assert_string_equal(condition("closeDate desc", (const char *const[]){NULL, "7"}),
        "((close_date IS NOT NULL) OR (close_date IS NULL AND ((id < $1))))");
    assert_string_equal(condition("name desc,createTime", (const char *const[]){"x", "t", "7"}),
        "name COLLATE app.by_name <= $1 AND ((name COLLATE app.by_name < $2) OR (name = $3 AND ((create_time "
        "> $4) OR "
        "(create_time = $5 AND ((id > $6))))))");
    assert_string_equal(condition("closeDate desc", (const char *const[]){"x", "7"}),
        "close_date <= $1 AND ((close_date < $2) OR (close_date = $3 AND ((id < $4))))");
}

static void
test_tokens(void **state)
{
    Pb__ListRequest request = PB__LIST_REQUEST__INIT;
    sfms_call *call = new_call();
    const char *const values[] = {"长沙", NULL, "7"};
    char *token;
    const char **back;

    (void)state;
    request.filter = "name = a";
    token = sfms_token_seal(&engine, call, &request, 3, values);
    assert_null(strstr(token, values[0]));
    request.page_token = token;
    request.page_size = 3; /* may change from page to page */
    back = sfms_token_open(&engine, call, &request, 3);
    assert_non_null(back);
    assert_string_equal(back[0], "长沙");
    assert_null(back[1]);
    assert_string_equal(back[2], "7");
    assert_null(sfms_token_open(&engine, call, &request, 2));
    assert_null(sfms_token_open(&engine, call, &request, 4));
    request.filter = "name = b";
    assert_null(sfms_token_open(&engine, call, &request, 3));
    request.filter = "name = a";
    request.show_deleted = true;
    assert_null(sfms_token_open(&engine, call, &request, 3));
    request.show_deleted = false;
    principal.org_id = "another";
    assert_null(sfms_token_open(&engine, call, &request, 3));
    principal.org_id = "org";
    assert_non_null(sfms_token_open(&engine, call, &request, 3));
    for (size_t i = 0; i < strlen(token); i++) {
        char *broken = sfms_strdup(arena, token);

        broken[i] = broken[i] == 'A' ? 'B' : 'A';
        request.page_token = broken;
        back = sfms_token_open(&engine, call, &request, 3);
        /* The last character's spare bits may say the same bytes another way. */
        assert_true(back == NULL || i + 1 == strlen(token));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_tokens),
    };

    sfms_seal_init();
    ring = sfms_ring_new("0123456789012345678901234567890123456789", "page");
    contract = sfms_contract_load();
    arena = sfms_arena_new();
    engine = (sfms_engine){.table = "pipeline.deals",
        .contract = contract,
        .not_null = not_null,
        .token_ring = ring,
        .message = sfms_contract_resource(contract, "deals")};
    for (unsigned i = 0; i < engine.message->n_fields; i++)
        not_null[i] = strcmp(engine.message->fields[i].desc->name, "close_date") != 0;
    principal.org_id = "org";
    principal.user_id = "user";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
