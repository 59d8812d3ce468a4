/* accounts.c -- companies that we sell to. Contract: proto/sfms/customers/v1/accounts.proto. */
#include "customers.h"
#include "sfms/customers/v1/accounts.pb-c.h"

static const sfms_resource accounts = {
    .message = &pb__account__descriptor,
    .table = "customers.accounts",
};

const sfms_noun customers_accounts = {.resource = &accounts};
