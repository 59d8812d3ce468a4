/* permissions.h -- the built-in roles, as the contract has them. */
#ifndef SFMS_IDENTITY_PERMISSIONS_H
#define SFMS_IDENTITY_PERMISSIONS_H

#include "rpc/server.h"

enum { BUILTIN_ROLES = 4 };

/* permissions_start brings the built-in roles in the database in line with the contract, unless a later version has done so.
 * Ends the process if it cannot. */
void permissions_start(const sfms_server_env *env);

#endif
