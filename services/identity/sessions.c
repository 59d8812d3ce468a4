/* sessions.c -- signing in and staying signed in. Contract: proto/sfms/identity/v1/sessions.proto. Nobody is
 * signed in yet when these run, so the SQL goes through the definer functions of schema/0003_sessions.sql. */
#include "sfms/identity/v1/sessions.pb-c.h"

#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "core/seal.h"
#include "db/audit.h"
#include "db/clock.h"
#include "identity.h"
#include "password.h"
#include "sessions.h"
#include "signer.h"
#include "tickets.h"
#include "token.h"
#include "tries.h"

enum {
    FRESH_SECONDS = 10,
    JOB_SECONDS = 60,  /* for which a principal holds that a job has asked for */
    FAMILY_BYTES = 16, /* of a refresh token: the part that stays */
    SECRET_BYTES = 32, /* and the part that changes */
};

static const sfms_reason wrong_login = {"WRONG_LOGIN", SFMS_UNAUTHENTICATED,
    {"Mail address and password do not belong together.", "邮箱或密码不正确。"}};
static const sfms_reason org_needed = {"ORG_NEEDED", SFMS_FAILED_PRECONDITION,
    {"The address belongs to several organisations; name one in \"org\".",
        "该邮箱属于多个组织，请在 org 中指定其一。"}};
static const sfms_reason bad_refresh_token = {"BAD_REFRESH_TOKEN", SFMS_UNAUTHENTICATED,
    {"The refresh token is not valid; sign in again.", "刷新令牌无效，请重新登录。"}};

static int session_idle_s, session_longest_s;

void
sessions_open(int idle_s, int longest_s)
{
    session_idle_s = idle_s;
    session_longest_s = longest_s;
}

/* ---- tokens ------------------------------------------------------------------------------------------ */

/* A refresh token is "<org>.<session>.<family>.<secret>". */
typedef struct {
    const char *org_id, *session_id;
    const char *family_hash, *token_hash; /* what the database keeps */
} refresh_token;

static const char *
hash_text(sfms_arena *a, const char *text)
{
    uint8_t hash[SFMS_MAC_SIZE];

    sfms_hash(text, strlen(text), hash);
    return sfms_hex(a, hash, sizeof(hash));
}

/* Splits a refresh token; false if it does not look like one. */
static bool
refresh_read(sfms_arena *a, const char *text, refresh_token *ret, const char **ret_family)
{
    char *part[4];
    char *rest = sfms_strdup(a, text);

    for (int i = 0; i < 4; i++)
        part[i] = strsep(&rest, ".");
    if (rest != NULL || part[3] == NULL || !sfms_id_valid(part[0]) || !sfms_id_valid(part[1]))
        return false;
    ret->org_id = part[0];
    ret->session_id = part[1];
    ret->family_hash = hash_text(a, part[2]);
    ret->token_hash = hash_text(a, text);
    *ret_family = part[2];
    return true;
}

static const char *
refresh_make(sfms_arena *a, const char *org_id, const char *session_id, const char *family)
{
    return sfms_printf(a, "%s.%s.%s.%s", org_id, session_id, family, sfms_random_text(a, SECRET_BYTES));
}

static sfms_status
answer(sfms_call *call, const token *t, const char *refresh, Pb__SessionTokens *out)
{
    out->access_token = token_sign(call->arena, t);
    if (out->access_token == NULL)
        return sfms_fail(call, &sfms_internal);
    out->refresh_token = refresh;
    out->expires_in = TOKEN_SECONDS;
    out->token_type = "Bearer";
    return SFMS_OK;
}

/* ---- signing in -------------------------------------------------------------------------------------- */

/* Who wants to sign in, if the password fits. */
typedef struct {
    const char *org_id, *user_id, *hash, *session_id;
    password_fit fit;
} person;

/* Tries the password on all who may be meant. *ret is the one that it fits. An address that nobody has takes as long as a
 * wrong password. */
static sfms_status
match(sfms_call *call, const PGresult *candidates, const char *password, person *ret)
{
    int matches = 0;

    if (PQntuples(candidates) == 0)
        password_verify(call->arena, NULL, password);
    for (int i = 0; i < PQntuples(candidates); i++) {
        const char *hash = PQgetvalue(candidates, i, 2);
        password_fit fit = password_verify(call->arena, hash, password);

        if (fit == PASSWORD_WRONG)
            continue;
        *ret = (person){PQgetvalue(candidates, i, 0), PQgetvalue(candidates, i, 1), hash, "", fit};
        matches++;
    }
    if (matches == 0)
        return sfms_fail(call, &wrong_login);
    return matches == 1 ? SFMS_OK : sfms_fail(call, &org_needed);
}

/* Hashes a password as it is hashed now, unless somebody has set another meanwhile. */
static sfms_status
renew_hash(sfms_call *call, const person *who, const char *password)
{
    const char *hash;

    if (who->fit != PASSWORD_OLD)
        return SFMS_OK;
    hash = password_hash(call->arena, password);
    if (hash == NULL)
        return sfms_fail(call, &sfms_internal);
    return sfms_exec(call, NULL, "SELECT identity.renew_password_hash($1::uuid, $2::uuid, $3, $4)",
        SFMS_ARGS(who->org_id, who->user_id, who->hash, hash));
}

static sfms_status
open_session(sfms_call *call, person *who, Pb__SessionTokens *out)
{
    sfms_arena *a = call->arena;
    char *session_id = sfms_alloc(a, SFMS_ID_SIZE);
    const char *family = sfms_random_text(a, FAMILY_BYTES);
    const char *refresh;
    token t = {.org_id = who->org_id, .user_id = who->user_id};
    sfms_status status;

    sfms_id_make(session_id);
    who->session_id = t.session_id = session_id;
    refresh = refresh_make(a, who->org_id, session_id, family);
    status = sfms_exec(call, NULL,
        "SELECT identity.open_session($1::uuid, $2::uuid, $3::uuid, $4, $5, $6, $7, $8::integer, "
        "$9::integer)",
        SFMS_ARGS(who->org_id, who->user_id, session_id, hash_text(a, family), hash_text(a, refresh),
            call->peer, call->agent, sfms_printf(a, "%d", session_idle_s),
            sfms_printf(a, "%d", session_longest_s)));
    return status == SFMS_OK ? answer(call, &t, refresh, out) : status;
}

/* Tells all whose address it is how a sign-in ended. An address that nobody has is told to the process's log alone. */
static void
audit_sign_in(sfms_call *call, const char *email, const PGresult *candidates)
{
    sfms_audit_event event = {.action = PB__AUDIT_ACTION__SIGN_IN, .email = email, .resource = "users"};

    if (PQntuples(candidates) == 0)
        sfms_audit(call, &event);
    for (int i = 0; i < PQntuples(candidates); i++) {
        event.org_id = PQgetvalue(candidates, i, 0);
        event.user_id = event.record_id = PQgetvalue(candidates, i, 1);
        sfms_audit(call, &event);
    }
}

/* The statements are not one transaction: a failed try must stay counted. */
static sfms_status
try_sign_in(
    sfms_call *call, const Pb__CreateSessionRequest *req, const PGresult *candidates, Pb__SessionTokens *out)
{
    const tries t = tries_of_login(call, req->email);
    person who = {0};
    sfms_status status = tries_count(call, &t);

    if (status == SFMS_OK)
        status = match(call, candidates, req->password, &who);
    if (status == SFMS_OK)
        status = tries_forget(call, &t);
    if (status == SFMS_OK)
        status = renew_hash(call, &who, req->password);
    if (status == SFMS_OK)
        status = open_session(call, &who, out);
    if (status == SFMS_OK)
        sfms_audit(call, &(sfms_audit_event){.action = PB__AUDIT_ACTION__SIGN_IN,
                             .org_id = who.org_id,
                             .user_id = who.user_id,
                             .session_id = who.session_id,
                             .resource = "users",
                             .record_id = who.user_id,
                             .email = req->email});
    return status;
}

static sfms_status
create_session(sfms_call *call, const void *in, void *out)
{
    const Pb__CreateSessionRequest *req = in;
    PGresult *candidates;
    sfms_status status = sfms_query(call, &candidates,
        "SELECT org_id, user_id, password_hash FROM identity.sign_in_candidates($1, $2)",
        SFMS_ARGS(req->email, req->org));

    if (status != SFMS_OK)
        return status;
    status = try_sign_in(call, req, candidates, out);
    if (status != SFMS_OK)
        audit_sign_in(call, req->email, candidates);
    return status;
}

/* ---- staying signed in ------------------------------------------------------------------------------- */

/* The next token, as it is kept for whoever brings the old one again: only he can open it. */
static bool
next_key(const char *old, sfms_key *ret)
{
    return sfms_key_derive(old, "next refresh token", ret);
}

static const char *
open_next(sfms_arena *a, const sfms_key *key, const char *sealed)
{
    size_t n;
    const char *next = sfms_unseal(a, key, sealed, &n);

    return next != NULL ? sfms_strndup(a, next, n) : NULL;
}

static void
audit_reuse(sfms_call *call, const refresh_token *t, const char *user_id)
{
    sfms_audit(call, &(sfms_audit_event){.action = PB__AUDIT_ACTION__TOKEN_REUSED,
                         .org_id = t->org_id,
                         .user_id = user_id,
                         .session_id = t->session_id,
                         .resource = "users",
                         .record_id = user_id});
}

/* Two windows of a browser have one token, and an answer may be lost on its way: whoever brings the token again within
 * some seconds gets what the first got. */
static sfms_status
refresh_session(sfms_call *call, const void *in, void *out)
{
    const Pb__RefreshSessionRequest *req = in;
    sfms_arena *a = call->arena;
    const char *family, *next, *sealed;
    refresh_token old;
    PGresult *result;
    sfms_key key;
    token t;
    sfms_status status;

    if (!refresh_read(a, req->refresh_token, &old, &family) || !next_key(req->refresh_token, &key))
        return sfms_fail(call, &bad_refresh_token);
    next = refresh_make(a, old.org_id, old.session_id, family);
    sealed = sfms_seal(a, &key, next, strlen(next));
    status = sfms_query(call, &result,
        "SELECT user_id, next_sealed, reused::int"
        "  FROM identity.rotate_session($1::uuid, $2::uuid, $3, $4, $5, $6, $7, $8, $9::integer)",
        SFMS_ARGS(old.org_id, old.session_id, old.family_hash, old.token_hash, hash_text(a, next), sealed,
            call->peer, call->agent, sfms_printf(a, "%d", session_idle_s)));
    if (status != SFMS_OK)
        return status;
    next = PQgetisnull(result, 0, 1) ? NULL : open_next(a, &key, PQgetvalue(result, 0, 1));
    if (next == NULL) {
        status = sfms_fail(call, &bad_refresh_token);
        if (PQgetvalue(result, 0, 2)[0] == '1')
            audit_reuse(call, &old, PQgetvalue(result, 0, 0));
        return status;
    }
    t = (token){.org_id = old.org_id, .session_id = old.session_id, .user_id = PQgetvalue(result, 0, 0)};
    return answer(call, &t, next, out);
}

static sfms_status
end_session(sfms_call *call, const void *in, void *out)
{
    const char *session_id = call->principal->session_id;

    (void)in;
    (void)out;
    if (session_id[0] == '\0')
        return SFMS_OK;
    return sfms_exec(call, NULL, "SELECT identity.end_session($1::uuid)", SFMS_ARGS(session_id));
}

/* ---- whom a token stands for ------------------------------------------------------------------------- */

static sfms_status
get_key_set(sfms_call *call, const void *in, void *out)
{
    (void)in;
    token_keys(call->arena, out);
    return SFMS_OK;
}

static sfms_status
authenticate(sfms_call *call, const void *in, void *out)
{
    const Pb__AuthenticateRequest *req = in;
    Pb__AuthenticateResponse *res = out;
    Pb__Principal *p = (Pb__Principal *)sfms_message_new(call->arena, &pb__principal__descriptor);
    sfms_status status = SFMS_OK;
    token t;

    if (req->ticket[0] != '\0')
        status = ticket_use(call, req->ticket, &t, &res->token);
    else if (!token_read(call->arena, req->token, &t))
        status = sfms_fail(call, &sfms_bad_token);
    if (status != SFMS_OK)
        return status;
    status = sfms_one(call, p,
        "SELECT permissions, visibility, time_zone, seen_owners, currency, country, reach, granted,"
        "       hidden_fields, read_only_fields, app.shape_version($1::uuid) AS shape_version"
        "  FROM identity.session_caller($1::uuid, $2::uuid, $3::uuid), app.standing($1::uuid, $2::uuid)",
        SFMS_ARGS(t.org_id, t.user_id, t.session_id));
    if (status != SFMS_OK)
        return status;
    if (p->visibility == PB__VISIBILITY__VISIBILITY_UNSPECIFIED)
        return sfms_fail(call, &sfms_bad_token);
    p->org_id = t.org_id;
    p->user_id = t.user_id;
    p->session_id = t.session_id;
    status = signer_sign(call, p, t.expire_s * 1000);
    if (status != SFMS_OK)
        return status;
    res->principal = p;
    res->fresh_seconds = FRESH_SECONDS;
    res->expire_seconds = (int32_t)(t.expire_s - sfms_db_now_ms() / 1000);
    return SFMS_OK;
}

/* What a user may do, or the organisation itself if user_id is empty. NOT_FOUND if he may not work. */
static sfms_status
load_caller(sfms_call *call, Pb__Principal *out, const char *org_id, const char *user_id)
{
    sfms_status status = user_id[0] != '\0' ? sfms_one(call, out, SFMS_CALLER_SQL, SFMS_ARGS(org_id, user_id))
                                            : sfms_one(call, out, SFMS_ORG_CALLER_SQL, SFMS_ARGS(org_id));

    if (status != SFMS_OK)
        return status;
    if (out->visibility == PB__VISIBILITY__VISIBILITY_UNSPECIFIED)
        return sfms_fail(call, &sfms_not_found);
    out->org_id = org_id;
    out->user_id = user_id;
    return SFMS_OK;
}

static sfms_status
get_principal(sfms_call *call, const void *in, void *out)
{
    const Pb__GetPrincipalRequest *req = in;

    return load_caller(call, out, req->org_id, req->user_id);
}

static sfms_status
authenticate_job(sfms_call *call, const void *in, void *out)
{
    const Pb__AuthenticateJobRequest *req = in;
    const char *user_id = req->user_id[0] != '\0' ? req->user_id : NULL;
    PGresult *result;
    sfms_status status = sfms_query(call, &result, "SELECT app.job_runs($1::uuid, $2::uuid, $3::uuid)::int",
        SFMS_ARGS(req->org_id, user_id, req->job_id));

    if (status != SFMS_OK)
        return status;
    if (PQgetvalue(result, 0, 0)[0] != '1')
        return sfms_fail(call, &sfms_not_found);
    status = load_caller(call, out, req->org_id, req->user_id);
    return status == SFMS_OK ? signer_sign(call, out, sfms_db_now_ms() + JOB_SECONDS * 1000LL) : status;
}

static const sfms_method_row methods[] = {
    {"sfms.identity.v1.Sessions/CreateSession", create_session},
    {"sfms.identity.v1.Sessions/RefreshSession", refresh_session},
    {"sfms.identity.v1.Sessions/EndSession", end_session},
    {"sfms.identity.v1.Sessions/GetKeySet", get_key_set},
    {"sfms.identity.v1.Sessions/Authenticate", authenticate},
    {"sfms.identity.v1.Sessions/AuthenticateJob", authenticate_job},
    {"sfms.identity.v1.Sessions/GetPrincipal", get_principal},
    {NULL},
};

const sfms_noun identity_sessions = {.methods = methods};
