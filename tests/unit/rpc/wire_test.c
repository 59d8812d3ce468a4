/* Tests common/rpc/wire.c: what is signed is read back; anything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "rpc/wire.h"

static const char secret[] = "a secret of at least thirty-two characters";
static sfms_wire_keys keys;
static sfms_bond bond = {{1, 2, 3}};

static nng_msg *
sample(void)
{
    static uint8_t request[] = {0, 1, 2, 3, 255};
    Pb__Principal principal = PB__PRINCIPAL__INIT;
    Pb__Call call = PB__CALL__INIT;
    Pb__Batch batch = PB__BATCH__INIT;
    Pb__Principal *principals[] = {&principal};
    Pb__Call *calls[] = {&call};
    nng_msg *msg;

    principal.org_id = "7a0c";
    call.method = "sfms.customers.v1.Accounts/GetAccount";
    call.request.data = request;
    call.request.len = sizeof(request);
    call.principal = 1;
    batch.n_principals = 1;
    batch.principals = principals;
    batch.n_calls = 1;
    batch.calls = calls;
    msg = sfms_wire_pack(keys.request, &bond, &batch.base);
    assert_non_null(msg);
    return msg;
}

static int
setup(void **state)
{
    (void)state;
    sfms_seal_init();
    sfms_wire_keys_init(&keys, secret, NULL);
    return 0;
}

static void
reads_back_what_was_packed(void **state)
{
    nng_msg *msg = sample();
    sfms_arena *a = sfms_arena_new();
    Pb__Batch *batch = (Pb__Batch *)sfms_wire_open(
        a, keys.request, &bond, &pb__batch__descriptor, nng_msg_body(msg), nng_msg_len(msg));

    (void)state;
    nng_msg_free(msg);
    assert_non_null(batch);
    assert_int_equal(batch->n_calls, 1);
    assert_string_equal(batch->calls[0]->method, "sfms.customers.v1.Accounts/GetAccount");
    assert_int_equal(batch->calls[0]->request.len, 5);
    assert_int_equal(batch->calls[0]->request.data[4], 255);
    assert_string_equal(batch->principals[0]->org_id, "7a0c");
    sfms_arena_free(a);
}

static void
an_empty_message_is_a_message(void **state)
{
    Pb__Batch batch = PB__BATCH__INIT;
    nng_msg *msg = sfms_wire_pack(keys.request, &bond, &batch.base);
    sfms_arena *a = sfms_arena_new();

    (void)state;
    assert_int_equal(nng_msg_len(msg), SFMS_WIRE_HEADER);
    assert_non_null(
        sfms_wire_open(a, keys.request, &bond, &pb__batch__descriptor, nng_msg_body(msg), nng_msg_len(msg)));
    nng_msg_free(msg);
    sfms_arena_free(a);
}

/* Every bit of every byte: magic, MAC and content. */
static void
refuses_every_changed_bit(void **state)
{
    nng_msg *msg = sample();
    uint8_t *body = nng_msg_body(msg);
    size_t n = nng_msg_len(msg);
    sfms_arena *a = sfms_arena_new();

    (void)state;
    for (size_t i = 0; i < n * 8; i++) {
        body[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_null(sfms_wire_open(a, keys.request, &bond, &pb__batch__descriptor, body, n));
        body[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_non_null(sfms_wire_open(a, keys.request, &bond, &pb__batch__descriptor, body, n));
    nng_msg_free(msg);
    sfms_arena_free(a);
}

static void
refuses_every_other_length(void **state)
{
    nng_msg *msg = sample();
    uint8_t longer[512] = {0};
    size_t n = nng_msg_len(msg);
    sfms_arena *a = sfms_arena_new();

    (void)state;
    memcpy(longer, nng_msg_body(msg), n);
    for (size_t i = 0; i < n; i++)
        assert_null(sfms_wire_open(a, keys.request, &bond, &pb__batch__descriptor, longer, i));
    assert_null(sfms_wire_open(a, keys.request, &bond, &pb__batch__descriptor, longer, n + 1));
    assert_null(sfms_wire_open(a, keys.request, &bond, &pb__batch__descriptor, NULL, 0));
    nng_msg_free(msg);
    sfms_arena_free(a);
}

static void
refuses_another_key_and_the_other_direction(void **state)
{
    nng_msg *msg = sample();
    sfms_wire_keys others;
    sfms_arena *a = sfms_arena_new();
    const void *body = nng_msg_body(msg);
    size_t n = nng_msg_len(msg);

    (void)state;
    sfms_wire_keys_init(&others, "another secret of at least thirty-two characters", NULL);
    assert_null(sfms_wire_open(a, others.request, &bond, &pb__batch__descriptor, body, n));
    assert_null(sfms_wire_open(a, keys.reply, &bond, &pb__batch__descriptor, body, n));
    nng_msg_free(msg);
    sfms_arena_free(a);
}

/* What is bound to one message means nothing as the answer to another. */
static void
refuses_another_bond(void **state)
{
    nng_msg *msg = sample(), *same = sample();
    sfms_bond other = sfms_wire_bond(msg), none = {0};
    sfms_arena *a = sfms_arena_new();
    const void *body = nng_msg_body(msg);
    size_t n = nng_msg_len(msg);

    (void)state;
    assert_null(sfms_wire_open(a, keys.request, &other, &pb__batch__descriptor, body, n));
    assert_null(sfms_wire_open(a, keys.request, &none, &pb__batch__descriptor, body, n));
    for (size_t i = 0; i < sizeof(bond.mac) * 8; i++) {
        other = bond;
        other.mac[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_null(sfms_wire_open(a, keys.request, &other, &pb__batch__descriptor, body, n));
    }
    other = sfms_wire_bond(same); /* the same content, but another message */
    assert_memory_not_equal(other.mac, sfms_wire_bond(msg).mac, sizeof(other.mac));
    nng_msg_free(same);
    nng_msg_free(msg);
    sfms_arena_free(a);
}

/* Signed, but no protobuf. */
static void
refuses_signed_junk(void **state)
{
    size_t n_keys;
    uint8_t body[SFMS_WIRE_HEADER + 3] = "SFM1";
    sfms_arena *a = sfms_arena_new();

    (void)state;
    memset(body + SFMS_WIRE_HEADER, 0xff, 3);
    sfms_mac(sfms_ring_keys(keys.request, &n_keys), bond.mac, body + SFMS_WIRE_HEADER, 3, body + 4);
    assert_null(sfms_wire_open(a, keys.request, &bond, &pb__batch__descriptor, body, sizeof(body)));
    sfms_arena_free(a);
}

static void
does_not_pack_what_is_too_large(void **state)
{
    static uint8_t request[SFMS_MESSAGE_MAX];
    Pb__Call call = PB__CALL__INIT;

    (void)state;
    call.request.data = request;
    call.request.len = sizeof(request);
    assert_null(sfms_wire_pack(keys.request, &bond, &call.base));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_packed),
        cmocka_unit_test(an_empty_message_is_a_message),
        cmocka_unit_test(refuses_every_changed_bit),
        cmocka_unit_test(refuses_every_other_length),
        cmocka_unit_test(refuses_another_key_and_the_other_direction),
        cmocka_unit_test(refuses_another_bond),
        cmocka_unit_test(refuses_signed_junk),
        cmocka_unit_test(does_not_pack_what_is_too_large),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
