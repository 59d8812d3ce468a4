/* assign.c -- what an UPDATE or UPSERT sets a column to. */
#include <string.h>

#include "core/limits.h"
#include "db/engine.h"
#include "db/row.h"
#include "proto/json.h"
#include "proto/json_value.h"
#include "proto/place.h"

/* The members of an object that are written, and the keys that are cleared. */
typedef struct {
    Google__Protobuf__Struct *set;
    size_t n_cleared;
    const char **cleared;
} members;

static void
take(members *m, Google__Protobuf__Struct__FieldsEntry *entry)
{
    if (sfms_value_is_null(entry->value))
        m->cleared[m->n_cleared++] = entry->key;
    else
        m->set->fields[m->set->n_fields++] = entry;
}

/* The key in a mask's path that leads into the field; NULL if the path is another, or the field itself. */
static const char *
key_in(const char *path, const sfms_field *f)
{
    size_t n = strlen(f->desc->name);

    return strncmp(path, f->desc->name, n) == 0 && path[n] == '.' ? path + n + 1 : NULL;
}

static bool
names_all(const Google__Protobuf__FieldMask *mask, const sfms_field *f)
{
    for (size_t i = 0; i < mask->n_paths; i++)
        if (strcmp(mask->paths[i], f->desc->name) == 0)
            return true;
    return false;
}

static members
members_of(sfms_arena *a, const Google__Protobuf__Struct *object, const Google__Protobuf__FieldMask *mask,
    const sfms_field *f)
{
    bool all = names_all(mask, f);
    size_t most = all ? object->n_fields : mask->n_paths;
    members m = {
        .set = sfms_new(a, Google__Protobuf__Struct), .cleared = sfms_new_array(a, const char *, most + 1)};

    google__protobuf__struct__init(m.set);
    m.set->fields = sfms_new_array(a, Google__Protobuf__Struct__FieldsEntry *, most + 1);
    for (size_t i = 0; i < most; i++) {
        const char *key = all ? NULL : key_in(mask->paths[i], f);

        if (all)
            take(&m, object->fields[i]);
        else if (key != NULL && sfms_struct_entry(object, key) != NULL)
            take(&m, sfms_struct_entry(object, key));
        else if (key != NULL)
            m.cleared[m.n_cleared++] = key;
    }
    return m;
}

/* The members that are there, with those that are written and without those that are cleared. */
static void
merge_sql(const sfms_engine *e, sfms_call *call, sfms_composer *w, const sfms_field *f, const members *m)
{
    const char *column = sfms_printf(call->arena, "%s.%s", e->table, f->desc->name);

    sfms_buf_printf(&w->sql, "%s = ", f->desc->name);
    if (m->set->n_fields > 0) {
        sfms_buf text;

        sfms_buf_init(&text, call->arena, SFMS_MESSAGE_MAX);
        sfms_json_write(&text, f->message, &m->set->base, NULL);
        sfms_buf_printf(
            &w->sql, "(coalesce(%s, '{}') || $%d::jsonb)", column, sfms_param(&w->params, text.data));
    } else {
        sfms_buf_add(&w->sql, column);
    }
    if (m->n_cleared > 0)
        sfms_buf_printf(&w->sql, " - $%d::text[]",
            sfms_param(&w->params, sfms_array_text(call->arena, m->n_cleared, m->cleared)));
}

/* The members of a section that the mask names; the others stay. */
static void
section_sql(const sfms_engine *e, sfms_call *call, sfms_composer *w, const sfms_field *f,
    const ProtobufCMessage *msg, const Google__Protobuf__FieldMask *mask)
{
    const char **keys = sfms_new_array(call->arena, const char *, mask->n_paths);
    size_t n = 0;

    for (size_t i = 0; i < mask->n_paths; i++) {
        const char *member = key_in(mask->paths[i], f);
        const sfms_field *inside = member == NULL ? NULL : sfms_place_top(f->message, member);

        if (inside != NULL)
            keys[n++] = inside->json_name;
    }
    sfms_buf_printf(&w->sql,
        "%s = coalesce(%s.%s, '{}') || coalesce((SELECT jsonb_object_agg(key, value)"
        " FROM jsonb_each($%d::jsonb) WHERE key = ANY ($%d::text[])), '{}')",
        f->desc->name, e->table, f->desc->name, sfms_param(&w->params, sfms_field_text(call->arena, f, msg)),
        sfms_param(&w->params, sfms_array_text(call->arena, n, keys)));
}

void
sfms_assign_sql(const sfms_engine *e, sfms_call *call, sfms_composer *w, const sfms_field *f,
    const ProtobufCMessage *msg, const Google__Protobuf__FieldMask *mask)
{
    bool object = f->message != NULL && f->message->kind == SFMS_KIND_STRUCT &&
                  f->desc->label != PROTOBUF_C_LABEL_REPEATED;
    const Google__Protobuf__Struct *value =
        object ? *(Google__Protobuf__Struct *const *)((const char *)msg + f->desc->offset) : NULL;

    if (object && (value != NULL || !names_all(mask, f))) {
        members m = members_of(call->arena, value, mask, f);

        merge_sql(e, call, w, f, &m);
        return;
    }
    if (f->rule->section && !names_all(mask, f)) {
        section_sql(e, call, w, f, msg, mask);
        return;
    }
    sfms_buf_printf(
        &w->sql, "%s = $%d", f->desc->name, sfms_param(&w->params, sfms_field_text(call->arena, f, msg)));
}
