/* tickets.c -- tickets that open a stream of events once. Contract: proto/sfms/identity/v1/sessions.proto. */
#include "tickets.h"

#include <stdlib.h>
#include <string.h>

#include "core/seal.h"
#include "core/time.h"
#include "identity.h"
#include "sfms/identity/v1/sessions.pb-c.h"

enum { TICKET_BYTES = 32 };

static const char ticket_seconds[] = "30";

static const char *
hash_of(sfms_arena *a, const char *ticket)
{
    uint8_t hash[SFMS_MAC_SIZE];

    sfms_hash(ticket, strlen(ticket), hash);
    return sfms_hex(a, hash, sizeof(hash));
}

static sfms_status
create_ticket(sfms_call *call, const void *in, void *out)
{
    Pb__Ticket *ticket = out;

    (void)in;
    ticket->ticket = sfms_random_text(call->arena, TICKET_BYTES);
    ticket->expires_in = (int32_t)strtol(ticket_seconds, NULL, 10);
    return sfms_exec(call, NULL, "SELECT identity.make_ticket($1, $2::uuid, $3::integer)",
        SFMS_ARGS(hash_of(call->arena, ticket->ticket), call->principal->session_id, ticket_seconds));
}

sfms_status
ticket_use(sfms_call *call, const char *ticket, token *ret, const char **ret_token)
{
    PGresult *result;
    sfms_status status =
        sfms_query(call, &result, "SELECT org_id, user_id, session_id FROM identity.use_ticket($1)",
            SFMS_ARGS(hash_of(call->arena, ticket)));

    if (status != SFMS_OK)
        return status;
    if (PQntuples(result) == 0)
        return sfms_fail(call, &sfms_bad_token);
    *ret = (token){
        .org_id = PQgetvalue(result, 0, 0),
        .user_id = PQgetvalue(result, 0, 1),
        .session_id = PQgetvalue(result, 0, 2),
        .expire_s = sfms_now_ms() / 1000 + TOKEN_SECONDS,
    };
    *ret_token = token_sign(call->arena, ret);
    return *ret_token != NULL ? SFMS_OK : sfms_fail(call, &sfms_internal);
}

static const sfms_method_row methods[] = {
    {"sfms.identity.v1.Sessions/CreateTicket", create_ticket},
    {NULL},
};

const sfms_noun identity_tickets = {.methods = methods};
