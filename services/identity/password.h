/* password.h -- passwords: argon2id, and what a good one is. */
#ifndef SFMS_IDENTITY_PASSWORD_H
#define SFMS_IDENTITY_PASSWORD_H

#include "proto/call.h"

/* password_check notes a violation of field if the password is too short. Answers how the call stands. */
sfms_status password_check(sfms_call *call, const char *field, const char *password);

/* password_hash answers the text to store; NULL if memory is short. Takes some 50 ms, on purpose. */
const char *password_hash(sfms_arena *a, const char *password);

/* password_verify compares a password with a stored text. With hash NULL it takes the same time and answers
 * false. */
bool password_verify(const char *hash, const char *password);

#endif
