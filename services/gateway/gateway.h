/*
 * gateway.h -- what the whole process shares.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <stdatomic.h>
#include <stdbool.h>

#include "auth.h"
#include "metrics.h"
#include "openapi.h"
#include "proto/contract.h"
#include "ratelimit.h"
#include "route.h"
#include "rpc/link.h"

typedef struct {
    const char *services, *secret, *host, *origins, *cors_headers, *log_level;
    int port, threads, connections, rate, trust_proxy, memory_mb, per_address, streams;
    sfms_tls tls;
} gateway_config;

typedef struct gateway {
    gateway_config config;
    const sfms_contract *contract;
    sfms_links *links;
    sfms_link **link_of; /* by method index; NULL where no address is known */
    router *router;
    auth *auth;
    ratelimit *limit; /* NULL if requests are not limited */
    metrics *metrics;
    openapi *openapi;
    atomic_bool draining;  /* about to stop: answers close their connections */
    atomic_bool stopped;   /* nothing more is sent to services */
    atomic_uint under_way; /* requests begun and not ended */
    atomic_uint calls;     /* to services, under way; and who else looks at the links */
} gateway;

#endif
