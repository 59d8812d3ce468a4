/* token.h -- access tokens: JWTs (RFC 7519) signed with ES256. */
#ifndef SFMS_IDENTITY_TOKEN_H
#define SFMS_IDENTITY_TOKEN_H

#include <stdbool.h>

#include "core/arena.h"
#include "sfms/identity/v1/sessions.pb-c.h"

enum { TOKEN_SECONDS = 15 * 60 };

typedef struct {
    const char *org_id, *user_id, *session_id;
    int64_t expire_s; /* seconds since 1970 */
} token;

/* token_open takes the private key, a JWK, or a JWK set of which the first key signs and all are good for
 * checking, so that a key can be changed without signing anybody out. Ends the process with a sentence if it
 * is no such key. */
void token_open(const char *jwk);

/* token_renew takes other keys while the process runs; false, and those of before stay, if they are none. */
bool token_renew(const char *jwk);

/* token_sign answers the text of a token that expires in TOKEN_SECONDS; NULL if the library fails. */
const char *token_sign(sfms_arena *a, const token *t);

/* token_read checks signature, issuer and expiry, and fills *ret from the arena; false if the text is no good
 * token. */
bool token_read(sfms_arena *a, const char *text, token *ret);

/* token_keys fills in the public keys. */
void token_keys(sfms_arena *a, Pb__KeySet *out);

#endif
