/* notifications.c -- what wants a user's attention, and the reminders that say so. Contract:
 * proto/sfms/activities/v1/notifications.proto. */
#include <string.h>

#include "activities.h"
#include "core/id.h"
#include "rpc/position.h"
#include "sfms/activities/v1/notifications.pb-c.h"
#include "work/jobs.h"
#include "work/readers.h"

/* The policy leaves only the caller's own rows; user_id is said once more for the index. */
static const char list_sql[] =
    "SELECT {columns} FROM activities.notifications n"
    " WHERE n.org_id = (SELECT app.org_id()) AND n.user_id = (SELECT app.user_id()) AND n.id < $1::uuid"
    " ORDER BY n.id DESC LIMIT $2::int";

static const char list_unread_sql[] =
    "SELECT {columns} FROM activities.notifications n"
    " WHERE n.org_id = (SELECT app.org_id()) AND n.user_id = (SELECT app.user_id()) AND n.id < $1::uuid"
    "   AND n.read_time IS NULL"
    " ORDER BY n.id DESC LIMIT $2::int";

static sfms_status
list_notifications(sfms_call *call, const void *in, void *out)
{
    const Pb__ListNotificationsRequest *request = in;
    Pb__ListNotificationsResponse *page = out;
    const char *list = request->unread_only ? "notifications unread" : "notifications";
    const char *before[] = {"ffffffff-ffff-ffff-ffff-ffffffffffff", ""};
    int size = sfms_page_size(request->page_size);
    sfms_status status;

    status = sfms_position_open(call, list, request->page_token, before);
    if (status != SFMS_OK)
        return status;
    status = sfms_many(call, page, "notifications", request->unread_only ? list_unread_sql : list_sql,
        SFMS_ARGS(before[0], sfms_printf(call->arena, "%d", size + 1)));
    if (status != SFMS_OK || page->n_notifications <= (size_t)size)
        return status;
    page->n_notifications = (size_t)size;
    page->next_page_token = sfms_position_seal(call, list, page->notifications[size - 1]->id, "");
    return SFMS_OK;
}

static sfms_status
read_notification(sfms_call *call, const void *in, void *out)
{
    const Pb__ReadNotificationRequest *request = in;

    return sfms_one(call, out,
        "UPDATE activities.notifications SET read_time = coalesce(read_time, now())"
        " WHERE org_id = (SELECT app.org_id()) AND user_id = (SELECT app.user_id()) AND id = $1::uuid"
        " RETURNING {columns}",
        SFMS_ARGS(request->id));
}

/* Writes a reminder's notification if its record still wants it: the trigger cancels the job when it does
 * not, but a job that has been taken cannot be cancelled. The key over record and time makes the second run
 * of a job do nothing. */
static const char remind_sql[] =
    "INSERT INTO activities.notifications (id, kind, resource, record_id, title, remind_time)"
    " SELECT $1::uuid, 'REMINDER', job.p->>'resource', r.id, r.subject, r.remind_time"
    "   FROM (SELECT $2::jsonb AS p) job, LATERAL ("
    "        SELECT id, subject, remind_time FROM activities.tasks"
    "         WHERE job.p->>'resource' = 'tasks' AND org_id = (SELECT app.org_id())"
    "           AND id = (job.p->>'recordId')::uuid AND owner_id = (SELECT app.user_id())"
    "           AND status = 'OPEN' AND delete_time IS NULL"
    "        UNION ALL"
    "        SELECT id, subject, remind_time FROM activities.meetings"
    "         WHERE job.p->>'resource' = 'meetings' AND org_id = (SELECT app.org_id())"
    "           AND id = (job.p->>'recordId')::uuid AND owner_id = (SELECT app.user_id())"
    "           AND delete_time IS NULL) r"
    "  WHERE r.remind_time = (job.p->>'remindTime')::timestamptz"
    " ON CONFLICT (org_id, user_id, record_id, remind_time) DO NOTHING";

static sfms_status
remind(sfms_call *call, const sfms_job *job)
{
    char id[SFMS_ID_SIZE];

    sfms_id_make(id); /* of version 7, so that ids go by the time of delivery */
    return sfms_exec(call, NULL, remind_sql, SFMS_ARGS(id, job->payload));
}

static const sfms_method_row methods[] = {
    {"sfms.activities.v1.Notifications/ListNotifications", list_notifications},
    {"sfms.activities.v1.Notifications/ReadNotification", read_notification},
    {NULL},
};

static const sfms_job_row jobs[] = {
    {"reminder", remind, .waits = true},
    {NULL},
};

/* ---- records that are given -------------------------------------------------------------------------- */

static bool
is_given(const sfms_log_event *e)
{
    if (e->owner_id == NULL || (e->actor_id != NULL && strcmp(e->actor_id, e->owner_id) == 0))
        return false;
    return strcmp(e->action, "CREATED") == 0 || (strcmp(e->action, "UPDATED") == 0 && e->moved);
}

/* Of many that are given at once one is told: what caused them stands for all of them. */
static sfms_status
notify_given(sfms_call *call, size_t n, const sfms_log_event *events)
{
    sfms_status status = SFMS_OK;

    for (size_t i = 0; status == SFMS_OK && i < n; i++) {
        const sfms_log_event *e = &events[i];
        char id[SFMS_ID_SIZE];

        if (!is_given(e))
            continue;
        sfms_id_make(id);
        status = sfms_exec(call, NULL,
            "SELECT activities.notify_given($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5, $6::uuid,"
            " coalesce($7::jsonb->>'name', $7::jsonb->>'subject', ''))",
            SFMS_ARGS(id, e->owner_id, e->actor_id, e->cause != NULL ? e->cause : e->id, e->resource,
                e->record_id, e->after));
    }
    return status;
}

static const sfms_reader_row readers[] = {
    {"given", "{leads,accounts,contacts,deals,tasks,meetings}", notify_given},
    {NULL},
};

const sfms_noun activities_notifications = {.methods = methods, .jobs = jobs, .readers = readers};
