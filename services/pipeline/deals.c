/* deals.c -- chances to sell. Contract: proto/sfms/pipeline/v1/deals.proto. Stages change in move.c. */
#include "pipeline.h"

static const sfms_resource deals = {
    .message = &pb__deal__descriptor,
    .table = "pipeline.deals",
};

const sfms_noun pipeline_deals = {.resource = &deals};
