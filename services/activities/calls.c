/* calls.c -- calls on the phone. Contract: proto/sfms/activities/v1/calls.proto. */
#include "activities.h"
#include "sfms/activities/v1/calls.pb-c.h"

static const sfms_resource calls = {
    .message = &pb__phone_call__descriptor,
    .table = "activities.calls",
    .shared = true,
};

const sfms_noun activities_calls = {.resource = &calls};
