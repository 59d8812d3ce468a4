/*
 * refusal.h -- answers to what libmicrohttpd refuses before anybody else has seen it: lines that are no HTTP, heads that
 * are too large, chunks without a length.
 *
 * The library has no setting for how it answers these: it sends a page of HTML, and after some of them a second head, or
 * nothing at all. But it hands each such page to MHD_queue_response, and this program has a function of that name, which
 * the dynamic linker finds first, for the library's own calls too. It writes the problem document to the socket itself
 * and ends that direction, so that whatever the library sends goes nowhere.
 *
 * What is left to the library: it hangs up without a word on a first line without a space, and waits for the rest of a
 * line that does not end.
 */
#ifndef GATEWAY_REFUSAL_H
#define GATEWAY_REFUSAL_H

#include <microhttpd.h>

#include "request.h"

/* refusal_start finds the library's own MHD_queue_response. Call it once, before requests come. */
void refusal_start(gateway *gw);

/* refusal_queue is the library's own MHD_queue_response. */
enum MHD_Result refusal_queue(struct MHD_Connection *c, unsigned status, struct MHD_Response *response);

/* refusal_head answers true if the head of a request is too large to be served; it has been answered then, and the
 * connection is to be closed. The library would close it without a word where the head of the answer has no room left. */
bool refusal_head(request *r, int n_headers);

#endif
