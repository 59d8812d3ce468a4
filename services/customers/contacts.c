/* contacts.c -- people whom we deal with. Contract: proto/sfms/customers/v1/contacts.proto. */
#include "customers.h"
#include "sfms/customers/v1/contacts.pb-c.h"

static const sfms_resource contacts = {
    .message = &pb__contact__descriptor,
    .table = "customers.contacts",
};

const sfms_noun customers_contacts = {.resource = &contacts};
