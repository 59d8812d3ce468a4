/* contract_check_test.c -- contracts that a process refuses to stand on. Each case breaks one thing in a method of the real
 * one. */
#include "../core/dies.h"

#include "proto/contract_private.h"

static const sfms_contract *real;

/* A contract of two methods: the one under test, with one route, and one beside it. */
typedef struct {
    struct sfms_contract contract;
    sfms_method methods[2];
    Pb__MethodRule rule;
    sfms_route route;
} broken;

static broken
made_of(const char *name)
{
    const sfms_method *m = sfms_contract_method(real, name);
    broken b = {.contract = *real, .rule = *m->rule};

    if (m->n_routes > 0)
        b.route = m->routes[0];
    b.methods[0] = *m;
    b.methods[0].n_routes = m->n_routes > 0;
    b.methods[1] = *sfms_contract_method(real, "sfms.customers.v1.Accounts/GetAccount");
    return b;
}

static void
check(const void *arg)
{
    broken b = *(const broken *)arg;

    b.methods[0].rule = &b.rule;
    b.methods[0].routes = &b.route;
    b.contract.methods = b.methods;
    b.contract.n_methods = 2;
    sfms_contract_check(&b.contract);
}

static void
test_good(void **state)
{
    broken b = made_of("sfms.customers.v1.Accounts/ListAccounts");

    (void)state;
    check(&b);
    sfms_contract_check(real);
}

static void
test_rules(void **state)
{
    broken b = made_of("sfms.customers.v1.Accounts/ListAccounts");

    (void)state;
    b.rule.permission = "";
    dies(check, &b, "ListAccounts must say exactly one of permission");
    b.rule.permission = "accounts.read";
    b.rule.signed_in = 1;
    dies(check, &b, "ListAccounts must say exactly one of permission");
    b.rule.permission = "";
    check(&b);
    b.rule.public_ = 1;
    dies(check, &b, "exactly one");
    b.rule.public_ = b.rule.signed_in = 0;
    b.rule.internal = 1;
    dies(check, &b, "ListAccounts is internal and must not have a route");
    b.methods[0].n_routes = 0;
    check(&b);
    b.rule.internal = 0;
    b.rule.signed_in = 1;
    dies(check, &b, "ListAccounts has no route");
}

static void
test_routes(void **state)
{
    broken b = made_of("sfms.customers.v1.Accounts/DeleteAccount");

    (void)state;
    b.route.verb = "GET";
    dies(check, &b, "have the same route, GET /v1/accounts/{id}");
    b.route.path = "/v1/accounts/{nothing}"; /* still the same, but this is found first */
    dies(check, &b, "names \"nothing\", which is no field of sfms.api.v1.DeleteRequest");
    b.route.path = "/v1/accounts/{id=*}/more";
    check(&b);
    b.route.body = "id.deeper";
    dies(check, &b, "a route of sfms.customers.v1.Accounts/DeleteAccount names");
    b.route.body = "*";
    check(&b);

    b = made_of("sfms.customers.v1.Accounts/UpdateAccount");
    b.route.path = "/v1/accounts/{account.idd}";
    dies(check, &b, "names \"account.idd\"");
    b.route.path = "/v1/accounts/{account.id}";
    check(&b);
    b.route.verb = "GET"; /* the same but for the variable's name */
    dies(check, &b, "same route");
}

static void
test_verbs(void **state)
{
    broken b = made_of("sfms.customers.v1.Accounts/DeleteAccount");

    (void)state;
    b.rule.verb = PB__VERB__UPDATE;
    dies(check, &b, "must take the resource that it answers, and update_mask");
    b.rule.verb = PB__VERB__CREATE;
    dies(check, &b, "must take and answer the resource");
    b.rule.verb = PB__VERB__LIST;
    dies(check, &b, "must take a sfms.api.v1.ListRequest");
    b.rule.verb = PB__VERB__GET;
    dies(check, &b, "must take a sfms.api.v1.GetRequest");
    b.rule.verb = PB__VERB__UNDELETE;
    check(&b);

    b = made_of("sfms.customers.v1.Accounts/ListAccounts");
    b.methods[0].output = sfms_contract_resource(real, "accounts");
    dies(check, &b, "ListAccounts must answer resources, next_page_token, total_size and total_is_estimate");
}

static void
two_of_a_name(const void *arg)
{
    struct sfms_contract c = *real;
    const sfms_message *messages[2] = {sfms_contract_resource(real, "accounts"), NULL};
    sfms_message other = *sfms_contract_resource(real, "deals");

    other.resource = arg;
    messages[1] = &other;
    c.messages = messages;
    c.n_messages = 2;
    c.n_methods = 0;
    sfms_contract_check(&c);
}

static void
test_resources(void **state)
{
    (void)state;
    two_of_a_name("deals");
    dies(two_of_a_name, "accounts", "two messages are the resource \"accounts\"");
}

/* A contract of one resource, of which one label is not as it must be. */
typedef struct {
    bool of_resource;
    const char *field; /* or */
    Pb__Label label;
} mislabelled;

static void
check_labelled(const void *arg)
{
    const mislabelled *wrong = arg;
    struct sfms_contract c = *real;
    sfms_message m = *sfms_contract_resource(real, "tasks");
    sfms_field fields[SFMS_FIELDS_MAX];
    Pb__ResourceRule rule = *m.rule;
    Pb__Label label = wrong->label;
    const sfms_message *messages[1] = {&m};

    memcpy(fields, m.fields, m.n_fields * sizeof fields[0]);
    if (wrong->of_resource)
        rule.plural = &label;
    for (unsigned i = 0; wrong->field != NULL && i < m.n_fields; i++)
        if (strcmp(fields[i].desc->name, wrong->field) == 0)
            fields[i].label = &label;
    m.fields = fields;
    m.rule = &rule;
    c.messages = messages;
    c.n_messages = 1;
    c.n_methods = 0;
    sfms_contract_check(&c);
}

static void
test_labels(void **state)
{
    static const Pb__Label english = {.en = "Title", .zh = ""}, chinese = {.en = "", .zh = "标题"},
                           both = {.en = "Title", .zh = "标题"};

    (void)state;
    check_labelled(&(mislabelled){.of_resource = true, .label = both});
    check_labelled(&(mislabelled){.field = "subject", .label = both});
    dies(check_labelled, &(mislabelled){.of_resource = true, .label = english},
        "sfms.activities.v1.Task has no label and plural in English and Chinese");
    dies(check_labelled, &(mislabelled){.field = "subject", .label = english},
        "sfms.activities.v1.Task.subject has no label in English and Chinese");
    dies(check_labelled, &(mislabelled){.field = "subject", .label = chinese},
        "sfms.activities.v1.Task.subject has no label in English and Chinese");
}

/* A value of an enum that nobody has named. */
static void
check_values(const void *arg)
{
    struct sfms_contract c = *real;
    sfms_message m = *sfms_contract_resource(real, "tasks");
    sfms_field fields[SFMS_FIELDS_MAX];
    static const Pb__Label *none[8];
    const sfms_message *messages[1] = {&m};

    (void)arg;
    memcpy(fields, m.fields, m.n_fields * sizeof fields[0]);
    for (unsigned i = 0; i < m.n_fields; i++)
        if (strcmp(fields[i].desc->name, "priority") == 0)
            fields[i].value_labels = none;
    m.fields = fields;
    c.messages = messages;
    c.n_messages = 1;
    c.n_methods = 0;
    sfms_contract_check(&c);
}

static void
test_value_labels(void **state)
{
    (void)state;
    dies(check_values, NULL, "LOW of sfms.activities.v1.Task.Priority has no label in English and Chinese");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_value_labels),
    };

    real = sfms_contract_load();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
