/* meetings.c -- times that people spend together. Contract: proto/sfms/activities/v1/meetings.proto. */
#include "activities.h"
#include "sfms/activities/v1/meetings.pb-c.h"

static const sfms_resource meetings = {
    .message = &pb__meeting__descriptor,
    .table = "activities.meetings",
    .shared = true,
};

const sfms_noun activities_meetings = {.resource = &meetings};
