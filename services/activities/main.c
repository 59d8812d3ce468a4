/* sfms-activities: what happened, and what should happen next. */
#include "activities.h"

static const sfms_noun *const nouns[] = {
    &activities_tasks,
    &activities_meetings,
    &activities_calls,
    &activities_notes,
    &activities_notifications,
    &activities_events,
    &activities_imports,
    NULL,
};

static const sfms_service service = {
    .name = "activities",
    .about = "tasks, meetings, calls, notes, notifications, the event feed and imports",
    .nouns = nouns,
};

int
main(int argc, char **argv)
{
    return sfms_service_main(&service, argc, argv);
}
