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

/* A text of the resource. */
static const char *
text_of(sfms_arena *a, const sfms_message *m, sfms_packed msg, const char *name)
{
    const sfms_field *f = sfms_message_field(m, name, strlen(name));
    sfms_packed_field v;

    if (f == NULL || f->desc->type != PROTOBUF_C_TYPE_STRING || !sfms_packed_find(msg, f->desc->id, &v))
        return "";
    return sfms_strndup(a, (const char *)v.bytes.at, v.bytes.n);
}

static void
add_location(answer *ans, sfms_call *call, const route_target *target, sfms_packed msg)
{
    if (target->location == NULL)
        return;
    const sfms_message *m = target->method->output;
    const char *id = text_of(call->arena, m, msg, "id");
    const char *location = target->location;
    const char *above = strchr(location, '{'); /* of a part, the record that it belongs to */

    if (above != NULL)
        location = sfms_printf(call->arena, "%.*s%s%s", (int)(above - location), location,
            text_of(call->arena, m, msg, m->rule->parent), above + strcspn(above, "}") + 1);
    if (id[0] != '\0')
        answer_add(ans, "Location", sfms_printf(call->arena, "%s%s", location, id));
}

/* A file of someone's is never a page of ours. */
static bool
set_raw(answer *ans, sfms_call *call, const sfms_message *m, sfms_packed msg, unsigned status)
{
    const Pb__RawBody *raw =
        (const Pb__RawBody *)protobuf_c_message_unpack(m->desc, sfms_arena_pb(call->arena), msg.n, msg.at);

    if (raw == NULL)
        return false;
    answer_set(ans, status, raw->content_type[0] != '\0' ? raw->content_type : "application/octet-stream",
        (const char *)raw->data.data, raw->data.len);
    answer_add(ans, "X-Content-Type-Options", "nosniff");
    return true;
}

static bool
set_json(answer *ans, sfms_call *call, const route_target *target, const ProtobufCMessage *request,
    sfms_packed msg, unsigned status)
{
    const Google__Protobuf__FieldMask *mask = NULL;
    sfms_buf b;

    if (target->read_mask != NULL)
        mask = *(Google__Protobuf__FieldMask *const *)sfms_field_at(request, target->read_mask->desc);
    sfms_buf_init(&b, call->arena, SFMS_MESSAGE_MAX);
    /* JSON is two to three times as long as its message: room at once, rather than by doubling and copying. What is large
     * is mostly text, which is as long in both. */
    if (msg.n < SFMS_MESSAGE_MAX / 4)
        (void)sfms_buf_grow(&b, msg.n < SFMS_ARENA_KEEP ? 3 * msg.n + 256 : msg.n + msg.n / 4);
    if (!sfms_json_write_seen(call, &b, target->method->output, msg, mask) || !sfms_buf_ok(&b))
        return false;
    answer_set(ans, status, "application/json", b.data, b.len);
    return true;
}

bool
answer_reply(answer *ans, sfms_call *call, const route_target *target, const ProtobufCMessage *request,
    const Pb__Reply *reply)
{
    const sfms_message *output = target->method->output;
    sfms_packed msg = {reply->response.data, reply->response.len};
    unsigned status = reply->created ? 201 : 200;
    bool ok;

    if (reply->version != 0)
        answer_add(ans, "ETag", sfms_printf(call->arena, "\"%" PRIu64 "\"", reply->version));
    if (reply->created)
        add_location(ans, call, target, msg);
    if (reply->replayed)
        answer_add(ans, "Idempotency-Replayed", "true");
    if (output->kind == SFMS_KIND_RAW)
        ok = set_raw(ans, call, output, msg, status);
    else
        ok = set_json(ans, call, target, request, msg, status);
    if (!ok)
        sfms_fail(call, &sfms_internal);
    return ok;
}
