/*
 * openapi.h -- the contract as an OpenAPI 3.1 document.
 */
#ifndef GATEWAY_OPENAPI_H
#define GATEWAY_OPENAPI_H

#include "core/buf.h"
#include "route.h"

/* openapi_write writes the document for all routes. */
void openapi_write(sfms_buf *b, const router *routes);

/* The document as it is served: made when it is first asked for, then kept. */
typedef struct openapi openapi;
openapi *openapi_new(const router *routes);
void openapi_free(openapi *o);

/* openapi_own answers GET /openapi.json. */
bool openapi_own(struct request *r);

#endif
