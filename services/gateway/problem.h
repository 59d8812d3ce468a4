/*
 * problem.h -- errors as application/problem+json (RFC 9457).
 */
#ifndef GATEWAY_PROBLEM_H
#define GATEWAY_PROBLEM_H

#include "answer.h"
#include "core/buf.h"

/* problem_answer makes the answer from call->failure. path is the path asked for; target is what it is, or NULL if
 * that is not known. The first in_body violations were found in the body; where others are is told from their field. */
void problem_answer(
    answer *ans, const sfms_call *call, const route_target *target, const char *path, size_t in_body);

/* problem_http answers the HTTP status for a failure: the one of its code, unless its reason has one of its
 * own. */
unsigned problem_http(const Pb__Status *failure);

/* problem_place appends where a violation is, as a member of its JSON object: "pointer" into the HTTP body, or
 * "parameter" of the query or path. field is the path from the request message in proto names. A field that a variable
 * of the path sets can be wrong there or, if found_in_body, in a body that has it as well. */
void problem_place(sfms_buf *b, const route_target *target, const char *field, bool found_in_body);

#endif
