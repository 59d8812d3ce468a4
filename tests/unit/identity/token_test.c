/* Access tokens: what is refused by its header, before a library reads the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/seal.h"
#include "identity/token.c"

static sfms_arena *arena;
static const token whom = {.org_id = "0190b5a4-6b1c-7d52-8f6e-0123456789ab",
    .user_id = "0190b5a4-6b1c-7d52-8f6e-0123456789ac",
    .session_id = "0190b5a4-6b1c-7d52-8f6e-0123456789ad"};

static int
setup(void **state)
{
    jwk_t *private_key = NULL, *public_key = NULL;
    char *json;

    (void)state;
    sfms_seal_init();
    arena = sfms_arena_new();
    assert_int_equal(r_global_init(), RHN_OK);
    assert_int_equal(r_jwk_init(&private_key), RHN_OK);
    assert_int_equal(r_jwk_init(&public_key), RHN_OK);
    assert_int_equal(r_jwk_generate_key_pair(private_key, public_key, R_KEY_TYPE_EC, 256, "the-key"), RHN_OK);
    json = r_jwk_export_to_json_str(private_key, 0);
    token_open(json);
    r_free(json);
    r_jwk_free(private_key);
    r_jwk_free(public_key);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    sfms_arena_free(arena);
    return 0;
}

static void
test_what_is_signed_is_read(void **state)
{
    const char *text = token_sign(arena, &whom);
    token t;

    (void)state;
    assert_non_null(text);
    assert_true(strlen(text) < TOKEN_MAX / 2);
    assert_true(token_read(arena, text, &t));
    assert_string_equal(t.user_id, whom.user_id);
    assert_string_equal(t.org_id, whom.org_id);
    assert_string_equal(t.session_id, whom.session_id);
}

/* A token with this header before the dot; what follows is ours. */
static const char *
with_header(const char *json)
{
    size_t n = strlen(json);
    char *header = sfms_alloc(arena, sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING));

    sodium_bin2base64(header, sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
        (const unsigned char *)json, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return sfms_printf(arena, "%s%s", header, strchr(token_sign(arena, &whom), '.'));
}

static void
test_headers(void **state)
{
    static const char *const ours[] = {
        "{\"alg\":\"ES256\",\"kid\":\"the-key\"}",
        "{\"typ\":\"JWT\",\"alg\":\"ES256\",\"kid\":\"the-key\"}",
        "{ \"kid\" : \"the-key\", \"alg\" : \"ES256\" }",
    };
    static const char *const others[] = {
        "{\"alg\":\"ES256\",\"kid\":\"the-key\",\"zip\":\"DEF\"}",
        "{\"alg\":\"ES256\",\"kid\":\"the-key\",\"zip\":\"\"}",
        "{\"alg\":\"ES256\",\"kid\":\"the-key\",\"jwk\":{}}",
        "{\"alg\":\"ES256\",\"kid\":\"the-key\",\"jku\":\"https://example.com\"}",
        "{\"alg\":\"ES256\",\"kid\":\"the-key\",\"x5c\":[]}",
        "{\"alg\":\"ES256\",\"kid\":\"the-key\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"ES256\",\"kid\":\"the-key\",\"kid\":\"the-key\"}",
        "{\"alg\":\"ES256\",\"kid\":\"another\"}",
        "{\"alg\":\"ES256\",\"kid\":\"\"}",
        "{\"alg\":\"ES256\",\"kid\":7}",
        "{\"alg\":\"ES256\"}",
        "{\"kid\":\"the-key\"}",
        "{\"alg\":\"none\",\"kid\":\"the-key\"}",
        "{\"alg\":\"HS256\",\"kid\":\"the-key\"}",
        "{\"alg\":\"es256\",\"kid\":\"the-key\"}",
        "{\"ALG\":\"ES256\",\"kid\":\"the-key\"}",
        "{\"alg\":\"ES256\",\"kid\":\"the-key\",\"typ\":\"at+jwt\"}",
        "{\"alg\":\"ES256\",\"alg\":\"none\",\"kid\":\"the-key\"}",
        "{\"alg\":[\"ES256\"],\"kid\":\"the-key\"}",
        "[\"alg\",\"kid\"]",
        "\"ES256\"",
        "{}",
        "{",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        assert_non_null(key_of(arena, with_header(ours[i])));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_null(key_of(arena, with_header(others[i])));
}

static void
test_lengths(void **state)
{
    const char *good = token_sign(arena, &whom);
    char *blanks = sfms_alloc(arena, 5000);
    token t;

    (void)state;
    memset(blanks, 'A', 4999);
    assert_false(token_read(arena, sfms_printf(arena, "%s%s", good, blanks), &t));
    assert_false(token_read(arena, sfms_printf(arena, "%s%s", blanks, good), &t));
    memset(blanks, ' ', 4999);
    assert_null(key_of(
        arena, with_header(sfms_printf(arena, "{%.600s\"alg\":\"ES256\",\"kid\":\"the-key\"}", blanks))));
    assert_false(token_read(arena, "", &t));
    assert_false(token_read(arena, ".", &t));
    assert_false(token_read(arena, "..", &t));
    assert_false(token_read(arena, sfms_strndup(arena, good, strcspn(good, ".")), &t));
    assert_false(token_read(arena, sfms_strndup(arena, good, strlen(good) - 1), &t));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_signed_is_read),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_lengths),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
