/* token.c -- access tokens, by librhonabwy. */
#include "token.h"

#include <rhonabwy.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "core/id.h"
#include "core/log.h"
#include "db/clock.h"
#include "proto/json.h"

enum {
    KEYS_MAX = 8,
    KID_MAX = 255,
    HEADER_MAX = 512, /* of a token, decoded */
    TOKEN_MAX = 2048, /* ours have some 500 characters */
};

static const char issuer[] = "sfms";

/* Keys as JSON: the library's own objects are not safe to share between threads, so each call makes one. */
typedef struct {
    const char *kid, *private_json, *public_json;
} token_key;

/* Never changed nor freed once it is the one of now: a call may use it while another takes its place. */
typedef struct {
    sfms_arena *arena;
    token_key keys[KEYS_MAX];
    size_t n;
    const void *older; /* the one before */
    const char *fault; /* what is wrong with it; NULL if nothing */
} key_set;

static _Atomic(const key_set *) now;

/* ---- keys -------------------------------------------------------------------------------------------- */

static void
free_jwk(void *jwk)
{
    r_jwk_free(jwk);
}

static void
free_jwt(void *jwt)
{
    r_jwt_free(jwt);
}

/* A key in the arena, or NULL. */
static jwk_t *
jwk_of(sfms_arena *a, const char *json)
{
    jwk_t *jwk = NULL;

    if (r_jwk_init(&jwk) != RHN_OK)
        return NULL;
    sfms_arena_own(a, jwk, free_jwk);
    return r_jwk_import_from_json_str(jwk, json) == RHN_OK ? jwk : NULL;
}

static const char *
json_of(sfms_arena *a, jwk_t *jwk)
{
    char *text = r_jwk_export_to_json_str(jwk, 0);
    const char *copy = text != NULL ? sfms_strdup(a, text) : NULL;

    r_free(text);
    return copy;
}

/* What is wrong with a key; NULL if nothing. */
static const char *
fault_of(jwk_t *private_key, size_t n)
{
    unsigned bits = 0;
    int type = r_jwk_key_type(private_key, &bits, R_FLAG_IGNORE_REMOTE);
    const char *kid = r_jwk_get_property_str(private_key, "kid");

    if ((type & R_KEY_TYPE_EC) == 0 || (type & R_KEY_TYPE_PRIVATE) == 0 || bits != 256 || kid == NULL)
        return "must be a private P-256 key with a kid; make one with: sfmsctl keygen token";
    if (strlen(kid) > KID_MAX)
        return "has a kid of more than 255 characters";
    return n == KEYS_MAX ? "has more than 8 keys" : NULL;
}

static void
add_key(key_set *set, jwk_t *private_key)
{
    token_key *key = &set->keys[set->n];
    jwk_t *public_key = NULL;

    set->fault = fault_of(private_key, set->n);
    if (set->fault != NULL)
        return;
    if (r_jwk_init(&public_key) != RHN_OK ||
        r_jwk_extract_pubkey(private_key, public_key, R_FLAG_IGNORE_REMOTE) != RHN_OK)
        sfms_die("the public half of a key cannot be made");
    key->kid = sfms_strdup(set->arena, r_jwk_get_property_str(private_key, "kid"));
    key->private_json = json_of(set->arena, private_key);
    key->public_json = json_of(set->arena, public_key);
    r_jwk_free(public_key);
    if (key->private_json == NULL || key->public_json == NULL)
        set->fault = "cannot be written as a JWK";
    else
        set->n++;
}

/* A set of one key or several. */
static key_set *
read_set(const char *jwk)
{
    sfms_arena *a = sfms_arena_new();
    key_set *set = sfms_new(a, key_set);
    jwks_t *all = NULL;
    jwk_t *one;

    set->arena = a;
    if (r_jwks_init(&all) != RHN_OK)
        sfms_die("the token library cannot start");
    if (r_jwks_import_from_json_str(all, jwk) == RHN_OK && r_jwks_size(all) > 0) {
        for (size_t i = 0; i < r_jwks_size(all) && set->fault == NULL; i++) {
            one = r_jwks_get_at(all, i);
            add_key(set, one);
            r_jwk_free(one);
        }
    } else {
        one = jwk_of(a, jwk);
        if (one != NULL)
            add_key(set, one);
        else
            set->fault = "is no JWK; make one with: sfmsctl keygen token";
    }
    r_jwks_free(all);
    return set;
}

void
token_open(const char *jwk)
{
    const key_set *set;

    if (r_global_init() != RHN_OK)
        sfms_die("the token library cannot start");
    set = read_set(jwk);
    if (set->fault != NULL)
        sfms_die("SFMS_TOKEN_KEY %s", set->fault);
    atomic_store(&now, set);
}

bool
token_renew(const char *jwk)
{
    key_set *set = read_set(jwk);

    if (set->fault != NULL) {
        sfms_log(SFMS_LOG_WARN, "SFMS_TOKEN_KEY %s", set->fault);
        sfms_arena_free(set->arena);
        return false;
    }
    set->older = atomic_load(&now);
    atomic_store(&now, set);
    return true;
}

void
token_keys(sfms_arena *a, Pb__KeySet *out)
{
    const key_set *set = atomic_load(&now);

    out->keys = sfms_new_array(a, Pb__PublicKey *, set->n);
    for (size_t i = 0; i < set->n; i++) {
        jwk_t *jwk = jwk_of(a, set->keys[i].public_json);
        Pb__PublicKey *key = sfms_new(a, Pb__PublicKey);

        if (jwk == NULL)
            continue;
        pb__public_key__init(key);
        key->kty = "EC";
        key->crv = "P-256";
        key->use = "sig";
        key->alg = "ES256";
        key->kid = set->keys[i].kid;
        key->x = sfms_strdup(a, r_jwk_get_property_str(jwk, "x"));
        key->y = sfms_strdup(a, r_jwk_get_property_str(jwk, "y"));
        out->keys[out->n_keys++] = key;
    }
}

/* ---- tokens ------------------------------------------------------------------------------------------ */

const char *
token_sign(sfms_arena *a, const token *t)
{
    int64_t time_s = sfms_db_now_ms() / 1000;
    const token_key *own = &atomic_load(&now)->keys[0];
    jwk_t *key = jwk_of(a, own->private_json);
    jwt_t *jwt = NULL;
    char *text;
    const char *copy;

    if (key == NULL || r_jwt_init(&jwt) != RHN_OK)
        return NULL;
    sfms_arena_own(a, jwt, free_jwt);
    if (r_jwt_set_header_str_value(jwt, "kid", own->kid) != RHN_OK ||
        r_jwt_set_sign_alg(jwt, R_JWA_ALG_ES256) != RHN_OK ||
        r_jwt_set_full_claims_json_str(jwt,
            sfms_printf(a,
                "{\"iss\":\"%s\",\"sub\":\"%s\",\"org\":\"%s\",\"sid\":\"%s\",\"iat\":%lld,\"exp\":%lld}",
                issuer, t->user_id, t->org_id, t->session_id, (long long)time_s,
                (long long)(time_s + TOKEN_SECONDS))) != RHN_OK)
        return NULL;
    text = r_jwt_serialize_signed(jwt, key, R_FLAG_IGNORE_REMOTE);
    if (text == NULL)
        return NULL;
    copy = sfms_strdup(a, text);
    r_free(text);
    return copy;
}

/* The public half of the key of this name; NULL if there is none. */
static const char *
find_key(const char *kid)
{
    const key_set *set = atomic_load(&now);

    for (size_t i = 0; i < set->n; i++) {
        if (strcmp(set->keys[i].kid, kid) == 0)
            return set->keys[i].public_json;
    }
    return NULL;
}

static bool
is_text(const cJSON *member, const char *name, const char *value)
{
    return cJSON_IsString(member) && strcmp(member->string, name) == 0 &&
           strcmp(member->valuestring, value) == 0;
}

/* The key that a token says it was signed with; NULL if its header is none of those that we write. A header may ask
 * for much more, such as a payload that is inflated or a key from elsewhere, and the library would begin with that before it
 * looks at the signature. */
static const char *
key_of_header(sfms_arena *a, const char *text, size_t n)
{
    char json[HEADER_MAX];
    size_t len = 0;
    const cJSON *header, *kid = NULL;
    bool es256 = false;

    if (sodium_base642bin((unsigned char *)json, sizeof(json), text, n, NULL, &len, NULL,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return NULL;
    header = sfms_json_stored(a, json, len);
    if (!cJSON_IsObject(header))
        return NULL;
    for (const cJSON *m = header->child; m != NULL; m = m->next) {
        if (kid == NULL && cJSON_IsString(m) && strcmp(m->string, "kid") == 0)
            kid = m;
        else if (is_text(m, "alg", "ES256"))
            es256 = true;
        else if (!is_text(m, "typ", "JWT"))
            return NULL;
    }
    return kid != NULL && es256 ? find_key(kid->valuestring) : NULL;
}

/* The key of a token that looks like one of ours; NULL if it does not. */
static jwk_t *
key_of(sfms_arena *a, const char *text)
{
    size_t header = strcspn(text, ".");
    size_t all = strnlen(text, TOKEN_MAX + 1);
    const char *key;

    if (all > TOKEN_MAX || text[header] != '.')
        return NULL;
    key = key_of_header(a, text, header);
    return key != NULL ? jwk_of(a, key) : NULL;
}

/* A claim that is a UUID, in the arena; NULL if it is none. */
static const char *
id_claim(sfms_arena *a, jwt_t *jwt, const char *name)
{
    const char *value = r_jwt_get_claim_str_value(jwt, name);

    return value != NULL && sfms_id_valid(value) ? sfms_strdup(a, value) : NULL;
}

bool
token_read(sfms_arena *a, const char *text, token *ret)
{
    jwt_t *jwt = NULL;
    jwk_t *key = key_of(a, text);
    const char *iss;

    if (key == NULL || r_jwt_init(&jwt) != RHN_OK)
        return false;
    sfms_arena_own(a, jwt, free_jwt);
    if (r_jwt_advanced_parse(jwt, text, R_PARSE_NONE, R_FLAG_IGNORE_REMOTE) != RHN_OK)
        return false;
    if (r_jwt_get_sign_alg(jwt) != R_JWA_ALG_ES256 ||
        r_jwt_verify_signature(jwt, key, R_FLAG_IGNORE_REMOTE) != RHN_OK)
        return false;
    iss = r_jwt_get_claim_str_value(jwt, "iss");
    if (iss == NULL || strcmp(iss, issuer) != 0)
        return false;
    ret->expire_s = (int64_t)r_jwt_get_claim_int_value(jwt, "exp");
    ret->org_id = id_claim(a, jwt, "org");
    ret->user_id = id_claim(a, jwt, "sub");
    ret->session_id = id_claim(a, jwt, "sid");
    return ret->expire_s > sfms_db_now_ms() / 1000 && ret->org_id != NULL && ret->user_id != NULL &&
           ret->session_id != NULL;
}
