/* requirements.c -- which fields of a deal a stage may require, and whether a deal has them. */
#include <string.h>

#include "core/text.h"
#include "google/protobuf/struct.pb-c.h"
#include "pipeline.h"

static const char custom_fields[] = "custom_fields";

/* The part of the text before the dot, and the part after it; NULL without a dot. */
static const char *
after_dot(const char *text, size_t *ret_head)
{
    const char *dot = strchr(text, '.');

    *ret_head = dot != NULL ? (size_t)(dot - text) : strlen(text);
    return dot != NULL ? dot + 1 : NULL;
}

bool
pipeline_requirement_parse(const sfms_contract *c, const char *text, pipeline_requirement *ret)
{
    const sfms_message *deal = sfms_contract_message(c, &pb__deal__descriptor);
    size_t head;
    const char *custom = after_dot(text, &head);
    const sfms_field *field = sfms_message_field(deal, text, head);
    bool is_custom;

    if (field == NULL || field->rule->output_only)
        return false;
    is_custom = strcmp(field->desc->name, custom_fields) == 0;
    if (is_custom != (custom != NULL) || (is_custom && custom[0] == '\0'))
        return false;
    *ret = (pipeline_requirement){field, custom};
    return true;
}

static bool
value_filled(const Google__Protobuf__Value *value)
{
    if (value == NULL || value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE)
        return false;
    return value->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE ||
           !sfms_text_is_blank(value->string_value);
}

static bool
custom_field_filled(const Google__Protobuf__Struct *fields, const char *name)
{
    for (size_t i = 0; fields != NULL && i < fields->n_fields; i++)
        if (strcmp(fields->fields[i]->key, name) == 0)
            return value_filled(fields->fields[i]->value);
    return false;
}

bool
pipeline_requirement_met(const pipeline_requirement *r, const Pb__Deal *deal)
{
    const ProtobufCFieldDescriptor *f = r->field->desc;
    const char *member = (const char *)deal + f->offset;

    if (r->custom_field != NULL)
        return custom_field_filled(deal->custom_fields, r->custom_field);
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)((const char *)deal + f->quantifier_offset) > 0;
    if (f->type == PROTOBUF_C_TYPE_STRING)
        return !sfms_text_is_blank(*(const char *const *)member);
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(const void *const *)member != NULL;
    return true; /* numbers and booleans always say something */
}

const char *
pipeline_requirement_text(sfms_arena *a, const pipeline_requirement *r)
{
    return r->custom_field == NULL ? r->field->json_name
                                   : sfms_printf(a, "%s.%s", r->field->json_name, r->custom_field);
}
