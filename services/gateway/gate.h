/*
 * gate.h -- what becomes of a request: route, token, permission, body, call, answer.
 *
 * Errors come in this order: no such route 404, wrong verb 405, no token or a bad one 401, too many requests
 * 429, no permission 403, body too large 413, wrong media type 415, then what is wrong inside.
 */
#ifndef GATEWAY_GATE_H
#define GATEWAY_GATE_H

#include "request.h"

/* gate_head begins with a request whose headers are there (r->head, r->verb, r->peer). */
next_step gate_head(request *r);

/* gate_take_room counts n more bytes of a body; if there is no room for them the call has failed, and it answers false. */
bool gate_take_room(request *r, size_t n);

/* gate_run goes on when the body is there as well. */
next_step gate_run(request *r);

/* gate_send calls the request's method with r->message; packed and answered in the call's arena. The request is suspended, and
 * resumed with r->reply. NEXT_ANSWER if the call has failed at once. */
next_step gate_send(request *r, next_step (*resumed)(request *r));

/* gate_refuse fills r->answer for a request that is looked at no further. first and second are what the reason's sentence
 * names; NULL for none. */
void gate_refuse(request *r, const sfms_reason *reason, const char *first, const char *second);

/* gate_finish completes r->answer: an error's document, and the headers that all answers have. */
void gate_finish(request *r);

#endif
