/*
 * head.h -- the headers of a request that mean something here.
 */
#ifndef GATEWAY_HEAD_H
#define GATEWAY_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values as they came; NULL for what was not sent. */
typedef struct {
    const char *accept_encoding, *accept_language, *authorization, *content_encoding, *content_length,
        *content_type, *cookie, *expect, *forwarded, *forwarded_for, *idempotency_key, *if_match,
        *if_none_match, *last_event_id, *origin, *request_id, *traceparent, *transfer_encoding, *user_agent;
    const char *host;
    bool broken; /* a header that nobody may send, or one given twice that says where the request ends */
} head;

/* head_take keeps a header if it is one of these. */
void head_take(head *h, const char *name, const char *value);

/* head_is_sound is false if we and somebody before us might not agree where the request ends or whom it is for:
 * RFC 9112, sections 3.2, 5.1, 6.1 and 6.3. version is that of the request, "HTTP/1.1". */
bool head_is_sound(const head *h, const char *version);

/* head_has_body is true if a body follows; *ret_len is its length, or 0 if it comes in chunks. */
bool head_has_body(const head *h, uint64_t *ret_len);

/* head_bearer answers the token of an Authorization header; NULL if it is of another kind. */
const char *head_bearer(const char *authorization);

enum { HEAD_TAGS_MAX = 32 };

typedef enum {
    HEAD_NO_CONDITION,  /* no header */
    HEAD_ANY_VERSION,   /* "*" */
    HEAD_SOME_VERSIONS, /* a list of tags, of which some are versions */
    HEAD_NO_VERSION,    /* a list of tags that are none of our versions */
    HEAD_NO_TAG,        /* something else, or more tags than we read */
} head_match;

/* head_if_match reads an If-Match header: RFC 9110, 13.1.1. */
head_match head_if_match(const char *if_match, uint64_t versions[HEAD_TAGS_MAX], unsigned *ret_n);

/* head_is_printable is true for 1 to max characters of visible ASCII, without spaces. */
bool head_is_printable(const char *text, size_t max);

/* head_is_json is true for application/json, types that end in +json, and no type at all. */
bool head_is_json(const char *content_type);

#endif
