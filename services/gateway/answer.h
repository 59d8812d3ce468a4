/*
 * answer.h -- what goes back over HTTP, before libmicrohttpd sees it.
 */
#ifndef GATEWAY_ANSWER_H
#define GATEWAY_ANSWER_H

#include <stddef.h>

#include "core/arena.h"
#include "proto/call.h"
#include "route.h"
#include "sfms/rpc/v1/envelope.pb-c.h"

enum { ANSWER_HEADERS_MAX = 16 };

typedef struct {
    const char *name, *value;
} answer_header;

/* Everything in it lives in the request's arena, or for ever. */
typedef struct {
    unsigned status;
    const char *content_type; /* NULL if there is no body */
    const char *body;
    size_t len;
    unsigned n_headers;
    answer_header header[ANSWER_HEADERS_MAX];
} answer;

/* answer_set gives status and body; headers added before stay. */
void answer_set(answer *ans, unsigned status, const char *content_type, const char *body, size_t len);

/* answer_add adds a header. Past ANSWER_HEADERS_MAX it is left out. */
void answer_add(answer *ans, const char *name, const char *value);

/* answer_reply turns a service's successful reply into an answer: JSON, or the bytes of a RawBody. request
 * is the message that was sent, for its read_mask. False if the reply cannot be read; then the call has failed. */
bool answer_reply(answer *ans, sfms_call *call, const route_target *target, const ProtobufCMessage *request,
    const Pb__Reply *reply);

/* answer_etag_matches is true if an If-None-Match header names the version or is "*". Weak tags match as
 * well. */
bool answer_etag_matches(const char *if_none_match, uint64_t version);

#endif
