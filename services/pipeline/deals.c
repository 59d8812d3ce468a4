/* deals.c -- chances to sell. Contract: proto/sfms/pipeline/v1/deals.proto. Stages change in move.c. */
#include "pipeline.h"

/* A setting of a stage is no change of the deals in it. */
static const sfms_through through[] = {
    {"probability", "stage_id", "pipeline.stages"},
    {NULL, NULL, NULL},
};

static const sfms_resource deals = {
    .message = &pb__deal__descriptor,
    .through = through,
};

const sfms_noun pipeline_deals = {.resource = &deals};
