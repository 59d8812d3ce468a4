/* row_test.c -- texts of the database to messages, and fields to texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "db/binary.h"
#include "db/row.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "sfms/analytics/v1/analytics.pb-c.h"
#include "sfms/customers/v1/accounts.pb-c.h"
#include "sfms/identity/v1/roles.pb-c.h"

static const sfms_contract *contract;
static sfms_arena *arena;

typedef struct {
    const char *column;
    const char *text; /* NULL for SQL NULL */
} cell;

/* A result of one row. */
static PGresult *
row_of(const cell *cells, int n)
{
    PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc columns[16] = {0};

    for (int i = 0; i < n; i++)
        columns[i].name = (char *)cells[i].column;
    assert_true(PQsetResultAttrs(res, n, columns));
    for (int i = 0; i < n; i++)
        assert_true(PQsetvalue(
            res, 0, i, (char *)cells[i].text, cells[i].text != NULL ? (int)strlen(cells[i].text) : -1));
    return sfms_arena_own(arena, res, (sfms_dtor *)PQclear);
}

#define ROW(...)                                                                                             \
    row_of((const cell[]){__VA_ARGS__}, (int)(sizeof((const cell[]){__VA_ARGS__}) / sizeof(cell)))

static const char *
text_of(const void *message, const char *name)
{
    const ProtobufCMessage *msg = message;
    const sfms_message *m = sfms_contract_message(contract, msg->descriptor);

    return sfms_field_text(arena, sfms_message_field(m, name, strlen(name)), msg);
}

static void
test_scalars(void **state)
{
    Pb__Account a = PB__ACCOUNT__INIT;

    (void)state;
    sfms_row_read(arena, contract,
        ROW({"name", "云帆"}, {"version", "18446744073709551615"}, {"employee_count", "42"}, {"city", NULL},
            {"annual_revenue", "12345678901234567890.123456"}, {"not_a_field", "x"},
            {"create_time", "2026-11-23 22:50:17.123456+00"}),
        0, &a.base);
    assert_string_equal(a.name, "云帆");
    assert_true(a.version == UINT64_MAX);
    assert_int_equal(a.employee_count, 42);
    assert_string_equal(a.city, "");
    assert_string_equal(a.annual_revenue, "12345678901234567890.123456"); /* never a binary float */
    assert_int_equal(a.create_time->seconds, 1795474217);
    assert_int_equal(a.create_time->nanos, 123456000);
    assert_string_equal(text_of(&a, "create_time"), "2026-11-23T22:50:17.123456Z");
    assert_string_equal(text_of(&a, "employee_count"), "42");
    assert_null(text_of(&a, "city"));
    assert_null(text_of(&a, "delete_time"));
    assert_string_equal(text_of(&a, "version"), "18446744073709551615");
}

static void
test_arrays_and_enums(void **state)
{
    Pb__Role r = PB__ROLE__INIT;
    Pb__Role again = PB__ROLE__INIT;
    const char *text;

    (void)state;
    sfms_row_read(arena, contract,
        ROW({"permissions", "{deals.read,\"a, b\",\"q\\\"uote\\\\\",{},\"\"}"}, {"visibility", "TEAM"}), 0,
        &r.base);
    assert_int_equal(r.visibility, PB__VISIBILITY__TEAM);
    assert_string_equal(text_of(&r, "visibility"), "TEAM");
    assert_true(r.n_permissions >= 3);
    assert_string_equal(r.permissions[0], "deals.read");
    assert_string_equal(r.permissions[1], "a, b");
    assert_string_equal(r.permissions[2], "q\"uote\\");
    text = text_of(&r, "permissions");
    sfms_row_read(arena, contract, ROW({"permissions", text}), 0, &again.base);
    assert_int_equal(again.n_permissions, r.n_permissions);
    for (size_t i = 0; i < r.n_permissions; i++)
        assert_string_equal(again.permissions[i], r.permissions[i]);
    again.n_permissions = 0;
    assert_string_equal(text_of(&again, "permissions"), "{}");
}

static void
test_json(void **state)
{
    Pb__Account a = PB__ACCOUNT__INIT;

    (void)state;
    sfms_row_read(arena, contract,
        ROW({"custom_fields", "{\"n\": 5, \"颜色\": \"红\", \"deep\": [1, {\"x\": null}]}"}), 0, &a.base);
    assert_non_null(a.custom_fields);
    assert_int_equal(a.custom_fields->n_fields, 3);
    assert_string_equal(text_of(&a, "custom_fields"), "{\"n\":5,\"颜色\":\"红\",\"deep\":[1,{\"x\":null}]}");
}

/* Columns that a row does not have, or has as NULL, leave the message as it was. */
static void
test_others_stay(void **state)
{
    Pb__Account a = PB__ACCOUNT__INIT;

    (void)state;
    a.city = "长沙";
    a.phone = "+8613800138000";
    a.employee_count = 7;
    sfms_row_read(arena, contract, ROW({"name", "x"}, {"phone", NULL}, {"employee_count", "0"}), 0, &a.base);
    assert_string_equal(a.name, "x");
    assert_string_equal(a.city, "长沙");
    assert_string_equal(a.phone, "+8613800138000");
    assert_int_equal(a.employee_count, 0);
}

/* What a row's image has as text, as a field. */
static void
test_images(void **state)
{
    const sfms_message *account = sfms_contract_message(contract, &pb__account__descriptor);
    const sfms_message *role = sfms_contract_resource(contract, "roles");
    sfms_buf b;

    (void)state;
    sfms_buf_init(&b, arena, 10000);
    sfms_image_pack(&b, contract, sfms_message_field(account, "custom_fields", 13),
        "{\"n\": 12345678901234567890, \"m\": 1.50, \"o\": {\"\": null}}");
    Pb__Account *a = (Pb__Account *)protobuf_c_message_unpack(
        &pb__account__descriptor, sfms_arena_pb(arena), b.len, (const uint8_t *)b.data);
    assert_string_equal(
        text_of(a, "custom_fields"), "{\"n\":\"12345678901234567890\",\"m\":1.5,\"o\":{\"\":null}}");
    sfms_buf_clear(&b);
    sfms_image_pack(&b, contract, sfms_message_field(role, "permissions", 11), "[\"a.read\", \"b\\\"c\", 7]");
    assert_int_equal(b.len, 3 + 6 + 3 + 3); /* tags of two bytes; what is no text is left out */
}

/* A number that may be missing: NULL and 0 differ. */
static void
test_wrappers(void **state)
{
    Pb__PerformanceRow row = PB__PERFORMANCE_ROW__INIT;

    (void)state;
    sfms_row_read(arena, contract, ROW({"win_rate", "0"}, {"average_cycle_days", NULL}), 0, &row.base);
    assert_non_null(row.win_rate);
    assert_true(row.win_rate->value == 0);
    assert_null(row.average_cycle_days);
    assert_string_equal(text_of(&row, "win_rate"), "0");
    assert_null(text_of(&row, "average_cycle_days"));
    sfms_row_read(arena, contract, ROW({"win_rate", "0.6315"}), 0, &row.base);
    assert_true(row.win_rate->value == 0.6315);
}

static void
binary_cell(PGresult *res, int column, const char *bytes, int n)
{
    assert_true(PQsetvalue(res, 0, column, (char *)(uintptr_t)bytes, n));
}

static void
test_binary(void **state)
{
    static const struct {
        const char *name;
        Oid type;
    } columns[] = {{"id", SFMS_OID_UUID}, {"version", SFMS_OID_INT8}, {"create_time", SFMS_OID_TIMESTAMPTZ},
        {"name", SFMS_OID_TEXT}, {"employee_count", SFMS_OID_INT4}, {"annual_revenue", SFMS_OID_NUMERIC},
        {"custom_fields", SFMS_OID_JSONB}, {"city", SFMS_OID_TEXT}};
    enum { N = sizeof columns / sizeof columns[0] };
    PGresult *res = sfms_arena_own(arena, PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK), (sfms_dtor *)PQclear);
    PGresAttDesc descs[N] = {0};
    Pb__Account a = PB__ACCOUNT__INIT;

    (void)state;
    for (int i = 0; i < N; i++) {
        descs[i].name = (char *)(uintptr_t)columns[i].name;
        descs[i].typid = columns[i].type;
        descs[i].format = 1;
    }
    assert_true(PQsetResultAttrs(res, N, descs));
    binary_cell(res, 0, "\x01\x90\xb1\xc2\0\0\x70\0\x80\0\0\0\0\0\0\x01", 16);
    binary_cell(res, 1, "\0\0\0\0\0\0\x01\x2c", 8);
    binary_cell(res, 2, "\0\x03\x03\xf8\x2f\xb0\x7d\0", 8);
    binary_cell(res, 3, "云帆", 6);
    binary_cell(res, 4, "\xff\xff\xff\xfe", 4);
    binary_cell(res, 5, "\0\x02\0\0\0\0\0\x02\0\x0c\x13\x88", 12); /* 12.50 */
    binary_cell(res, 6, "\x01{\"a\":1}", 8);
    binary_cell(res, 7, NULL, -1);
    sfms_row_read(arena, contract, res, 0, &a.base);
    assert_string_equal(a.id, "0190b1c2-0000-7000-8000-000000000001");
    assert_int_equal(a.version, 300);
    assert_string_equal(text_of(&a, "create_time"), "2026-11-23T22:50:17.000192Z");
    assert_string_equal(a.name, "云帆");
    assert_int_equal(a.employee_count, -2);
    assert_string_equal(a.annual_revenue, "12.50");
    assert_string_equal(text_of(&a, "custom_fields"), "{\"a\":1}");
    assert_string_equal(a.city, "");
}

static void
test_many(void **state)
{
    Pb__ListAccountsResponse page = PB__LIST_ACCOUNTS_RESPONSE__INIT;

    (void)state;
    sfms_rows_read(arena, contract, ROW({"name", "a"}), &page.base, "accounts");
    sfms_rows_read(arena, contract, ROW({"name", "b"}), &page.base, "accounts");
    assert_int_equal(page.n_accounts, 2);
    assert_string_equal(page.accounts[0]->name, "a");
    assert_string_equal(page.accounts[1]->name, "b");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_arrays_and_enums),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_others_stay),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_wrappers),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_many),
    };

    contract = sfms_contract_load();
    arena = sfms_arena_new();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
