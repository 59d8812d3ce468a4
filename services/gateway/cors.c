/* cors.c -- cross-origin requests of browsers. */
#include "cors.h"

#include <string.h>

#define REQUEST_HEADERS                                                                                      \
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, X-Request-Id, "   \
    "traceparent, tracestate, baggage"
#define RESPONSE_HEADERS                                                                                     \
    "ETag, Idempotency-Replayed, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id"

bool
cors_allows(const char *origins, const char *origin)
{
    size_t n = strlen(origin);

    if (n > CORS_ORIGIN_MAX)
        return false;
    for (const char *p = origins; *p != '\0';) {
        p += strspn(p, ", ");
        size_t len = strcspn(p, ", ");
        if ((len == 1 && *p == '*') || (len == n && len > 0 && strncmp(p, origin, n) == 0))
            return true;
        p += len;
    }
    return false;
}

void
cors_answer(answer *ans, const char *origins, const char *origin)
{
    if (origins[0] == '\0')
        return;
    if (origin != NULL && cors_allows(origins, origin)) {
        answer_add(ans, "Access-Control-Allow-Origin", origin);
        answer_add(ans, "Access-Control-Expose-Headers", RESPONSE_HEADERS);
    }
    answer_add(ans, "Vary", "Origin");
}

void
cors_preflight(
    answer *ans, const gateway_config *config, sfms_arena *a, const char *origin, const char *allow)
{
    const char *more = config->cors_headers;

    answer_set(ans, 204, NULL, NULL, 0);
    answer_add(ans, "Allow", allow);
    if (origin == NULL || !cors_allows(config->origins, origin))
        return;
    answer_add(ans, "Access-Control-Allow-Methods", allow);
    answer_add(ans, "Access-Control-Allow-Headers",
        sfms_printf(a, "%s%s%s", REQUEST_HEADERS, more[0] == '\0' ? "" : ", ", more));
    answer_add(ans, "Access-Control-Max-Age", "600");
}
