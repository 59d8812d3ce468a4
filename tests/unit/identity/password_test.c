/* Passwords: what is one, and hashes of before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/seal.h"
#include "identity/password.c"

static sfms_arena *arena;

static int
setup(void **state)
{
    (void)state;
    sfms_seal_init();
    arena = sfms_arena_new();
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    sfms_arena_free(arena);
    return 0;
}

/* As it was made before there was a normal form. */
static const char *
hash_of_bytes(const char *password)
{
    char *hash = sfms_alloc(arena, crypto_pwhash_STRBYTES);

    assert_int_equal(crypto_pwhash_str(hash, password, strlen(password), PASSES, MEMORY), 0);
    return hash;
}

static void
test_one_password_from_all_keyboards(void **state)
{
    static const char *const same[][2] = {
        {"gro\xcc\x88\xc3\x9f\x65r als 10", "gr\xc3\xb6\xc3\x9f\x65r als 10"}, /* o with U+0308 */
        {"code \xef\xbc\x91\xef\xbc\x92\xef\xbc\x93 456", "code 123 456"},     /* full width */
        {"blank\xe3\x80\x80\xc2\xa0here too", "blank  here too"},              /* U+3000, U+00A0 */
        {"\xed\x95\x9c\xea\xb8\x80 password",
            "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x80\xe1\x85\xb3\xe1\x86\xaf password"},
        {"of\xef\xac\x81\x63\x65 password", "office password"}, /* U+FB01 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        assert_int_equal(
            password_verify(arena, password_hash(arena, same[i][0]), same[i][1]), PASSWORD_RIGHT);
        assert_int_equal(
            password_verify(arena, password_hash(arena, same[i][1]), same[i][0]), PASSWORD_RIGHT);
    }
}

static void
test_what_differs_is_another(void **state)
{
    const char *hash = password_hash(arena, "Correct horse");

    (void)state;
    assert_int_equal(password_verify(arena, hash, "correct horse"), PASSWORD_WRONG);
    assert_int_equal(password_verify(arena, hash, "Correct  horse"), PASSWORD_WRONG);
    assert_int_equal(password_verify(arena, hash, " Correct horse"), PASSWORD_WRONG);
    assert_int_equal(password_verify(arena, hash, "Correct horse "), PASSWORD_WRONG);
    assert_int_equal(password_verify(arena, hash, "C\xc3\xb6rrect horse"), PASSWORD_WRONG);
    assert_int_equal(password_verify(arena, NULL, "Correct horse"), PASSWORD_WRONG);
    assert_int_equal(password_verify(arena, NULL, "Co\xcc\x88rrect horse"), PASSWORD_WRONG);
}

static void
test_hashes_of_before(void **state)
{
    char weaker[crypto_pwhash_STRBYTES];

    (void)state;
    assert_int_equal(
        password_verify(arena, hash_of_bytes("o\xcc\x88 password"), "o\xcc\x88 password"), PASSWORD_OLD);
    assert_int_equal(
        password_verify(arena, hash_of_bytes("\xc3\xb6 password"), "o\xcc\x88 password"), PASSWORD_RIGHT);
    assert_int_equal(
        password_verify(arena, hash_of_bytes("plain password"), "plain password"), PASSWORD_RIGHT);
    assert_int_equal(crypto_pwhash_str(weaker, "plain password", 14, 1, 8192 * 1024), 0);
    assert_int_equal(password_verify(arena, weaker, "plain password"), PASSWORD_OLD);
    assert_int_equal(password_verify(arena, weaker, "other password"), PASSWORD_WRONG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_password_from_all_keyboards),
        cmocka_unit_test(test_what_differs_is_another),
        cmocka_unit_test(test_hashes_of_before),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
