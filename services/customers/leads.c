/* leads.c -- people who may become customers. Contract: proto/sfms/customers/v1/leads.proto. */
#include "customers.h"
#include "sfms/customers/v1/leads.pb-c.h"

static const sfms_resource leads = {
    .message = &pb__lead__descriptor,
    .table = "customers.leads",
};

const sfms_noun customers_leads = {.resource = &leads};
