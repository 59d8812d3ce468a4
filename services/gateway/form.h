/*
 * form.h -- multipart/form-data bodies taken apart.
 */
#ifndef GATEWAY_FORM_H
#define GATEWAY_FORM_H

#include "request.h"
#include "translate.h"

/* form_is is true if a Content-Type header announces a form. */
bool form_is(const char *content_type);

/* form_parse answers the parts of the request's body in their order, in the arena; NULL if it is no form or
 * has too many. */
const form_part *form_parse(request *r);

#endif
