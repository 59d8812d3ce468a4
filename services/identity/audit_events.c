/* audit_events.c -- the security log, to be read. It is written by sfms_audit. Contract:
 * proto/sfms/identity/v1/audit_events.proto. */
#include "identity.h"
#include "sfms/identity/v1/audit_events.pb-c.h"

static const sfms_resource audit_events = {
    .message = &pb__audit_event__descriptor,
    .table = "identity.audit_events",
};

const sfms_noun identity_audit_events = {.resource = &audit_events};
