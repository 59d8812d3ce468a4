/* contract.c -- finding things in the contract, and fields in messages. */
#include "proto/contract.h"

#include <string.h>

#include "core/log.h"
#include "proto/contract_private.h"

unsigned
sfms_name_hash(const char *name, size_t n)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    return hash ^ hash >> 15;
}

unsigned
sfms_pointer_hash(const void *p)
{
    return (unsigned)(((uint64_t)(uintptr_t)p * 0x9e3779b97f4a7c15u) >> 40);
}

const sfms_method *
sfms_contract_method(const sfms_contract *c, const char *name)
{
    unsigned first = sfms_name_hash(name, strlen(name)) & c->method_mask;

    for (unsigned i = first; c->method_slots[i] != NULL; i = (i + 1) & c->method_mask)
        if (strcmp(c->method_slots[i]->name, name) == 0)
            return c->method_slots[i];
    return NULL;
}

const sfms_method *
sfms_contract_methods(const sfms_contract *c, unsigned *ret_n)
{
    *ret_n = c->n_methods;
    return c->methods;
}

const sfms_message *
sfms_contract_message(const sfms_contract *c, const ProtobufCMessageDescriptor *desc)
{
    unsigned first = sfms_pointer_hash(desc) & c->message_mask;

    for (unsigned i = first; c->message_slots[i] != NULL; i = (i + 1) & c->message_mask)
        if (c->message_slots[i]->desc == desc)
            return c->message_slots[i];
    return NULL;
}

const sfms_message *
sfms_contract_resource(const sfms_contract *c, const char *collection)
{
    for (unsigned i = 0; i < c->n_messages; i++)
        if (c->messages[i]->resource != NULL && strcmp(c->messages[i]->resource, collection) == 0)
            return c->messages[i];
    return NULL;
}

const sfms_message *const *
sfms_contract_resources(const sfms_contract *c, unsigned *ret_n)
{
    *ret_n = c->n_resources;
    return c->resources;
}

const sfms_method *
sfms_contract_standard(const sfms_contract *c, const char *collection, Pb__Verb verb)
{
    for (unsigned i = 0; i < c->n_methods; i++) {
        const sfms_method *m = &c->methods[i];

        if (m->resource != NULL && m->rule->verb == verb && strcmp(m->resource->resource, collection) == 0)
            return m;
    }
    return NULL;
}

Pb__Verb
sfms_verb_of_one(Pb__Verb verb)
{
    switch (verb) {
    case PB__VERB__BATCH_CREATE:
        return PB__VERB__CREATE;
    case PB__VERB__BATCH_UPDATE:
        return PB__VERB__UPDATE;
    case PB__VERB__BATCH_UPSERT:
        return PB__VERB__UPSERT;
    default:
        return PB__VERB__VERB_UNSPECIFIED;
    }
}

const uint8_t *
sfms_contract_set(size_t *ret_len)
{
    *ret_len = (size_t)(sfms_contract_data_end - sfms_contract_data);
    return sfms_contract_data;
}

const sfms_field *
sfms_message_field(const sfms_message *m, const char *name, size_t n)
{
    for (unsigned i = sfms_name_hash(name, n) & m->slot_mask; m->slots[i] != 0; i = (i + 1) & m->slot_mask) {
        const sfms_field *f = &m->fields[m->slots[i] - 1];

        if (f->json_name_len == n && memcmp(f->json_name, name, n) == 0)
            return f;
        if (f->name_len == n && memcmp(f->desc->name, name, n) == 0)
            return f;
    }
    return NULL;
}

const sfms_field *
sfms_message_resource_field(const sfms_message *m)
{
    for (unsigned i = 0; i < m->n_fields; i++)
        if (m->fields[i].message != NULL && m->fields[i].message->resource != NULL)
            return &m->fields[i];
    return NULL;
}

const sfms_field *
sfms_method_holder(const sfms_method *m)
{
    const sfms_field *f = sfms_message_resource_field(m->input);
    const char *body = m->n_routes > 0 ? m->routes[0].body : "";

    if (f == NULL && body[0] != '\0' && body[0] != '*')
        f = sfms_message_field(m->input, body, strlen(body));
    return f;
}

const char *
sfms_enum_name(const ProtobufCEnumDescriptor *e, int value)
{
    /* Most enums are 0, 1, 2, ... */
    if (value >= 0 && (unsigned)value < e->n_values && e->values[value].value == value)
        return e->values[value].name;

    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(e, value);
    return v != NULL ? v->name : NULL;
}

bool
sfms_enum_is_none(const ProtobufCEnumValue *v)
{
    static const char none[] = "UNSPECIFIED";
    size_t n = strlen(v->name);

    return v->value == 0 && n >= sizeof none - 1 && strcmp(v->name + n - (sizeof none - 1), none) == 0;
}

/* member answers a place in a message's struct. The struct is the caller's; that it may be const here is a
 * promise of the accessor, not of the memory. */
static void *
member(const ProtobufCMessage *m, unsigned offset)
{
    return (char *)(uintptr_t)m + offset;
}

void *
sfms_field_at(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    return member(m, f->offset);
}

size_t
sfms_field_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    return *(const size_t *)member(m, f->quantifier_offset);
}

bool
sfms_field_is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
        return true;
    return *(const uint32_t *)member(m, f->quantifier_offset) == f->id;
}

void
sfms_field_mark(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
        *(uint32_t *)member(m, f->quantifier_offset) = f->id;
    else if (f->label == PROTOBUF_C_LABEL_OPTIONAL && f->type != PROTOBUF_C_TYPE_STRING &&
             f->type != PROTOBUF_C_TYPE_MESSAGE)
        *(protobuf_c_boolean *)member(m, f->quantifier_offset) = 1;
}

size_t
sfms_type_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    }
    SFMS_WRONG("field type");
}

bool
sfms_field_is_default(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return sfms_field_count(m, f) == 0;
    if (!sfms_field_is_set(m, f))
        return true;

    const void *at = sfms_field_at(m, f);
    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *s = *(const char *const *)at;

        return s == NULL || s[0] == '\0';
    }
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(const void *const *)at == NULL;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)at)->len == 0;
    case PROTOBUF_C_TYPE_DOUBLE:
        return *(const double *)at == 0;
    case PROTOBUF_C_TYPE_FLOAT:
        return *(const float *)at == 0;
    default: {
        static const char zeros[8];

        return memcmp(at, zeros, sfms_type_size(f->type)) == 0;
    }
    }
}

void *
sfms_field_append(sfms_arena *a, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    size_t *count = member(m, f->quantifier_offset);
    void **array = sfms_field_at(m, f);
    size_t size = sfms_type_size(f->type);

    /* The capacity is a power of two, so it is used up when the count is one. */
    if ((*count & (*count - 1)) == 0) {
        char *larger = sfms_alloc(a, 2 * size * (*count > 0 ? *count : 1));

        if (*count > 0)
            memcpy(larger, *array, *count * size);
        *array = larger;
    }
    return (char *)*array + size * (*count)++;
}

ProtobufCMessage *
sfms_message_new(sfms_arena *a, const ProtobufCMessageDescriptor *desc)
{
    ProtobufCMessage *m = sfms_alloc(a, desc->sizeof_message);

    protobuf_c_message_init(desc, m);
    return m;
}

bool
sfms_method_is_of(const sfms_method *m, const char *collection)
{
    static const char root[] = "/v1/";
    size_t n = strlen(collection);
    const char *path = m->n_routes > 0 ? m->routes[0].path : "";

    if (m->resource != NULL)
        return strcmp(m->resource->resource, collection) == 0;
    if (strncmp(path, root, sizeof root - 1) != 0)
        return false;
    path += sizeof root - 1;
    return strncmp(path, collection, n) == 0 && (path[n] == '/' || path[n] == ':');
}

bool
sfms_method_is_versioned(const sfms_method *m)
{
    return m->output->resource != NULL || m->rule->versioned;
}

bool
sfms_method_takes_if_match(const sfms_method *m)
{
    switch (m->rule->verb) {
    case PB__VERB__UPDATE:
    case PB__VERB__UPSERT:
    case PB__VERB__DELETE:
    case PB__VERB__UNDELETE:
        return true;
    default:
        return m->rule->conditional;
    }
}

bool
sfms_method_takes_if_none_match(const sfms_method *m)
{
    return m->rule->verb == PB__VERB__CREATE || m->rule->verb == PB__VERB__UPSERT;
}
