/* shape.c -- what an organisation has defined, as fields. */
#include "proto/shape.h"

#include <string.h>

#include "core/log.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/contract_private.h"

enum { TEXT_MAX = 255, LONG_TEXT_MAX = 4000, CHOICES_MAX = 300 };

/* The hash table of the definitions is open, its size a power of two, at most half full. */
struct sfms_shape {
    uint64_t version;
    unsigned n;
    const sfms_definition *definitions;
    unsigned slot_mask;
    const sfms_definition **slots;
};

const sfms_shape sfms_shape_none = {.version = 1};

uint64_t
sfms_shape_version(const sfms_shape *s)
{
    return s->version;
}

bool
sfms_field_is_custom(const sfms_message *m, const sfms_field *f)
{
    return m->resource != NULL && f->message != NULL && f->message->kind == SFMS_KIND_STRUCT &&
           strcmp(f->desc->name, "custom_fields") == 0;
}

/* ---- definitions ------------------------------------------------------------------------------------- */

static Pb__Format
format_of(Pb__CustomField__Type type)
{
    switch ((int)type) {
    case PB__CUSTOM_FIELD__TYPE__NUMBER:
        return PB__FORMAT__DECIMAL;
    case PB__CUSTOM_FIELD__TYPE__MONEY:
        return PB__FORMAT__MONEY;
    case PB__CUSTOM_FIELD__TYPE__DATE:
        return PB__FORMAT__DATE;
    case PB__CUSTOM_FIELD__TYPE__REFERENCE:
        return PB__FORMAT__UUID;
    case PB__CUSTOM_FIELD__TYPE__URL:
        return PB__FORMAT__URL;
    case PB__CUSTOM_FIELD__TYPE__PHONE:
        return PB__FORMAT__PHONE;
    case PB__CUSTOM_FIELD__TYPE__EMAIL:
        return PB__FORMAT__EMAIL;
    default:
        return PB__FORMAT__FORMAT_UNSPECIFIED;
    }
}

static void
set_rule(sfms_arena *a, const Pb__CustomField *custom, Pb__FieldRule *rule)
{
    bool is_long = custom->type == PB__CUSTOM_FIELD__TYPE__LONG_TEXT;
    const char **words = sfms_new_array(a, const char *, custom->n_choices + 1);

    pb__field_rule__init(rule);
    rule->format = format_of(custom->type);
    rule->max_length = custom->max_length > 0 ? custom->max_length : is_long ? LONG_TEXT_MAX : TEXT_MAX;
    rule->max_items = CHOICES_MAX;
    rule->multiline = is_long;
    rule->required = custom->required;
    rule->personal = custom->personal;
    rule->sortable = true;
    if (custom->refers_to[0] != '\0')
        rule->references = custom->refers_to;
    if (custom->type != PB__CUSTOM_FIELD__TYPE__CHOICE && custom->type != PB__CUSTOM_FIELD__TYPE__CHOICES)
        return;
    for (size_t i = 0; i < custom->n_choices; i++)
        words[rule->n_one_of++] = custom->choices[i]->value;
    rule->one_of = words;
}

static void
define(sfms_arena *a, const sfms_contract *c, const Pb__CustomField *custom, sfms_definition *ret)
{
    ret->custom = custom;
    ret->desc = (ProtobufCFieldDescriptor){
        .name = custom->name, .label = PROTOBUF_C_LABEL_NONE, .type = PROTOBUF_C_TYPE_STRING};
    ret->field = (sfms_field){.json_name = custom->name,
        .name_len = (unsigned)strlen(custom->name),
        .json_name_len = (unsigned)strlen(custom->name),
        .label = custom->label,
        .comment = custom->description};
    set_rule(a, custom, &ret->rule);
    switch ((int)custom->type) {
    case PB__CUSTOM_FIELD__TYPE__TIME:
        ret->desc.type = PROTOBUF_C_TYPE_MESSAGE;
        ret->field.message = sfms_contract_message(c, &google__protobuf__timestamp__descriptor);
        break;
    case PB__CUSTOM_FIELD__TYPE__BOOLEAN:
        ret->desc.type = PROTOBUF_C_TYPE_BOOL;
        break;
    case PB__CUSTOM_FIELD__TYPE__CHOICES:
        ret->desc.label = PROTOBUF_C_LABEL_REPEATED;
        break;
    case PB__CUSTOM_FIELD__TYPE__JSON:
        ret->desc.type = PROTOBUF_C_TYPE_MESSAGE;
        ret->field.message = sfms_contract_message(c, &google__protobuf__value__descriptor);
        break;
    default:
        break;
    }
    ret->field.desc = &ret->desc;
    ret->field.rule = &ret->rule;
}

/* ---- shapes ------------------------------------------------------------------------------------------ */

static unsigned
slot_of(const char *collection, const char *key)
{
    return sfms_name_hash(collection, strlen(collection)) * 31 + sfms_name_hash(key, strlen(key));
}

sfms_shape *
sfms_shape_new(sfms_arena *a, const sfms_contract *c, const Pb__Shape *defined)
{
    sfms_shape *s = sfms_new(a, sfms_shape);
    sfms_definition *definitions = sfms_new_array(a, sfms_definition, defined->n_fields + 1);
    unsigned size = 2;

    s->version = defined->version;
    s->n = (unsigned)defined->n_fields;
    s->definitions = definitions;
    while (size < 2 * s->n)
        size *= 2;
    s->slot_mask = size - 1;
    s->slots = sfms_new_array(a, const sfms_definition *, size);
    for (unsigned i = 0; i < s->n; i++) {
        unsigned slot = slot_of(defined->fields[i]->collection, defined->fields[i]->name) & s->slot_mask;

        define(a, c, defined->fields[i], &definitions[i]);
        while (s->slots[slot] != NULL)
            slot = (slot + 1) & s->slot_mask;
        s->slots[slot] = &definitions[i];
    }
    return s;
}

const sfms_definition *
sfms_shape_find(const sfms_shape *s, const char *collection, const char *key)
{
    if (s == NULL || s->n == 0)
        return NULL;
    for (unsigned i = slot_of(collection, key) & s->slot_mask; s->slots[i] != NULL;
         i = (i + 1) & s->slot_mask)
        if (strcmp(s->slots[i]->custom->name, key) == 0 &&
            strcmp(s->slots[i]->custom->collection, collection) == 0)
            return s->slots[i];
    return NULL;
}

const sfms_definition *
sfms_shape_next(const sfms_shape *s, const char *collection, unsigned *at)
{
    while (*at < s->n) {
        const sfms_definition *d = &s->definitions[(*at)++];

        if (strcmp(d->custom->collection, collection) == 0)
            return d;
    }
    return NULL;
}
