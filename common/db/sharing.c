/* sharing.c -- sharing records of any collection that has owners, and who sees them. The database is the gate: it takes a grant
 * from who may give it alone, and policies show what is granted (app.grants). */
#include <strings.h>

#include "core/time.h"
#include "db/engine.h"
#include "db/row.h"

static const sfms_reason one_grantee = {"ONE_OF", SFMS_INVALID_ARGUMENT,
    {"exactly one of userId, teamId and roleId is to be given", "userId、teamId、roleId 须且只能给出一个"}};
static const sfms_reason in_past = {
    "IN_PAST", SFMS_INVALID_ARGUMENT, {"must be in the future", "必须是将来的时间"}};
static const sfms_reason not_shared = {
    "NOT_SHARED", SFMS_NOT_FOUND, {"The record is not shared with them.", "该记录未与其共享。"}};

#define SHARE_COLUMNS                                                                                        \
    " RETURNING CASE g.grantee WHEN 'USER' THEN g.grantee_id END AS user_id,"                                \
    " CASE g.grantee WHEN 'TEAM' THEN g.grantee_id END AS team_id,"                                          \
    " CASE g.grantee WHEN 'ROLE' THEN g.grantee_id END AS role_id,"                                          \
    " CASE WHEN g.writes THEN 'WRITE' ELSE 'READ' END AS level, g.expire_time, g.create_time, g.actor_id"

/* Whom a record is shared with: the one that is given. */
typedef struct {
    const char *kind, *id;
} grantee;

static sfms_status
grantee_of(sfms_call *call, const char *user, const char *team, const char *role, grantee *ret)
{
    if ((user[0] != '\0') + (team[0] != '\0') + (role[0] != '\0') != 1) {
        sfms_violate(call, "user_id", &one_grantee);
        return sfms_fail(call, &sfms_bad_fields);
    }
    *ret = user[0] != '\0'   ? (grantee){"USER", user}
           : team[0] != '\0' ? (grantee){"TEAM", team}
                             : (grantee){"ROLE", role};
    return SFMS_OK;
}

/* The statement with the org, the collection and the record as $1, $2 and $3, and up to four more. */
static sfms_status
compose(const sfms_engine *e, sfms_call *call, const char *sql, const char *id, const char *const more[4],
    sfms_statement *ret)
{
    sfms_composer w;

    sfms_composer_init(e, &w, call->arena);
    w.binary = false;
    sfms_param(&w.params, sfms_engine_org(call));
    sfms_param(&w.params, e->message->resource);
    sfms_param(&w.params, id);
    for (int i = 0; i < 4 && more[i] != NULL; i++)
        sfms_param(&w.params, more[i]);
    sfms_buf_add(&w.sql, sql);
    return sfms_composer_done(call, &w, ret);
}

sfms_status
sfms_share_plan(const sfms_engine *e, sfms_call *call, const Pb__ShareRequest *request, sfms_statement *ret)
{
    const Google__Protobuf__Timestamp *end = request->expire_time;
    const char *writes = request->level == PB__SHARE_LEVEL__WRITE ? "true" : "false";
    const char *until = "infinity";
    char text[SFMS_MOMENT_SIZE];
    grantee who = {0};
    sfms_status status = grantee_of(call, request->user_id, request->team_id, request->role_id, &who);

    if (status != SFMS_OK)
        return status;
    if (end != NULL && end->seconds <= sfms_now_ms() / 1000) {
        sfms_violate(call, "expire_time", &in_past);
        return sfms_fail(call, &sfms_bad_fields);
    }
    if (end != NULL) {
        sfms_moment_format((sfms_moment){end->seconds, end->nanos}, text);
        until = sfms_strdup(call->arena, text);
    }
    return compose(e, call,
        sfms_printf(call->arena,
            "INSERT INTO app.grants AS g (resource, record_id, grantee, grantee_id, writes, expire_time)"
            " SELECT $2::text, r.id, $4::text, $5::uuid, $6::boolean, nullif($7, 'infinity')::timestamptz"
            "   FROM %s r WHERE r.org_id = $1 AND r.id = $3 AND r.delete_time IS NULL"
            " ON CONFLICT (org_id, resource, record_id, grantee_id, rule_id) DO UPDATE"
            "    SET writes = excluded.writes, expire_time = excluded.expire_time, actor_id = app.user_id()"
            "" SHARE_COLUMNS,
            e->table),
        request->id, (const char *const[]){who.kind, who.id, writes, until}, ret);
}

sfms_status
sfms_unshare_plan(
    const sfms_engine *e, sfms_call *call, const Pb__UnshareRequest *request, sfms_statement *ret)
{
    grantee who = {0};
    sfms_status status = grantee_of(call, request->user_id, request->team_id, request->role_id, &who);

    if (status != SFMS_OK)
        return status;
    return compose(e, call,
        sfms_printf(call->arena,
            "DELETE FROM app.grants g USING %s r"
            " WHERE r.org_id = $1 AND r.id = $3 AND g.org_id = r.org_id AND g.resource = $2 AND g.record_id "
            "= r.id"
            "   AND g.grantee = $4 AND g.grantee_id = $5 AND g.rule_id = app.by_hand()" SHARE_COLUMNS,
            e->table),
        request->id, (const char *const[]){who.kind, who.id, NULL, NULL}, ret);
}

sfms_status
sfms_access_plan(const sfms_engine *e, sfms_call *call, const Pb__AccessRequest *request, sfms_statement *ret)
{
    const char *own = call->principal->user_id;
    const char *user = request->user_id[0] != '\0' ? request->user_id : own;

    if (strcasecmp(user, own) != 0 && !sfms_may(call, "users.write"))
        return sfms_fail(call, &sfms_no_permission, "users.write");
    return compose(e, call,
        sfms_printf(call->arena,
            "SELECT a.user_id, a.reads, a.writes, a.deletes, a.reasons, a.viewers, a.more_viewers, a.shares"
            "  FROM %s r, app.record_access($2, r.id, $4::uuid) a WHERE r.org_id = $1 AND r.id = $3",
            e->table),
        request->id, (const char *const[]){user, NULL, NULL, NULL}, ret);
}

/* Why no share was taken back. */
static sfms_status
explain_unshare(const sfms_engine *e, sfms_call *call, const char *id)
{
    PGresult *result;
    sfms_status status = sfms_query(call, &result,
        "SELECT app.record_visible($1, $2::uuid)::int, app.may_share($1, $2::uuid)::int",
        SFMS_ARGS(e->message->resource, id));

    if (status != SFMS_OK)
        return status;
    if (PQgetvalue(result, 0, 0)[0] == '0')
        return sfms_fail(call, &sfms_not_found);
    return sfms_fail(call, PQgetvalue(result, 0, 1)[0] == '0' ? &sfms_not_yours : &not_shared);
}

sfms_status
sfms_sharing_finish(
    const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, const PGresult *result, sfms_buf *out)
{
    if (PQntuples(result) == 1) {
        sfms_row_pack(out, call->contract, call->method->output, result, 0);
        return SFMS_OK;
    }
    if (call->method->rule->verb == PB__VERB__UNSHARE)
        return explain_unshare(e, call, ((const Pb__UnshareRequest *)request)->id);
    return sfms_fail(call, &sfms_not_found);
}
