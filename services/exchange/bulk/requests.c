/* requests.c -- the requests that are made for single records. */
#include <string.h>

#include "bulk.h"
#include "core/buf.h"
#include "core/limits.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "proto/json_value.h"
#include "proto/place.h"
#include "proto/validate.h"

const sfms_method *
bulk_method(sfms_call *call, const char *resource, Pb__Verb verb)
{
    const sfms_method *method = sfms_contract_standard(call->contract, resource, verb);

    if (method == NULL) {
        sfms_fail(call, &sfms_unimplemented);
        return NULL;
    }
    if (method->rule->signed_in || sfms_may(call, method->rule->permission))
        return method;
    sfms_fail(call, &sfms_no_permission, method->rule->permission);
    return NULL;
}

const cJSON *
bulk_object(sfms_arena *a, const Google__Protobuf__Struct *object)
{
    size_t n = protobuf_c_message_get_packed_size(&object->base);
    uint8_t *bytes = sfms_alloc_raw(a, n + 1);
    sfms_buf json;

    protobuf_c_message_pack(&object->base, bytes);
    sfms_buf_init(&json, a, SFMS_MESSAGE_MAX);
    if (!sfms_struct_write(&json, (sfms_packed){bytes, n}, SFMS_JSON_DEPTH))
        return NULL;
    return sfms_json_stored(a, json.data, json.len);
}

static void
set_text(const sfms_message *m, ProtobufCMessage *msg, const char *name, const char *text)
{
    const sfms_field *f = sfms_message_field(m, name, strlen(name));

    if (f != NULL)
        *(const char **)sfms_field_at(msg, f->desc) = text;
}

ProtobufCMessage *
bulk_update(sfms_call *call, const sfms_method *method, const char *id, const cJSON *object)
{
    const sfms_field *inside = sfms_message_resource_field(method->input);
    const sfms_field *mask_field = sfms_message_field(method->input, "update_mask", strlen("update_mask"));
    ProtobufCMessage *request = sfms_message_new(call->arena, method->input->desc);
    ProtobufCMessage *record = sfms_message_new(call->arena, inside->message->desc);
    Google__Protobuf__FieldMask *mask = (Google__Protobuf__FieldMask *)sfms_message_new(
        call->arena, &google__protobuf__field_mask__descriptor);

    sfms_json_read(
        call, inside->message, object, sfms_printf(call->arena, "%s.", inside->desc->name), record, mask);
    set_text(inside->message, record, "id", id);
    *(ProtobufCMessage **)sfms_field_at(request, inside->desc) = record;
    *(Google__Protobuf__FieldMask **)sfms_field_at(request, mask_field->desc) = mask;
    return request;
}

ProtobufCMessage *
bulk_of_id(sfms_call *call, const sfms_method *method, const char *id)
{
    ProtobufCMessage *request = sfms_message_new(call->arena, method->input->desc);

    set_text(method->input, request, "id", id);
    return request;
}

/* "deal.close_date" as who has written {"set": {"closeDate": …}} knows it. */
static const char *
below_set(sfms_call *call, const sfms_method *method, const char *field)
{
    const sfms_field *inside = sfms_message_resource_field(method->input);
    const char *rest = strchr(field, '.');
    sfms_place place;

    if (rest == NULL)
        return "set";
    rest++;
    if (!sfms_place_find(call->arena, inside->message, rest, strlen(rest), &place))
        return sfms_printf(call->arena, "set.%s", rest);
    return sfms_printf(call->arena, "set.%s", sfms_place_json(call->arena, &place));
}

sfms_status
bulk_check(sfms_call *call, const sfms_method *method, const cJSON *object)
{
    static const char nobody[] = "00000000-0000-0000-0000-000000000000";
    sfms_call own = *call; /* so that violations are of this request alone */
    ProtobufCMessage *request;

    own.failure = NULL;
    own.method = method;
    request = bulk_update(&own, method, nobody, object);
    if (sfms_violations(&own) == SFMS_OK)
        sfms_validate(&own, request);
    if (own.failure == NULL)
        return SFMS_OK;
    for (size_t i = 0; i < own.failure->n_violations; i++)
        own.failure->violations[i]->field =
            (char *)below_set(call, method, own.failure->violations[i]->field);
    call->failure = own.failure;
    return (sfms_status)own.failure->code;
}
