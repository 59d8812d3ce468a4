/* validate.c -- the field rules of the contract, held against a request. */
#include "proto/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/text.h"
#include "core/time.h"
#include "core/utf8.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "proto/formats.h"
#include "proto/json.h"
#include "proto/json_value.h"
#include "proto/normal.h"
#include "proto/place.h"
#include "proto/shape.h"

typedef struct {
    sfms_call *call;
    Pb__Verb verb;
    const Google__Protobuf__FieldMask *mask; /* of an UPDATE or UPSERT; NULL otherwise */
    const ProtobufCMessage *resource;        /* that the mask is about */
    bool partial;                            /* inside of a record that the method completes */
    const ProtobufCMessage *custom;          /* the custom fields of the resource that is written, or NULL */
    const sfms_field *section; /* the one that is looked into, of which the mask names members */
} validation;

static void check_message(validation *v, const sfms_message *m, ProtobufCMessage *msg, const sfms_path *path);

static const char *
where(validation *v, const sfms_path *path)
{
    return sfms_path_text(v->call->arena, path);
}

static bool
is_write(Pb__Verb verb)
{
    return verb == PB__VERB__CREATE || verb == PB__VERB__UPDATE || verb == PB__VERB__UPSERT;
}

static bool
in_mask(const validation *v, const sfms_field *f)
{
    size_t n = v->section != NULL ? strlen(v->section->desc->name) : 0;

    for (size_t i = 0; i < v->mask->n_paths; i++) {
        const char *path = v->mask->paths[i];

        if (v->section == NULL ? strcmp(path, f->desc->name) == 0
                               : strncmp(path, v->section->desc->name, n) == 0 &&
                                     (path[n] == '\0' || strcmp(path + n + 1, f->desc->name) == 0))
            return true;
    }
    return false;
}

/* ---- one value --------------------------------------------------------------------------------------- */

static const char *
bound(sfms_arena *a, double number)
{
    return sfms_printf(a, number == floor(number) && fabs(number) < 1e19 ? "%.0f" : "%.15g", number);
}

static void
check_range(validation *v, const sfms_field *f, double number, const sfms_path *path)
{
    const Pb__FieldRule *r = f->rule;
    bool bounded = r->min != 0 || r->max != 0;

    if (isfinite(number) && (!bounded || (number >= r->min && number <= r->max)))
        return;
    if (bounded)
        sfms_violate(v->call, where(v, path), &sfms_out_of_range, bound(v->call->arena, r->min),
            bound(v->call->arena, r->max));
    else
        sfms_violate(v->call, where(v, path), &sfms_bad_value);
}

static void
bad_format(validation *v, Pb__Format format, const sfms_path *path)
{
    sfms_violate(v->call, where(v, path), &sfms_bad_format, sfms_format_name(v->call, format));
}

static bool
is_one_of(const Pb__FieldRule *r, const char *text)
{
    for (size_t i = 0; i < r->n_one_of; i++)
        if (strcmp(r->one_of[i], text) == 0)
            return true;
    return false;
}

static const char *
words_of(sfms_arena *a, const Pb__FieldRule *r)
{
    const char *words = r->one_of[0];

    for (size_t i = 1; i < r->n_one_of; i++)
        words = sfms_printf(a, "%s, %s", words, r->one_of[i]);
    return words;
}

/* The text as its rule spells it; NULL if it is not what the rule asks for. */
static const char *
normal_text(validation *v, const sfms_field *f, const char *text)
{
    const char *collection = f->rule->fields_of;
    sfms_place place;

    if (collection[0] == '\0')
        return sfms_format_normal(v->call, f->rule->format, text);
    return sfms_place_to_fill(v->call, sfms_contract_resource(v->call->contract, collection), text, &place)
               ? sfms_place_json(v->call->arena, &place)
               : NULL;
}

static void
refuse_text(validation *v, const sfms_field *f, const char *text, const sfms_path *path)
{
    if (f->rule->fields_of[0] != '\0')
        sfms_violate(v->call, where(v, path), &sfms_no_such_field, f->rule->fields_of, text);
    else if (f->rule->format == PB__FORMAT__PERMISSION)
        sfms_violate(v->call, where(v, path), &sfms_unknown_permission, text);
    else
        bad_format(v, f->rule->format, path);
}

static void
check_string(validation *v, const sfms_field *f, const char **at, const sfms_path *path)
{
    sfms_arena *a = v->call->arena;
    unsigned most = f->rule->max_length > 0 ? f->rule->max_length : SFMS_TEXT_DEFAULT;

    if (*at == NULL || (*at)[0] == '\0')
        return;
    if (!sfms_utf8_valid(*at, strlen(*at))) {
        bad_format(v, PB__FORMAT__FORMAT_UNSPECIFIED, path);
        return;
    }
    if (sfms_text_is_heaped(*at)) {
        sfms_violate(v->call, where(v, path), &sfms_heaped);
        return;
    }
    *at = sfms_normal_text(a, f->rule, *at);
    if ((*at)[0] == '\0')
        return;
    if (sfms_utf8_count(*at) > most) {
        sfms_violate(v->call, where(v, path), &sfms_too_long, sfms_printf(a, "%u", most));
        return;
    }
    if (f->rule->n_one_of > 0 && !is_one_of(f->rule, *at)) {
        sfms_violate(v->call, where(v, path), &sfms_bad_enum, words_of(a, f->rule));
        return;
    }
    const char *normal = normal_text(v, f, *at);
    if (normal == NULL) {
        refuse_text(v, f, *at, path);
        return;
    }
    *at = normal;
    if (sfms_format_is_number(f->rule->format))
        check_range(v, f, strtod(normal, NULL), path);
}

void
sfms_validate_string(sfms_call *call, const sfms_field *f, const char **at, const sfms_path *path)
{
    check_string(&(validation){.call = call}, f, at, path);
}

static void
check_time(validation *v, const Google__Protobuf__Timestamp *t, const sfms_path *path)
{
    static const int64_t first = -62135596800, last = 253402300799; /* years 1 to 9999 */

    if (t->seconds < first || t->seconds > last || t->nanos < 0 || t->nanos > 999999999)
        sfms_violate(v->call, where(v, path), &sfms_bad_value);
}

/* check_value bounds what has no shape by its size as JSON. */
static void
check_value(validation *v, const sfms_field *f, ProtobufCMessage *value, const sfms_path *path)
{
    bool defined = value == v->custom && v->call->shape != NULL; /* each member by what it is defined as */
    const char *twice = defined ? NULL : sfms_normal_value(v->call->arena, value);
    const sfms_path key = {path, twice, -1};
    size_t most = f->rule->max_length > 0 ? f->rule->max_length : SFMS_CUSTOM_FIELDS_BYTES;
    sfms_buf b;

    if (twice != NULL)
        sfms_violate(v->call, where(v, &key), &sfms_given_twice);
    sfms_buf_init(&b, v->call->arena, most);
    sfms_json_write(&b, f->message, value, NULL);
    if (!sfms_buf_ok(&b))
        sfms_violate(v->call, where(v, path), &sfms_too_long, sfms_printf(v->call->arena, "%zu", most));
    else if (sfms_text_is_heaped(b.data))
        sfms_violate(v->call, where(v, path), &sfms_heaped);
}

static void
check_submessage(validation *v, const sfms_field *f, ProtobufCMessage *sub, const sfms_path *path)
{
    if (sub == NULL)
        return;
    switch (f->message->kind) {
    case SFMS_KIND_TIMESTAMP:
        check_time(v, (const Google__Protobuf__Timestamp *)sub, path);
        return;
    case SFMS_KIND_STRUCT:
    case SFMS_KIND_VALUE:
    case SFMS_KIND_LIST_VALUE:
        check_value(v, f, sub, path);
        return;
    case SFMS_KIND_FIELD_MASK:
    case SFMS_KIND_RAW:
    case SFMS_KIND_EMPTY:
        return; /* masks: see check_masks; bodies are bounded by max_body */
    default:
        break;
    }
    bool outside = v->partial;
    v->partial |= f->rule->partial;
    check_message(v, f->message, sub, path);
    v->partial = outside;
}

/* check_one checks one value of a field; rule is that of f, or of the map whose value f is. */
static void
check_one(validation *v, const sfms_field *f, void *at, const sfms_path *path)
{
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        check_string(v, f, at, path);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        check_submessage(v, f, *(ProtobufCMessage **)at, path);
        return;
    case PROTOBUF_C_TYPE_ENUM:
        if (sfms_enum_name(f->desc->descriptor, *(const int *)at) == NULL)
            sfms_violate(v->call, where(v, path), &sfms_bad_value);
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
        check_range(v, f, *(const double *)at, path);
        return;
    case PROTOBUF_C_TYPE_FLOAT:
        check_range(v, f, (double)*(const float *)at, path);
        return;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        check_range(v, f, *(const int32_t *)at, path);
        return;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        check_range(v, f, *(const uint32_t *)at, path);
        return;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        check_range(v, f, (double)*(const int64_t *)at, path);
        return;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        check_range(v, f, (double)*(const uint64_t *)at, path);
        return;
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_BYTES:
        return;
    }
}

/* check_entry checks an entry of a map: the map's rule holds for its value. */
static void
check_entry(validation *v, const sfms_field *map, ProtobufCMessage *entry, const sfms_path *path)
{
    sfms_field key = map->message->fields[0];
    sfms_field value = map->message->fields[1];
    const char *name = "";

    if (key.desc->type == PROTOBUF_C_TYPE_STRING)
        name = sfms_path_key(v->call->arena, *(const char **)sfms_field_at(entry, key.desc));
    sfms_path place = {path, name, -1};
    check_one(v, &key, sfms_field_at(entry, key.desc), &place);
    value.rule = map->rule;
    check_one(v, &value, sfms_field_at(entry, value.desc), &place);
}

/* is_empty_text is true for an element that a format does not allow: a field may be empty, which is to say absent, but
 * an element is there. */
static bool
is_empty_text(const sfms_field *f, const void *at)
{
    if (f->desc->type != PROTOBUF_C_TYPE_STRING || f->rule->format == PB__FORMAT__FORMAT_UNSPECIFIED)
        return false;
    const char *text = *(const char *const *)at;
    return text == NULL || sfms_text_is_blank(text);
}

static void
check_elements(validation *v, const sfms_field *f, ProtobufCMessage *msg, const sfms_path *path)
{
    size_t n = sfms_field_count(msg, f->desc);
    size_t most = f->rule->max_items > 0 ? f->rule->max_items : SFMS_ITEMS_DEFAULT;
    size_t size = sfms_type_size(f->desc->type);
    char *items = *(char **)sfms_field_at(msg, f->desc);

    if (n > most) {
        sfms_violate(v->call, where(v, path), &sfms_too_many_items, sfms_printf(v->call->arena, "%zu", most));
        return;
    }
    bool map = f->message != NULL && f->message->kind == SFMS_KIND_MAP_ENTRY;
    for (size_t i = 0; i < n; i++) {
        sfms_path element = {path->up, path->name, (long)i};

        if (map)
            check_entry(v, f, ((ProtobufCMessage **)(void *)items)[i], path);
        else if (is_empty_text(f, items + i * size))
            bad_format(v, f->rule->format, &element);
        else
            check_one(v, f, items + i * size, &element);
    }
}

/* ---- what must be there, and what must not ----------------------------------------------------------- */

static bool
is_blank(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f)
{
    if (sfms_field_is_default(msg, f))
        return true;
    if (f->type != PROTOBUF_C_TYPE_STRING || f->label == PROTOBUF_C_LABEL_REPEATED)
        return false;
    const char *text = *(const char *const *)sfms_field_at(msg, f);
    return sfms_text_is_blank(text);
}

static bool
is_number(ProtobufCType type)
{
    return type != PROTOBUF_C_TYPE_STRING && type != PROTOBUF_C_TYPE_MESSAGE &&
           type != PROTOBUF_C_TYPE_BYTES && type != PROTOBUF_C_TYPE_ENUM;
}

/* check_presence checks required and output-only. The fields of a resource that is changed count if the mask names
 * them; a number there may well be 0. */
static void
check_presence(validation *v, const sfms_field *f, const ProtobufCMessage *msg, const sfms_path *path)
{
    bool masked = v->mask != NULL && (msg == v->resource || v->section != NULL);

    if (!f->rule->required && !f->rule->output_only)
        return;
    if (masked && !in_mask(v, f))
        return;
    if (f->rule->output_only) {
        /* Of a record that is there, the engine holds it against what is stored: what was read can be sent back. */
        if (!masked && is_write(v->verb) && !sfms_field_is_default(msg, f->desc))
            sfms_violate(v->call, where(v, path), &sfms_output_only);
        return;
    }
    if (v->partial || (masked && is_number(f->desc->type)))
        return;
    if (is_blank(msg, f->desc))
        sfms_violate(v->call, where(v, path), &sfms_required);
}

static void
check_message(validation *v, const sfms_message *m, ProtobufCMessage *msg, const sfms_path *path)
{
    const sfms_field *section = v->section;

    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];
        sfms_path place = {path, f->desc->name, -1};

        check_presence(v, f, msg, &place);
        if (sfms_field_is_default(msg, f->desc))
            continue;
        v->section = msg == v->resource && f->rule->section ? f : NULL;
        if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
            check_elements(v, f, msg, &place);
        else
            check_one(v, f, sfms_field_at(msg, f->desc), &place);
        v->section = section;
    }
}

/* ---- masks, and what a verb wants of the resource as a whole ----------------------------------------- */

/* check_masks checks the masks at the top of a request: read_mask and update_mask, which are about the method's
 * resource. */
static void
check_masks(validation *v, const sfms_method *method, ProtobufCMessage *request)
{
    for (unsigned i = 0; method->resource != NULL && i < method->input->n_fields; i++) {
        const sfms_field *f = &method->input->fields[i];

        if (f->message == NULL || f->message->kind != SFMS_KIND_FIELD_MASK)
            continue;
        Google__Protobuf__FieldMask *mask = *(Google__Protobuf__FieldMask **)sfms_field_at(request, f->desc);
        bool update = strcmp(f->desc->name, "update_mask") == 0;
        if (mask == NULL)
            continue;
        sfms_mask_check(v->call, mask, method->resource, f->desc->name, update);
        if (update)
            v->mask = mask;
    }
}

/* check_key checks the field that says which record an UPDATE or UPSERT means, which no mask has to name. */
static void
check_key(
    validation *v, const sfms_method *method, const sfms_field *holder, const ProtobufCMessage *resource)
{
    const char *name = v->verb == PB__VERB__UPDATE ? "id" : "external_id";
    const sfms_field *key =
        method->resource->rule->singleton ? NULL : sfms_message_field(method->resource, name, strlen(name));
    const sfms_path root = {NULL, holder->desc->name, -1};
    const sfms_path path = {&root, name, -1};

    if (key != NULL && is_blank(resource, key->desc))
        sfms_violate(v->call, where(v, &path), &sfms_required);
}

/* check_many checks how many records and masks there are. The records are checked one by one, as each is written. */
static sfms_status
check_many(validation *v, const sfms_message *m, ProtobufCMessage *request)
{
    const sfms_field *masks = sfms_message_field(m, "update_masks", 12);
    const sfms_field *records = sfms_message_resource_field(m);
    const sfms_path path = {NULL, records->desc->name, -1};
    size_t n = sfms_field_count(request, records->desc);

    if (n == 0)
        sfms_violate(v->call, where(v, &path), &sfms_required);
    if (n > records->rule->max_items)
        sfms_violate(v->call, where(v, &path), &sfms_too_many_items,
            sfms_printf(v->call->arena, "%u", records->rule->max_items));
    if (masks != NULL && sfms_field_count(request, masks->desc) != n)
        sfms_violate(v->call, masks->desc->name, &sfms_bad_value);
    return sfms_violations(v->call);
}

sfms_status
sfms_validate(sfms_call *call, ProtobufCMessage *request)
{
    const sfms_method *method = call->method;
    const sfms_path root = {NULL, "", -1};
    validation v = {.call = call, .verb = method->rule->verb};

    if (sfms_verb_of_one(v.verb) != PB__VERB__VERB_UNSPECIFIED)
        return check_many(&v, method->input, request);
    check_masks(&v, method, request);
    if (v.verb == PB__VERB__UPDATE || v.verb == PB__VERB__UPSERT) {
        const sfms_field *holder = sfms_message_resource_field(method->input);
        ProtobufCMessage *resource = *(ProtobufCMessage **)sfms_field_at(request, holder->desc);

        v.resource = resource;
        if (resource != NULL)
            check_key(&v, method, holder, resource);
        v.custom = sfms_custom_check(call, holder, resource, v.mask);
    }
    if (v.verb == PB__VERB__CREATE)
        v.custom = sfms_custom_check(call, NULL, request, NULL);
    check_message(&v, method->input, request, &root);
    return sfms_violations(call);
}
