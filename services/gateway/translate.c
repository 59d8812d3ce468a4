/* translate.c -- from an HTTP request to a message. */
#include "translate.h"

#include <string.h>
#include <strings.h>

#include "proto/json.h"
#include "proto/path.h"
#include "proto/place.h"
#include "proto/scalar.h"
#include "proto/validate.h"
#include "sfms/api/v1/requests.pb-c.h"

typedef struct {
    sfms_call *call;
    const route_target *target;
    ProtobufCMessage *msg;
    bool mask_given;             /* by ?updateMask */
    bool no_json;                /* the body is none, so that nothing can be said about its members */
    bool given[SFMS_FIELDS_MAX]; /* fields of the message that a parameter has set */
} job;

/* The message in a field, made if it is not there yet. */
static ProtobufCMessage *
sub_message(job *j, const sfms_field *f)
{
    ProtobufCMessage **place = sfms_field_at(j->msg, f->desc);

    if (*place == NULL)
        *place = sfms_message_new(j->call->arena, f->message->desc);
    return *place;
}

/* ---- the body ---------------------------------------------------------------------------------------- */

static cJSON *
parse(job *j, const char *text, size_t len, const char *field)
{
    const char *prefix = field[0] == '\0' ? "" : sfms_printf(j->call->arena, "%s.", field);
    cJSON *tree = sfms_json_parse_at(j->call, prefix, text, len);

    j->no_json = tree == NULL;
    return tree;
}

static cJSON *
parse_object(job *j, const char *text, size_t len, const char *field)
{
    bool blank = text == NULL || strspn(text, " \t\r\n") == len;
    cJSON *tree = parse(j, blank ? "{}" : text, blank ? 2 : len, field);

    if (tree == NULL)
        return NULL;
    if (!cJSON_IsObject(tree)) {
        sfms_type_wrong(j->call, SFMS_TYPE_OBJECT, field);
        return NULL;
    }
    return tree;
}

/* A body for a field that is no single message is read as {"field": body}. */
static bool
read_wrapped(job *j, const translate_body *body)
{
    const sfms_field *f = j->target->body;
    cJSON *tree = parse(j, body->data, body->len, f->desc->name);

    if (tree == NULL)
        return false;
    cJSON wrapper = {.type = cJSON_Object, .child = tree};
    tree->string = sfms_strdup(j->call->arena, f->json_name);
    return sfms_json_read(j->call, j->target->method->input, &wrapper, "", j->msg, NULL);
}

static bool
is_single_message(const sfms_field *f)
{
    return f->message != NULL && f->message->kind == SFMS_KIND_PLAIN &&
           f->desc->label != PROTOBUF_C_LABEL_REPEATED;
}

static bool
read_json_body(job *j, const translate_body *body)
{
    const route_target *t = j->target;

    if (t->whole_body) {
        cJSON *tree = parse_object(j, body->data, body->len, "");
        return tree != NULL && sfms_json_read(j->call, t->method->input, tree, "", j->msg, NULL);
    }
    if (!is_single_message(t->body))
        return read_wrapped(j, body);

    cJSON *tree = parse_object(j, body->data, body->len, t->body->desc->name);
    if (tree == NULL)
        return false;
    Google__Protobuf__FieldMask *mask = NULL;
    if (t->update_mask != NULL)
        mask = (Google__Protobuf__FieldMask *)sub_message(j, t->update_mask);
    const char *prefix = sfms_printf(j->call->arena, "%s.", t->body->desc->name);
    return sfms_json_read(j->call, t->body->message, tree, prefix, sub_message(j, t->body), mask);
}

static void
fill_raw(job *j, const sfms_field *f, const char *data, size_t len, const char *content_type)
{
    Pb__RawBody *raw = (Pb__RawBody *)sub_message(j, f);

    raw->content_type = content_type != NULL ? content_type : "application/octet-stream";
    raw->data.data = (uint8_t *)(uintptr_t)data;
    raw->data.len = len;
}

/* ---- parameters -------------------------------------------------------------------------------------- */

/* True if a parameter may not set the field because the body or the path does. */
static bool
is_taken(const route_target *t, const sfms_field *f, const char *name, size_t n)
{
    if (t->whole_body || f == t->body)
        return true;
    for (unsigned i = 0; i < t->n_vars; i++) {
        if (strncmp(t->var[i], name, n) == 0 && (t->var[i][n] == '\0' || t->var[i][n] == '.'))
            return true;
    }
    return false;
}

/* Sets a field from a parameter or a form's text field. A message, save those that have a text form of
 * their own, is given as JSON. */
static void
set_parameter(job *j, const char *name, const char *value)
{
    const route_target *t = j->target;
    const sfms_message *input = t->method->input;
    size_t n = strcspn(name, ".");
    const sfms_field *f = sfms_message_field(input, name, n);

    if (f == NULL || f->rule->in_address || is_taken(t, f, f->desc->name, strlen(f->desc->name))) {
        sfms_violate(j->call, name, &sfms_unknown_field);
        return;
    }
    if (name[n] == '\0' && f->desc->label != PROTOBUF_C_LABEL_REPEATED) {
        if (j->given[f - input->fields]) {
            sfms_violate(j->call, name, &sfms_given_twice);
            return;
        }
        j->given[f - input->fields] = true;
    }
    if (f == t->update_mask && !j->mask_given) { /* replaces what the keys of the body have given */
        *(ProtobufCMessage **)sfms_field_at(j->msg, f->desc) = NULL;
        j->mask_given = true;
    }
    if (name[n] == '\0' && is_single_message(f)) {
        cJSON *tree = parse_object(j, value, strlen(value), f->desc->name);
        const char *prefix = sfms_printf(j->call->arena, "%s.", f->desc->name);
        if (tree != NULL)
            (void)sfms_json_read(j->call, f->message, tree, prefix, sub_message(j, f), NULL);
        return;
    }
    (void)sfms_json_read_text(j->call, input, name, value, j->msg);
}

static void
read_form(job *j, const form_part *part)
{
    const sfms_message *input = j->target->method->input;

    for (; part != NULL; part = part->next) {
        const sfms_field *f = sfms_message_field(input, part->name, strlen(part->name));
        if (f != NULL && f->message != NULL && f->message->kind == SFMS_KIND_RAW)
            fill_raw(j, f, part->data, part->len, part->content_type);
        else if (strlen(part->data) < part->len)
            sfms_violate(j->call, part->name, &sfms_nul_character);
        else
            set_parameter(j, part->name, part->data);
    }
}

static bool
read_query(job *j, char *query)
{
    const char *name, *value;
    int found = path_query_next(&query, &name, &value);

    while (found == 1) {
        set_parameter(j, name, value);
        found = path_query_next(&query, &name, &value);
    }
    return found == 0;
}

/* ---- the path ---------------------------------------------------------------------------------------- */

/* The string field at a path as the body has set it; NULL if it is none or not set. */
static const char *
string_at(const sfms_message *m, const ProtobufCMessage *msg, const char *path)
{
    sfms_place place;

    if (!sfms_place_find(NULL, m, path, strlen(path), &place) ||
        place.leaf->desc->label == PROTOBUF_C_LABEL_REPEATED ||
        place.leaf->desc->type != PROTOBUF_C_TYPE_STRING)
        return NULL;
    msg = sfms_place_holder(&place, msg);
    return msg != NULL ? *(const char *const *)sfms_field_at(msg, place.leaf->desc) : NULL;
}

/* What the path says is not a change: takes the field out of the mask that the body's keys have made. */
static void
drop_from_mask(job *j, const char *field)
{
    const route_target *t = j->target;

    if (t->update_mask == NULL || j->mask_given)
        return;
    Google__Protobuf__FieldMask *mask =
        *(Google__Protobuf__FieldMask **)sfms_field_at(j->msg, t->update_mask->desc);
    size_t kept = 0;
    for (size_t i = 0; mask != NULL && i < mask->n_paths; i++) {
        if (strcmp(mask->paths[i], field) != 0)
            mask->paths[kept++] = mask->paths[i];
    }
    if (mask != NULL)
        mask->n_paths = kept;
}

/* The path decides; a body that repeats it must say the same. */
static void
check_variable(job *j, const char *field, const char *value)
{
    const char *given = string_at(j->target->method->input, j->msg, field);

    if (given != NULL && given[0] != '\0' && strcasecmp(given, value) != 0)
        sfms_violate(j->call, field, &sfms_immutable);
}

static bool
is_variable(const route_target *t, const sfms_field *f)
{
    for (unsigned i = 0; i < t->n_vars; i++)
        if (strcmp(t->var[i], f->desc->name) == 0)
            return true;
    return false;
}

/* A body that is the whole request may have no more than the address has a place for. */
static void
check_address_fields(job *j)
{
    const sfms_message *input = j->target->method->input;

    for (unsigned i = 0; i < input->n_fields; i++) {
        const sfms_field *f = &input->fields[i];

        if (f->rule->in_address && !is_variable(j->target, f) && !sfms_field_is_default(j->msg, f->desc))
            sfms_violate(j->call, f->desc->name, &sfms_unknown_field);
    }
}

static void
set_variable(job *j, const char *field, const char *value)
{
    const char *dot = strrchr(field, '.');

    if (dot != NULL)
        drop_from_mask(j, dot + 1);
    (void)sfms_json_read_text(j->call, j->target->method->input, field, value, j->msg);
}

/* False if the body is no JSON at all, so that there is no use in looking further. */
static bool
read_body(job *j, const route_match *match, const translate_body *body)
{
    const route_target *t = j->target;

    if (body->form != NULL) {
        read_form(j, body->form);
        return true;
    }
    if (t->raw != NULL) {
        fill_raw(j, t->raw, body->data, body->len, body->content_type);
        return true;
    }
    if (!t->whole_body && t->body == NULL)
        return true;
    if (!read_json_body(j, body) && (j->no_json || sfms_violations(j->call) == SFMS_OK))
        return false;
    for (unsigned i = 0; i < t->n_vars; i++)
        check_variable(j, t->var[i], match->value[i]);
    check_address_fields(j);
    return true;
}

/* ---- the rules ---------------------------------------------------------------------------------------- */

static bool
is_said(const Pb__Status *failure, size_t n, const char *field)
{
    for (size_t i = 0; i < n; i++)
        if (sfms_path_within(field, failure->violations[i]->field))
            return true;
    return false;
}

/* The service holds the rules against a request, but never sees one that cannot be read. So that a client hears at once
 * of all that is wrong, they are held here against what could be read of it. A field is said once: what could not be
 * read looks as if it were missing. */
static void
check_rest(job *j)
{
    Pb__Status *failure = j->call->failure;
    size_t said = failure->n_violations, kept = said;

    (void)sfms_validate(j->call, j->msg);
    for (size_t i = said; i < failure->n_violations; i++)
        if (!is_said(failure, said, failure->violations[i]->field))
            failure->violations[kept++] = failure->violations[i];
    failure->n_violations = kept;
}

ProtobufCMessage *
translate_request(
    sfms_call *call, const route_match *match, char *query, const translate_body *body, size_t *ret_in_body)
{
    const route_target *t = match->target;
    job j = {.call = call, .target = t, .msg = sfms_message_new(call->arena, t->method->input->desc)};

    *ret_in_body = 0;
    bool read = read_body(&j, match, body);
    if (body->form == NULL && call->failure != NULL)
        *ret_in_body = call->failure->n_violations;
    if (!read)
        return NULL;
    if (!read_query(&j, query)) {
        sfms_fail(call, &sfms_bad_url);
        return NULL;
    }
    for (unsigned i = 0; i < t->n_vars; i++)
        set_variable(&j, t->var[i], match->value[i]);
    if (call->failure == NULL)
        return j.msg;
    if (call->failure->n_violations > 0)
        check_rest(&j);
    return NULL;
}
