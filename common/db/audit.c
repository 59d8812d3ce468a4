/* audit.c -- the security log. */
#include "db/audit.h"

#include <string.h>

#include "core/id.h"
#include "core/log.h"
#include "core/time.h"

enum { AUDIT_MS = 2000 };

/* NULL (SQL NULL) for what is empty. */
static const char *
or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static const char *
shown(const char *text)
{
    return text != NULL ? text : "";
}

/* Who and where, where the event does not say. */
static sfms_audit_event
completed(const sfms_call *call, const sfms_audit_event *event)
{
    const Pb__Principal *p = call->principal;
    sfms_audit_event e = *event;

    if (e.result == NULL)
        e.result = call->failure != NULL ? call->failure->reason : "OK";
    if (e.org_id == NULL && p != NULL)
        e.org_id = p->org_id;
    if (e.user_id == NULL && p != NULL)
        e.user_id = p->user_id;
    if (e.session_id == NULL && p != NULL)
        e.session_id = p->session_id;
    return e;
}

/* False if it has been told of just before. */
static bool
write_entry(sfms_call *call, const sfms_audit_event *e, const char *action, const char *count)
{
    char id[SFMS_ID_SIZE];
    sfms_call own = *call; /* how it ends is not how the call ends */
    PGresult *result;

    if (or_null(e->org_id) == NULL)
        return true;
    sfms_id_make(id);
    own.failure = NULL;
    own.method = NULL;
    own.deadline_us = sfms_mono_us() + AUDIT_MS * INT64_C(1000);
    if (sfms_query(&own, &result,
            "SELECT app.audit($1::uuid, $2::uuid, $3, $4, $5::uuid, $6::uuid, $7, $8, $9, $10::uuid, $11,"
            " $12::bigint, $13)::int",
            SFMS_ARGS(e->org_id, id, action, e->result, or_null(e->user_id), or_null(e->session_id),
                or_null(call->peer), or_null(call->agent), or_null(e->resource), or_null(e->record_id),
                or_null(e->email), count, call->request_id)) == SFMS_OK)
        return PQgetvalue(result, 0, 0)[0] == '1';
    sfms_log(SFMS_LOG_WARN, "the security log cannot be written: %s",
        own.note != NULL ? own.note : own.failure->message);
    return true;
}

void
sfms_audit(sfms_call *call, const sfms_audit_event *event)
{
    const sfms_audit_event e = completed(call, event);
    const char *action = sfms_enum_name(&pb__audit_action__descriptor, (int)e.action);
    const char *count = sfms_printf(call->arena, "%lld", (long long)e.count);

    if (!write_entry(call, &e, action, count))
        return;
    sfms_log(SFMS_LOG_INFO,
        "audit action=%s result=%s org=%s user=%s session=%s address=%s resource=%s record=%s email=\"%s\" "
        "count=%s"
        " agent=\"%s\" request_id=%s",
        action, e.result, shown(e.org_id), shown(e.user_id), shown(e.session_id), shown(call->peer),
        shown(e.resource), shown(e.record_id), shown(e.email), count, shown(call->agent), call->request_id);
}
