/*
 * health.h -- whether the gateway lives, and whether all is there that it needs.
 */
#ifndef GATEWAY_HEALTH_H
#define GATEWAY_HEALTH_H

#include "request.h"

/* health_live answers GET /healthz: the process runs. */
bool health_live(request *r);

/* A reader of the event log in a service, and for how long the oldest event has waited that it has not dealt with. */
typedef struct {
    char name[32];
    int64_t lag_ms;
} health_reader;

/* health_ask asks all services how they are, and goes on with the request then: see request_suspend. True, with an answer, if
 * there is nobody to ask any more. health_each_reader tells, after that, what they have said of their readers. */
bool health_ask(request *r, next_step (*then)(request *r));
void health_each_reader(
    const request *r, void (*each)(void *arg, const char *service, const health_reader *reader), void *arg);

/* health_ready answers GET /readyz: 200 if every service works, 503 if one does not or the gateway is about
 * to stop; the body says how each is. */
bool health_ready(request *r);

#endif
