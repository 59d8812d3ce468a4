/*
 * health.h -- whether the gateway lives, and whether all is there that it needs.
 */
#ifndef GATEWAY_HEALTH_H
#define GATEWAY_HEALTH_H

#include "request.h"

/* health_live answers GET /healthz: the process runs. */
bool health_live(request *r);

/* health_ready answers GET /readyz: 200 if every service works, 503 if one does not or the gateway is about
 * to stop; the body says how each is. */
bool health_ready(request *r);

#endif
