/*
 * sse.h -- a list of what happens as server-sent events (text/event-stream, WHATWG HTML, 9.2).
 *
 * The gateway asks the method for what comes after a cursor when its service tells that the organisation's records have
 * changed, and at no other time. Each element of the answer's list is an event, with the cursor after it as its id: so a
 * stream, and whoever asks the method himself, get the same in the same order.
 */
#ifndef GATEWAY_SSE_H
#define GATEWAY_SSE_H

#include "request.h"

/* sse_ticket answers the ticket in the query of a request without a token; NULL if there is none. */
const char *sse_ticket(request *r);

/* sse_open makes the request a stream, before its method is asked for the first time. False if the call has failed. */
bool sse_open(request *r);

/* sse_answer sets the answer's headers, when the method has answered for the first time. */
void sse_answer(request *r);

#endif
