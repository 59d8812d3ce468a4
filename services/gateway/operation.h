/*
 * operation.h -- one route in the OpenAPI document: parameters, body, answers.
 */
#ifndef GATEWAY_OPERATION_H
#define GATEWAY_OPERATION_H

#include "route.h"
#include "schema.h"

/* The document while it is written. */
typedef struct {
    sfms_arena *arena;
    schemas *schemas;
    const route_target *const *targets;
    unsigned n;
    writer w;
} document;

/* operation_collect collects the schemas that a route uses. */
void operation_collect(document *d, const route_target *t);

/* operation_address answers a route's key in the document. A variable goes by the last part of its field's
 * path, because "/v1/deals/{deal.id}" and "/v1/deals/{id}" are one address. */
const char *operation_address(sfms_arena *a, const route_target *t);

/* operation_write writes the route with this index as a member of its address. */
void operation_write(document *d, unsigned index);

#endif
