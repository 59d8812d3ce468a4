/* teams.c -- the parts of the sales organisation. Contract: proto/sfms/identity/v1/teams.proto. That they
 * form a tree is seen to by the database (schema/0002_guards.sql), as is who sees whose records
 * (0001_identity.sql). */
#include "sfms/identity/v1/teams.pb-c.h"

#include "identity.h"

static const sfms_resource teams = {
    .message = &pb__team__descriptor,
    .table = "identity.teams",
};

const sfms_noun identity_teams = {.resource = &teams};
