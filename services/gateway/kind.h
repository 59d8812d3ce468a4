/* kind.h -- which arguments of a method the routes of each kind take. */
#ifndef GATEWAY_KIND_H
#define GATEWAY_KIND_H

#include "route.h"

/* kind_leaves_out is true for a field that the gateway sets by itself at a route of this kind, or that means something at a
 * route of another kind only. */
bool kind_leaves_out(const route_target *t, const sfms_field *f);

#endif
