/* sfms-activities: what happened, and what should happen next. */
#include "activities.h"
#include "work/jobs.h"

static const sfms_noun *const nouns[] = {
    &activities_tasks,
    &activities_notifications,
    NULL,
};

static const sfms_service service = {
    .name = "activities",
    .about = "tasks, meetings, calls, notes and notifications",
    .nouns = nouns,
    .background = &sfms_work,
};

int
main(int argc, char **argv)
{
    return sfms_service_main(&service, argc, argv);
}
