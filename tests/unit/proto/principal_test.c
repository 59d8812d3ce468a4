/* Tests common/proto/principal.c and core/sign.c: what a signature holds for, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/seal.h"
#include "proto/principal.h"

static const char id[] = "0190b5a4-6b1c-7d52-8f6e-0123456789ab";
static const char *permissions[] = {"accounts.read", "accounts.write"};
static sfms_key_pair pair;
static sfms_arena *arena;

static Pb__Principal
made(void)
{
    Pb__Principal p = PB__PRINCIPAL__INIT;

    p.org_id = id;
    p.user_id = "0190b5a4-6b1c-7d52-8f6e-0123456789ac";
    p.permissions = (void *)permissions;
    p.n_permissions = 2;
    p.visibility = PB__VISIBILITY__TEAM;
    p.seen_owners = 7;
    sfms_principal_sign(arena, &p, id, &pair, 1234567890123);
    return p;
}

static bool
holds(const Pb__Principal *p)
{
    return sfms_principal_check(arena, p, pair.public_key);
}

static void
it_holds_for_what_was_signed(void **state)
{
    const Pb__Principal p = made();

    (void)state;
    assert_true(sfms_principal_signed(&p));
    assert_string_equal(p.signer, id);
    assert_int_equal(p.expire_ms, 1234567890123);
    assert_true(holds(&p));
}

static void
it_holds_for_nothing_else(void **state)
{
    static const char *more[] = {"accounts.read", "accounts.write", "users.write"};
    const Pb__Principal good = made();
    Pb__Principal p;

    (void)state;
    p = good, p.org_id = good.user_id;
    assert_false(holds(&p));
    p = good, p.user_id = good.org_id;
    assert_false(holds(&p));
    p = good, p.permissions = (void *)more, p.n_permissions = 3;
    assert_false(holds(&p));
    p = good, p.visibility = PB__VISIBILITY__ORG;
    assert_false(holds(&p));
    p = good, p.seen_owners = 8;
    assert_false(holds(&p));
    p = good, p.expire_ms++;
    assert_false(holds(&p));
    p = good, p.signer = p.user_id;
    assert_false(holds(&p));
    p = good, p.session_id = id;
    assert_false(holds(&p));
}

static void
it_is_of_one_key_and_of_one_length(void **state)
{
    const Pb__Principal good = made();
    Pb__Principal p = good;
    sfms_key_pair other;

    (void)state;
    sfms_key_pair_make(&other);
    assert_false(sfms_principal_check(arena, &good, other.public_key));
    for (size_t n = 0; n < SFMS_SIGNATURE_SIZE; n++) {
        p.signature.len = n;
        assert_false(holds(&p));
    }
    p.signature.len = SFMS_SIGNATURE_SIZE;
    for (size_t i = 0; i < SFMS_SIGNATURE_SIZE; i++) {
        p.signature.data[i] ^= 1;
        assert_false(holds(&p));
        p.signature.data[i] ^= 1;
    }
    assert_true(holds(&p));
}

/* A later version has signed a field that this one does not know, and a process of this one passes it on. */
static void
it_holds_with_fields_that_are_not_known(void **state)
{
    static const uint8_t unknown[] = {0x9a, 0x06, 0x03, 'n', 'e', 'w'}; /* number 99: a text */
    Pb__Principal p = made();
    Pb__Principal *again;
    uint8_t bytes[1024], purpose_and_bytes[1024] = "sfms principal 1";
    size_t n, signature_len = SFMS_SIGNATURE_SIZE;

    (void)state;
    p.signature.len = 0;
    n = protobuf_c_message_pack(&p.base, purpose_and_bytes + sizeof("sfms principal 1"));
    memcpy(purpose_and_bytes + sizeof("sfms principal 1") + n, unknown, sizeof(unknown));
    sfms_sign(&pair, purpose_and_bytes, sizeof("sfms principal 1") + n + sizeof(unknown), p.signature.data);
    p.signature.len = signature_len;
    n = protobuf_c_message_pack(&p.base, bytes);
    memcpy(bytes + n, unknown, sizeof(unknown));

    again = (Pb__Principal *)protobuf_c_message_unpack(
        &pb__principal__descriptor, sfms_arena_pb(arena), n + sizeof(unknown), bytes);
    assert_non_null(again);
    assert_true(holds(again));
    n = protobuf_c_message_pack(&again->base, bytes);
    again = (Pb__Principal *)protobuf_c_message_unpack(
        &pb__principal__descriptor, sfms_arena_pb(arena), n, bytes);
    assert_true(holds(again));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_for_what_was_signed),
        cmocka_unit_test(it_holds_for_nothing_else),
        cmocka_unit_test(it_is_of_one_key_and_of_one_length),
        cmocka_unit_test(it_holds_with_fields_that_are_not_known),
    };
    int failed;

    sfms_seal_init();
    arena = sfms_arena_new();
    sfms_key_pair_make(&pair);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(arena);
    return failed;
}
