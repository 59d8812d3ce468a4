/* keygen.c -- new keys, on standard output. */
#include <rhonabwy.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/seal.h"
#include "ctl.h"

enum { SECRET_BYTES = 32 };

static int
print_secret(void)
{
    sfms_arena *a = sfms_arena_new();

    printf("%s\n", sfms_random_text(a, SECRET_BYTES));
    sfms_arena_free(a);
    return 0;
}

/* A private key as a JWK (RFC 7517). Its name is its thumbprint (RFC 7638), so that it never changes by
 * accident. */
static int
print_token_key(void)
{
    jwk_t *private_key = NULL, *public_key = NULL;
    char *thumbprint, *text;

    if (r_jwk_init(&private_key) != RHN_OK || r_jwk_init(&public_key) != RHN_OK ||
        r_jwk_generate_key_pair(private_key, public_key, R_KEY_TYPE_EC, 256, NULL) != RHN_OK)
        sfms_die("cannot make a key");
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
