/* problem.c -- errors as application/problem+json. */
#include "problem.h"

#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "proto/json.h"
#include "proto/path.h"
#include "proto/place.h"

/* HTTP has words for these that gRPC's codes have not. */
static const struct {
    const char *reason;
    unsigned http;
} http_by_reason[] = {
    {"METHOD_NOT_ALLOWED", 405},
    {"VERSION_MISMATCH", 412},
    {"THERE_ALREADY", 412},
    {"NONE_THERE", 412},
    {"BODY_TOO_LARGE", 413},
    {"URL_TOO_LONG", 414},
    {"HEADERS_TOO_LARGE", 431},
    {"HTTP_VERSION_NOT_SUPPORTED", 505},
    {"UNSUPPORTED_MEDIA_TYPE", 415},
    {"UNSUPPORTED_ENCODING", 415},
    {"IDEMPOTENCY_KEY_REUSED", 422},
};

unsigned
problem_http(const Pb__Status *failure)
{
    for (size_t i = 0; i < sizeof http_by_reason / sizeof http_by_reason[0]; i++) {
        if (strcmp(http_by_reason[i].reason, failure->reason) == 0)
            return http_by_reason[i].http;
    }
    return (unsigned)sfms_status_http((sfms_status)failure->code);
}

/* ---- where a violation is ---------------------------------------------------------------------------- */

/* The message whose field the last name of a path without elements is. A path variable goes by that name
 * alone, as in the OpenAPI document. */
static const sfms_message *
message_before_leaf(const sfms_message *m, const char *path)
{
    sfms_place place;

    (void)sfms_place_find(NULL, m, path, strlen(path), &place);
    return place.n > 1 ? place.fields[place.n - 2]->message : m;
}

static bool
is_path_variable(const route_target *t, const char *field)
{
    for (unsigned i = 0; i < t->n_vars; i++) {
        if (strcmp(t->var[i], field) == 0)
            return true;
    }
    return false;
}

static bool
is_in_body(const route_target *t, const char *field, bool found_in_body)
{
    if (t->raw != NULL || (is_path_variable(t, field) && !found_in_body))
        return false;
    return t->whole_body || (t->body != NULL && sfms_path_within(field, t->body->desc->name));
}

static void
place_in_body(sfms_buf *b, const route_target *t, const char *field)
{
    const sfms_message *m = t->method->input;

    if (t->body != NULL) {
        field += strlen(t->body->desc->name);
        m = t->body->message;
    }
    if (field[0] == '[') { /* the body is an array */
        char *end;
        sfms_buf_printf(b, "/%ld", strtol(field + 1, &end, 10));
        field = *end == ']' ? end + 1 : "";
    }
    sfms_place_pointer(b, m, field[0] == '.' ? field + 1 : field);
}

static void
place_in_parameter(sfms_buf *b, const route_target *t, const char *field)
{
    const sfms_message *m = t != NULL && t->method != NULL ? t->method->input : NULL;
    const char *leaf = strrchr(field, '.');

    if (m != NULL && leaf != NULL && is_path_variable(t, field))
        sfms_place_parameter(b, message_before_leaf(m, field), leaf + 1);
    else
        sfms_place_parameter(b, m, field);
}

void
problem_place(sfms_buf *b, const route_target *target, const char *field, bool found_in_body)
{
    bool in_body = target != NULL && target->method != NULL && is_in_body(target, field, found_in_body);
    sfms_buf place;

    sfms_buf_init(&place, b->arena, SFMS_URL_MAX);
    if (in_body)
        place_in_body(&place, target, field);
    else
        place_in_parameter(&place, target, field);
    sfms_buf_add(b, in_body ? "\"pointer\":" : "\"parameter\":");
    sfms_buf_json(b, place.data, place.len);
}

/* ---- the document ------------------------------------------------------------------------------------ */

static void
add_member(sfms_buf *b, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    sfms_buf_char(b, ',');
    sfms_buf_json(b, name, strlen(name));
    sfms_buf_char(b, ':');
    sfms_buf_json(b, value, strlen(value));
}

static void
add_errors(sfms_buf *b, const Pb__Status *failure, const route_target *target, size_t in_body)
{
    if (failure->n_violations == 0)
        return;
    sfms_buf_add(b, ",\"errors\":[");
    for (size_t i = 0; i < failure->n_violations; i++) {
        const Pb__Violation *v = failure->violations[i];
        sfms_buf_add(b, i == 0 ? "{" : ",{");
        problem_place(b, target, v->field, i < in_body);
        add_member(b, "detail", v->description);
        add_member(b, "reason", v->reason);
        sfms_buf_char(b, '}');
    }
    sfms_buf_char(b, ']');
}

static void
add_headers(answer *ans, const sfms_call *call)
{
    const Pb__Status *failure = call->failure;

    if (ans->status == 401) {
        bool none = strcmp(failure->reason, sfms_no_token.name) == 0;
        answer_add(ans, "WWW-Authenticate", none ? "Bearer" : "Bearer error=\"invalid_token\"");
    }
    if (ans->status == 503 || ans->status == 429) {
        unsigned seconds = failure->retry_after != 0 ? failure->retry_after : 1;
        answer_add(ans, "Retry-After", sfms_printf(call->arena, "%u", seconds));
    }
    answer_add(ans, "Content-Language", sfms_locale_name(call->locale));
}

void
problem_answer(
    answer *ans, const sfms_call *call, const route_target *target, const char *path, size_t in_body)
{
    const Pb__Status *failure = call->failure;
    unsigned http = problem_http(failure);
    const char *code = failure->reason[0] != '\0' ? failure->reason : sfms_status_name(failure->code);
    const char *title = sfms_status_title((sfms_status)failure->code, call->locale);
    sfms_buf b;

    sfms_buf_init(&b, call->arena, SFMS_MESSAGE_MAX);
    sfms_buf_printf(&b, "{\"type\":\"urn:sfms:problem:%s\",\"title\":", code);
    sfms_buf_json(&b, title, strlen(title));
    sfms_buf_printf(&b, ",\"status\":%u", http);
    add_member(&b, "detail", failure->message);
    add_member(&b, "instance", path);
    add_member(&b, "code", code);
    add_member(&b, "requestId", call->request_id);
    add_member(&b, "existingId", failure->existing_id);
    add_errors(&b, failure, target, in_body);
    sfms_buf_char(&b, '}');

    answer_set(ans, http, "application/problem+json", b.data, b.len);
    add_headers(ans, call);
}
