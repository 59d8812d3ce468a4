/* users.h -- what other nouns ask of users. */
#ifndef SFMS_IDENTITY_USERS_H
#define SFMS_IDENTITY_USERS_H

#include "proto/call.h"
#include "sfms/identity/v1/users.pb-c.h"

/* users_me reads the caller, and notes his version. */
sfms_status users_me(sfms_call *call, Pb__Me *me);

#endif
