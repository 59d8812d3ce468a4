/* meta.c -- what there is: the contract, for clients that draw forms and menus. Contract: proto/sfms/identity/v1/meta.proto. */
#include "sfms/identity/v1/meta.pb-c.h"

#include <string.h>

#include "core/limits.h"
#include "core/seal.h"
#include "identity.h"

enum { FIELDS_DEPTH = 8 }; /* messages within a resource */

/* ---- fields ------------------------------------------------------------------------------------------ */

static Pb__FieldType
type_of(const sfms_field *f)
{
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return PB__FIELD_TYPE__BOOLEAN;
    case PROTOBUF_C_TYPE_ENUM:
        return PB__FIELD_TYPE__CHOICE;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        return PB__FIELD_TYPE__NUMBER;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
        return f->rule->n_one_of > 0 ? PB__FIELD_TYPE__CHOICE : PB__FIELD_TYPE__TEXT;
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    default:
        return PB__FIELD_TYPE__INTEGER;
    }
    switch (f->message->kind) {
    case SFMS_KIND_TIMESTAMP:
        return PB__FIELD_TYPE__TIME;
    case SFMS_KIND_WRAPPER:
        return type_of(&f->message->fields[0]);
    case SFMS_KIND_MAP_ENTRY:
        return PB__FIELD_TYPE__MAP;
    case SFMS_KIND_PLAIN:
        return PB__FIELD_TYPE__RECORD;
    default:
        return PB__FIELD_TYPE__OBJECT;
    }
}

static void
add_value(sfms_arena *a, Pb__CollectionField *to, const char *value, const Pb__Label *label)
{
    Pb__FieldValue *v = (Pb__FieldValue *)sfms_message_new(a, &pb__field_value__descriptor);

    v->value = value;
    v->label = (Pb__Label *)(uintptr_t)label;
    to->values[to->n_values++] = v;
}

static void
add_values(sfms_arena *a, Pb__CollectionField *to, const sfms_field *f)
{
    const ProtobufCEnumDescriptor *e = f->desc->descriptor;

    if (f->desc->type != PROTOBUF_C_TYPE_ENUM)
        return;
    to->values = sfms_new_array(a, Pb__FieldValue *, e->n_values);
    for (unsigned i = 0; i < e->n_values; i++)
        if (!sfms_enum_is_none(&e->values[i]))
            add_value(a, to, e->values[i].name, f->value_labels[i]);
}

static size_t add_fields(sfms_arena *a, Pb__CollectionField ***to, const sfms_message *m, int depth);

static void
set_rule(Pb__CollectionField *to, const sfms_field *f)
{
    const Pb__FieldRule *rule = f->rule;
    bool list = f->desc->label == PROTOBUF_C_LABEL_REPEATED;

    to->format = rule->format;
    to->required = rule->required;
    to->output_only = rule->output_only;
    to->immutable = rule->immutable;
    to->personal = rule->personal;
    to->sortable = rule->sortable;
    to->lookup = rule->lookup;
    to->multiline = rule->multiline;
    to->min = rule->min;
    to->max = rule->max;
    to->references = rule->references;
    if (f->desc->type == PROTOBUF_C_TYPE_STRING)
        to->max_length = rule->max_length != 0 ? rule->max_length : SFMS_TEXT_DEFAULT;
    if (list)
        to->max_items = rule->max_items != 0 ? rule->max_items : SFMS_ITEMS_DEFAULT;
}

static Pb__CollectionField *
field_of(sfms_arena *a, const sfms_field *f, int depth)
{
    Pb__CollectionField *to = (Pb__CollectionField *)sfms_message_new(a, &pb__collection_field__descriptor);
    const sfms_message *inside = f->message;

    to->name = f->json_name;
    to->label = (Pb__Label *)(uintptr_t)f->label;
    to->type = type_of(f);
    to->repeated = f->desc->label == PROTOBUF_C_LABEL_REPEATED && to->type != PB__FIELD_TYPE__MAP;
    set_rule(to, f);
    add_values(a, to, f);
    if (to->type == PB__FIELD_TYPE__MAP)
        inside = inside->fields[1].message;
    if (inside != NULL && inside->kind == SFMS_KIND_PLAIN && depth > 0)
        to->n_fields = add_fields(a, &to->fields, inside, depth - 1);
    return to;
}

static size_t
add_fields(sfms_arena *a, Pb__CollectionField ***to, const sfms_message *m, int depth)
{
    size_t n = 0;

    *to = sfms_new_array(a, Pb__CollectionField *, m->n_fields);
    for (unsigned i = 0; i < m->n_fields; i++)
        if (!m->fields[i].rule->secret && !m->fields[i].rule->on_request)
            (*to)[n++] = field_of(a, &m->fields[i], depth);
    return n;
}

/* ---- collections ------------------------------------------------------------------------------------- */

/* Records without an owner are the whole organisation's. */
static Pb__Visibility
scope_of(const sfms_call *call, const sfms_message *m)
{
    return sfms_message_field(m, "owner_id", 8) != NULL ? call->principal->visibility : PB__VISIBILITY__ORG;
}

static Pb__CollectionMethod *
method_of(const sfms_call *call, const sfms_message *m, const sfms_method *method)
{
    Pb__CollectionMethod *to =
        (Pb__CollectionMethod *)sfms_message_new(call->arena, &pb__collection_method__descriptor);

    to->name = method->short_name;
    to->verb = method->rule->verb;
    to->http_method = method->routes[0].verb;
    to->path = method->routes[0].path;
    to->permission = method->rule->permission;
    to->allowed = method->rule->permission[0] == '\0' || sfms_may(call, method->rule->permission);
    if (to->allowed)
        to->scope = scope_of(call, m);
    return to;
}

static Pb__Collection *
collection_of(const sfms_call *call, const sfms_message *m)
{
    Pb__Collection *to = (Pb__Collection *)sfms_message_new(call->arena, &pb__collection__descriptor);
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(call->contract, &n);

    to->name = m->resource;
    to->label = m->rule->label;
    to->plural = m->rule->plural;
    to->n_fields = add_fields(call->arena, &to->fields, m, FIELDS_DEPTH);
    to->methods = sfms_new_array(call->arena, Pb__CollectionMethod *, n);
    for (unsigned i = 0; i < n; i++)
        if (methods[i].n_routes > 0 && sfms_method_is_of(&methods[i], m->resource))
            to->methods[to->n_methods++] = method_of(call, m, &methods[i]);
    return to;
}

/* ---- the answer -------------------------------------------------------------------------------------- */

/* The catalogue has no version of its own: what it says is one. */
static uint64_t
version_of(sfms_arena *a, const Pb__Catalogue *catalogue)
{
    size_t n = protobuf_c_message_get_packed_size(&catalogue->base);
    uint8_t *bytes = sfms_alloc_raw(a, n);
    uint8_t hash[SFMS_MAC_SIZE];
    uint64_t version;

    protobuf_c_message_pack(&catalogue->base, bytes);
    sfms_hash(bytes, n, hash);
    memcpy(&version, hash, sizeof(version));
    return version | 1; /* 0 is no version */
}

static sfms_status
get_meta(sfms_call *call, const void *in, void *out)
{
    const Pb__GetMetaRequest *req = in;
    Pb__Catalogue *catalogue = out;
    unsigned n;
    const sfms_message *const *resources = sfms_contract_resources(call->contract, &n);

    catalogue->collections = sfms_new_array(call->arena, Pb__Collection *, n);
    for (unsigned i = 0; i < n; i++)
        if (req->collection[0] == '\0' || strcmp(req->collection, resources[i]->resource) == 0)
            catalogue->collections[catalogue->n_collections++] = collection_of(call, resources[i]);
    if (catalogue->n_collections == 0)
        return sfms_fail(call, &sfms_not_found);
    call->version = version_of(call->arena, catalogue);
    return SFMS_OK;
}

static const sfms_method_row methods[] = {
    {"sfms.identity.v1.Meta/GetMeta", get_meta},
    {NULL},
};

const sfms_noun identity_meta = {.methods = methods};
