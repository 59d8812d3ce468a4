/* leads.c -- people who may become customers. Contract: proto/sfms/customers/v1/leads.proto. */
#include "customers.h"
#include "sfms/customers/v1/leads.pb-c.h"

static const sfms_resource leads = {
    .message = &pb__lead__descriptor,
    .table = "customers.leads",
    .orders = "name create_time update_time company status",
};

const sfms_noun customers_leads = {.resource = &leads};
