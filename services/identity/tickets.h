/* tickets.h -- tickets that open a stream of events once, instead of a token. */
#ifndef SFMS_IDENTITY_TICKETS_H
#define SFMS_IDENTITY_TICKETS_H

#include "proto/call.h"
#include "token.h"

/* ticket_use uses a ticket up: *ret is whose session it stands for, and *ret_token a token of that session. UNAUTHENTICATED if
 * there is no such ticket any more. */
sfms_status ticket_use(sfms_call *call, const char *ticket, token *ret, const char **ret_token);

#endif
