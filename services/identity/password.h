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

/* Tries are counted in the database before they are made, by key. */
typedef struct {
    const char *key;
    int limit; /* failures from which on each one blocks for a while */
} password_try;

/* password_key answers the key for what a try is about, e.g. "email" and the address; the database sees only
 * a hash. */
const char *password_key(sfms_arena *a, const char *kind, const char *value);

/* password_count_tries counts a try under all keys, outside of any transaction (see sfms_method_row), as it
 * stays counted. Fails the call with RESOURCE_EXHAUSTED and the seconds to wait while one of them is blocked.
 * If the last try under the first key was right, the others are left alone. */
sfms_status password_count_tries(sfms_call *call, size_t n, const password_try *tries);

/* password_forget_try is told that the try was right. */
sfms_status password_forget_try(sfms_call *call, size_t n, const password_try *tries);

#endif
