/* notes.c -- texts on records of any kind. Contract: proto/sfms/activities/v1/notes.proto. */
#include "activities.h"
#include "sfms/activities/v1/notes.pb-c.h"

static const sfms_resource notes = {
    .message = &pb__note__descriptor,
    .table = "activities.notes",
    .shared = true,
};

const sfms_noun activities_notes = {.resource = &notes};
