/* contract_load.c -- builds the contract at start-up. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "google/api/http.pb-c.h"
#include "proto/contract_private.h"
#include "proto/contract_set.h"

/* Numbers of the extensions in annotations.proto and google/api/annotations.proto. */
enum {
    OPTION_HTTP = 72295728,
    OPTION_METHOD = 50101,
    OPTION_FIELD = 50102,
    OPTION_RESOURCE = 50103,
    OPTION_SERVICE = 50104,
    OPTION_VALUE = 50105,
    MESSAGES_MAX = 4096,
    METHODS_MAX = 4096,
};

typedef struct {
    sfms_arena *keep; /* lives as long as the process */
    sfms_arena *temp; /* holds the set, and is dropped in the end */
    const sfms_set *set;
    struct sfms_contract *contract;
    sfms_message *messages[MESSAGES_MAX];
} loader;

static const Pb__FieldRule no_rule = PB__FIELD_RULE__INIT;

static sfms_kind
kind_of(const char *name)
{
    static const struct {
        const char *name;
        sfms_kind kind;
    } kinds[] = {
        {"google.protobuf.Timestamp", SFMS_KIND_TIMESTAMP},
        {"google.protobuf.FieldMask", SFMS_KIND_FIELD_MASK},
        {"google.protobuf.Struct", SFMS_KIND_STRUCT},
        {"google.protobuf.Value", SFMS_KIND_VALUE},
        {"google.protobuf.ListValue", SFMS_KIND_LIST_VALUE},
        {"google.protobuf.DoubleValue", SFMS_KIND_WRAPPER},
        {"google.protobuf.Int32Value", SFMS_KIND_WRAPPER},
        {"google.protobuf.Int64Value", SFMS_KIND_WRAPPER},
        {"google.protobuf.BoolValue", SFMS_KIND_WRAPPER},
        {"google.protobuf.Empty", SFMS_KIND_EMPTY},
        {"sfms.api.v1.RawBody", SFMS_KIND_RAW},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(name, kinds[i].name) == 0)
            return kinds[i].kind;
    return SFMS_KIND_PLAIN;
}

/* slots_for answers the size of a hash table for n entries. */
static unsigned
slots_for(unsigned n)
{
    unsigned size = 8;

    while (size < 2 * n)
        size *= 2;
    return size;
}

static void
slot_add(sfms_message *m, uint16_t *slots, const char *name, unsigned index)
{
    unsigned i = sfms_name_hash(name, strlen(name)) & m->slot_mask;

    while (slots[i] != 0)
        i = (i + 1) & m->slot_mask;
    slots[i] = (uint16_t)(index + 1);
}

/* index_fields builds the table by which sfms_message_field finds a field by either of its names. */
static void
index_fields(loader *l, sfms_message *m)
{
    unsigned size = slots_for(2 * m->n_fields);
    uint16_t *slots = sfms_new_array(l->keep, uint16_t, size);

    m->slot_mask = size - 1;
    m->slots = slots;
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];

        slot_add(m, slots, f->json_name, i);
        if (strcmp(f->desc->name, f->json_name) != 0)
            slot_add(m, slots, f->desc->name, i);
    }
}

static const sfms_message *message_get(loader *l, const ProtobufCMessageDescriptor *desc);

static const Pb__FieldRule *
rule_of(loader *l, const Google__Protobuf__FieldDescriptorProto *proto)
{
    const Pb__FieldRule *rule = NULL;

    if (proto->options != NULL)
        rule = sfms_set_option(l->keep, &proto->options->base, OPTION_FIELD, &pb__field_rule__descriptor);
    return rule != NULL ? rule : &no_rule;
}

static const Pb__ResourceRule *
resource_rule(loader *l, const sfms_set_message *in_set)
{
    const Google__Protobuf__MessageOptions *options = in_set->proto->options;

    if (options == NULL)
        return NULL;
    return sfms_set_option(l->keep, &options->base, OPTION_RESOURCE, &pb__resource_rule__descriptor);
}

/* What every record has is called by the same names everywhere. */
static const Pb__Label *
label_of(loader *l, const sfms_message *m, const sfms_field *f)
{
    const sfms_set_message *record = sfms_set_find_message(l->set, "sfms.api.v1.Record");

    if (f->rule->label != NULL || m->rule == NULL)
        return f->rule->label;
    for (size_t i = 0; i < record->proto->n_field; i++)
        if (record->proto->field[i]->number == (int32_t)f->desc->id &&
            strcmp(record->proto->field[i]->name, f->desc->name) == 0)
            return rule_of(l, record->proto->field[i])->label;
    return NULL;
}

static const Pb__Label *const *
value_labels(loader *l, const ProtobufCEnumDescriptor *desc)
{
    const Google__Protobuf__EnumDescriptorProto *in_set = sfms_set_find_enum(l->set, desc->name);
    const Pb__Label **labels = sfms_new_array(l->keep, const Pb__Label *, desc->n_values);

    for (unsigned i = 0; in_set != NULL && i < desc->n_values; i++)
        for (size_t k = 0; k < in_set->n_value; k++)
            if (in_set->value[k]->number == desc->values[i].value && in_set->value[k]->options != NULL)
                labels[i] = sfms_set_option(
                    l->keep, &in_set->value[k]->options->base, OPTION_VALUE, &pb__label__descriptor);
    return labels;
}

static void
field_load(loader *l, const sfms_message *m, sfms_field *f, const ProtobufCFieldDescriptor *desc,
    const sfms_set_message *in_set)
{
    const Google__Protobuf__FieldDescriptorProto *proto = NULL;

    for (size_t i = 0; i < in_set->proto->n_field; i++) {
        if (in_set->proto->field[i]->number != (int32_t)desc->id)
            continue;
        proto = in_set->proto->field[i];
        f->comment = sfms_strdup(l->keep, in_set->field_comments[i]);
    }
    if (proto == NULL || strcmp(proto->name, desc->name) != 0)
        sfms_die("C descriptor and descriptor set disagree about %s.%s", in_set->name, desc->name);

    f->desc = desc;
    f->json_name = sfms_strdup(l->keep, proto->json_name != NULL ? proto->json_name : proto->name);
    f->json_key = sfms_printf(l->keep, ",\"%s\":", f->json_name);
    f->name_len = (unsigned)strlen(desc->name);
    f->json_name_len = (unsigned)strlen(f->json_name);
    f->json_key_len = (unsigned)strlen(f->json_key);
    f->rule = rule_of(l, proto);
    f->label = label_of(l, m, f);
    if (desc->type == PROTOBUF_C_TYPE_ENUM)
        f->value_labels = value_labels(l, desc->descriptor);
    if (desc->type == PROTOBUF_C_TYPE_MESSAGE)
        f->message = message_get(l, desc->descriptor);
}

static sfms_message *
message_load(loader *l, const ProtobufCMessageDescriptor *desc)
{
    const sfms_set_message *in_set = sfms_set_find_message(l->set, desc->name);

    if (in_set == NULL || in_set->proto->n_field != desc->n_fields)
        sfms_die("C descriptor and descriptor set disagree about %s", desc->name);
    if (desc->n_fields > SFMS_FIELDS_MAX)
        sfms_die("%s has more than %d fields", desc->name, SFMS_FIELDS_MAX);
    if (l->contract->n_messages == MESSAGES_MAX)
        sfms_die("the contract has more than %d messages", MESSAGES_MAX);

    sfms_message *m = sfms_new(l->keep, sfms_message);
    /* First of all known, as a message may hold itself. */
    l->messages[l->contract->n_messages++] = m;
    m->desc = desc;
    m->kind = kind_of(desc->name);
    m->comment = sfms_strdup(l->keep, in_set->comment);
    const Google__Protobuf__MessageOptions *options = in_set->proto->options;
    if (options != NULL && options->map_entry)
        m->kind = SFMS_KIND_MAP_ENTRY;
    m->rule = resource_rule(l, in_set);
    m->resource = m->rule != NULL ? m->rule->name : NULL;

    sfms_field *fields = sfms_new_array(l->keep, sfms_field, desc->n_fields);
    m->n_fields = desc->n_fields;
    m->fields = fields;
    for (unsigned i = 0; i < desc->n_fields; i++)
        field_load(l, m, &fields[i], &desc->fields[i], in_set);
    index_fields(l, m);
    return m;
}

static const sfms_message *
message_get(loader *l, const ProtobufCMessageDescriptor *desc)
{
    for (unsigned i = 0; i < l->contract->n_messages; i++)
        if (l->messages[i]->desc == desc)
            return l->messages[i];
    return message_load(l, desc);
}

static sfms_route
route_make(loader *l, const char *method, const Google__Api__HttpRule *rule)
{
    const char *verb = NULL;
    const char *path = NULL;

    switch ((int)rule->pattern_case) {
    case GOOGLE__API__HTTP_RULE__PATTERN_GET:
        verb = "GET";
        path = rule->get;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_PUT:
        verb = "PUT";
        path = rule->put;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_POST:
        verb = "POST";
        path = rule->post;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_DELETE:
        verb = "DELETE";
        path = rule->delete_;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_PATCH:
        verb = "PATCH";
        path = rule->patch;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_CUSTOM:
        verb = rule->custom->kind;
        path = rule->custom->path;
        break;
    }
    if (path == NULL || path[0] != '/')
        sfms_die("%s has a route without a path", method);
    return (sfms_route){
        .verb = sfms_strdup(l->keep, verb),
        .path = sfms_strdup(l->keep, path),
        .body = sfms_strdup(l->keep, rule->body),
    };
}

/* route_of_body is the second door of what takes a filter: its arguments in a body, which may be longer than an address. */
static sfms_route
route_of_body(loader *l, Pb__Verb verb, const sfms_route *first)
{
    return (sfms_route){
        .verb = "POST",
        .path = sfms_printf(l->keep, "%s%s", first->path, verb == PB__VERB__LIST ? ":search" : ""),
        .body = "*",
    };
}

/* route_of_export is the address of a list as a file. */
static sfms_route
route_of_export(loader *l, const sfms_route *list)
{
    return (sfms_route){
        .verb = "GET",
        .path = sfms_printf(l->keep, "%s:export", list->path),
        .body = "",
        .kind = SFMS_ROUTE_EXPORT,
    };
}

/* route_of_stream is the address at which the answer goes on. */
static sfms_route
route_of_stream(loader *l, const sfms_route *whole)
{
    return (sfms_route){
        .verb = "GET",
        .path = sfms_printf(l->keep, "%s:stream", whole->path),
        .body = "",
        .kind = SFMS_ROUTE_STREAM,
    };
}

static void
routes_load(loader *l, sfms_method *m, const Google__Protobuf__MethodOptions *options)
{
    const Google__Api__HttpRule *rule =
        sfms_set_option(l->temp, &options->base, OPTION_HTTP, &google__api__http_rule__descriptor);

    if (rule == NULL)
        return;
    sfms_route *routes = sfms_new_array(l->keep, sfms_route, 4 + rule->n_additional_bindings);
    routes[0] = route_make(l, m->name, rule);
    for (size_t i = 0; i < rule->n_additional_bindings; i++)
        routes[i + 1] = route_make(l, m->name, rule->additional_bindings[i]);
    m->n_routes = 1 + (unsigned)rule->n_additional_bindings;
    m->routes = routes;
    if (m->rule != NULL && (m->rule->verb == PB__VERB__LIST || m->rule->verb == PB__VERB__AGGREGATE))
        routes[m->n_routes++] = route_of_body(l, m->rule->verb, &routes[0]);
    if (m->rule != NULL && m->rule->verb == PB__VERB__LIST)
        routes[m->n_routes++] = route_of_export(l, &routes[0]);
    if (m->rule != NULL && m->rule->stream)
        routes[m->n_routes++] = route_of_stream(l, &routes[0]);
}

/* resource_of answers what a standard method is about: what it answers, or what the others of its service are about. */
static const sfms_message *
resource_of(const struct sfms_contract *c, const sfms_method *m)
{
    if (m->rule->verb == PB__VERB__VERB_UNSPECIFIED)
        return NULL;
    if (m->output->resource != NULL)
        return m->output;

    const sfms_field *f = sfms_message_resource_field(m->output);
    if (f != NULL)
        return f->message;
    for (const sfms_method *other = c->methods; other < m; other++)
        if (other->resource != NULL && strcmp(other->group, m->group) == 0)
            return other->resource;
    sfms_die(
        "%s is a standard method, but neither its answer nor a method before it names a resource", m->name);
}

/* service_word answers the second word of a package: "pipeline" of "sfms.pipeline.v1". */
static const char *
service_word(loader *l, const char *package)
{
    const char *dot = strchr(package, '.');

    if (dot == NULL)
        sfms_die("package %s has only one word", package);
    return sfms_strndup(l->keep, dot + 1, strcspn(dot + 1, "."));
}

static void
method_load(loader *l, sfms_method *m, const ProtobufCServiceDescriptor *service, unsigned index,
    const sfms_set_service *in_set)
{
    const ProtobufCMethodDescriptor *desc = &service->methods[index];
    const Google__Protobuf__MethodDescriptorProto *proto = in_set->proto->method[index];

    m->name = sfms_printf(l->keep, "%s/%s", service->name, desc->name);
    if (strcmp(proto->name, desc->name) != 0)
        sfms_die("C descriptor and descriptor set disagree about %s", m->name);
    m->service = service_word(l, service->package);
    m->group = service->short_name;
    m->group_comment = sfms_strdup(l->keep, in_set->comment);
    m->short_name = desc->name;
    m->input = message_get(l, desc->input);
    m->output = message_get(l, desc->output);
    m->comment = sfms_strdup(l->keep, in_set->method_comments[index]);
    if (proto->options != NULL) {
        m->rule =
            sfms_set_option(l->keep, &proto->options->base, OPTION_METHOD, &pb__method_rule__descriptor);
        routes_load(l, m, proto->options);
    }
    if (m->rule == NULL)
        sfms_die("%s does not say who may call it", m->name);
    m->resource = resource_of(l->contract, m);
    if (m->rule->verb == PB__VERB__LIST)
        m->export_permission = sfms_printf(l->keep, "%s.export", m->resource->resource);
}

static void
methods_load(loader *l)
{
    struct sfms_contract *c = l->contract;
    unsigned n = 0;

    for (; sfms_contract_services[c->n_rules] != NULL; c->n_rules++)
        n += sfms_contract_services[c->n_rules]->n_methods;
    if (n > METHODS_MAX)
        sfms_die("the contract has more than %d methods", METHODS_MAX);
    c->methods = sfms_new_array(l->keep, sfms_method, n);
    c->rules = sfms_new_array(l->keep, const Pb__ServiceRule *, c->n_rules);

    for (unsigned i = 0; sfms_contract_services[i] != NULL; i++) {
        const ProtobufCServiceDescriptor *service = sfms_contract_services[i];
        const sfms_set_service *in_set = sfms_set_find_service(l->set, service->name);

        if (in_set == NULL || in_set->proto->n_method != service->n_methods)
            sfms_die("C descriptor and descriptor set disagree about %s", service->name);
        for (unsigned j = 0; j < service->n_methods; j++)
            method_load(l, &c->methods[c->n_methods++], service, j, in_set);
        if (in_set->proto->options != NULL)
            c->rules[i] = sfms_set_option(
                l->keep, &in_set->proto->options->base, OPTION_SERVICE, &pb__service_rule__descriptor);
    }
}

static int
by_collection(const void *a, const void *b)
{
    return strcmp((*(const sfms_message *const *)a)->resource, (*(const sfms_message *const *)b)->resource);
}

static void
resources_build(loader *l, struct sfms_contract *c)
{
    c->resources = sfms_new_array(l->keep, const sfms_message *, c->n_messages);
    for (unsigned i = 0; i < c->n_messages; i++)
        if (c->messages[i]->resource != NULL)
            c->resources[c->n_resources++] = c->messages[i];
    qsort(c->resources, c->n_resources, sizeof c->resources[0], by_collection);
}

static void
tables_build(loader *l)
{
    struct sfms_contract *c = l->contract;

    c->messages = sfms_memdup(l->keep, l->messages, c->n_messages * sizeof l->messages[0]);
    resources_build(l, c);
    c->message_mask = slots_for(c->n_messages) - 1;
    c->message_slots = sfms_new_array(l->keep, const sfms_message *, c->message_mask + 1);
    for (unsigned i = 0; i < c->n_messages; i++) {
        unsigned slot = sfms_pointer_hash(c->messages[i]->desc) & c->message_mask;

        while (c->message_slots[slot] != NULL)
            slot = (slot + 1) & c->message_mask;
        c->message_slots[slot] = c->messages[i];
    }

    c->method_mask = slots_for(c->n_methods) - 1;
    c->method_slots = sfms_new_array(l->keep, const sfms_method *, c->method_mask + 1);
    for (unsigned i = 0; i < c->n_methods; i++) {
        unsigned slot = sfms_name_hash(c->methods[i].name, strlen(c->methods[i].name)) & c->method_mask;

        while (c->method_slots[slot] != NULL)
            slot = (slot + 1) & c->method_mask;
        c->method_slots[slot] = &c->methods[i];
    }
}

const sfms_contract *
sfms_contract_load(void)
{
    static const sfms_contract *loaded;
    static sfms_arena *keep; /* stays reachable, for leak checks */
    size_t n;
    const uint8_t *data = sfms_contract_set(&n);

    if (keep != NULL)
        return loaded;
    keep = sfms_arena_new();
    sfms_arena *temp = sfms_arena_new();
    loader *l = sfms_new(temp, loader);
    l->temp = temp;
    l->keep = keep;
    l->set = sfms_set_open(temp, data, n);
    l->contract = sfms_new(l->keep, struct sfms_contract);
    methods_load(l);
    tables_build(l);
    sfms_contract_permissions_load(l->keep, l->contract);
    loaded = l->contract;
    sfms_contract_check(loaded);

    /* Unpacked, the set takes megabytes: give them back to the system. */
    sfms_arena_free(temp);
    malloc_trim(0);
    return loaded;
}
