/*
 * names.c -- names=true: what the records that an answer refers to are called, in one map by id.
 *
 * The ids are taken from the answer's bytes, so that a mask counts, and asked for in one statement with a part for each
 * collection. Policies decide what is seen; what is not, is not named, nor what a field refers to
 * that the role hides.
 */
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/log.h"
#include "db/engine.h"
#include "proto/packed.h"
#include "proto/place.h"

enum { NAMES_DEPTH = 8 }; /* messages within a resource */

typedef struct {
    const sfms_named *named;
    const char *id;
} reference;

typedef struct {
    const sfms_engine *engine;
    const sfms_call *call;
    sfms_arena *arena;
    reference *all;
    size_t n, room;
} references;

/* ---- the collections that have names ----------------------------------------------------------------- */

/* Which collections services may read names of, by the grant of app.named. */
static const char named_sql[] =
    "SELECT name, relation::text, a.attname FROM app.resources r, pg_catalog.pg_attribute a"
    " WHERE a.attrelid = r.relation AND a.attnum > 0 AND NOT a.attisdropped"
    "   AND pg_catalog.has_column_privilege(r.relation, a.attname, 'SELECT')"
    "   AND pg_catalog.has_column_privilege(r.relation, 'delete_time', 'SELECT')";

static const sfms_field *
display_of(const sfms_contract *c, const char *collection)
{
    const sfms_message *m = sfms_contract_resource(c, collection);

    if (m == NULL || m->rule->display[0] == '\0')
        return NULL;
    return sfms_message_field(m, m->rule->display, strlen(m->rule->display));
}

static const sfms_named *
find_named(const sfms_engine *e, const char *collection, size_t n)
{
    for (const sfms_named *one = e->named; one->collection != NULL; one++)
        if (strlen(one->collection) == n && memcmp(one->collection, collection, n) == 0)
            return one;
    return NULL;
}

/* What a resource refers to must be named, or people would see ids only. */
static void
check_named(const sfms_engine *e, const sfms_message *m, int depth)
{
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];
        const char *collection = f->rule->references;

        if (display_of(e->contract, collection) != NULL &&
            find_named(e, collection, strlen(collection)) == NULL)
            sfms_die("services may not read the %s of %s: see app.named",
                display_of(e->contract, collection)->desc->name, collection);
        if (f->message != NULL && f->message->kind == SFMS_KIND_PLAIN && depth > 0)
            check_named(e, f->message, depth - 1);
    }
}

void
sfms_names_load(sfms_engine *e, sfms_arena *perm, PGconn *conn)
{
    PGresult *columns = PQexec(conn, named_sql);
    int n = PQntuples(columns);
    sfms_named *all = sfms_new_array(perm, sfms_named, n + 1);
    size_t kept = 0;

    for (int i = 0; i < n; i++) {
        const sfms_field *display = display_of(e->contract, PQgetvalue(columns, i, 0));

        if (display == NULL || strcmp(display->desc->name, PQgetvalue(columns, i, 2)) != 0)
            continue;
        all[kept].collection = sfms_strdup(perm, PQgetvalue(columns, i, 0));
        all[kept].table = sfms_strdup(perm, PQgetvalue(columns, i, 1));
        all[kept++].display = display;
    }
    PQclear(columns);
    e->named = all;
    check_named(e, e->message, NAMES_DEPTH);
}

/* ---- what an answer refers to ------------------------------------------------------------------------ */

static void
add(references *r, const char *collection, size_t n, sfms_packed id)
{
    const sfms_named *named = find_named(r->engine, collection, n);

    if (named == NULL || id.n == 0 || sfms_field_hidden(r->call, named->display))
        return;
    if (r->n == r->room) {
        reference *more = sfms_new_array(r->arena, reference, 2 * r->room + 64);

        if (r->n > 0)
            memcpy(more, r->all, r->n * sizeof(*more));
        r->all = more;
        r->room = 2 * r->room + 64;
    }
    r->all[r->n++] = (reference){named, sfms_strndup(r->arena, (const char *)id.at, id.n)};
}

/* A field that says which collection another one points into comes before or after it. */
static void
add_about(references *r, const sfms_message *m, const sfms_field *f, sfms_packed msg, sfms_packed id)
{
    const char *name = f->rule->references_in;
    sfms_packed_field collection;

    if (sfms_packed_find(msg, sfms_message_field(m, name, strlen(name))->desc->id, &collection))
        add(r, (const char *)collection.bytes.at, collection.bytes.n, id);
}

static void
collect(references *r, const sfms_message *m, sfms_packed msg, int depth)
{
    sfms_packed rest = msg;
    sfms_packed_field v;

    while (sfms_packed_next(&rest, &v)) {
        const ProtobufCFieldDescriptor *desc = protobuf_c_message_descriptor_get_field(m->desc, v.number);
        const sfms_field *f = desc == NULL ? NULL : &m->fields[desc - m->desc->fields];

        if (f == NULL || v.type != SFMS_WIRE_BYTES || sfms_field_hidden(r->call, f))
            continue;
        if (f->rule->references[0] != '\0')
            add(r, f->rule->references, strlen(f->rule->references), v.bytes);
        else if (f->rule->references_in[0] != '\0')
            add_about(r, m, f, msg, v.bytes);
        else if (f->message != NULL && f->message->kind == SFMS_KIND_PLAIN && depth > 0)
            collect(r, f->message, v.bytes, depth - 1);
    }
}

static int
compare(const void *a, const void *b)
{
    const reference *x = a, *y = b;

    return x->named != y->named ? (x->named < y->named ? -1 : 1) : strcmp(x->id, y->id);
}

/* ---- their names ------------------------------------------------------------------------------------- */

/* The part of the statement that looks into one collection; the ids are the references from begin on. Answers where the next
 * collection begins. */
static size_t
write_part(const references *r, size_t begin, sfms_composer *w)
{
    const sfms_named *named = r->all[begin].named;
    size_t i = begin;
    sfms_buf ids;

    sfms_buf_init(&ids, r->arena, SFMS_MESSAGE_MAX);
    for (; i < r->n && r->all[i].named == named; i++)
        if (i == begin || strcmp(r->all[i].id, r->all[i - 1].id) != 0) /* UUIDs: no quoting */
            sfms_buf_printf(&ids, "%s%s", i == begin ? "{" : ",", r->all[i].id);
    sfms_buf_char(&ids, '}');
    sfms_buf_printf(&w->sql,
        "%sSELECT '%s' AS collection, id, %s AS name, delete_time IS NOT NULL AS deleted FROM %s"
        " WHERE org_id = $1 AND id = ANY ($%d::uuid[])",
        begin > 0 ? " UNION ALL " : "", named->collection, named->display->desc->name, named->table,
        sfms_param(&w->params, ids.data));
    return i;
}

static void
pack_names(sfms_call *call, const PGresult *result, uint32_t number, sfms_buf *out)
{
    for (int i = 0; i < PQntuples(result); i++) {
        const char *id = sfms_cell_text(call->arena, result, i, 1);
        const char *name = sfms_cell_text(call->arena, result, i, 2);
        Pb__Name one = PB__NAME__INIT;
        size_t entry = sfms_pack_begin(out, number);

        one.collection = sfms_cell_text(call->arena, result, i, 0);
        one.name = name != NULL ? name : "";
        one.deleted = sfms_cell_text(call->arena, result, i, 3)[0] == 't';
        sfms_pack_bytes(out, 1, id, strlen(id));
        sfms_pack_message(out, 2, &one.base);
        sfms_pack_end(out, entry);
    }
}

sfms_status
sfms_names_add(const sfms_engine *e, sfms_call *call, sfms_buf *out)
{
    const sfms_message *m = call->method->output;
    const sfms_field *names = sfms_message_field(m, "names", 5);
    references r = {.engine = e, .call = call, .arena = call->arena};
    sfms_statement statement = {0};
    PGresult *result;
    sfms_composer w;
    sfms_status status;

    if (names == NULL)
        return SFMS_OK;
    call->more = true;
    collect(&r, m, (sfms_packed){(const uint8_t *)out->data, out->len}, NAMES_DEPTH);
    if (r.n == 0)
        return SFMS_OK;
    qsort(r.all, r.n, sizeof(r.all[0]), compare);
    sfms_composer_init(e, &w, call->arena);
    sfms_param(&w.params, sfms_engine_org(call));
    for (size_t i = 0; i < r.n;)
        i = write_part(&r, i, &w);
    w.binary = false;
    status = sfms_composer_done(call, &w, &statement);
    if (status == SFMS_OK)
        status = sfms_run_statement(call, &result, &statement);
    if (status == SFMS_OK)
        pack_names(call, result, names->desc->id, out);
    return status;
}
