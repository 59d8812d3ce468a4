/* tries.h -- tries of a secret that somebody could guess, counted in the database before they are made. */
#ifndef SFMS_IDENTITY_TRIES_H
#define SFMS_IDENTITY_TRIES_H

#include "proto/call.h"

enum { TRIES_KEYS = 4 }; /* under which a try counts at most */

/* One of the things that a try counts for: a mail address, a network address, both. From limit failures on each one blocks it
 * for a while, longest seconds at most. */
typedef struct {
    const char *key; /* a hash: the database sees nothing else */
    int limit, longest;
} tries_key;

typedef struct {
    size_t n;
    tries_key of[TRIES_KEYS];
} tries;

/* tries_of_login is a try of a mail address from where the call comes from. */
tries tries_of_login(const sfms_call *call, const char *email);

/* tries_of_user is a try of somebody who is signed in. */
tries tries_of_user(const sfms_call *call, const char *user_id);

/* tries_count counts a try, outside of any transaction (see sfms_method_row), as it stays counted. Fails the call with
 * RESOURCE_EXHAUSTED and the seconds to wait while it is blocked. If the last try under the first key was right, the others
 * are left alone. */
sfms_status tries_count(sfms_call *call, const tries *t);

/* tries_forget is told that the try was right. */
sfms_status tries_forget(sfms_call *call, const tries *t);

#endif
