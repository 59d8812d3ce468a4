/*
 * openapi.h -- the contract as an OpenAPI document.
 */
#ifndef GATEWAY_OPENAPI_H
#define GATEWAY_OPENAPI_H

#include "core/buf.h"
#include "route.h"

/* openapi_write writes the document for all routes, in OpenAPI 3.1 or, for tools that do not know that, in 3.0. */
void openapi_write(sfms_buf *b, const router *routes, const sfms_contract *contract, bool v30);

/* The documents as they are served: each is made when it is first asked for, then kept. */
typedef struct openapi openapi;
openapi *openapi_new(const router *routes, const sfms_contract *contract);
void openapi_free(openapi *o);

/* openapi_own answers GET /openapi.json; openapi_own_30, GET /openapi-3.0.json. */
bool openapi_own(struct request *r);
bool openapi_own_30(struct request *r);

#endif
