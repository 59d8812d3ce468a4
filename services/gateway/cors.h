/*
 * cors.h -- which pages of other origins a browser lets in.
 */
#ifndef GATEWAY_CORS_H
#define GATEWAY_CORS_H

#include <stdbool.h>

#include "answer.h"
#include "gateway.h"

enum { CORS_ORIGIN_MAX = 300 }; /* characters of an origin that is answered */

/* cors_allows is true if the list ("https://crm.example.com,https://m.example.com" or "*") has the origin. */
bool cors_allows(const char *origins, const char *origin);

/* cors_answer adds to any answer what a browser wants to see. origin is the header's value or NULL. */
void cors_answer(answer *ans, const char *origins, const char *origin);

/* cors_preflight answers an OPTIONS request for an address that takes the verbs in allow. Scripts may send the headers
 * that mean something here, those of W3C trace context, and those of SFMS_CORS_HEADERS. */
void cors_preflight(
    answer *ans, const gateway_config *config, sfms_arena *a, const char *origin, const char *allow);

#endif
