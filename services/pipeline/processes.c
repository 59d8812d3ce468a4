/* processes.c -- ways to sell. Contract: proto/sfms/pipeline/v1/processes.proto. */
#include "pipeline.h"
#include "sfms/pipeline/v1/processes.pb-c.h"

static const sfms_resource processes = {
    .message = &pb__sales_process__descriptor,
    .table = "pipeline.processes",
};

const sfms_noun pipeline_processes = {.resource = &processes};
