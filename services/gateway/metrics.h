/*
 * metrics.h -- numbers for operators, in Prometheus' text format.
 */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include <stdint.h>

#include "route.h"

struct gateway;
typedef struct metrics metrics;

/* metrics_new makes counters for n targets and one more for requests that match none. */
metrics *metrics_new(unsigned n_targets);
void metrics_free(metrics *m);

/* metrics_count notes an answer; target may be NULL. */
void metrics_count(metrics *m, const route_target *target, unsigned status, int64_t took_us);

/* metrics_own answers GET /metrics. */
bool metrics_own(struct request *r);

#endif
