/* contract_check.c -- what must hold in a contract before a process may stand on it. */
#include <string.h>

#include "core/log.h"
#include "proto/contract_private.h"
#include "proto/place.h"

enum { NESTED_MAX = 8 }; /* messages within a resource */

static void
check_rule(const sfms_method *m)
{
    const Pb__MethodRule *r = m->rule;
    int said = (r->permission[0] != '\0') + !!r->signed_in + !!r->public_ + !!r->internal;

    if (said != 1)
        sfms_die("%s must say exactly one of permission, signed_in, public and internal", m->name);
    if (r->internal && m->n_routes > 0)
        sfms_die("%s is internal and must not have a route", m->name);
    if (!r->internal && m->n_routes == 0)
        sfms_die("%s has no route, so nobody can call it", m->name);
}

/* check_page looks whether the answer of a list can hold what the engine says of a page. */
static void
check_page(const sfms_method *m)
{
    const sfms_field *list = sfms_message_resource_field(m->output);
    const sfms_field *token = sfms_message_field(m->output, "next_page_token", 15);
    const sfms_field *total = sfms_message_field(m->output, "total_size", 10);
    const sfms_field *estimate = sfms_message_field(m->output, "total_is_estimate", 17);

    if (list == NULL || list->desc->label != PROTOBUF_C_LABEL_REPEATED || token == NULL ||
        token->desc->type != PROTOBUF_C_TYPE_STRING || total == NULL || total->message == NULL ||
        total->message->kind != SFMS_KIND_WRAPPER || estimate == NULL ||
        estimate->desc->type != PROTOBUF_C_TYPE_BOOL)
        sfms_die("%s must answer resources, next_page_token, total_size and total_is_estimate", m->name);
}

static bool
has_field(const sfms_message *m, const char *name, ProtobufCType type)
{
    const sfms_field *f = m != NULL ? sfms_message_field(m, name, strlen(name)) : NULL;

    return f != NULL && f->desc->type == type;
}

/* check_many looks whether the messages of a write of many are those that common/rpc/many.c works with. */
static void
check_many(const sfms_method *m)
{
    const sfms_field *in = sfms_message_resource_field(m->input);
    const sfms_field *results = sfms_message_field(m->output, "results", 7);
    const sfms_message *result = results != NULL ? results->message : NULL;
    const sfms_field *out = result != NULL ? sfms_message_resource_field(result) : NULL;

    if (in == NULL || in->message != m->resource || in->desc->label != PROTOBUF_C_LABEL_REPEATED ||
        in->rule->max_items == 0 || !has_field(m->input, "atomic", PROTOBUF_C_TYPE_BOOL))
        sfms_die("%s must take resources, with max_items, and atomic", m->name);
    if (out == NULL || out->message != m->resource || !has_field(result, "created", PROTOBUF_C_TYPE_BOOL) ||
        !has_field(result, "problem", PROTOBUF_C_TYPE_MESSAGE) ||
        !has_field(m->output, "succeeded_count", PROTOBUF_C_TYPE_INT32) ||
        !has_field(m->output, "failed_count", PROTOBUF_C_TYPE_INT32))
        sfms_die("%s must answer results, succeeded_count and failed_count", m->name);
}

/* check_verb looks whether the messages of a standard method are those that the engine works with. */
static void
check_verb(const sfms_method *m)
{
    const sfms_field *in = sfms_message_resource_field(m->input);
    const char *wanted = NULL;

    if (m->rule->verb != PB__VERB__VERB_UNSPECIFIED && m->resource == NULL)
        sfms_die("%s says a standard verb, but answers no resource", m->name);
    switch (m->rule->verb) {
    case PB__VERB__GET:
        wanted = m->resource->rule->singleton ? "sfms.api.v1.GetSingletonRequest" : "sfms.api.v1.GetRequest";
        break;
    case PB__VERB__BATCH_GET:
        wanted = "sfms.api.v1.BatchGetRequest";
        break;
    case PB__VERB__LIST:
        wanted = "sfms.api.v1.ListRequest";
        break;
    case PB__VERB__SHARE:
        wanted = "sfms.api.v1.ShareRequest";
        break;
    case PB__VERB__UNSHARE:
        wanted = "sfms.api.v1.UnshareRequest";
        break;
    case PB__VERB__ACCESS:
        wanted = "sfms.api.v1.AccessRequest";
        break;
    case PB__VERB__AGGREGATE:
        wanted = "sfms.api.v1.AggregateRequest";
        break;
    case PB__VERB__DELETE:
    case PB__VERB__UNDELETE:
        wanted = "sfms.api.v1.DeleteRequest";
        break;
    case PB__VERB__CREATE:
        if (m->input != m->output)
            sfms_die("%s must take and answer the resource", m->name);
        return;
    case PB__VERB__UPDATE:
    case PB__VERB__UPSERT:
        if (in == NULL || in->message != m->output || sfms_message_field(m->input, "update_mask", 11) == NULL)
            sfms_die("%s must take the resource that it answers, and update_mask", m->name);
        return;
    case PB__VERB__BATCH_CREATE:
    case PB__VERB__BATCH_UPDATE:
    case PB__VERB__BATCH_UPSERT:
        check_many(m);
        return;
    default:
        return;
    }
    if (strcmp(m->input->desc->name, wanted) != 0)
        sfms_die("%s must take a %s", m->name, wanted);
    if (m->rule->verb == PB__VERB__LIST)
        check_page(m);
}

static bool
has(const sfms_message *m, const char *name, ProtobufCType type, ProtobufCLabel label)
{
    const sfms_field *f = sfms_message_field(m, name, strlen(name));

    return f != NULL && f->desc->type == type &&
           (f->desc->label == PROTOBUF_C_LABEL_REPEATED) == (label == PROTOBUF_C_LABEL_REPEATED);
}

/* check_stream looks whether a method can be asked for what comes after a cursor. */
static void
check_stream(const sfms_method *m)
{
    const ProtobufCLabel one = PROTOBUF_C_LABEL_NONE, many = PROTOBUF_C_LABEL_REPEATED;
    unsigned lists = 0;

    if (!m->rule->stream)
        return;
    for (unsigned i = 0; i < m->output->n_fields; i++)
        lists += m->output->fields[i].message != NULL && m->output->fields[i].desc->label == many;
    if (lists != 1 || !has(m->input, "after", PROTOBUF_C_TYPE_STRING, one) ||
        !has(m->input, "ticket", PROTOBUF_C_TYPE_STRING, one) ||
        !has(m->input, "from_now", PROTOBUF_C_TYPE_BOOL, one) ||
        !has(m->input, "with_cursors", PROTOBUF_C_TYPE_BOOL, one) ||
        !has(m->output, "cursor", PROTOBUF_C_TYPE_STRING, one) ||
        !has(m->output, "cursors", PROTOBUF_C_TYPE_STRING, many) ||
        !has(m->output, "more", PROTOBUF_C_TYPE_BOOL, one))
        sfms_die("%s cannot be a stream: see MethodRule.stream", m->name);
}

/* check_path looks whether a path of n bytes leads to a field. */
static void
check_path(const sfms_method *m, const char *path, size_t n)
{
    sfms_place place;

    if (!sfms_place_find(NULL, m->input, path, n, &place))
        sfms_die("a route of %s names \"%.*s\", which is no field of %s", m->name, (int)n, path,
            m->input->desc->name);
}

static void
check_route(const sfms_method *m, const sfms_route *r)
{
    if (r->body[0] != '\0' && strcmp(r->body, "*") != 0)
        check_path(m, r->body, strlen(r->body));
    for (const char *p = strchr(r->path, '{'); p != NULL; p = strchr(p, '{')) {
        p++;
        check_path(m, p, strcspn(p, "}="));
    }
}

/* same_shape is true if two paths differ in the names of their variables only. */
static bool
same_shape(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        if (*a == '{') {
            a += strcspn(a, "}");
            b += strcspn(b, "}");
            continue;
        }
        a++;
        b++;
    }
    return *a == *b;
}

static void
check_routes_differ(const sfms_method *m, const sfms_method *other)
{
    for (unsigned i = 0; i < m->n_routes; i++)
        for (unsigned j = 0; j < other->n_routes; j++) {
            const sfms_route *a = &m->routes[i];
            const sfms_route *b = &other->routes[j];

            if (strcmp(a->verb, b->verb) == 0 && same_shape(a->path, b->path) && (m != other || i != j))
                sfms_die("%s and %s have the same route, %s %s", m->name, other->name, a->verb, a->path);
        }
}

static bool
is_label(const Pb__Label *label)
{
    return label != NULL && label->en[0] != '\0' && label->zh[0] != '\0';
}

/* check_labels looks whether people can be told of all that a message holds. depth bounds what holds itself. */
static void
check_labels(const sfms_message *m, unsigned depth)
{
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];

        if (f->rule->on_request)
            continue;
        if (m->kind != SFMS_KIND_MAP_ENTRY && !is_label(f->label))
            sfms_die("%s.%s has no label in English and Chinese", m->desc->name, f->desc->name);
        if (f->desc->type == PROTOBUF_C_TYPE_ENUM) {
            const ProtobufCEnumDescriptor *e = f->desc->descriptor;

            for (unsigned k = 0; k < e->n_values; k++)
                if (!sfms_enum_is_none(&e->values[k]) && !is_label(f->value_labels[k]))
                    sfms_die("%s of %s has no label in English and Chinese", e->values[k].name, e->name);
        }
        if (f->message != NULL && depth > 0 &&
            (f->message->kind == SFMS_KIND_PLAIN || f->message->kind == SFMS_KIND_MAP_ENTRY))
            check_labels(f->message, depth - 1);
    }
}

static const sfms_field *
text_field(const sfms_message *m, const char *name)
{
    const sfms_field *f = sfms_message_field(m, name, strlen(name));

    return f != NULL && f->desc->type == PROTOBUF_C_TYPE_STRING && f->desc->label != PROTOBUF_C_LABEL_REPEATED
               ? f
               : NULL;
}

/* Whether a message points to records; depth bounds what holds itself. */
static bool
has_references(const sfms_message *m, unsigned depth)
{
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];

        if (f->rule->references_in[0] != '\0' && text_field(m, f->rule->references_in) == NULL)
            sfms_die("%s.%s points into the collection in %s, which is no text of it", m->desc->name,
                f->desc->name, f->rule->references_in);
        if (f->rule->references[0] != '\0' || f->rule->references_in[0] != '\0')
            return true;
        if (f->message != NULL && f->message->kind == SFMS_KIND_PLAIN && depth > 0 &&
            has_references(f->message, depth - 1))
            return true;
    }
    return false;
}

static void
check_on_request(const sfms_message *m, const char *name)
{
    const sfms_field *f = sfms_message_field(m, name, strlen(name));

    if (f == NULL || !f->rule->on_request)
        sfms_die("%s must have a field %s that is answered on request", m->desc->name, name);
}

/* check_beside looks whether answers can say what is asked of them beside records: names and access. */
static void
check_beside(const sfms_method *m)
{
    switch (m->rule->verb) {
    case PB__VERB__GET:
    case PB__VERB__LIST:
    case PB__VERB__BATCH_GET:
        if (has_references(m->resource, NESTED_MAX))
            check_on_request(m->output, "names");
        return;
    case PB__VERB__UPDATE:
    case PB__VERB__DELETE:
        check_on_request(m->resource, "allowed");
        return;
    default:
        return;
    }
}

/* check_part looks whether parts say what they belong to. */
static void
check_part(const sfms_contract *c, const sfms_message *m)
{
    const sfms_field *f;

    if (m->rule->parent[0] == '\0')
        return;
    f = text_field(m, m->rule->parent);
    if (f == NULL || !f->rule->required || !f->rule->immutable ||
        sfms_contract_resource(c, f->rule->references) == NULL)
        sfms_die("%s is a part by %s, which is no required, immutable reference to a collection",
            m->desc->name, m->rule->parent);
}

/* check_below looks whether the addresses of parts are below what they belong to, and only theirs. */
static void
check_below(const sfms_method *m)
{
    const sfms_message *r = m->resource;
    const char *parent = r == NULL ? "" : r->rule->parent;

    for (unsigned i = 0; r != NULL && i < m->n_routes; i++) {
        const char *path = m->routes[i].path;
        const char *above = strstr(path, "{");
        size_t n = strcspn(path + 1, "/") + 2; /* of "/v1/" */
        const char *collection =
            parent[0] != '\0' ? sfms_message_field(r, parent, strlen(parent))->rule->references : "";

        if (parent[0] == '\0' ? strstr(path, "{parent}") != NULL
                              : above == NULL || strncmp(path + n, collection, strlen(collection)) != 0 ||
                                    path[n + strlen(collection)] != '/')
            sfms_die("the address of %s, %s, must be below a record if, and only if, it is about parts of it",
                m->name, path);
    }
}

static void
check_resource(const sfms_contract *c)
{
    for (unsigned i = 0; i < c->n_messages; i++) {
        const sfms_message *m = c->messages[i];

        if (m->rule == NULL)
            continue;
        if (!is_label(m->rule->label) || !is_label(m->rule->plural))
            sfms_die("%s has no label and plural in English and Chinese", m->desc->name);
        if (m->rule->display[0] != '\0' && text_field(m, m->rule->display) == NULL)
            sfms_die("%s is displayed by %s, which is no text of it", m->desc->name, m->rule->display);
        check_labels(m, NESTED_MAX);
        check_part(c, m);
    }
}

static void
check_resources_differ(const sfms_contract *c)
{
    for (unsigned i = 0; i < c->n_messages; i++) {
        const sfms_message *m = c->messages[i];

        if (m->resource != NULL && sfms_contract_resource(c, m->resource) != m)
            sfms_die("two messages are the resource \"%s\"", m->resource);
    }
}

/* What a field is read through is a reference of the same message. */
static void
check_through(const sfms_message *m, const sfms_field *f)
{
    const char *name = f->rule->through;
    const sfms_field *reference = sfms_message_field(m, name, strlen(name));

    if (name[0] != '\0' && (reference == NULL || reference->rule->references[0] == '\0'))
        sfms_die("%s.%s is read through %s, which refers to nothing", m->desc->name, f->desc->name, name);
}

/* A field whose texts name fields, names a collection that there is. */
static void
check_fields_of(const sfms_contract *c, const sfms_message *m, const sfms_field *f)
{
    const char *collection = f->rule->fields_of;

    if (collection[0] != '\0' && sfms_contract_resource(c, collection) == NULL)
        sfms_die(
            "%s.%s names fields of %s, which is no collection", m->desc->name, f->desc->name, collection);
}

void
sfms_contract_check(const sfms_contract *c)
{
    for (unsigned i = 0; i < c->n_methods; i++) {
        const sfms_method *m = &c->methods[i];

        check_rule(m);
        check_verb(m);
        check_stream(m);
        check_beside(m);
        check_below(m);
        for (unsigned j = 0; j < m->n_routes; j++)
            check_route(m, &m->routes[j]);
        for (unsigned j = 0; j <= i; j++)
            check_routes_differ(m, &c->methods[j]);
    }
    check_resources_differ(c);
    check_resource(c);
    for (unsigned i = 0; i < c->n_messages; i++) {
        const sfms_message *m = c->messages[i];

        for (unsigned j = 0; j < m->n_fields; j++) {
            check_through(m, &m->fields[j]);
            check_fields_of(c, m, &m->fields[j]);
        }
    }
}
