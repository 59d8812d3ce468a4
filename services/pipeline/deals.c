/* deals.c -- chances to sell. Contract: proto/sfms/pipeline/v1/deals.proto. Stages change in move.c. */
#include "pipeline.h"

static const sfms_resource deals = {
    .message = &pb__deal__descriptor,
    .table = "pipeline.deals",
    .orders =
        "name amount expected_close_date close_date start_date stage_enter_time create_time update_time",
};

const sfms_noun pipeline_deals = {.resource = &deals};
