/* Tests common/rpc/dispatch.c: what a call hears that is not run, and how what a handler says becomes a reply. No database:
 * the handlers are the test's own, for methods that the contract has anyway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/log.h"
#include "core/time.h"
#include "rpc/serving.h"
#include "sfms/api/v1/requests.pb-c.h"
#include "sfms/customers/v1/accounts.pb-c.h"

static const char id[] = "0190b5a4-6b1c-7d52-8f6e-0123456789ab";
static sfms_server server;
static sfms_arena *arena;
static int order[8], n_run;

static sfms_status
answers(sfms_call *call, const void *in, void *out)
{
    const Pb__GetRequest *request = in;
    Pb__Account *account = out;

    order[n_run++] = request->id[strlen(request->id) - 1];
    account->id = request->id;
    account->name = call->locale == SFMS_LOCALE_ZH ? "名" : "name";
    call->version = 7;
    call->created = true;
    return SFMS_OK;
}

static sfms_status
fails(sfms_call *call, const void *in, void *out)
{
    (void)in;
    (void)out;
    return sfms_fail(call, &sfms_not_found);
}

static sfms_status
fails_without_a_reason(sfms_call *call, const void *in, void *out)
{
    (void)call;
    (void)in;
    (void)out;
    return SFMS_NOT_FOUND;
}

static sfms_status
violates_and_says_ok(sfms_call *call, const void *in, void *out)
{
    (void)in;
    (void)out;
    sfms_violate(call, "id", &sfms_bad_reference);
    return SFMS_OK;
}

/* Puts a handler in the place of a method, whatever its rule says. */
static void
serve_with(sfms_served *table, const char *method, sfms_handler *run)
{
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(server.env.contract, &n);
    const sfms_method *m = sfms_contract_method(server.env.contract, method);
    sfms_method_row *row = sfms_new(arena, sfms_method_row);

    assert_non_null(m);
    *row = (sfms_method_row){method, run, false};
    table[m - methods].row = row;
}

static int
setup(void **state)
{
    sfms_served *table;
    unsigned n;

    (void)state;
    sfms_log_open("test", "error");
    arena = sfms_arena_new();
    server.env.contract = sfms_contract_load();
    sfms_contract_methods(server.env.contract, &n);
    table = sfms_new_array(arena, sfms_served, n);
    server.served = table;
    server.unsigned_principals = true;
    serve_with(table, "sfms.customers.v1.Accounts/GetAccount", answers);
    serve_with(table, "sfms.customers.v1.Accounts/DeleteAccount", fails);
    serve_with(table, "sfms.customers.v1.Accounts/UndeleteAccount", fails_without_a_reason);
    serve_with(table, "sfms.rpc.v1.Health/Check", violates_and_says_ok);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    sfms_arena_free(arena);
    return 0;
}

static Pb__Principal *
principal(void)
{
    static const char *permissions[] = {"accounts.read", "accounts.delete"};
    Pb__Principal *p = sfms_new(arena, Pb__Principal);

    pb__principal__init(p);
    p->org_id = p->user_id = id;
    p->permissions = (void *)permissions;
    p->n_permissions = 2;
    return p;
}

/* A call with the id as its request. */
static Pb__Call *
call_of(const char *method, const char *request_id)
{
    Pb__GetRequest request = PB__GET_REQUEST__INIT;
    Pb__Call *call = sfms_new(arena, Pb__Call);

    pb__call__init(call);
    request.id = request_id;
    call->method = method;
    call->request.len = protobuf_c_message_get_packed_size(&request.base);
    call->request.data = sfms_alloc(arena, call->request.len);
    protobuf_c_message_pack(&request.base, call->request.data);
    call->principal = 1;
    call->timeout_ms = 1000;
    return call;
}

static Pb__Replies *
dispatch(size_t n, Pb__Call **calls)
{
    Pb__Batch batch = PB__BATCH__INIT;
    Pb__Principal *principals[] = {principal()};
    Pb__Replies *replies;

    n_run = 0;
    batch.n_principals = 1;
    batch.principals = principals;
    batch.n_calls = n;
    batch.calls = calls;
    replies = sfms_dispatch(&server, NULL, arena, &batch, sfms_mono_us());
    assert_int_equal(replies->n_replies, n);
    return replies;
}

static void
expect(Pb__Call *call, sfms_status status, const char *reason)
{
    Pb__Replies *replies = dispatch(1, &call);

    assert_non_null(replies->replies[0]->status);
    assert_string_equal(replies->replies[0]->status->reason, reason);
    assert_int_equal(replies->replies[0]->status->code, status);
    assert_int_equal(replies->replies[0]->response.len, 0);
}

static void
a_good_call_is_answered(void **state)
{
    Pb__Call *call = call_of("sfms.customers.v1.Accounts/GetAccount", id);
    Pb__Account *account;
    Pb__Reply *reply;

    (void)state;
    call->locale = "zh-CN";
    reply = dispatch(1, &call)->replies[0];
    assert_null(reply->status);
    assert_int_equal(reply->version, 7);
    assert_true(reply->created);
    account = (Pb__Account *)protobuf_c_message_unpack(
        &pb__account__descriptor, sfms_arena_pb(arena), reply->response.len, reply->response.data);
    assert_non_null(account);
    assert_string_equal(account->id, id);
    assert_string_equal(account->name, "名");
}

static void
a_principal_that_nobody_has_signed_is_nobody(void **state)
{
    (void)state;
    server.unsigned_principals = false;
    expect(call_of("sfms.customers.v1.Accounts/GetAccount", id), SFMS_UNAUTHENTICATED, "BAD_TOKEN");
    assert_int_equal(n_run, 0);
    server.unsigned_principals = true;
}

static void
replies_stand_in_the_order_of_the_calls(void **state)
{
    Pb__Call *calls[] = {
        call_of("sfms.customers.v1.Accounts/GetAccount", "0190b5a4-6b1c-7d52-8f6e-0123456789a1"),
        call_of("sfms.customers.v1.Accounts/DeleteAccount", id),
        call_of("sfms.customers.v1.Accounts/GetAccount", "0190b5a4-6b1c-7d52-8f6e-0123456789a2"),
    };
    Pb__Replies *replies = dispatch(3, calls);

    (void)state;
    assert_null(replies->replies[0]->status);
    assert_string_equal(replies->replies[1]->status->reason, "NOT_FOUND");
    assert_null(replies->replies[2]->status);
    assert_int_equal(n_run, 2);
    assert_int_equal(order[0], '1');
    assert_int_equal(order[1], '2');
}

static void
calls_that_cannot_be_run_hear_why(void **state)
{
    Pb__Call *call;

    (void)state;
    expect(call_of("sfms.customers.v1.Accounts/Nothing", id), SFMS_UNIMPLEMENTED, "UNIMPLEMENTED");
    expect(call_of("sfms.customers.v1.Accounts/ListAccounts", id), SFMS_UNIMPLEMENTED, "UNIMPLEMENTED");
    expect(call_of("", id), SFMS_UNIMPLEMENTED, "UNIMPLEMENTED");

    call = call_of("sfms.customers.v1.Accounts/GetAccount", id);
    call->timeout_ms = 0;
    expect(call, SFMS_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED");

    call = call_of("sfms.customers.v1.Accounts/GetAccount", id);
    call->principal = 0;
    expect(call, SFMS_UNAUTHENTICATED, "NO_TOKEN");
    call->principal = 2; /* the batch has one */
    expect(call, SFMS_INVALID_ARGUMENT, "BAD_MESSAGE");

    call = call_of("sfms.customers.v1.Accounts/GetAccount", id);
    call->request.len--; /* cut short */
    expect(call, SFMS_INVALID_ARGUMENT, "BAD_MESSAGE");

    expect(
        call_of("sfms.customers.v1.Accounts/GetAccount", "no id"), SFMS_INVALID_ARGUMENT, "INVALID_FIELDS");
    assert_int_equal(n_run, 0);
}

static void
what_a_handler_says_and_what_it_noted_agree(void **state)
{
    Pb__Call *health = call_of("sfms.rpc.v1.Health/Check", id);

    (void)state;
    expect(call_of("sfms.customers.v1.Accounts/DeleteAccount", id), SFMS_NOT_FOUND, "NOT_FOUND");
    expect(call_of("sfms.customers.v1.Accounts/UndeleteAccount", id), SFMS_INTERNAL, "INTERNAL");
    health->request.len = 0;
    expect(health, SFMS_INVALID_ARGUMENT, "INVALID_FIELDS");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_call_is_answered),
        cmocka_unit_test(a_principal_that_nobody_has_signed_is_nobody),
        cmocka_unit_test(replies_stand_in_the_order_of_the_calls),
        cmocka_unit_test(calls_that_cannot_be_run_hear_why),
        cmocka_unit_test(what_a_handler_says_and_what_it_noted_agree),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
