/* roles.c -- what users may do and see. Contract: proto/sfms/identity/v1/roles.proto. That nobody gives more
 * than he has, and that built-in roles stay, is seen to by the database (schema/0002_guards.sql). */
#include "sfms/identity/v1/roles.pb-c.h"

#include <string.h>

#include "identity.h"

static const sfms_reason unknown_permission = {
    "UNKNOWN_PERMISSION", SFMS_INVALID_ARGUMENT, {"is not a permission: \"%s\"", "不存在名为“%s”的权限"}};

static bool
writes(const Google__Protobuf__FieldMask *mask, const char *field)
{
    for (size_t i = 0; mask != NULL && i < mask->n_paths; i++)
        if (strcmp(mask->paths[i], field) == 0)
            return true;
    return mask == NULL;
}

/* Only permissions that some method asks for. */
static sfms_status
check(sfms_call *call, ProtobufCMessage *resource, const Google__Protobuf__FieldMask *mask)
{
    const Pb__Role *role = (const Pb__Role *)resource;

    if (!writes(mask, "permissions"))
        return SFMS_OK;
    for (size_t i = 0; i < role->n_permissions; i++)
        if (sfms_contract_permission(call->contract, role->permissions[i]) == NULL)
            sfms_violate_field(call, sfms_printf(call->arena, "permissions[%zu]", i), &unknown_permission,
                role->permissions[i]);
    return sfms_violations(call) == SFMS_OK ? SFMS_OK : sfms_fail(call, &sfms_bad_fields);
}

static const sfms_resource roles = {
    .message = &pb__role__descriptor,
    .check = check,
};

const sfms_noun identity_roles = {.resource = &roles};
