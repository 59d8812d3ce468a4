/* operation.c -- one route in the OpenAPI document. */
#include "operation.h"

#include <string.h>

#include "core/limits.h"
#include "kind.h"
#include "proto/place.h"
#include "schema_value.h"

/* ---- what a route's parts are ------------------------------------------------------------------------ */

static bool
has_body(const route_target *t)
{
    return t->whole_body || t->body != NULL;
}

static schema_use
body_use(const route_target *t)
{
    switch (t->method->rule->verb) {
    case PB__VERB__BATCH_UPDATE:
        return SCHEMA_MANY_UPDATES;
    case PB__VERB__BATCH_UPSERT:
        return SCHEMA_MANY_UPSERTS;
    case PB__VERB__UPSERT:
        return SCHEMA_UPSERT;
    default:
        return t->update_mask == NULL ? SCHEMA_REQUEST : SCHEMA_PATCH;
    }
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

/* What must come with a file comes in a form together with it, or all of it in the path, and then the file may be the body.
 * Either is taken at any address for files; described is one, as generated clients cannot tell apart a field of the form
 * and a parameter that have one name. */
static bool
takes_form(const route_target *t)
{
    const sfms_message *m = t->method->input;

    for (unsigned i = 0; t->raw != NULL && i < m->n_fields; i++) {
        if (m->fields[i].rule->required && &m->fields[i] != t->raw && !in_path(t, &m->fields[i]))
            return true;
    }
    return false;
}

/* Parameters of the query are the fields that neither body nor path fill, and that have a form as text. */
static bool
in_query(const route_target *t, const sfms_field *f)
{
    if (kind_leaves_out(t, f) || t->whole_body || f == t->body || f->rule->in_address || in_path(t, f) ||
        takes_form(t))
        return false;
    if (f->message == NULL)
        return true;
    switch (f->message->kind) {
    case SFMS_KIND_TIMESTAMP:
    case SFMS_KIND_FIELD_MASK:
    case SFMS_KIND_WRAPPER:
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
    sfms_place place;

    (void)sfms_place_find(NULL, t->method->input, t->var[i], strlen(t->var[i]), &place);
    return place.leaf;
}

static const char *
variable_name(const route_target *t, unsigned i)
{
    return variable_field(t, i)->json_name;
}

const char *
operation_address(sfms_arena *a, const route_target *t)
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

/* ---- collecting schemas ------------------------------------------------------------------------------ */

/* What a readMask narrows: the resource that is answered, or those of which there is a list. */
static const sfms_message *
masked_message(const sfms_message *output)
{
    return output->resource != NULL ? output : sfms_message_resource_field(output)->message;
}

void
operation_collect(document *d, const route_target *t)
{
    const sfms_message *input = t->method->input;

    for (unsigned i = 0; i < input->n_fields; i++) {
        const sfms_field *f = &input->fields[i];
        bool used = in_query(t, f) || (t->whole_body && !in_path(t, f));
        if (used && f->message != NULL && body_use(t) == SCHEMA_REQUEST)
            schemas_add(d->schemas, f->message, schema_use_of(f, SCHEMA_REQUEST));
        if (used && f->desc->type == PROTOBUF_C_TYPE_ENUM)
            schemas_add_enum(d->schemas, f, SCHEMA_REQUEST);
    }
    if (has_body(t) && body_is_message(t))
        schemas_add(d->schemas, body_message(t), body_use(t));
    else if (t->body != NULL && t->body->message != NULL)
        schemas_add(d->schemas, t->body->message, SCHEMA_REQUEST);
    schemas_add(d->schemas, t->method->output, SCHEMA_ANSWER);
    if (t->read_mask != NULL)
        schemas_mask(d->schemas, masked_message(t->method->output));
}

/* ---- parameters -------------------------------------------------------------------------------------- */

static void
write_parameter(document *d, const char *name, const char *in, const sfms_field *f, bool required,
    const sfms_message *listed)
{
    writer *w = &d->w;
    bool json = f->message != NULL && f->message->kind == SFMS_KIND_PLAIN;

    writer_object(w, NULL);
    writer_text(w, "name", name);
    writer_text(w, "in", in);
    writer_prose(w, "description", f->comment);
    if (required)
        writer_bool(w, "required", true);
    if (json) {
        writer_object(w, "content");
        writer_object(w, "application/json");
    }
    schema_parameter(d->schemas, w, "schema", f, required, listed);
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

/* What is done once for a key: see common/rpc/once.c. */
static bool
takes_key(const route_target *t)
{
    const Pb__MethodRule *rule = t->method->rule;

    return strcmp(t->verb, "GET") != 0 && !rule->idempotent && !rule->public_;
}

/* Looks at If-None-Match, and answers 304. */
static bool
answers_unchanged(const route_target *t)
{
    return strcmp(t->verb, "GET") == 0 && sfms_method_is_versioned(t->method);
}

static void
write_parameters(document *d, const route_target *t)
{
    const sfms_message *input = t->method->input;
    writer *w = &d->w;

    writer_array(w, "parameters");
    for (unsigned i = 0; i < t->n_vars; i++)
        write_parameter(d, variable_name(t, i), "path", variable_field(t, i), true, NULL);
    for (unsigned i = 0; i < input->n_fields; i++) {
        const sfms_field *f = &input->fields[i];
        if (in_query(t, f))
            write_parameter(d, f->json_name, "query", f, f->rule->required,
                t->method->rule->verb == PB__VERB__LIST ? t->method->resource : NULL);
    }
    if (t->kind == SFMS_ROUTE_STREAM)
        write_ref(w, NULL, "#/components/parameters/LastEventId");
    if (answers_unchanged(t))
        write_ref(w, NULL, "#/components/parameters/IfNoneMatch");
    if (sfms_method_takes_if_match(t->method))
        write_ref(w, NULL, "#/components/parameters/IfMatch");
    if (sfms_method_takes_if_none_match(t->method))
        write_ref(w, NULL, "#/components/parameters/IfNone");
    if (takes_key(t))
        write_ref(w, NULL, "#/components/parameters/IdempotencyKey");
    writer_end_array(w);
}

/* ---- bodies ------------------------------------------------------------------------------------------ */

static const char *
media_type_of(const route_target *t)
{
    const char *type = t->method->rule->media_type;

    return type[0] != '\0' ? type : "application/octet-stream";
}

/* What is no JSON: text if format is NULL. */
static void
write_plain(writer *w, const char *type, const char *format)
{
    writer_object(w, type);
    writer_object(w, "schema");
    writer_text(w, "type", "string");
    if (format != NULL)
        writer_text(w, "format", format);
    writer_end_object(w);
    writer_end_object(w);
}

static void
write_file_body(document *d, const route_target *t)
{
    writer *w = &d->w;

    if (!takes_form(t)) {
        write_plain(w, media_type_of(t), "binary");
        return;
    }
    writer_object(w, "multipart/form-data");
    schema_body(d->schemas, w, "schema", t->method->input, t->var, SCHEMA_FORM);
    writer_end_object(w);
}

/* A body of which nothing must be there may be left out. */
static bool
body_is_required(const route_target *t)
{
    const sfms_message *m = t->method->input;

    if (!t->whole_body)
        return true;
    for (unsigned i = 0; i < m->n_fields; i++) {
        if (m->fields[i].rule->required && !in_path(t, &m->fields[i]))
            return true;
    }
    return false;
}

static void
write_request_body(document *d, const route_target *t)
{
    writer *w = &d->w;

    if (!has_body(t))
        return;
    writer_object(w, "requestBody");
    writer_bool(w, "required", body_is_required(t));
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
            schema_field(d->schemas, w, "schema", t->method->input, t->body, SCHEMA_REQUEST);
        writer_end_object(w);
    }
    writer_end_object(w);
    writer_end_object(w);
}

/* ---- answers ----------------------------------------------------------------------------------------- */

static void
write_answer_headers(writer *w, const route_target *t, const char *status)
{
    if (!sfms_method_is_versioned(t->method) && !takes_key(t))
        return;
    writer_object(w, "headers");
    if (sfms_method_is_versioned(t->method))
        write_ref(w, "ETag", "#/components/headers/ETag");
    if (t->location != NULL && strcmp(status, "201") == 0)
        write_ref(w, "Location", "#/components/headers/Location");
    if (takes_key(t))
        write_ref(w, "Idempotency-Replayed", "#/components/headers/IdempotencyReplayed");
    writer_end_object(w);
}

static void
write_success(document *d, const route_target *t, const char *status, const char *text)
{
    const sfms_message *output = t->method->output;
    writer *w = &d->w;

    writer_object(w, status);
    writer_text(w, "description", text);
    write_answer_headers(w, t, status);
    writer_object(w, "content");
    if (t->kind == SFMS_ROUTE_STREAM) {
        write_plain(w, "text/event-stream", NULL);
    } else if (t->kind == SFMS_ROUTE_EXPORT) {
        write_plain(w, "text/csv", NULL);
        write_plain(w, "application/x-ndjson", NULL);
    } else if (output->kind == SFMS_KIND_RAW) {
        write_plain(w, media_type_of(t), "binary");
    } else {
        writer_object(w, "application/json");
        if (output->kind == SFMS_KIND_PLAIN) {
            schema_ref(d->schemas, w, "schema", output, SCHEMA_ANSWER);
        } else {
            writer_object(w, "schema");
            writer_text(w, "type", "object");
            schema_open(w);
            writer_end_object(w);
        }
        writer_end_object(w);
    }
    writer_end_object(w);
    writer_end_object(w);
}

/* What is sent to a collection's own address and is no standard method makes one of its resources each time. */
static bool
always_creates(const route_target *t)
{
    const sfms_route *first = &t->method->routes[0];

    return strcmp(first->verb, "POST") == 0 && strpbrk(first->path, ":{") == NULL &&
           t->method->rule->verb == PB__VERB__VERB_UNSPECIFIED && t->method->output->resource != NULL;
}

static void
write_responses(document *d, const route_target *t)
{
    const Pb__MethodRule *rule = t->method->rule;
    writer *w = &d->w;

    writer_object(w, "responses");
    if (!always_creates(t))
        write_success(
            d, t, "200", rule->verb == PB__VERB__CREATE ? "It was there already, the same." : "Success.");
    if (rule->verb == PB__VERB__CREATE || rule->verb == PB__VERB__UPSERT || always_creates(t))
        write_success(d, t, "201", "Created.");
    if (answers_unchanged(t)) {
        writer_object(w, "304");
        writer_text(w, "description", "It is still the version that If-None-Match names.");
        write_answer_headers(w, t, "304");
        writer_end_object(w);
    }
    write_ref(w, "400", "#/components/responses/BadRequest");
    if (!rule->public_)
        write_ref(w, "401", "#/components/responses/Unauthorized");
    if (rule->permission[0] != '\0')
        write_ref(w, "403", "#/components/responses/Forbidden");
    if (t->n_vars > 0)
        write_ref(w, "404", "#/components/responses/NotFound");
    if (sfms_method_takes_if_match(t->method) || sfms_method_takes_if_none_match(t->method))
        write_ref(w, "412", "#/components/responses/PreconditionFailed");
    write_ref(w, "default", "#/components/responses/Problem");
    writer_end_object(w);
}

/* ---- operations -------------------------------------------------------------------------------------- */

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

/* True for the second door of a list. */
static bool
is_search(const route_target *t)
{
    return t->method->rule->verb == PB__VERB__LIST && t->whole_body;
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
    if (is_search(d->targets[index]) && strncmp(name, "List", 4) == 0)
        return sfms_printf(d->arena, "Search%s", name + 4);
    if (d->targets[index]->kind == SFMS_ROUTE_STREAM && strncmp(name, "List", 4) == 0)
        return sfms_printf(d->arena, "Stream%s", name + 4);
    if (d->targets[index]->kind == SFMS_ROUTE_EXPORT && strncmp(name, "List", 4) == 0)
        return sfms_printf(d->arena, "Export%s", name + 4);
    return same_method > 0 ? sfms_printf(d->arena, "%s_%u", name, same_method + 1) : name;
}

void
operation_write(document *d, unsigned index)
{
    const route_target *t = d->targets[index];
    const sfms_method *m = t->method;
    writer *w = &d->w;
    char verb[16];
    size_t n = 0;

    for (; n < sizeof verb - 1 && t->verb[n] != '\0'; n++)
        verb[n] = (char)(t->verb[n] | 0x20);
    verb[n] = '\0';
    writer_object(w, verb);
    writer_text(w, "operationId", operation_id(d, index));
    writer_array(w, "tags");
    writer_text(w, NULL, m->group);
    writer_end_array(w);
    if (m->comment[0] != '\0') {
        writer_prose(w, "summary", summary_of(d->arena, m->comment));
        writer_prose(w, "description", m->comment);
    }
    if (t->kind == SFMS_ROUTE_EXPORT)
        writer_text(w, "x-permission", m->export_permission);
    else if (m->rule->permission[0] != '\0')
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
