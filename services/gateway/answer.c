/* answer.c -- from a reply to an HTTP answer. */
#include "answer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "proto/json.h"
#include "sfms/api/v1/requests.pb-c.h"

void
answer_set(answer *ans, unsigned status, const char *content_type, const char *body, size_t len)
{
    ans->status = status;
    ans->content_type = content_type;
    ans->body = body;
    ans->len = len;
}

void
answer_add(answer *ans, const char *name, const char *value)
{
    if (ans->n_headers < ANSWER_HEADERS_MAX)
        ans->header[ans->n_headers++] = (answer_header){name, value};
}

bool
answer_etag_matches(const char *if_none_match, uint64_t version)
{
    const char *p = if_none_match;

    if (p == NULL || version == 0)
        return false;
    while (*p != '\0') {
        p += strspn(p, " \t,");
        if (*p == '*')
            return true;
        if (strncmp(p, "W/", 2) == 0)
            p += 2;
        if (*p == '"') {
            char *end;
            if (p[1] >= '0' && p[1] <= '9' && strtoull(p + 1, &end, 10) == version && *end == '"')
                return true;
        }
        p += strcspn(p, ",");
    }
    return false;
}

/* The id of the resource, which every resource has as its first field. */
static const char *
id_of(const sfms_message *m, const ProtobufCMessage *msg)
{
    const sfms_field *f = sfms_message_field(m, "id", 2);

    return f != NULL && f->desc->type == PROTOBUF_C_TYPE_STRING
               ? *(const char *const *)sfms_field_at(msg, f->desc)
               : "";
}

static void
add_location(answer *ans, sfms_call *call, const route_target *target, const ProtobufCMessage *msg)
{
    if (target->location == NULL)
        return;
    const char *id = id_of(target->method->output, msg);
    if (id[0] != '\0')
        answer_add(ans, "Location", sfms_printf(call->arena, "%s%s", target->location, id));
}

static void
set_raw(answer *ans, const Pb__RawBody *raw, unsigned status)
{
    const char *type = raw->content_type[0] != '\0' ? raw->content_type : "application/octet-stream";

    answer_set(ans, status, type, (const char *)raw->data.data, raw->data.len);
}

static bool
set_json(answer *ans, sfms_call *call, const route_target *target, const ProtobufCMessage *request,
    const ProtobufCMessage *msg, size_t message_len, unsigned status)
{
    const Google__Protobuf__FieldMask *mask = NULL;
    sfms_buf b;

    if (target->read_mask != NULL)
        mask = *(Google__Protobuf__FieldMask *const *)sfms_field_at(request, target->read_mask->desc);
    sfms_buf_init(&b, call->arena, SFMS_MESSAGE_MAX);
    /* JSON is two to three times as long as its message: room at once, rather than by doubling and copying. */
    (void)sfms_buf_grow(&b, 3 * message_len + 256);
    sfms_json_write(&b, target->method->output, msg, mask);
    if (!sfms_buf_ok(&b)) {
        sfms_fail(call, &sfms_internal);
        return false;
    }
    answer_set(ans, status, "application/json", b.data, b.len);
    return true;
}

bool
answer_reply(answer *ans, sfms_call *call, const route_target *target, const ProtobufCMessage *request,
    const Pb__Reply *reply, const char *if_none_match)
{
    const sfms_message *output = target->method->output;

    if (reply->version != 0)
        answer_add(ans, "ETag", sfms_printf(call->arena, "\"%" PRIu64 "\"", reply->version));
    if (if_none_match != NULL && strcmp(target->verb, "GET") == 0 &&
        answer_etag_matches(if_none_match, reply->version)) {
        answer_set(ans, 304, NULL, NULL, 0);
        return true;
    }

    ProtobufCMessage *msg = protobuf_c_message_unpack(
        output->desc, sfms_arena_pb(call->arena), reply->response.len, reply->response.data);
    if (msg == NULL) {
        sfms_fail(call, &sfms_internal);
        return false;
    }
    unsigned status = reply->created ? 201 : 200;
    if (reply->created)
        add_location(ans, call, target, msg);
    if (output->kind == SFMS_KIND_RAW) {
        set_raw(ans, (const Pb__RawBody *)msg, status);
        answer_add(
            ans, "X-Content-Type-Options", "nosniff"); /* a file of someone's is never a page of ours */
        return true;
    }
    return set_json(ans, call, target, request, msg, reply->response.len, status);
}
