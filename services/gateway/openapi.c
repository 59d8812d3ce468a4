/* openapi.c -- the contract as an OpenAPI 3.1 document. */
#include "openapi.h"

#include <string.h>

#include "core/limits.h"
#include "schema.h"

typedef struct {
    sfms_arena *arena;
    schemas *schemas;
    const route_target *const *targets;
    unsigned n;
    writer w;
} document;

/* ---- what a route's parts are ---- */

static bool
has_body(const route_target *t)
{
    return t->whole_body || t->body != NULL;
}

static schema_use
body_use(const route_target *t)
{
    return t->update_mask != NULL ? SCHEMA_PATCH : SCHEMA_REQUEST;
}

/* True if the body is described by the schema of a message as it is. */
static bool
body_is_message(const route_target *t)
{
    if (t->whole_body)
        return t->n_vars == 0;
    return t->body->message != NULL && t->body->message->kind == SFMS_KIND_PLAIN &&
           t->body->desc->label != PROTOBUF_C_LABEL_REPEATED;
}

static const sfms_message *
body_message(const route_target *t)
{
    return t->whole_body ? t->method->input : t->body->message;
}

static bool
in_path(const route_target *t, const sfms_field *f)
{
    size_t n = strlen(f->desc->name);

    for (unsigned i = 0; i < t->n_vars; i++) {
        if (strncmp(t->var[i], f->desc->name, n) == 0 && (t->var[i][n] == '\0' || t->var[i][n] == '.'))
            return true;
    }
    return false;
}

/* Parameters of the query are the fields that neither body nor path fill, and that have a form as text. */
static bool
in_query(const route_target *t, const sfms_field *f)
{
    if (t->whole_body || f == t->body || in_path(t, f))
        return false;
    if (f->message == NULL)
        return true;
    switch (f->message->kind) {
    case SFMS_KIND_TIMESTAMP:
    case SFMS_KIND_FIELD_MASK:
        return true;
    case SFMS_KIND_PLAIN:
        return f->desc->label != PROTOBUF_C_LABEL_REPEATED;
    default:
        return false;
    }
}

static const sfms_field *
variable_field(const route_target *t, unsigned i)
{
    const sfms_message *m = t->method->input;
    const sfms_field *f = NULL;

    for (const char *p = t->var[i]; m != NULL;) {
        size_t n = strcspn(p, ".");
        f = sfms_message_field(m, p, n);
        if (f == NULL || p[n] == '\0')
            break;
        m = f->message;
        p += n + 1;
    }
    return f;
}

/* The last part of a field's path, by which a variable goes in the document: "/v1/deals/{deal.id}" and
 * "/v1/deals/{id}" are one address. */
static const char *
variable_name(const route_target *t, unsigned i)
{
    return variable_field(t, i)->json_name;
}

static const char *
address_of(sfms_arena *a, const route_target *t)
{
    sfms_buf b;
    unsigned i = 0;

    sfms_buf_init(&b, a, SFMS_URL_MAX);
    for (const char *p = t->path; *p != '\0'; p++) {
        sfms_buf_char(&b, *p);
        if (*p != '{')
            continue;
        sfms_buf_add(&b, variable_name(t, i++));
        p += strcspn(p, "}");
        sfms_buf_char(&b, '}');
    }
    return b.data;
}

/* ---- collecting schemas ---- */

static void
collect(document *d, const route_target *t)
{
    const sfms_message *input = t->method->input;

    for (unsigned i = 0; i < input->n_fields; i++) {
        const sfms_field *f = &input->fields[i];
        bool used = in_query(t, f) || (t->whole_body && !in_path(t, f));
        if (used && f->message != NULL)
            schemas_add(d->schemas, f->message, SCHEMA_REQUEST);
        if (used && f->desc->type == PROTOBUF_C_TYPE_ENUM)
            schemas_add_enum(d->schemas, f->desc->descriptor);
    }
    if (has_body(t) && body_is_message(t))
        schemas_add(d->schemas, body_message(t), body_use(t));
    else if (t->body != NULL && t->body->message != NULL)
        schemas_add(d->schemas, t->body->message, SCHEMA_REQUEST);
    schemas_add(d->schemas, t->method->output, SCHEMA_ANSWER);
}

/* ---- parameters ---- */

static void
write_parameter(document *d, const char *name, const char *in, const sfms_field *f, bool required)
{
    writer *w = &d->w;
    bool json = f->message != NULL && f->message->kind == SFMS_KIND_PLAIN;

    writer_object(w, NULL);
    writer_text(w, "name", name);
    writer_text(w, "in", in);
    if (f->comment[0] != '\0')
        writer_text(w, "description", f->comment);
    if (required)
        writer_bool(w, "required", true);
    if (json) {
        writer_object(w, "content");
        writer_object(w, "application/json");
    }
    schema_field(d->schemas, w, "schema", f, SCHEMA_REQUEST);
    if (json) {
        writer_end_object(w);
        writer_end_object(w);
    }
    writer_end_object(w);
}

static void
write_ref(writer *w, const char *name, const char *ref)
{
    writer_object(w, name);
    writer_text(w, "$ref", ref);
    writer_end_object(w);
}

static void
write_parameters(document *d, const route_target *t)
{
    const sfms_message *input = t->method->input;
    Pb__Verb verb = t->method->rule->verb;
    writer *w = &d->w;

    writer_array(w, "parameters");
    for (unsigned i = 0; i < t->n_vars; i++)
        write_parameter(d, variable_name(t, i), "path", variable_field(t, i), true);
    for (unsigned i = 0; i < input->n_fields; i++) {
        const sfms_field *f = &input->fields[i];
        if (in_query(t, f))
            write_parameter(d, f->json_name, "query", f, f->rule->required);
    }
    if (verb == PB__VERB__GET)
        write_ref(w, NULL, "#/components/parameters/IfNoneMatch");
    if (verb == PB__VERB__UPDATE || verb == PB__VERB__DELETE || verb == PB__VERB__UNDELETE)
        write_ref(w, NULL, "#/components/parameters/IfMatch");
    if (strcmp(t->verb, "GET") != 0 && !t->method->rule->public_)
        write_ref(w, NULL, "#/components/parameters/IdempotencyKey");
    writer_end_array(w);
}

/* ---- bodies ---- */

static void
write_binary(writer *w, const char *type)
{
    writer_object(w, type);
    writer_object(w, "schema");
    writer_text(w, "type", "string");
    writer_text(w, "format", "binary");
    writer_end_object(w);
    writer_end_object(w);
}

/* A file may come alone, with the other fields in the query, or in a form together with them. */
static void
write_file_body(document *d, const route_target *t)
{
    writer *w = &d->w;

    write_binary(w, "*/*");
    writer_object(w, "multipart/form-data");
    schema_body(d->schemas, w, "schema", t->method->input, t->var, SCHEMA_REQUEST);
    writer_end_object(w);
}

static void
write_request_body(document *d, const route_target *t)
{
    writer *w = &d->w;

    if (!has_body(t))
        return;
    writer_object(w, "requestBody");
    writer_bool(w, "required", !(t->whole_body && t->n_vars > 0));
    writer_object(w, "content");
    if (t->raw != NULL) {
        write_file_body(d, t);
    } else {
        writer_object(w, "application/json");
        if (body_is_message(t))
            schema_ref(d->schemas, w, "schema", body_message(t), body_use(t));
        else if (t->whole_body)
            schema_body(d->schemas, w, "schema", t->method->input, t->var, SCHEMA_REQUEST);
        else
            schema_field(d->schemas, w, "schema", t->body, SCHEMA_REQUEST);
        writer_end_object(w);
    }
    writer_end_object(w);
    writer_end_object(w);
}

/* ---- answers ---- */

static void
write_success(document *d, const route_target *t, const char *status, const char *text)
{
    const sfms_message *output = t->method->output;
    writer *w = &d->w;

    writer_object(w, status);
    writer_text(w, "description", text);
    if (output->resource != NULL) {
        writer_object(w, "headers");
        write_ref(w, "ETag", "#/components/headers/ETag");
        writer_end_object(w);
    }
    writer_object(w, "content");
    if (output->kind == SFMS_KIND_RAW) {
        write_binary(w, "*/*");
    } else {
        writer_object(w, "application/json");
        if (output->kind == SFMS_KIND_PLAIN) {
            schema_ref(d->schemas, w, "schema", output, SCHEMA_ANSWER);
        } else {
            writer_object(w, "schema");
            writer_text(w, "type", "object");
            writer_end_object(w);
        }
        writer_end_object(w);
    }
    writer_end_object(w);
    writer_end_object(w);
}

static void
write_responses(document *d, const route_target *t)
{
    static const char problem[] = "#/components/responses/Problem";
    const Pb__MethodRule *rule = t->method->rule;
    writer *w = &d->w;

    writer_object(w, "responses");
    write_success(
        d, t, "200", rule->verb == PB__VERB__CREATE ? "It was there already, the same." : "Success.");
    if (rule->verb == PB__VERB__CREATE || rule->verb == PB__VERB__UPSERT)
        write_success(d, t, "201", "Created.");
    if (rule->verb == PB__VERB__GET) {
        writer_object(w, "304");
        writer_text(w, "description", "It is still the version that If-None-Match names.");
        writer_end_object(w);
    }
    write_ref(w, "400", problem);
    if (!rule->public_)
        write_ref(w, "401", problem);
    if (rule->permission[0] != '\0')
        write_ref(w, "403", problem);
    if (t->n_vars > 0)
        write_ref(w, "404", problem);
    if (rule->verb == PB__VERB__UPDATE || rule->verb == PB__VERB__DELETE)
        write_ref(w, "412", problem);
    write_ref(w, "default", problem);
    writer_end_object(w);
}

/* ---- operations ---- */

/* The first sentence of a comment. */
static const char *
summary_of(sfms_arena *a, const char *comment)
{
    const char *end = strstr(comment, ". ");
    const char *line = strchr(comment, '\n');

    if (end == NULL)
        end = strchr(comment, '.');
    if (line != NULL && (end == NULL || line < end) && line[1] == '\n')
        end = line;
    return end == NULL ? comment : sfms_strndup(a, comment, (size_t)(end - comment));
}

static const char *
operation_id(document *d, unsigned index)
{
    const sfms_method *m = d->targets[index]->method;
    unsigned same_name = 0, same_method = 0;

    for (unsigned i = 0; i < d->n; i++) {
        const sfms_method *other = d->targets[i]->method;
        if (other == NULL)
            continue;
        same_name += other != m && strcmp(other->short_name, m->short_name) == 0;
        same_method += other == m && i < index;
    }
    const char *name =
        same_name > 0 ? sfms_printf(d->arena, "%s_%s", m->group, m->short_name) : m->short_name;
    return same_method > 0 ? sfms_printf(d->arena, "%s_%u", name, same_method + 1) : name;
}

static void
write_operation(document *d, unsigned index)
{
    const route_target *t = d->targets[index];
    const sfms_method *m = t->method;
    writer *w = &d->w;
    char verb[16];
    size_t n = 0;

    for (; t->verb[n] != '\0' && n < sizeof verb - 1; n++)
        verb[n] = (char)(t->verb[n] | 0x20);
    verb[n] = '\0';
    writer_object(w, verb);
    writer_text(w, "operationId", operation_id(d, index));
    writer_array(w, "tags");
    writer_text(w, NULL, m->group);
    writer_end_array(w);
    if (m->comment[0] != '\0') {
        writer_text(w, "summary", summary_of(d->arena, m->comment));
        writer_text(w, "description", m->comment);
    }
    if (m->rule->permission[0] != '\0')
        writer_text(w, "x-permission", m->rule->permission);
    if (m->rule->public_) {
        writer_array(w, "security");
        writer_end_array(w);
    }
    write_parameters(d, t);
    write_request_body(d, t);
    write_responses(d, t);
    writer_end_object(w);
}

static void
write_paths(document *d)
{
    const char **address = sfms_new_array(d->arena, const char *, d->n);
    bool *done = sfms_new_array(d->arena, bool, d->n);

    for (unsigned i = 0; i < d->n; i++) {
        if (d->targets[i]->method != NULL)
            address[i] = address_of(d->arena, d->targets[i]);
    }
    writer_object(&d->w, "paths");
    for (unsigned i = 0; i < d->n; i++) {
        if (address[i] == NULL || done[i])
            continue;
        writer_object(&d->w, address[i]);
        for (unsigned k = i; k < d->n; k++) {
            if (address[k] == NULL || strcmp(address[k], address[i]) != 0)
                continue;
            done[k] = true;
            write_operation(d, k);
        }
        writer_end_object(&d->w);
    }
    writer_end_object(&d->w);
}

static void
write_tags(document *d)
{
    writer_array(&d->w, "tags");
    for (unsigned i = 0; i < d->n; i++) {
        const sfms_method *m = d->targets[i]->method;
        bool seen = m == NULL;

        for (unsigned k = 0; k < i && !seen; k++)
            seen = d->targets[k]->method != NULL && strcmp(d->targets[k]->method->group, m->group) == 0;
        if (seen)
            continue;
        writer_object(&d->w, NULL);
        writer_text(&d->w, "name", m->group);
        writer_end_object(&d->w);
    }
    writer_end_array(&d->w);
}

/* What no message of the contract describes: headers, errors, the security scheme. */
static const char fixed_components[] =
    "\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":"
    "\"The accessToken that POST /v1/sessions answers.\"}},"
    "\"headers\":{\"ETag\":{\"description\":\"The version, for If-Match and If-None-Match.\","
    "\"schema\":{\"type\":\"string\"}}},"
    "\"parameters\":{"
    "\"IfMatch\":{\"name\":\"If-Match\",\"in\":\"header\",\"description\":"
    "\"Only if this is still the version (an ETag); otherwise 412.\",\"schema\":{\"type\":\"string\"}},"
    "\"IfNoneMatch\":{\"name\":\"If-None-Match\",\"in\":\"header\",\"description\":"
    "\"Answers 304 if this is still the version (an ETag).\",\"schema\":{\"type\":\"string\"}},"
    "\"IdempotencyKey\":{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"description\":"
    "\"Makes the write happen once: the same key answers the same.\","
    "\"schema\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}}},"
    "\"responses\":{\"Problem\":{\"description\":\"What went wrong (RFC 9457).\",\"headers\":{"
    "\"Retry-After\":{\"description\":\"Seconds to wait, with 429 and "
    "503.\",\"schema\":{\"type\":\"integer\"}}},"
    "\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}}";

static const char problem_schema[] =
    "\"Problem\":{\"type\":\"object\",\"description\":\"An error. The code is stable; title and detail are "
    "in the "
    "language of Accept-Language.\",\"required\":[\"type\",\"title\",\"status\",\"code\",\"requestId\"],"
    "\"properties\":{\"type\":{\"type\":\"string\",\"format\":\"uri\"},\"title\":{\"type\":\"string\"},"
    "\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\"},\"instance\":{\"type\":\"string\"},"
    "\"code\":{\"type\":\"string\",\"description\":\"What went wrong, for programs.\"},"
    "\"requestId\":{\"type\":\"string\",\"description\":\"Finds the request in the logs.\"},"
    "\"existingId\":{\"type\":\"string\",\"description\":\"The record that is already there.\"},"
    "\"errors\":{\"type\":\"array\",\"description\":\"Every field that is "
    "wrong.\",\"items\":{\"type\":\"object\","
    "\"properties\":{\"pointer\":{\"type\":\"string\",\"description\":\"JSON pointer into the body.\"},"
    "\"parameter\":{\"type\":\"string\",\"description\":\"Parameter of the path or the query.\"},"
    "\"detail\":{\"type\":\"string\"},\"reason\":{\"type\":\"string\"}}}}}}";

static void
write_components(document *d)
{
    writer *w = &d->w;

    writer_object(w, "components");
    sfms_buf_add(w->out, fixed_components);
    w->comma = true;
    writer_object(w, "schemas");
    sfms_buf_add(w->out, problem_schema);
    w->comma = true;
    schemas_write(d->schemas, w);
    writer_end_object(w);
    writer_end_object(w);
}

void
openapi_write(sfms_buf *b, const router *routes)
{
    document d = {.arena = b->arena, .schemas = schemas_new(b->arena), .w = {.out = b}};
    writer *w = &d.w;

    d.targets = route_targets(routes, &d.n);
    for (unsigned i = 0; i < d.n; i++) {
        if (d.targets[i]->method != NULL)
            collect(&d, d.targets[i]);
    }
    writer_object(w, NULL);
    writer_text(w, "openapi", "3.1.0");
    writer_object(w, "info");
    writer_text(w, "title", "SFMS");
    writer_text(w, "version", SFMS_VERSION);
    writer_text(w, "description",
        "Sales force management. Lists are paged by token; filters follow AIP-160; errors are RFC 9457 "
        "problems.");
    writer_end_object(w);
    writer_array(w, "servers");
    writer_object(w, NULL);
    writer_text(w, "url", "/");
    writer_end_object(w);
    writer_end_array(w);
    writer_array(w, "security");
    writer_object(w, NULL);
    writer_array(w, "bearer");
    writer_end_array(w);
    writer_end_object(w);
    writer_end_array(w);
    write_tags(&d);
    write_paths(&d);
    write_components(&d);
    writer_end_object(w);
}
