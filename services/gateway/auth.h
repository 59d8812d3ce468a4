/*
 * auth.h -- whom bearer tokens stand for.
 *
 * The gateway does not read tokens. It asks the one method of the contract that says `authenticates`, and
 * keeps the answer for as long as that allows. Many requests with one unknown token ask once. While nobody
 * can be asked, an answer stays good until its token expires.
 */
#ifndef GATEWAY_AUTH_H
#define GATEWAY_AUTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/seal.h"
#include "proto/contract.h"
#include "rpc/link.h"

enum {
    AUTH_TOKEN_MAX = 4096,
    AUTH_SETS =
        1024, /* times AUTH_WAYS principals are kept; the one of its set not used for longest makes room */
    AUTH_WAYS = 8,
    AUTH_CALL_MS = 5000,
    AUTH_RETRY_MS = 1000, /* how long a stale answer serves after nobody could be asked */
};

/* Someone signed in, shared by all calls in their name: calls with the same pointer travel together. */
typedef struct principal {
    atomic_uint refs;
    Pb__AuthenticateResponse *answer;
    const Pb__Principal *pb;
    int64_t expire_us; /* when the token expires that it came of, by sfms_mono_us */
    uint64_t may[];    /* a bit per method of the contract */
} principal;

typedef struct auth auth;

/* One request that wants to know. The caller owns the memory and keeps it until done has run. */
typedef struct auth_wait {
    const char *token;
    bool
        is_ticket; /* good for one use: neither kept nor shared; who->answer->token is to be asked with the next time */
    const char *request_id, *peer;
    void (*done)(struct auth_wait *w); /* runs on any thread; see auth_ask */
    void *arg;
    principal *who;       /* NULL if the token stands for nobody, or if it could not be found out */
    sfms_status status;   /* then: UNAUTHENTICATED, UNAVAILABLE, ... */
    unsigned retry_after; /* seconds; 0 if not known */
    uint8_t key[SFMS_MAC_SIZE];
    struct auth_wait *next;
} auth_wait;

/* auth_new finds the method to ask; ends the process if the contract has none. */
auth *auth_new(const sfms_contract *contract, sfms_links *links);

/* auth_free gives everything back; no call may be under way. */
void auth_free(auth *a);

/* auth_find looks the token up among the answers kept. True if it is there: w->who is then the caller's to
 * release. */
bool auth_find(auth *a, auth_wait *w);

/* auth_ask asks whom the token stands for, after auth_find has failed. w->done runs once, possibly before
 * this returns, with w->who, which is the caller's to release, or w->status. */
void auth_ask(auth *a, auth_wait *w);

/* auth_renew forgets what is known of an organisation's tokens: each is asked about again when it comes next. */
void auth_renew(auth *a, const char *org_id);

/* auth_link is the link to the service that is asked; NULL if no address of it is known. */
const sfms_link *auth_link(const auth *a);

/* auth_may is true if the principal's permissions include the one of the method with this index. */
static inline bool
auth_may(const principal *p, unsigned method_index)
{
    return (p->may[method_index / 64] >> (method_index % 64)) & 1;
}

/* principal_release gives a reference back; NULL is fine. */
void principal_release(principal *p);

#endif
