/* contract_test.c -- the contract as a process knows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "google/protobuf/struct.pb-c.h"
#include "proto/contract.h"
#include "sfms/api/v1/requests.pb-c.h"
#include "sfms/customers/v1/accounts.pb-c.h"
#include "sfms/exchange/v1/imports.pb-c.h"
#include "sfms/pipeline/v1/deals.pb-c.h"
#include "sfms/rpc/v1/envelope.pb-c.h"

static const sfms_contract *contract;

static void
test_methods(void **state)
{
    unsigned n;
    const sfms_method *all = sfms_contract_methods(contract, &n);

    (void)state;
    assert_true(n > 50);
    for (unsigned i = 0; i < n; i++) {
        assert_ptr_equal(sfms_contract_method(contract, all[i].name), &all[i]);
        assert_true(all[i].comment[0] != '\0');
        assert_ptr_equal(sfms_contract_message(contract, all[i].input->desc), all[i].input);
        assert_ptr_equal(sfms_contract_message(contract, all[i].output->desc), all[i].output);
    }
    assert_null(sfms_contract_method(contract, ""));
    assert_null(sfms_contract_method(contract, "sfms.customers.v1.Accounts/GetAccoun"));
    assert_ptr_equal(sfms_contract_load(), contract); /* once is enough */
}

static void
test_one_method(void **state)
{
    const sfms_method *m = sfms_contract_method(contract, "sfms.customers.v1.Accounts/UpdateAccount");

    (void)state;
    assert_non_null(m);
    assert_string_equal(m->service, "customers");
    assert_string_equal(m->group, "Accounts");
    assert_string_equal(m->short_name, "UpdateAccount");
    assert_string_equal(m->input->desc->name, "sfms.customers.v1.UpdateAccountRequest");
    assert_string_equal(m->output->desc->name, "sfms.customers.v1.Account");
    assert_string_equal(m->rule->permission, "accounts.write");
    assert_int_equal(m->rule->verb, PB__VERB__UPDATE);
    assert_true(m->rule->point);
    assert_false(m->rule->idempotent);
    assert_int_equal(m->n_routes, 1);
    assert_string_equal(m->routes[0].verb, "PATCH");
    assert_string_equal(m->routes[0].path, "/v1/accounts/{account.id}");
    assert_string_equal(m->routes[0].body, "account");
    assert_string_equal(m->resource->resource, "accounts");
    assert_string_equal(m->comment, "Changes the fields that the body has; null clears. With If-Match only "
                                    "if the version is still that one.");

    m = sfms_contract_method(contract, "sfms.customers.v1.Accounts/ListAccounts");
    assert_int_equal(m->n_routes, 3);
    assert_string_equal(m->routes[1].verb, "POST");
    assert_string_equal(m->routes[1].path, "/v1/accounts:search");
    assert_string_equal(m->routes[1].body, "*");
    assert_string_equal(m->routes[2].verb, "GET");
    assert_string_equal(m->routes[2].path, "/v1/accounts:export");
    assert_int_equal(m->routes[2].kind, SFMS_ROUTE_EXPORT);
    assert_string_equal(m->export_permission, "accounts.export");

    m = sfms_contract_method(contract, "sfms.rpc.v1.Health/Check");
    assert_string_equal(m->service, "rpc");
    assert_true(m->rule->internal);
    assert_int_equal(m->n_routes, 0);
    assert_null(m->resource);
}

static void
test_standard(void **state)
{
    (void)state;
    assert_string_equal(sfms_contract_standard(contract, "accounts", PB__VERB__LIST)->name,
        "sfms.customers.v1.Accounts/ListAccounts");
    assert_string_equal(sfms_contract_standard(contract, "deals", PB__VERB__BATCH_GET)->name,
        "sfms.pipeline.v1.Deals/BatchGetDeals");
    assert_null(sfms_contract_standard(contract, "nothing", PB__VERB__GET));
    assert_null(sfms_contract_standard(contract, "accounts", PB__VERB__VERB_UNSPECIFIED));
}

static void
test_resource(void **state)
{
    const sfms_message *m = sfms_contract_resource(contract, "accounts");

    (void)state;
    assert_ptr_equal(m->desc, &pb__account__descriptor);
    assert_ptr_equal(sfms_contract_message(contract, &pb__account__descriptor), m);
    assert_string_equal(m->comment, "A company.");
    assert_null(sfms_contract_resource(contract, "account"));
    assert_null(sfms_contract_message(contract, &pb__violation__descriptor));

    const sfms_message *list = sfms_contract_message(contract, &pb__list_accounts_response__descriptor);
    assert_string_equal(sfms_message_resource_field(list)->desc->name, "accounts");
    assert_null(sfms_message_resource_field(m));
}

static void
test_fields(void **state)
{
    const sfms_message *m = sfms_contract_resource(contract, "accounts");
    const sfms_field *f = sfms_message_field(m, "annual_revenue", 14);

    (void)state;
    assert_ptr_equal(sfms_message_field(m, "annualRevenue", 13), f);
    assert_string_equal(f->json_name, "annualRevenue");
    assert_string_equal(f->json_key, ",\"annualRevenue\":");
    assert_int_equal(f->json_key_len, 17);
    assert_int_equal(f->rule->format, PB__FORMAT__MONEY);
    assert_string_equal(f->comment, "Revenue in a year, in the organisation's currency.");
    assert_null(f->message);

    f = sfms_message_field(m, "employee_count", 14);
    assert_true(f->rule->min == 0 && f->rule->max == 100000000);
    f = sfms_message_field(m, "owner_id", 8);
    assert_string_equal(f->rule->references, "users");
    f = sfms_message_field(m, "city", 4); /* no rule */
    assert_false(f->rule->required);
    assert_string_equal(f->rule->references, "");

    assert_null(sfms_message_field(m, "", 0));
    assert_null(sfms_message_field(m, "nam", 3));
    assert_null(sfms_message_field(m, "namet", 5));
    assert_null(sfms_message_field(m, "Name", 4));
    assert_non_null(sfms_message_field(m, "namet", 4)); /* the length counts, not the NUL */
    for (unsigned i = 0; i < m->n_fields; i++) {
        assert_ptr_equal(m->fields[i].desc, &m->desc->fields[i]);
        assert_ptr_equal(
            sfms_message_field(m, m->desc->fields[i].name, strlen(m->desc->fields[i].name)), &m->fields[i]);
    }
}

static void
test_kinds(void **state)
{
    const sfms_message *account = sfms_contract_resource(contract, "accounts");
    const sfms_message *mapping = sfms_contract_message(contract, &pb__import_mapping__descriptor);
    const sfms_field *f;

    (void)state;
    assert_int_equal(account->kind, SFMS_KIND_PLAIN);
    f = sfms_message_field(account, "create_time", 11);
    assert_int_equal(f->message->kind, SFMS_KIND_TIMESTAMP);
    f = sfms_message_field(account, "custom_fields", 13);
    assert_int_equal(f->message->kind, SFMS_KIND_STRUCT);
    const sfms_message *entry = f->message->fields[0].message;
    assert_int_equal(entry->kind, SFMS_KIND_MAP_ENTRY);
    const sfms_message *value = entry->fields[1].message;
    assert_int_equal(value->kind, SFMS_KIND_VALUE);
    /* A message that holds itself. */
    assert_ptr_equal(sfms_message_field(value, "struct_value", 12)->message, f->message);
    assert_int_equal(sfms_message_field(value, "list_value", 10)->message->kind, SFMS_KIND_LIST_VALUE);
    assert_int_equal(sfms_message_field(mapping, "columns", 7)->message->kind, SFMS_KIND_MAP_ENTRY);
    assert_int_equal(sfms_contract_message(contract, &pb__raw_body__descriptor)->kind, SFMS_KIND_RAW);
    const sfms_message *get = sfms_contract_message(contract, &pb__get_request__descriptor);
    assert_int_equal(sfms_message_field(get, "read_mask", 9)->message->kind, SFMS_KIND_FIELD_MASK);
}

static void
test_enum_names(void **state)
{
    static const ProtobufCEnumValue values[] = {{"MINUS", "", -5}, {"ZERO", "", 0}, {"TEN", "", 10}};
    static const ProtobufCIntRange ranges[] = {{-5, 0}, {0, 1}, {10, 2}, {0, 3}};
    static const ProtobufCEnumDescriptor sparse = {.magic = PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,
        .n_values = 3,
        .values = values,
        .n_value_ranges = 3,
        .value_ranges = ranges};

    (void)state;
    assert_string_equal(sfms_enum_name(&pb__verb__descriptor, PB__VERB__UPSERT), "UPSERT");
    assert_string_equal(sfms_enum_name(&pb__verb__descriptor, 0), "VERB_UNSPECIFIED");
    assert_null(sfms_enum_name(&pb__verb__descriptor, 9));
    assert_null(sfms_enum_name(&pb__verb__descriptor, -1));
    assert_string_equal(sfms_enum_name(&sparse, -5), "MINUS");
    assert_string_equal(sfms_enum_name(&sparse, 10), "TEN");
    assert_string_equal(sfms_enum_name(&sparse, 0), "ZERO");
    assert_null(sfms_enum_name(&sparse, 1));
}

static void
test_accessors(void **state)
{
    sfms_arena *a = sfms_arena_new();
    Pb__Deal *deal = (Pb__Deal *)sfms_message_new(a, &pb__deal__descriptor);
    const ProtobufCFieldDescriptor *name =
        protobuf_c_message_descriptor_get_field_by_name(&pb__deal__descriptor, "name");
    const ProtobufCFieldDescriptor *items =
        protobuf_c_message_descriptor_get_field_by_name(&pb__deal__descriptor, "line_items");
    const ProtobufCFieldDescriptor *probability =
        protobuf_c_message_descriptor_get_field_by_name(&pb__deal__descriptor, "probability");
    void *made[40];

    (void)state;
    assert_ptr_equal(deal->base.descriptor, &pb__deal__descriptor);
    assert_string_equal(deal->name, "");
    for (unsigned i = 0; i < pb__deal__descriptor.n_fields; i++)
        assert_true(sfms_field_is_default(&deal->base, &pb__deal__descriptor.fields[i]));

    *(const char **)sfms_field_at(&deal->base, name) = "x";
    assert_string_equal(deal->name, "x");
    assert_false(sfms_field_is_default(&deal->base, name));
    deal->probability = -0.0;
    assert_true(sfms_field_is_default(&deal->base, probability));
    deal->probability = 0.5;
    assert_false(sfms_field_is_default(&deal->base, probability));
    for (size_t i = 0; i < 40; i++) {
        made[i] = sfms_message_new(a, &pb__line_item__descriptor);
        *(void **)sfms_field_append(a, &deal->base, items) = made[i];
        assert_int_equal(sfms_field_count(&deal->base, items), i + 1);
    }
    assert_int_equal(deal->n_line_items, 40);
    for (size_t i = 0; i < 40; i++)
        assert_ptr_equal(deal->line_items[i], made[i]);
    sfms_arena_free(a);
}

static void
test_oneof(void **state)
{
    sfms_arena *a = sfms_arena_new();
    Google__Protobuf__Value *v =
        (Google__Protobuf__Value *)sfms_message_new(a, &google__protobuf__value__descriptor);
    const ProtobufCFieldDescriptor *number =
        protobuf_c_message_descriptor_get_field_by_name(&google__protobuf__value__descriptor, "number_value");
    const ProtobufCFieldDescriptor *text =
        protobuf_c_message_descriptor_get_field_by_name(&google__protobuf__value__descriptor, "string_value");

    (void)state;
    assert_false(sfms_field_is_set(&v->base, number));
    sfms_field_mark(&v->base, number);
    assert_int_equal(v->kind_case, GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE);
    assert_true(sfms_field_is_set(&v->base, number));
    assert_false(sfms_field_is_set(&v->base, text));
    assert_true(sfms_field_is_default(&v->base, text)); /* not in use, so nothing is read from it */
    sfms_arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_one_method),
        cmocka_unit_test(test_standard),
        cmocka_unit_test(test_resource),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_enum_names),
        cmocka_unit_test(test_accessors),
        cmocka_unit_test(test_oneof),
    };

    contract = sfms_contract_load();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
