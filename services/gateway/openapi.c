/* openapi.c -- the contract as an OpenAPI document. */
#include "openapi.h"

#include <string.h>

#include "operation.h"

static void
write_paths(document *d)
{
    const char **address = sfms_new_array(d->arena, const char *, d->n);
    bool *done = sfms_new_array(d->arena, bool, d->n);

    for (unsigned i = 0; i < d->n; i++) {
        if (d->targets[i]->method != NULL)
            address[i] = operation_address(d->arena, d->targets[i]);
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
            operation_write(d, k);
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
        writer_prose(&d->w, "description", m->group_comment);
        writer_end_object(&d->w);
    }
    writer_end_array(&d->w);
}

/* What no message of the contract describes: headers, errors, the security scheme. In the words that 3.0 and 3.1 share. */
static const char fixed_components[] =
    "\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\""
    ":\"The accessToken that POST /v1/sessions answers.\"}},\"headers\":{\"ETag\":{\"descript"
    "ion\":\"The version, for If-Match and If-None-Match.\",\"schema\":{\"type\":\"string\","
    "\"pattern\":\"^\\\"[0-9]+\\\"$\",\"example\":\"\\\"3\\\"\"}},\"IdempotencyReplayed\":{\""
    "description\":\"Only there if the answer is that of an earlier request with the same Ide"
    "mpotency-Key.\",\"schema\":{\"type\":\"string\",\"enum\":[\"true\"]}},\"Location\":{\"de"
    "scription\":\"The address of what was made.\",\"schema\":{\"type\":\"string\",\"format\""
    ":\"uri-reference\",\"example\":\"/v1/accounts/01900a6e-7c1b-7d6e-9a43-3f1c5d2e8b07\"}}},"
    "\"parameters\":{\"IfMatch\":{\"name\":\"If-Match\",\"in\":\"header\",\"description\":\"O"
    "nly if the record still has this version, an ETag, or one of several with commas between"
    " them; `*`: only if there is a record. Otherwise 412. Writes that do not list this heade"
    "r refuse it.\",\"schema\":{\"type\":\"string\",\"pattern\":\"^(\\\\*|(W/)?\\\"[^\\\"]*"
    "\\\"( *, *(W/)?\\\"[^\\\"]*\\\")*)$\",\"example\":\"\\\"3\\\"\"}},\"IfNone\":{\"name\":"
    "\"If-None-Match\",\"in\":\"header\",\"description\":\"`*`: only if there is no record wi"
    "th this id or external key; otherwise 412.\",\"schema\":{\"type\":\"string\",\"enum\":["
    "\"*\"]}},\"IfNoneMatch\":{\"name\":\"If-None-Match\",\"in\":\"header\",\"description\":"
    "\"Answers 304 if this is still the version (an ETag).\",\"schema\":{\"type\":\"string\","
    "\"example\":\"\\\"3\\\"\"}},\"IdempotencyKey\":{\"name\":\"Idempotency-Key\",\"in\":\"he"
    "ader\",\"description\":\"Makes the write happen once: the same key answers the same.\","
    "\"schema\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255,\"pattern\":\"^[!-~]+$"
    "\",\"example\":\"0b7c6f2e-order-4711\"}},\"LastEventId\":{\"name\":\"Last-Event-ID\",\"in\":\"h"
    "eader\",\"description\":\"The id of the last event that has come: those after it follow.\","
    "\"schema\":{\"type\":\"string\",\"maxLength\":4096}}}";

static const char problem_schema[] =
    "\"Problem\":{\"type\":\"object\",\"description\":\"An error. The code is stable; title an"
    "d detail are in the language of Accept-Language.\",\"required\":[\"type\",\"title\",\"st"
    "atus\",\"code\",\"requestId\"],"
    "\"properties\":{\"type\":{\"type\":\"string\",\"format\":\"uri\",\"example\":\"urn:sfms:problem"
    ":INVALID_FIELDS\"},\"title\":{\"type\":\"string\",\"example\":\"Invalid request\"},"
    "\"status\":{\"type\":\"integer\",\"minimum\":400,\"maximum\":599,\"example\":400},\"detail\":{"
    "\"type\":\"string\",\"example\":\"Some fields are not right.\"},\"instance\":{\"type\":\"stri"
    "ng\",\"description\":\"The path that was asked for.\",\"example\":\"/v1/accounts\"},"
    "\"code\":{\"type\":\"string\",\"description\":\"What went wrong, for programs.\",\"pattern\""
    ":\"^[A-Z][A-Z0-9_]*$\",\"example\":\"INVALID_FIELDS\"},"
    "\"requestId\":{\"type\":\"string\",\"description\":\"Finds the request in the logs.\",\"exa"
    "mple\":\"01900a6e-7c1b-7d6e-9a43-3f1c5d2e8b07\"},"
    "\"existingId\":{\"type\":\"string\",\"description\":\"The record that is already there.\","
    "\"example\":\"01900a6e-7c1b-7d6e-9a43-3f1c5d2e8b07\"},"
    "\"errors\":{\"type\":\"array\",\"description\":\"What is wrong with which field.\",\"items\""
    ":{\"$ref\":\"#/components/schemas/ProblemError\"}}}},"
    "\"ProblemError\":{\"type\":\"object\",\"description\":\"What is wrong with one field: poi"
    "nter or parameter says which.\",\"required\":[\"detail\",\"reason\"],\"properties\":{"
    "\"pointer\":{\"type\":\"string\",\"description\":\"JSON pointer into the body.\",\"example\""
    ":\"/name\"},"
    "\"parameter\":{\"type\":\"string\",\"description\":\"Parameter of the path or the query.\""
    ",\"example\":\"pageSize\"},"
    "\"detail\":{\"type\":\"string\",\"example\":\"is required\"},\"reason\":{\"type\":\"string\",\"de"
    "scription\":\"The same, for programs.\",\"example\":\"REQUIRED\"}}}";

/* Each status has its own, as some generators make one type of a description that stands at several. */
static const struct {
    const char *name, *text;
} problems[] = {
    {"BadRequest", "What was sent is not right: errors says what is wrong with which field."},
    {"Unauthorized", "There is no token, or it is not valid any more."},
    {"Forbidden", "The caller may not do this."},
    {"NotFound", "There is no such record, or the caller may not see it."},
    {"PreconditionFailed", "The record is not as If-Match or If-None-Match has it."},
    {"Problem",
        "What went wrong (RFC 9457). With 429 and 503 the header Retry-After has the seconds to wait."},
};

static void
write_problems(writer *w)
{
    writer_object(w, "responses");
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        writer_object(w, problems[i].name);
        writer_text(w, "description", problems[i].text);
        writer_object(w, "content");
        writer_object(w, "application/problem+json");
        writer_object(w, "schema");
        writer_text(w, "$ref", "#/components/schemas/Problem");
        writer_end_object(w);
        writer_end_object(w);
        writer_end_object(w);
        writer_end_object(w);
    }
    writer_end_object(w);
}

static const char about[] =
    "Sales force management: customers, pipeline, activities and analytics.\n\n"
    "- Lists are paged by token: follow `nextPageToken` until it is empty. Filters follow AIP-160.\n"
    "- An answer holds every field of its schema, or those that `readMask` names and no others. So schemas "
    "of "
    "what can be "
    "asked for by `readMask` require nothing.\n"
    "- PATCH writes the members that the body has; null clears one. A record can be sent back as it was "
    "read: what the service "
    "sets may be given as it is stored.\n"
    "- Money is a decimal string; integers of 64 bits are strings; times are RFC 3339 in UTC.\n"
    "- `ETag` with `If-Match` keeps two people from overwriting each other; `Idempotency-Key` makes a "
    "repeated POST safe.\n"
    "- Errors are RFC 9457 problems, in the language of `Accept-Language` (en, zh-CN); `code` never changes.";

static void
write_components(document *d)
{
    writer *w = &d->w;

    writer_object(w, "components");
    sfms_buf_add(w->out, fixed_components);
    w->comma = true;
    write_problems(w);
    writer_object(w, "schemas");
    sfms_buf_add(w->out, problem_schema);
    w->comma = true;
    schemas_write(d->schemas, w);
    writer_end_object(w);
    writer_end_object(w);
}

static void
write_info(writer *w)
{
    writer_object(w, "info");
    writer_text(w, "title", "SFMS");
    writer_text(w, "version", SFMS_VERSION);
    writer_text(w, "description", about);
    writer_object(w, "contact");
    writer_text(w, "name", "Who runs this server");
    writer_end_object(w);
    writer_end_object(w);
}

void
openapi_write(sfms_buf *b, const router *routes, const sfms_contract *contract, bool v30)
{
    document d = {
        .arena = b->arena,
        .schemas = schemas_new(b->arena, contract),
        .w = {.out = b, .v30 = v30},
    };
    writer *w = &d.w;

    d.targets = route_targets(routes, &d.n);
    for (unsigned i = 0; i < d.n; i++) {
        if (d.targets[i]->method != NULL)
            operation_collect(&d, d.targets[i]);
    }
    writer_object(w, NULL);
    writer_text(w, "openapi", v30 ? "3.0.3" : "3.1.0");
    write_info(w);
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
