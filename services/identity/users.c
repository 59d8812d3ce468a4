/* users.c -- people who work with the system. Contract: proto/sfms/identity/v1/users.proto. Who may give
 * which role, and who may not be removed, is seen to by the database (schema/0002_guards.sql). */
#include "sfms/identity/v1/users.pb-c.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "identity.h"
#include "password.h"
#include "tries.h"
#include "users.h"

static const sfms_reason wrong_password = {
    "WRONG_PASSWORD", SFMS_PERMISSION_DENIED, {"The current password is not right.", "当前密码不正确。"}};

sfms_status
users_me(sfms_call *call, Pb__Me *me)
{
    sfms_status status;

    me->user = (Pb__User *)sfms_message_new(call->arena, &pb__user__descriptor);
    status = sfms_one(call, me->user,
        "SELECT {columns} FROM identity.users WHERE org_id = app.org_id() AND id = app.user_id()",
        SFMS_NO_ARGS);
    if (status != SFMS_OK)
        return status;
    call->version = me->user->version;
    return sfms_one(call, me,
        "SELECT u.org_id, o.name AS org_name, o.currency, o.country, coalesce(u.time_zone, o.time_zone) AS "
        "time_zone,"
        " coalesce(u.locale, o.locale) AS locale, r.name AS role_name, r.permissions, r.visibility,"
        " t.name AS team_name, u.preferences"
        "  FROM identity.users u"
        "  JOIN identity.orgs o ON o.org_id = u.org_id AND o.id = u.org_id"
        "  JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id"
        "  LEFT JOIN identity.teams t ON t.org_id = u.org_id AND t.id = u.team_id"
        " WHERE u.org_id = app.org_id() AND u.id = app.user_id()",
        SFMS_NO_ARGS);
}

static sfms_status
get_me(sfms_call *call, const void *in, void *out)
{
    (void)in;
    return users_me(call, out);
}

/* Whoever changes his own password shows that he knows the old one: a session left open is not enough. */
static sfms_status
prove_own(sfms_call *call, const Pb__SetPasswordRequest *req)
{
    const tries t = tries_of_user(call, call->principal->user_id);
    const char *hash;
    PGresult *result;
    sfms_status status;

    if (req->current_password[0] == '\0') {
        sfms_violate(call, "current_password", &sfms_required);
        return sfms_fail(call, &sfms_bad_fields);
    }
    status = tries_count(call, &t);
    if (status == SFMS_OK)
        status = sfms_query(call, &result, "SELECT identity.own_password_hash()", SFMS_NO_ARGS);
    if (status != SFMS_OK)
        return status;
    hash = PQgetisnull(result, 0, 0) ? NULL : PQgetvalue(result, 0, 0);
    if (password_verify(call->arena, hash, req->current_password) == PASSWORD_WRONG)
        return sfms_fail(call, &wrong_password);
    return tries_forget(call, &t);
}

static sfms_status
may_set_password(sfms_call *call, const void *in)
{
    const Pb__SetPasswordRequest *req = in;
    sfms_status status = password_check(call, "password", req->password);

    if (status != SFMS_OK)
        return status;
    if (strcasecmp(req->id, call->principal->user_id) == 0)
        return prove_own(call, req);
    if (!sfms_may(call, "users.write"))
        return sfms_fail(call, &sfms_no_permission, "users.write");
    return SFMS_OK;
}

static sfms_status
set_password(sfms_call *call, const void *in, void *out)
{
    const Pb__SetPasswordRequest *req = in;
    Pb__SetPasswordResponse *res = out;
    const char *session = call->principal->session_id;
    const char *hash = password_hash(call->arena, req->password);
    PGresult *result;
    long ended;
    sfms_status status;

    if (hash == NULL)
        return sfms_fail(call, &sfms_internal);
    status = sfms_query(call, &result, "SELECT identity.set_password($1::uuid, $2, $3::uuid)",
        SFMS_ARGS(req->id, hash, session[0] != '\0' ? session : NULL));
    if (status != SFMS_OK)
        return status;
    ended = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    if (ended < 0)
        return sfms_fail(call, &sfms_not_found);
    res->ended_sessions = (int32_t)ended;
    return SFMS_OK;
}

static const sfms_method_row methods[] = {
    {"sfms.identity.v1.Users/GetMe", get_me},
    {"sfms.identity.v1.Users/SetPassword", set_password, .before = may_set_password},
    {NULL},
};

const sfms_noun identity_users = {.methods = methods};
