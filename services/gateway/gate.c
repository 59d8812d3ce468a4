/* gate.c -- what becomes of a request. */
#include "gate.h"

#include <string.h>
#include <strings.h>

#include "client.h"
#include "compress.h"
#include "core/address.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "cors.h"
#include "export.h"
#include "form.h"
#include "problem.h"
#include "rpc/lane.h"
#include "sse.h"
#include "translate.h"

enum {
    FILE_FACTOR = 3,   /* a file is here, in the call, and in its message */
    ANSWER_FACTOR = 3, /* an answer is here as it came, as JSON, and compressed */
};

static const sfms_reason encoded_body = {
    "UNSUPPORTED_ENCODING",
    SFMS_INVALID_ARGUMENT,
    {"Send the body as it is, without a Content-Encoding.",
        "请直接发送请求体，不要使用 Content-Encoding 压缩。"},
};

static const sfms_reason bad_form = {
    "BAD_FORM",
    SFMS_INVALID_ARGUMENT,
    {"The body is not a form, or has too many parts.", "请求体不是有效的表单，或字段过多。"},
};

static const sfms_reason bad_headers = {
    "BAD_HEADERS",
    SFMS_INVALID_ARGUMENT,
    {"The headers do not say clearly whom the request is for or where it ends.",
        "请求头未明确指出目标主机或请求的结束位置。"},
};

static next_step
fail(request *r, const sfms_reason *reason)
{
    sfms_fail(&r->call, reason);
    return NEXT_ANSWER;
}

/* ---- with the headers -------------------------------------------------------------------------------- */

/* What the service is told about the request. */
static void
set_call(request *r)
{
    sfms_call *call = &r->call;
    const head *h = &r->head;

    call->contract = r->gw->contract;
    if (h->accept_language != NULL)
        call->locale = sfms_locale_parse(h->accept_language);
    call->request_id = h->request_id;
    if (h->request_id == NULL || !head_is_printable(h->request_id, SFMS_REQUEST_ID_MAX)) {
        sfms_id_make(r->id);
        call->request_id = r->id;
    }
    if (h->traceparent != NULL && head_is_printable(h->traceparent, SFMS_REQUEST_ID_MAX))
        call->traceparent = h->traceparent;
    client_find(r);
    call->deadline_us = r->start_us + SFMS_CALL_MS_DEFAULT * INT64_C(1000);
}

static bool
limited(request *r)
{
    const Pb__Principal *who = r->call.principal;
    unsigned wait;

    if (r->gw->limit == NULL)
        return false;
    char network[SFMS_ADDRESS_SIZE];
    sfms_address_network(r->call.peer, network);
    const char *key = who == NULL ? network : who->user_id;
    r->limited = true;
    if (ratelimit_take(r->gw->limit, key, sfms_mono_us(), &r->limit_left, &wait))
        return false;
    sfms_fail(&r->call, &sfms_rate_limited);
    r->call.failure->retry_after = wait;
    return true;
}

static bool
is_get(const request *r)
{
    return strcmp(r->match.target->verb, "GET") == 0;
}

/* What the request expects of the record. A condition that the method does not look at is refused, as whoever sends one counts
 * on it. */
static bool
take_conditions(request *r)
{
    const head *h = &r->head;
    sfms_condition *c = &r->call.condition;
    uint64_t *versions = sfms_alloc(r->call.arena, HEAD_TAGS_MAX * sizeof *versions);
    unsigned n;
    head_match match = head_if_match(h->if_match, versions, &n);

    if (match != HEAD_NO_CONDITION && !sfms_method_takes_if_match(r->call.method))
        sfms_fail(&r->call, &sfms_no_condition, "If-Match");
    else if (match == HEAD_NO_TAG)
        sfms_fail(&r->call, &sfms_bad_if_match);
    else if (match == HEAD_NO_VERSION)
        sfms_fail(&r->call, &sfms_version);
    else if (h->if_none_match != NULL && !sfms_method_takes_if_none_match(r->call.method))
        sfms_fail(&r->call, &sfms_no_condition, "If-None-Match");
    else if (h->if_none_match != NULL && strcmp(h->if_none_match, "*") != 0)
        sfms_fail(&r->call, &sfms_bad_none_match);
    *c = (sfms_condition){
        .n_versions = n,
        .versions = versions,
        .exists = match != HEAD_NO_CONDITION,
        .absent = h->if_none_match != NULL,
    };
    return r->call.failure == NULL;
}

/* The headers that only writes understand. */
static bool
take_write_headers(request *r)
{
    const head *h = &r->head;

    if (is_get(r))
        return true;
    if (h->idempotency_key != NULL) {
        if (!head_is_printable(h->idempotency_key, SFMS_IDEMPOTENCY_KEY_MAX)) {
            sfms_fail(&r->call, &sfms_bad_key);
            return false;
        }
        r->call.idempotency_key = h->idempotency_key;
    }
    return take_conditions(r);
}

/* There is too much in memory, or the organisation has its share of it. */
static next_step
no_room(request *r)
{
    sfms_fail(&r->call, &sfms_overloaded);
    r->call.failure->retry_after = 1;
    return NEXT_ANSWER;
}

bool
gate_take_room(request *r, size_t n)
{
    if (!sfms_arena_room(r->call.arena, r->match.target->raw != NULL ? n * FILE_FACTOR : n)) {
        (void)no_room(r);
        return false;
    }
    sfms_arena_count(r->call.arena, n);
    return true;
}

static next_step
check_body(request *r)
{
    const route_target *t = r->match.target;
    uint64_t len;

    if (!head_has_body(&r->head, &len))
        return NEXT_BODY;
    if (len > t->max_body) {
        sfms_fail(&r->call, &sfms_too_large, sfms_printf(r->call.arena, "%zu", t->max_body));
        return NEXT_ANSWER;
    }
    bool json = t->raw == NULL && (t->whole_body || t->body != NULL);
    if (json && !head_is_json(r->head.content_type)) {
        sfms_fail(&r->call, &sfms_bad_media_type, "application/json");
        return NEXT_ANSWER;
    }
    if (r->head.content_encoding != NULL && strcasecmp(r->head.content_encoding, "identity") != 0)
        return fail(r, &encoded_body);
    r->body.max = t->max_body;
    if (!gate_take_room(r, len))
        return NEXT_ANSWER;
    r->announced = len;
    return NEXT_BODY;
}

/* Who it is, is known now. */
static next_step
admit(request *r)
{
    const route_target *t = r->match.target;
    const Pb__MethodRule *rule = t->method->rule;

    if (r->who != NULL)
        r->call.principal = r->who->pb;
    sfms_arena_meter(r->call.arena, sfms_turn_of(r->call.principal, r->call.peer));
    if (limited(r))
        return NEXT_ANSWER;
    bool quick = rule->permission[0] != '\0' && r->who != NULL && auth_may(r->who, t->method_index);
    if (!quick && sfms_allowed(&r->call, false) != SFMS_OK)
        return NEXT_ANSWER;
    if (!take_write_headers(r))
        return NEXT_ANSWER;
    return check_body(r);
}

/* An error about a token counts against the address that sent it. */
static next_step
refuse_token(request *r, const sfms_reason *reason)
{
    if (limited(r))
        return NEXT_ANSWER;
    return fail(r, reason);
}

static next_step
authenticated(request *r)
{
    r->who = r->wait.who;
    if (r->who != NULL)
        return admit(r);
    if (r->wait.status == SFMS_UNAUTHENTICATED)
        return refuse_token(r, &sfms_bad_token);
    (void)fail(r, r->wait.status == SFMS_DEADLINE_EXCEEDED ? &sfms_deadline : &sfms_unavailable);
    r->call.failure->retry_after = r->wait.retry_after;
    return NEXT_ANSWER;
}

static void
token_known(auth_wait *w)
{
    request_resume(w->arg);
}

static next_step
authenticate(request *r)
{
    const char *token = head_bearer(r->head.authorization);
    bool is_ticket = false;

    if (r->match.target->method->rule->public_)
        return admit(r);
    if (token == NULL && r->match.target->kind == SFMS_ROUTE_STREAM) {
        token = sse_ticket(r);
        is_ticket = token != NULL;
    }
    if (token == NULL)
        return refuse_token(r, &sfms_no_token);
    if (strlen(token) > AUTH_TOKEN_MAX)
        return refuse_token(r, &sfms_bad_token);

    r->wait = (auth_wait){
        .token = token,
        .is_ticket = is_ticket,
        .request_id = r->call.request_id,
        .peer = r->call.peer,
        .done = token_known,
        .arg = r,
    };
    if (!is_ticket && auth_find(r->gw->auth, &r->wait)) {
        r->who = r->wait.who;
        return admit(r);
    }
    request_suspend(r, authenticated);
    auth_ask(r->gw->auth, &r->wait);
    return NEXT_WAIT;
}

static next_step
answer_options(request *r)
{
    const char *allow = route_allow(r->gw->router, r->call.arena, &r->parts);

    if (allow == NULL)
        return fail(r, &sfms_no_route);
    cors_preflight(&r->answer, &r->gw->config, r->call.arena, r->head.origin, allow);
    return NEXT_ANSWER;
}

void
gate_refuse(request *r, const sfms_reason *reason, const char *first, const char *second)
{
    set_call(r);
    sfms_fail(&r->call, reason, first, second);
    gate_finish(r);
}

next_step
gate_head(request *r)
{
    const char *allow;

    set_call(r);
    if (!head_is_sound(&r->head, r->version)) {
        r->unsound = true;
        return fail(r, &bad_headers);
    }
    if (!path_split(r->target, &r->parts))
        return fail(r, &sfms_bad_url);
    if (strcmp(r->verb, "OPTIONS") == 0)
        return answer_options(r);
    if (!route_find(r->gw->router, r->call.arena, r->verb, &r->parts, &r->match, &allow)) {
        if (allow == NULL)
            return fail(r, &sfms_no_route);
        sfms_fail(&r->call, &sfms_wrong_verb, allow);
        answer_add(&r->answer, "Allow", allow);
        return NEXT_ANSWER;
    }
    if (r->match.target->own != NULL)
        return r->match.target->own(r) ? NEXT_ANSWER : NEXT_WAIT;
    r->call.method = r->match.target->method;
    return authenticate(r);
}

/* ---- with the body ----------------------------------------------------------------------------------- */

static next_step
replied(request *r)
{
    if (r->reply.status != NULL) {
        r->call.failure = r->reply.status;
        return NEXT_ANSWER;
    }
    if (r->match.target->kind == SFMS_ROUTE_STREAM) {
        sse_answer(r);
        return NEXT_ANSWER;
    }
    if (r->match.target->kind == SFMS_ROUTE_EXPORT) {
        export_answer(r);
        return NEXT_ANSWER;
    }
    if (!answer_reply(&r->answer, &r->call, r->match.target, r->message, &r->reply)) {
        sfms_log(SFMS_LOG_ERROR, "a reply cannot be read: method=%s request=%s", r->call.method->name,
            r->call.request_id);
        return NEXT_ANSWER;
    }
    if (is_get(r) && r->head.if_match != NULL && r->reply.version != 0 &&
        !answer_etag_matches(r->head.if_match, r->reply.version)) {
        sfms_fail(&r->call, &sfms_version);
        return NEXT_ANSWER;
    }
    /* Made all the same, as 304 tells the length of what it stands for, and libmicrohttpd says one always. */
    if (is_get(r) && !r->reply.more && answer_etag_matches(r->head.if_none_match, r->reply.version))
        r->answer.status = 304;
    return NEXT_ANSWER;
}

static void
call_done(sfms_link_call *call, const Pb__Reply *reply)
{
    request *r = call->arg;

    /* It is here, will be copied, and then be written as JSON. What was changed is told in any case. */
    if (call->method->rule->idempotent &&
        !sfms_arena_room(r->call.arena, ANSWER_FACTOR * reply->response.len)) {
        (void)no_room(r);
        r->reply = (Pb__Reply)PB__REPLY__INIT;
        r->reply.status = r->call.failure;
    } else {
        request_keep_reply(r, reply);
    }
    if (call->method->rule->changes_callers && r->call.principal != NULL)
        auth_renew(r->gw->auth, r->call.principal->org_id);
    atomic_fetch_sub_explicit(&r->gw->calls, 1, memory_order_release);
    request_resume(r);
}

/* It is counted before the check for the end, so that the end can wait for all that passed it. */
next_step
gate_send(request *r, next_step (*resumed)(request *r))
{
    gateway *gw = r->gw;
    const sfms_call *call = &r->call;
    sfms_link *link = gw->link_of[r->match.target->method_index];
    size_t n = protobuf_c_message_get_packed_size(r->message);
    uint8_t *packed = sfms_alloc(call->arena, n + 1);

    atomic_fetch_add(&gw->calls, 1);
    if (link == NULL || atomic_load(&gw->stopped)) {
        atomic_fetch_sub(&gw->calls, 1);
        return fail(r, &sfms_unavailable);
    }
    protobuf_c_message_pack(r->message, packed);
    /* The time that the body took is the client's, not the service's. */
    r->call.deadline_us = sfms_mono_us() + SFMS_CALL_MS_DEFAULT * INT64_C(1000);
    r->link_call = (sfms_link_call){
        .method = call->method,
        .request = packed,
        .request_len = n,
        .principal = call->principal,
        .deadline_us = call->deadline_us,
        .request_id = call->request_id,
        .traceparent = call->traceparent,
        .idempotency_key = call->idempotency_key,
        .peer = call->peer,
        .claimed = call->claimed,
        .agent = call->agent,
        .locale = call->locale,
        .condition = call->condition,
        .done = call_done,
        .arg = r,
    };
    request_suspend(r, resumed);
    sfms_link_send(link, &r->link_call);
    return NEXT_WAIT;
}

next_step
gate_run(request *r)
{
    translate_body body = {.data = r->body.data, .len = r->body.len, .content_type = r->head.content_type};

    if (r->match.target->raw != NULL && form_is(body.content_type)) {
        body.form = form_parse(r);
        body.data = NULL;
        if (body.form == NULL)
            return fail(r, &bad_form);
    }
    r->message = translate_request(&r->call, &r->match, r->parts.query, &body, &r->wrong_in_body);
    if (r->message == NULL)
        return NEXT_ANSWER;
    if (r->match.target->kind == SFMS_ROUTE_STREAM && !sse_open(r))
        return NEXT_ANSWER;
    if (r->match.target->method->rule->verb == PB__VERB__LIST && !export_open(r))
        return NEXT_ANSWER;
    return gate_send(r, replied);
}

/* ---- the answer -------------------------------------------------------------------------------------- */

static void
add_limit_headers(request *r)
{
    sfms_arena *a = r->call.arena;

    answer_add(
        &r->answer, "RateLimit-Policy", sfms_printf(a, "\"default\";q=%d;w=1", ratelimit_rate(r->gw->limit)));
    answer_add(&r->answer, "RateLimit", sfms_printf(a, "\"default\";r=%u;t=1", r->limit_left));
}

static bool
has_header(const answer *ans, const char *name)
{
    for (unsigned i = 0; i < ans->n_headers; i++) {
        if (strcmp(ans->header[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Nobody but the browser that asked may keep a record, and it asks again before it uses it; all else is not kept. */
static void
add_safety_headers(answer *ans)
{
    if (!has_header(ans, "Cache-Control"))
        answer_add(ans, "Cache-Control", has_header(ans, "ETag") ? "private, no-cache" : "no-store");
    if (!has_header(ans, "X-Content-Type-Options"))
        answer_add(ans, "X-Content-Type-Options", "nosniff");
}

void
gate_finish(request *r)
{
    if (r->call.failure != NULL)
        problem_answer(&r->answer, &r->call, r->match.target, r->path, r->wrong_in_body);
    answer_add(&r->answer, "X-Request-Id", r->call.request_id);
    add_safety_headers(&r->answer);
    if (r->limited)
        add_limit_headers(r);
    cors_answer(&r->answer, r->gw->config.origins, r->head.origin);
    compress_answer(&r->answer, r->call.arena, r->head.accept_encoding);
    if (r->unsound || atomic_load_explicit(&r->gw->draining, memory_order_relaxed))
        answer_add(&r->answer, "Connection", "close");
}
