/* schemas.c -- which schemas the document has, and their names. */
#include "schema.h"

#include <string.h>

typedef struct entry {
    const sfms_message *message;          /* or */
    const ProtobufCEnumDescriptor *enum_; /* one of the two */
    const Pb__Label *const *labels;       /* of the enum's values */
    const char *name;
    unsigned uses;
    bool masked;
    struct entry *next;
} entry;

struct schemas {
    sfms_arena *arena;
    const sfms_contract *contract;
    entry *first, **end;
};

schemas *
schemas_new(sfms_arena *a, const sfms_contract *contract)
{
    schemas *s = sfms_new(a, schemas);

    s->arena = a;
    s->contract = contract;
    s->end = &s->first;
    return s;
}

static entry *
find(const schemas *s, const void *thing)
{
    for (entry *e = s->first; e != NULL; e = e->next) {
        if (e->message == thing || e->enum_ == thing)
            return e;
    }
    return NULL;
}

/* "sfms.pipeline.v1.Deal" is Deal; PipelineDeal if the name is taken. */
static const char *
free_name(const schemas *s, const char *full, const char *short_name)
{
    bool taken = false;

    for (const entry *e = s->first; e != NULL && !taken; e = e->next)
        taken = strcmp(e->name, short_name) == 0;
    const char *word = strchr(full, '.');
    if (!taken || word == NULL)
        return short_name;
    size_t n = strcspn(word + 1, ".");
    char *name = sfms_printf(s->arena, "%.*s%s", (int)n, word + 1, short_name);
    if (name[0] >= 'a' && name[0] <= 'z')
        name[0] = (char)(name[0] - 'a' + 'A');
    return name;
}

/* Direction of the message PhoneCall is PhoneCallDirection: a name that says nothing without its message. */
static const char *
name_of_enum(sfms_arena *a, const ProtobufCEnumDescriptor *d)
{
    size_t n = strlen(d->name) - strlen(d->short_name) - 1; /* up to the last dot */
    size_t from = n;

    while (from > 0 && d->name[from - 1] != '.')
        from--;
    bool nested = d->name[from] >= 'A' && d->name[from] <= 'Z';
    return nested ? sfms_printf(a, "%.*s%s", (int)(n - from), d->name + from, d->short_name) : d->short_name;
}

static entry *
append(schemas *s, const char *full, const char *short_name)
{
    entry *e = sfms_new(s->arena, entry);

    e->name = free_name(s, full, short_name);
    *s->end = e;
    s->end = &e->next;
    return e;
}

void
schemas_add_enum(schemas *s, const sfms_field *f, schema_use use)
{
    const ProtobufCEnumDescriptor *d = f->desc->descriptor;
    entry *e = find(s, d);

    if (e == NULL) {
        e = append(s, d->name, name_of_enum(s->arena, d));
        e->enum_ = d;
        e->labels = f->value_labels;
    }
    e->uses |= schema_use_inside(use);
}

void
schemas_mask(schemas *s, const sfms_message *m)
{
    find(s, m)->masked = true;
}

bool
schemas_are_masked(const schemas *s, const sfms_message *m)
{
    const entry *e = find(s, m);

    return e != NULL && e->masked;
}

void
schemas_collections(const schemas *s, writer *w, const char *name, Pb__Verb verb)
{
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(s->contract, &n);

    writer_array(w, name);
    for (unsigned i = 0; i < n; i++) {
        if (methods[i].rule->verb == verb)
            writer_text(w, NULL, methods[i].resource->resource);
    }
    writer_end_array(w);
}

schema_use
schema_use_inside(schema_use use)
{
    switch (use) {
    case SCHEMA_ANSWER:
        return SCHEMA_ANSWER;
    case SCHEMA_MANY_UPDATES:
        return SCHEMA_UPDATE;
    case SCHEMA_MANY_UPSERTS:
        return SCHEMA_UPSERT;
    default:
        return SCHEMA_REQUEST;
    }
}

schema_use
schema_use_of(const sfms_field *f, schema_use use)
{
    if (f->rule->section && use == SCHEMA_PATCH)
        return use;
    return f->rule->partial && use != SCHEMA_ANSWER ? SCHEMA_DRAFT : schema_use_inside(use);
}

bool
schema_is_there(const sfms_field *f, schema_use use)
{
    if (use == SCHEMA_ANSWER)
        return !f->rule->secret;
    if (use == SCHEMA_UPDATE && strcmp(f->desc->name, "id") == 0)
        return true;
    return !f->rule->output_only && !f->rule->in_address &&
           !((use == SCHEMA_PATCH || use == SCHEMA_UPDATE) && f->rule->immutable);
}

static void
add_fields(schemas *s, const sfms_message *m, schema_use use)
{
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];
        if (!schema_is_there(f, use))
            continue;
        if (f->desc->type == PROTOBUF_C_TYPE_ENUM)
            schemas_add_enum(s, f, use);
        else if (f->message != NULL)
            schemas_add(s, f->message, schema_use_of(f, use));
    }
}

void
schemas_add(schemas *s, const sfms_message *m, schema_use use)
{
    if (m->kind == SFMS_KIND_MAP_ENTRY) {
        add_fields(s, m, use);
        return;
    }
    if (m->kind != SFMS_KIND_PLAIN)
        return;
    entry *e = find(s, m);
    if (e == NULL) {
        e = append(s, m->desc->name, m->desc->short_name);
        e->message = m;
    }
    if ((e->uses & use) != 0)
        return;
    e->uses |= use;
    add_fields(s, m, use);
}

static bool
is_one_for_both(const entry *e)
{
    return e->enum_ != NULL && !sfms_enum_is_none(&e->enum_->values[0]);
}

/* Deal is what is answered; DealInput, DealPatch, DealUpsert and DealDraft are what is sent. A message that only requests hold
 * needs no such distinction, nor does an enum of which all values may be sent. */
static const char *
name_for(const schemas *s, const entry *e, schema_use use)
{
    const char *suffix = "";

    if (use == SCHEMA_PATCH)
        suffix = "Patch";
    else if (use == SCHEMA_UPSERT || use == SCHEMA_MANY_UPSERTS)
        suffix = "Upsert";
    else if (use == SCHEMA_UPDATE)
        suffix = "Update";
    else if (use == SCHEMA_DRAFT)
        suffix = "Draft";
    else if (use == SCHEMA_REQUEST && (e->uses & SCHEMA_ANSWER) != 0 && !is_one_for_both(e))
        suffix = "Input";
    return suffix[0] == '\0' ? e->name : sfms_printf(s->arena, "%s%s", e->name, suffix);
}

const char *
schemas_address(const schemas *s, const void *thing, schema_use use)
{
    return sfms_printf(s->arena, "#/components/schemas/%s", name_for(s, find(s, thing), use));
}

/* What people call the values, where the contract says it. */
static void
write_value_labels(writer *w, const entry *e)
{
    bool any = false;

    for (unsigned i = 0; i < e->enum_->n_values; i++) {
        if (e->labels[i] == NULL)
            continue;
        if (!any)
            writer_object(w, "x-enum-labels");
        any = true;
        schema_label(w, e->enum_->values[i].name, e->labels[i]);
    }
    if (any)
        writer_end_object(w);
}

static void
write_enum(writer *w, const char *name, const entry *e, schema_use use)
{
    const ProtobufCEnumDescriptor *d = e->enum_;

    writer_object(w, name);
    writer_text(w, "type", "string");
    writer_array(w, "enum");
    for (unsigned i = 0; i < d->n_values; i++) {
        if (use == SCHEMA_ANSWER || !sfms_enum_is_none(&d->values[i]))
            writer_text(w, NULL, d->values[i].name);
    }
    writer_end_array(w);
    write_value_labels(w, e);
    writer_end_object(w);
}

void
schemas_write(schemas *s, writer *w)
{
    static const schema_use uses[] = {SCHEMA_ANSWER, SCHEMA_REQUEST, SCHEMA_PATCH, SCHEMA_UPSERT,
        SCHEMA_UPDATE, SCHEMA_MANY_UPDATES, SCHEMA_MANY_UPSERTS, SCHEMA_DRAFT};

    for (const entry *e = s->first; e != NULL; e = e->next) {
        for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
            const char *name = name_for(s, e, uses[i]);
            if ((e->uses & uses[i]) == 0 || (i > 0 && is_one_for_both(e) && (e->uses & SCHEMA_ANSWER) != 0))
                continue;
            if (e->enum_ != NULL)
                write_enum(w, name, e, uses[i]);
            else
                schema_body(s, w, name, e->message, NULL, uses[i]);
        }
    }
}
