/* permissions.h -- the permissions that the contract knows, and what the built-in roles make of them. */
#ifndef SFMS_IDENTITY_PERMISSIONS_H
#define SFMS_IDENTITY_PERMISSIONS_H

#include "rpc/server.h"

/* permissions_start gathers the permissions of all methods, and brings the built-in roles in the database in
 * line with them. Ends the process if it cannot. */
void permissions_start(const sfms_server_env *env);

/* permission_known is true if some method asks for the permission. */
bool permission_known(const char *permission);

/* The built-in roles, by what they leave out. */
typedef enum { ROLE_ADMIN, ROLE_MANAGER, ROLE_REP, ROLE_VIEWER, BUILTIN_ROLES } builtin_role;

/* permission_in_role is true if the built-in role permits it. */
bool permission_in_role(const char *permission, builtin_role role);

#endif
