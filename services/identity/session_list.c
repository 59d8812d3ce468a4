/* session_list.c -- sessions that go on, seen and ended. Contract: proto/sfms/identity/v1/sessions.proto. Whose may be seen and
 * ended is seen to by the functions of the schema, too. */
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "identity.h"
#include "sfms/identity/v1/sessions.pb-c.h"

enum { PAGE = 50, PAGE_MAX = 200 };

static int
page_size(int asked)
{
    if (asked <= 0)
        return PAGE;
    return asked < PAGE_MAX ? asked : PAGE_MAX;
}

/* Whose sessions are asked for; NULL for all users'. */
static const char *
whose(const sfms_call *call, const Pb__ListSessionsRequest *req)
{
    if (req->all_users)
        return NULL;
    return req->user_id[0] != '\0' ? req->user_id : call->principal->user_id;
}

static sfms_status
list_sessions(sfms_call *call, const void *in, void *out)
{
    const Pb__ListSessionsRequest *req = in;
    Pb__ListSessionsResponse *page = out;
    const char *user_id = whose(call, req);
    const char *before =
        req->page_token[0] != '\0' ? req->page_token : "ffffffff-ffff-ffff-ffff-ffffffffffff";
    int size = page_size(req->page_size);
    sfms_status status;

    if (!sfms_id_valid(before))
        return sfms_fail(call, &sfms_bad_page_token);
    if ((user_id == NULL || strcmp(user_id, call->principal->user_id) != 0) && !sfms_may(call, "users.write"))
        return sfms_fail(call, &sfms_no_permission, "users.write");
    status = sfms_many(call, page, "sessions",
        "SELECT id, user_id, create_time, refresh_time, expire_time, end_time, address, agent"
        "  FROM identity.list_sessions($1::uuid, $2::uuid, $3::integer)",
        SFMS_ARGS(user_id, before, sfms_printf(call->arena, "%d", size + 1)));
    if (status != SFMS_OK)
        return status;
    for (size_t i = 0; i < page->n_sessions; i++)
        page->sessions[i]->current = strcmp(page->sessions[i]->id, call->principal->session_id) == 0;
    if (page->n_sessions <= (size_t)size)
        return SFMS_OK;
    page->n_sessions = (size_t)size;
    page->next_page_token = page->sessions[size - 1]->id;
    return SFMS_OK;
}

static sfms_status
delete_session(sfms_call *call, const void *in, void *out)
{
    const Pb__DeleteSessionRequest *req = in;
    PGresult *result;
    sfms_status status =
        sfms_query(call, &result, "SELECT identity.end_one_session($1::uuid)::int", SFMS_ARGS(req->id));

    (void)out;
    if (status != SFMS_OK)
        return status;
    return PQgetvalue(result, 0, 0)[0] == '1' ? SFMS_OK : sfms_fail(call, &sfms_not_found);
}

static sfms_status
end_others(sfms_call *call, const void *in, void *out)
{
    Pb__EndOtherSessionsResponse *res = out;
    const char *session = call->principal->session_id;
    PGresult *result;
    sfms_status status = sfms_query(call, &result, "SELECT identity.end_other_sessions($1::uuid)",
        SFMS_ARGS(session[0] != '\0' ? session : NULL));

    (void)in;
    if (status != SFMS_OK)
        return status;
    res->ended_sessions = (int32_t)strtol(PQgetvalue(result, 0, 0), NULL, 10);
    return SFMS_OK;
}

static const sfms_method_row methods[] = {
    {"sfms.identity.v1.Sessions/ListSessions", list_sessions},
    {"sfms.identity.v1.Sessions/DeleteSession", delete_session},
    {"sfms.identity.v1.Sessions/EndOtherSessions", end_others},
    {NULL},
};

const sfms_noun identity_session_list = {.methods = methods};
