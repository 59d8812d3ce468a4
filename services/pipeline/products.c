/* products.c -- what we sell. Contract: proto/sfms/pipeline/v1/products.proto. */
#include "pipeline.h"
#include "sfms/pipeline/v1/products.pb-c.h"

static const sfms_resource products = {
    .message = &pb__product__descriptor,
    .table = "pipeline.products",
};

const sfms_noun pipeline_products = {.resource = &products};
