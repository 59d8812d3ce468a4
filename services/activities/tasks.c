/* tasks.c -- things to be done. Contract: proto/sfms/activities/v1/tasks.proto. */
#include <stdio.h>
#include <string.h>

#include "activities.h"
#include "rpc/position.h"
#include "sfms/activities/v1/tasks.pb-c.h"

/* Overdue is by the day where the caller is: a task due today is not. */
static const char overdue_sql[] =
    "SELECT {columns} FROM activities.tasks t"
    " WHERE t.org_id = (SELECT app.org_id()) AND t.status = 'OPEN' AND t.delete_time IS NULL"
    "   AND t.due_date < (SELECT app.today()) AND ($1::uuid IS NULL OR t.owner_id = $1::uuid)"
    "   AND (t.due_date, t.id) > ($2::date, $3::uuid)"
    " ORDER BY t.due_date, t.id LIMIT $4::int";

static sfms_status
list_overdue(sfms_call *call, const void *in, void *out)
{
    const Pb__ListOverdueTasksRequest *request = in;
    Pb__ListTasksResponse *page = out;
    const char *owner = request->owner_id[0] != '\0' ? request->owner_id : NULL;
    const char *list = sfms_printf(call->arena, "overdue %s", request->owner_id);
    const char *after[] = {"-infinity", "00000000-0000-0000-0000-000000000000"};
    int size = sfms_page_size(request->page_size);
    const Pb__Task *last;
    sfms_status status;

    status = sfms_position_open(call, list, request->page_token, after);
    if (status != SFMS_OK)
        return status;
    status = sfms_many(call, page, "tasks", overdue_sql,
        SFMS_ARGS(owner, after[0], after[1], sfms_printf(call->arena, "%d", size + 1)));
    if (status != SFMS_OK || page->n_tasks <= (size_t)size)
        return status;
    page->n_tasks = (size_t)size;
    last = page->tasks[size - 1];
    page->next_page_token = sfms_position_seal(call, list, last->due_date, last->id);
    return SFMS_OK;
}

static const sfms_method_row methods[] = {
    {"sfms.activities.v1.Tasks/ListOverdueTasks", list_overdue},
    {NULL},
};

const sfms_noun activities_tasks = {.methods = methods};
