/* password.h -- passwords: argon2id, and what a good one is. */
#ifndef SFMS_IDENTITY_PASSWORD_H
#define SFMS_IDENTITY_PASSWORD_H

#include "proto/call.h"

/* A password is its Unicode normal form KC: "ö" is one character, whether it was typed as one or as two, and a digit is a digit
 * in any width. */

/* password_check notes a violation of field if the password is too short. Answers how the call stands. */
sfms_status password_check(sfms_call *call, const char *field, const char *password);

/* password_hash answers the text to store; NULL if memory is short. Takes some 50 ms, on purpose. */
const char *password_hash(sfms_arena *a, const char *password);

/* PASSWORD_OLD is right, but was hashed as it is not hashed any more: hash it again. */
typedef enum { PASSWORD_WRONG, PASSWORD_RIGHT, PASSWORD_OLD } password_fit;

/* password_verify compares a password with a stored text. With hash NULL it takes the same time, and it is wrong. */
password_fit password_verify(sfms_arena *a, const char *hash, const char *password);

#endif
