/* keygen.c -- new keys, on standard output. */
#include <rhonabwy.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/seal.h"
#include "ctl.h"

enum {
    SECRET_BYTES = 32,
    COORDINATE_CHARS = 43, /* 32 bytes in base64 without padding */
};

static int
print_secret(void)
{
    sfms_arena *a = sfms_arena_new();

    printf("%s\n", sfms_random_text(a, SECRET_BYTES));
    sfms_arena_free(a);
    return 0;
}

/* librhonabwy cuts leading zero bytes of a coordinate, which RFC 7518 (6.2.1.2) does not allow and strict readers refuse. */
static bool
is_whole(jwk_t *key)
{
    static const char *const coordinates[] = {"x", "y", "d"};

    for (size_t i = 0; i < sizeof(coordinates) / sizeof(coordinates[0]); i++) {
        const char *text = r_jwk_get_property_str(key, coordinates[i]);

        if (text == NULL || strlen(text) != COORDINATE_CHARS)
            return false;
    }
    return true;
}

static void
make_pair(jwk_t **ret_private, jwk_t **ret_public)
{
    for (;;) {
        if (r_jwk_init(ret_private) != RHN_OK || r_jwk_init(ret_public) != RHN_OK ||
            r_jwk_generate_key_pair(*ret_private, *ret_public, R_KEY_TYPE_EC, 256, NULL) != RHN_OK)
            sfms_die("cannot make a key");
        if (is_whole(*ret_private))
            return;
        r_jwk_free(*ret_private);
        r_jwk_free(*ret_public);
    }
}

/* A private key as a JWK (RFC 7517). Its name is its thumbprint (RFC 7638), so that it never changes by accident. */
static int
print_token_key(void)
{
    jwk_t *private_key, *public_key;
    char *thumbprint, *text;

    make_pair(&private_key, &public_key);
    thumbprint = r_jwk_thumbprint(public_key, R_JWK_THUMB_SHA256, 0);
    if (thumbprint == NULL || r_jwk_set_property_str(private_key, "kid", thumbprint) != RHN_OK ||
        r_jwk_set_property_str(private_key, "alg", "ES256") != RHN_OK ||
        r_jwk_set_property_str(private_key, "use", "sig") != RHN_OK)
        sfms_die("cannot name the key");
    text = r_jwk_export_to_json_str(private_key, 0);
    if (text == NULL)
        sfms_die("cannot write the key");
    printf("%s\n", text);
    r_free(text);
    r_free(thumbprint);
    r_jwk_free(private_key);
    r_jwk_free(public_key);
    return 0;
}

int
ctl_keygen(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "secret") == 0)
        return print_secret();
    if (argc == 2 && strcmp(argv[1], "token") == 0)
        return print_token_key();
    ctl_usage("keygen");
}
