/* seal_test.c -- keys and what is made with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/seal.h"

static const char secret[] = "0123456789abcdef0123456789abcdef"; /* 32 characters */
static sfms_arena *a;

static sfms_key
key_for(const char *purpose)
{
    sfms_key key;

    assert_true(sfms_key_derive(secret, purpose, &key));
    return key;
}

static void
test_derive(void **state)
{
    sfms_key key, other;

    (void)state;
    assert_false(sfms_key_derive("0123456789abcdef0123456789abcde", "p", &key)); /* 31 */
    assert_false(sfms_key_derive("", "p", &key));
    assert_false(sfms_key_derive(NULL, "p", &key));
    assert_true(sfms_key_derive(secret, "p", &key));
    assert_true(sfms_key_derive(secret, "p", &other));
    assert_memory_equal(&key, &other, sizeof key);
    assert_true(sfms_key_derive(secret, "q", &other));
    assert_memory_not_equal(&key, &other, sizeof key);
    assert_true(sfms_key_derive("0123456789abcdef0123456789abcdeF", "p", &other));
    assert_memory_not_equal(&key, &other, sizeof key);
}

static void
test_mac(void **state)
{
    sfms_key key = key_for("p"), other = key_for("q");
    uint8_t mac[SFMS_MAC_SIZE], bond[SFMS_MAC_SIZE] = "what came before";

    (void)state;
    sfms_mac(&key, NULL, "hello", 5, mac);
    assert_true(sfms_mac_check(&key, NULL, "hello", 5, mac));
    assert_false(sfms_mac_check(&key, NULL, "hellO", 5, mac));
    assert_false(sfms_mac_check(&key, NULL, "hello", 4, mac));
    assert_false(sfms_mac_check(&other, NULL, "hello", 5, mac));
    for (int bit = 0; bit < SFMS_MAC_SIZE * 8; bit++) {
        mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(sfms_mac_check(&key, NULL, "hello", 5, mac));
        mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    sfms_mac(&key, NULL, "", 0, mac);
    assert_true(sfms_mac_check(&key, NULL, "", 0, mac));
    sfms_mac(&key, bond, "hello", 5, mac);
    assert_true(sfms_mac_check(&key, bond, "hello", 5, mac));
    assert_false(sfms_mac_check(&key, NULL, "hello", 5, mac));
    bond[SFMS_MAC_SIZE - 1] ^= 1;
    assert_false(sfms_mac_check(&key, bond, "hello", 5, mac));
}

static void
test_hash(void **state)
{
    uint8_t hash[SFMS_MAC_SIZE];
    sfms_key key;

    /* BLAKE2b-256 of "abc". */
    (void)state;
    sfms_hash("abc", 3, hash);
    assert_string_equal(
        sfms_hex(a, hash, sizeof hash), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    assert_string_equal(sfms_hex(a, "", 0), "");

    /* The same under the key 00 01 02 ... 1f. */
    for (uint8_t i = 0; i < SFMS_KEY_SIZE; i++)
        key.bytes[i] = i;
    sfms_keyed_hash(&key, "abc", 3, hash);
    assert_string_equal(
        sfms_hex(a, hash, sizeof hash), "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
}

static void
test_seal(void **state)
{
    sfms_key key = key_for("page"), other = key_for("session");
    size_t n = 99;

    (void)state;
    char *token = sfms_seal(a, &key, "a\0b", 3);
    assert_int_equal(
        strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), strlen(token));
    assert_string_not_equal(token, sfms_seal(a, &key, "a\0b", 3));   /* never the same twice */
    assert_memory_equal(sfms_unseal(a, &key, token, &n), "a\0b", 4); /* with a NUL behind it */
    assert_int_equal(n, 3);
    assert_null(sfms_unseal(a, &other, token, &n));

    size_t empty = 99;
    assert_non_null(sfms_unseal(a, &key, sfms_seal(a, &key, "", 0), &empty));
    assert_int_equal(empty, 0);
}

static void
test_seal_tampered(void **state)
{
    sfms_key key = key_for("page");
    char *token = sfms_seal(a, &key, "some bytes", 10);
    size_t n = 99;

    (void)state;
    for (size_t i = 0; token[i] != '\0'; i++) {
        char *changed = sfms_strdup(a, token);

        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_null(sfms_unseal(a, &key, changed, &n));
        changed[i] = '\0';
        assert_null(sfms_unseal(a, &key, changed, &n));
    }
    assert_null(sfms_unseal(a, &key, "", &n));
    assert_null(sfms_unseal(a, &key, "!!!!", &n));
    assert_null(sfms_unseal(a, &key, "长沙", &n));
    assert_null(sfms_unseal(a, &key, sfms_printf(a, "%s=", token), &n));
    assert_null(sfms_unseal(a, &key, sfms_printf(a, " %s", token), &n));
    assert_null(sfms_unseal(a, &key, sfms_printf(a, "%sAAAA", token), &n));
    assert_int_equal(n, 99);
}

static void
test_random(void **state)
{
    (void)state;
    char *one = sfms_random_text(a, 32);
    assert_int_equal(strlen(one), 43);
    assert_string_not_equal(one, sfms_random_text(a, 32));
    assert_string_equal(sfms_random_text(a, 0), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derive),
        cmocka_unit_test(test_mac),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_seal),
        cmocka_unit_test(test_seal_tampered),
        cmocka_unit_test(test_random),
    };

    sfms_seal_init();
    a = sfms_arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sfms_arena_free(a);
    return failed;
}
