/* normal.c -- the texts of a request in the form in which they are stored. */
#include "proto/normal.h"

#include <string.h>

#include "core/text.h"

typedef Google__Protobuf__Struct object;
typedef Google__Protobuf__ListValue list;
typedef Google__Protobuf__Value value;

const char *
sfms_normal_text(sfms_arena *a, const Pb__FieldRule *rule, const char *text)
{
    if (rule->secret)
        return text;
    if (!rule->multiline)
        return sfms_text_nfc(a, sfms_text_trim(a, text));
    return sfms_text_is_blank(text) ? "" : sfms_text_nfc(a, text);
}

/* normal_line changes a text of a message of struct.proto, whose strings are writable but not written to. */
static bool
normal_line(sfms_arena *a, char **at)
{
    const char *before = *at;
    const char *after = sfms_text_nfc(a, sfms_text_trim(a, before));

    *at = (char *)(uintptr_t)after;
    return after != before;
}

static const char *
given_twice(const object *o, const char *key)
{
    unsigned n = 0;

    for (size_t i = 0; i < o->n_fields; i++)
        n += strcmp(o->fields[i]->key, key) == 0;
    return n > 1 ? key : NULL;
}

static const char *
normal_object(sfms_arena *a, object *o)
{
    const char *twice = NULL;

    for (size_t i = 0; i < o->n_fields && twice == NULL; i++) {
        bool changed = normal_line(a, &o->fields[i]->key);

        if (o->fields[i]->value != NULL)
            twice = sfms_normal_value(a, &o->fields[i]->value->base);
        if (changed && twice == NULL)
            twice = given_twice(o, o->fields[i]->key);
    }
    return twice;
}

static const char *
normal_list(sfms_arena *a, list *l)
{
    const char *twice = NULL;

    for (size_t i = 0; i < l->n_values && twice == NULL; i++)
        twice = sfms_normal_value(a, &l->values[i]->base);
    return twice;
}

const char *
sfms_normal_value(sfms_arena *a, ProtobufCMessage *msg)
{
    if (msg->descriptor == &google__protobuf__struct__descriptor)
        return normal_object(a, (object *)msg);
    if (msg->descriptor == &google__protobuf__list_value__descriptor)
        return normal_list(a, (list *)msg);

    value *v = (value *)msg;
    switch ((int)v->kind_case) {
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
        normal_line(a, &v->string_value);
        return NULL;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
        return normal_object(a, v->struct_value);
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
        return normal_list(a, v->list_value);
    default:
        return NULL;
    }
}
