/* custom.c -- the custom fields of a record, held against what the organisation has defined. */
#include <string.h>

#include "core/limits.h"
#include "core/text.h"
#include "core/time.h"
#include "proto/formats.h"
#include "proto/json_value.h"
#include "proto/normal.h"
#include "proto/number.h"
#include "proto/scalar.h"
#include "proto/shape.h"
#include "proto/validate.h"

typedef Google__Protobuf__Value value;
typedef Google__Protobuf__Struct object;

static const sfms_reason too_small = {
    "OUT_OF_RANGE", SFMS_INVALID_ARGUMENT, {"must not be less than %s", "不能小于 %s"}};
static const sfms_reason too_great = {
    "OUT_OF_RANGE", SFMS_INVALID_ARGUMENT, {"must not be greater than %s", "不能大于 %s"}};
static const sfms_reason undefined = {"UNKNOWN_FIELD", SFMS_INVALID_ARGUMENT,
    {"is no field of this collection; the organisation can define it (/v1/fields)",
        "该集合没有此字段；可由本组织在 /v1/fields 中定义"}};

static const char *
where(sfms_call *call, const sfms_path *path)
{
    return sfms_path_text(call->arena, path);
}

/* ---- values ------------------------------------------------------------------------------------------ */

int
sfms_decimal_order(const char *a, const char *b)
{
    bool minus = a[0] == '-';
    size_t n, m;
    int order;

    if (minus != (b[0] == '-'))
        return minus ? -1 : 1;
    a += minus;
    b += minus;
    n = strcspn(a, ".");
    m = strcspn(b, ".");
    order = n != m ? (n < m ? -1 : 1) : strcmp(a, b);
    return minus ? -order : order;
}

static void
check_bounds(sfms_call *call, const sfms_definition *d, const char *text, const sfms_path *path)
{
    const char *min = d->custom->min, *max = d->custom->max;
    bool number = sfms_format_is_number(d->rule.format);

    if (min[0] != '\0' && (number ? sfms_decimal_order(text, min) : strcmp(text, min)) < 0)
        sfms_violate(call, where(call, path), &too_small, min);
    if (max[0] != '\0' && (number ? sfms_decimal_order(text, max) : strcmp(text, max)) > 0)
        sfms_violate(call, where(call, path), &too_great, max);
}

static bool
is_retired(const sfms_definition *d, const char *text)
{
    for (size_t i = 0; i < d->custom->n_choices; i++)
        if (d->custom->choices[i]->retired && strcmp(d->custom->choices[i]->value, text) == 0)
            return true;
    return false;
}

/* A number of JSON becomes the text of its digits, which are all there: others are refused where the JSON is read. */
static void
write_out(sfms_call *call, value *v)
{
    sfms_buf b;

    sfms_buf_init(&b, call->arena, SFMS_NUMBER_CHARS + 1);
    sfms_number_write(&b, v->number_value);
    v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    v->string_value = sfms_buf_ok(&b) ? b.data : sfms_strdup(call->arena, "-");
}

static bool
has_violations(const sfms_call *call, size_t before)
{
    return call->failure != NULL && call->failure->n_violations > before;
}

static size_t
violations(const sfms_call *call)
{
    return call->failure != NULL ? call->failure->n_violations : 0;
}

static void
check_text(sfms_call *call, const sfms_definition *d, value *v, const sfms_path *path, bool fresh)
{
    size_t before = violations(call);
    const char *text;

    if (v->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE && sfms_format_is_number(d->rule.format))
        write_out(call, v);
    if (v->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE) {
        sfms_scalar_wrong(call, &d->field, where(call, path));
        return;
    }
    text = v->string_value;
    sfms_validate_string(call, &d->field, &text, path);
    v->string_value = (char *)(uintptr_t)text;
    if (text[0] == '\0')
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
    else if (fresh && is_retired(d, text))
        sfms_violate(call, where(call, path), &sfms_bad_value);
    else if (!has_violations(call, before))
        check_bounds(call, d, text, path);
}

static void
check_moment(sfms_call *call, value *v, const sfms_path *path)
{
    char text[SFMS_MOMENT_SIZE];
    sfms_moment moment;

    if (v->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE && sfms_text_is_blank(v->string_value)) {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
        return;
    }
    if (v->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE ||
        !sfms_moment_parse(v->string_value, &moment)) {
        sfms_type_wrong(call, SFMS_TYPE_TIME, where(call, path));
        return;
    }
    sfms_moment_format(moment, text);
    v->string_value = sfms_strdup(call->arena, text);
}

static bool
is_among(const Google__Protobuf__ListValue *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (list->values[i]->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE &&
            strcmp(list->values[i]->string_value, text) == 0)
            return true;
    return false;
}

static void
check_list(sfms_call *call, const sfms_definition *d, value *v, const sfms_path *path, bool fresh)
{
    Google__Protobuf__ListValue *list = v->list_value;

    if (v->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE) {
        sfms_type_wrong(call, SFMS_TYPE_ARRAY, where(call, path));
        return;
    }
    if (list->n_values > d->rule.max_items) {
        sfms_violate(
            call, where(call, path), &sfms_too_many_items, sfms_printf(call->arena, "%u", d->rule.max_items));
        return;
    }
    for (size_t i = 0; i < list->n_values; i++) {
        const sfms_path element = {path->up, path->name, (long)i};
        value *one = list->values[i];

        check_text(call, d, one, &element, fresh);
        if (sfms_value_is_null(one))
            sfms_violate(call, where(call, &element), &sfms_bad_value);
        else if (one->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE &&
                 is_among(list, i, one->string_value))
            sfms_violate(call, where(call, &element), &sfms_given_twice);
    }
    if (list->n_values == 0)
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
}

static void
check_json(sfms_call *call, value *v, const sfms_path *path)
{
    const char *twice = sfms_normal_value(call->arena, &v->base);
    const sfms_path key = {path, twice != NULL ? sfms_path_key(call->arena, twice) : "", -1};

    if (twice != NULL)
        sfms_violate(call, where(call, &key), &sfms_given_twice);
}

void
sfms_definition_check(sfms_call *call, const sfms_definition *d, value *v, const sfms_path *path, bool fresh)
{
    switch ((int)d->custom->type) {
    case PB__CUSTOM_FIELD__TYPE__TIME:
        check_moment(call, v, path);
        return;
    case PB__CUSTOM_FIELD__TYPE__BOOLEAN:
        if (v->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE)
            sfms_type_wrong(call, SFMS_TYPE_BOOL, where(call, path));
        return;
    case PB__CUSTOM_FIELD__TYPE__CHOICES:
        check_list(call, d, v, path, fresh);
        return;
    case PB__CUSTOM_FIELD__TYPE__JSON:
        check_json(call, v, path);
        return;
    default:
        check_text(call, d, v, path, fresh);
        return;
    }
}

/* ---- records ----------------------------------------------------------------------------------------- */

/* Keys are texts of one line. */
static void
check_key(sfms_call *call, const object *o, size_t i, const sfms_path *path)
{
    const char *key = sfms_text_nfc(call->arena, sfms_text_trim(call->arena, o->fields[i]->key));

    o->fields[i]->key = (char *)(uintptr_t)key;
    for (size_t k = 0; k < i; k++) {
        const sfms_path twice = {path, sfms_path_key(call->arena, key), -1};

        if (strcmp(o->fields[k]->key, key) == 0)
            sfms_violate(call, where(call, &twice), &sfms_given_twice);
    }
}

/* What null clears need not be defined. */
static void
check_entry(sfms_call *call, const char *collection, const Google__Protobuf__Struct__FieldsEntry *entry,
    const sfms_path *path, bool fresh)
{
    const sfms_definition *d = sfms_shape_find(call->shape, collection, entry->key);
    const sfms_path place = {path, sfms_path_key(call->arena, entry->key), -1};

    if (sfms_value_is_null(entry->value))
        return;
    if (d == NULL)
        sfms_violate(call, where(call, &place), &undefined);
    else
        sfms_definition_check(call, d, entry->value, &place, fresh);
}

static bool
is_filled(const object *o, const char *key)
{
    const Google__Protobuf__Struct__FieldsEntry *entry = sfms_struct_entry(o, key);

    return entry != NULL && !sfms_value_is_null(entry->value);
}

bool
sfms_custom_missing(
    sfms_call *call, const sfms_shape *s, const char *collection, const object *o, const sfms_path *path)
{
    unsigned at = 0;
    bool missing = false;

    for (const sfms_definition *d; s != NULL && (d = sfms_shape_next(s, collection, &at)) != NULL;) {
        if (!d->custom->required || d->custom->default_value != NULL || is_filled(o, d->custom->name))
            continue;
        missing = true;
        if (call != NULL) {
            const sfms_path place = {path, sfms_path_key(call->arena, d->custom->name), -1};

            sfms_violate(call, where(call, &place), &sfms_required);
        }
    }
    return missing;
}

/* Whether a write with the mask takes away what a record has of the key. */
static bool
clears(const object *o, const Google__Protobuf__FieldMask *mask, const char *key)
{
    static const char whole[] = "custom_fields";
    bool all = false, named = false;

    for (size_t i = 0; i < mask->n_paths; i++) {
        const char *path = mask->paths[i];

        if (strncmp(path, whole, sizeof(whole) - 1) != 0)
            continue;
        all |= path[sizeof(whole) - 1] == '\0';
        named |= path[sizeof(whole) - 1] == '.' && strcmp(path + sizeof(whole), key) == 0;
    }
    if (all)
        return o == NULL || (sfms_struct_entry(o, key) != NULL && !is_filled(o, key));
    return named && !is_filled(o, key);
}

static void
check_kept(sfms_call *call, const char *collection, const object *o, const Google__Protobuf__FieldMask *mask,
    const sfms_path *path)
{
    unsigned at = 0;

    for (const sfms_definition *d; (d = sfms_shape_next(call->shape, collection, &at)) != NULL;) {
        const sfms_path place = {path, sfms_path_key(call->arena, d->custom->name), -1};

        if (d->custom->required && clears(o, mask, d->custom->name))
            sfms_violate(call, where(call, &place), &sfms_required);
    }
}

const ProtobufCMessage *
sfms_custom_check(sfms_call *call, const sfms_field *holder, ProtobufCMessage *resource,
    const Google__Protobuf__FieldMask *mask)
{
    const sfms_message *m = call->method->resource;
    const sfms_path root = {NULL, holder != NULL ? holder->desc->name : "", -1};
    const sfms_path path = {&root, "custom_fields", -1};
    const sfms_field *f = sfms_message_field(m, path.name, strlen(path.name));
    object *o;

    if (f == NULL || resource == NULL || !sfms_field_is_custom(m, f))
        return NULL;
    o = *(object **)sfms_field_at(resource, f->desc);
    for (size_t i = 0; call->shape != NULL && o != NULL && i < o->n_fields; i++) {
        check_key(call, o, i, &path);
        check_entry(call, m->resource, o->fields[i], &path, mask == NULL);
    }
    if (call->shape != NULL && mask == NULL)
        sfms_custom_missing(call, call->shape, m->resource, o, &path);
    else if (call->shape != NULL)
        check_kept(call, m->resource, o, mask, &path);
    return o != NULL ? &o->base : NULL;
}

object *
sfms_custom_complete(sfms_arena *a, const sfms_shape *s, const char *collection, object *o)
{
    object *whole = NULL;
    unsigned at = 0;

    for (const sfms_definition *d; s != NULL && (d = sfms_shape_next(s, collection, &at)) != NULL;) {
        if (d->custom->default_value == NULL || sfms_struct_entry(o, d->custom->name) != NULL)
            continue;
        if (whole == NULL) {
            whole = (object *)sfms_message_new(a, &google__protobuf__struct__descriptor);
            for (size_t i = 0; o != NULL && i < o->n_fields; i++)
                sfms_struct_put(a, whole, o->fields[i]->key, o->fields[i]->value);
        }
        sfms_struct_put(a, whole, d->custom->name, d->custom->default_value);
    }
    return whole != NULL ? whole : o;
}
