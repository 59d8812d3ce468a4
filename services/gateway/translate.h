/*
 * translate.h -- from an HTTP request to the method's request message.
 *
 * The body fills the field that the route names (or the whole message), then the query, then the variables
 * of the path. For partial updates the keys of the body become update_mask, so that PATCH writes exactly
 * what is there.
 */
#ifndef GATEWAY_TRANSLATE_H
#define GATEWAY_TRANSLATE_H

#include "proto/call.h"
#include "route.h"

/* One part of a multipart/form-data body. */
typedef struct form_part {
    const char *name;
    const char *content_type; /* NULL if it is a text field */
    const char *data;         /* followed by a NUL */
    size_t len;
    struct form_part *next;
} form_part;

typedef struct {
    const char *data; /* the body, followed by a NUL; NULL if there is none */
    size_t len;
    const char *content_type; /* NULL if not said */
    const form_part *form;    /* the parts, if it is a form; data is NULL then */
} translate_body;

/* translate_request answers the message, in the call's arena; NULL if the call has failed, with all violations, of which
 * the first *ret_in_body are about the body. query is written into; it may be NULL. RawBody bytes are not copied: the
 * body must outlive the message. */
ProtobufCMessage *translate_request(
    sfms_call *call, const route_match *match, char *query, const translate_body *body, size_t *ret_in_body);

#endif
