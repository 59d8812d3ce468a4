/* engine.c -- start-up: a resource held against its relation. What does not agree is refused before serving.
 */
#include "db/engine.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"

static const char relation_sql[] =
    "SELECT n.nspname || '.' || c.relname, n.nspname, r.by_owner::int, ('pool' = ANY (r.kinds))::int"
    "  FROM app.resources r JOIN pg_catalog.pg_class c ON c.oid = r.relation"
    "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE r.name = $1";

/* Columns of a relation with type and NOT NULL, in one query. */
static const char columns_sql[] =
    "SELECT a.attname, t.typname, a.attnotnull::int, t.typcategory, t.oid"
    "  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
    " WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped";

static int
find_column(const PGresult *columns, const char *name)
{
    for (int i = 0; i < PQntuples(columns); i++)
        if (strcmp(PQgetvalue(columns, i, 0), name) == 0)
            return i;
    return -1;
}

static bool
one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* Whether a column's type can hold a field; the table of row.h. */
static bool
types_agree(const sfms_field *f, const char *type, const char *category)
{
    static const char *const ints[] = {"int2", "int4", "int8", NULL};
    static const char *const floats[] = {"float4", "float8", "numeric", "int4", "int8", NULL};
    bool repeated = f->desc->label == PROTOBUF_C_LABEL_REPEATED;

    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        return repeated == (category[0] == 'A');
    case PROTOBUF_C_TYPE_BOOL:
        return strcmp(type, "bool") == 0;
    case PROTOBUF_C_TYPE_ENUM:
        return strcmp(type, "text") == 0;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        return one_of(type, floats);
    case PROTOBUF_C_TYPE_BYTES:
        return strcmp(type, "bytea") == 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (f->message->kind == SFMS_KIND_WRAPPER && !repeated)
            return types_agree(&f->message->fields[0], type, category);
        return strcmp(type, f->message->kind == SFMS_KIND_TIMESTAMP && !repeated ? "timestamptz" : "jsonb") ==
               0;
    default:
        return one_of(type, ints);
    }
}

/* A contract method of the resource's collection does verb. */
static bool
has_verb(const sfms_engine *e, Pb__Verb verb)
{
    return sfms_contract_standard(e->contract, e->message->resource, verb) != NULL;
}

static void
check_special_columns(const sfms_engine *e, const PGresult *columns)
{
    const char *table = e->table;

    if (find_column(columns, "org_id") < 0)
        sfms_die("%s has no column org_id", table);
    if (has_verb(e, PB__VERB__DELETE) && find_column(columns, "delete_time") < 0)
        sfms_die("%s can be deleted but has no column delete_time", table);
    if (has_verb(e, PB__VERB__UPSERT) && find_column(columns, "external_id") < 0)
        sfms_die("%s can be upserted but has no column external_id", table);
}

const sfms_through *
sfms_through_find(const sfms_through *all, const char *field)
{
    for (; all != NULL && all->field != NULL; all++)
        if (strcmp(all->field, field) == 0)
            return all;
    return NULL;
}

const char *
sfms_engine_reading(const sfms_engine *e, sfms_arena *a, const sfms_field *f)
{
    const char *name = f->desc->name;
    const sfms_through *t = sfms_through_find(e->through, name);

    if (t == NULL)
        return name;
    return sfms_printf(a, "(SELECT r.%s FROM %s r WHERE r.org_id = %s.org_id AND r.id = %s.%s)", name,
        t->table, e->table, e->table, t->reference);
}

static void
read_columns(sfms_engine *e, sfms_arena *perm, const PGresult *columns)
{
    sfms_buf b, names;

    sfms_buf_init(&b, perm, SFMS_ENGINE_SQL_MAX);
    sfms_buf_init(&names, perm, SFMS_ENGINE_SQL_MAX);
    e->binary = true;
    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];
        int c = find_column(columns, f->desc->name);

        if (f->rule->on_request)
            continue;
        if (c < 0)
            sfms_die(
                "%s has no column for the field %s of %s", e->table, f->desc->name, e->message->desc->name);
        if (!types_agree(f, PQgetvalue(columns, c, 1), PQgetvalue(columns, c, 3)))
            sfms_die("%s.%s is %s, which does not hold the field of %s", e->table, f->desc->name,
                PQgetvalue(columns, c, 1), e->message->desc->name);
        e->binary &= sfms_binary_known((Oid)strtoul(PQgetvalue(columns, c, 4), NULL, 10));
        e->not_null[i] = PQgetvalue(columns, c, 2)[0] == '1';
        e->column[i] = sfms_engine_reading(e, perm, f);
        if (e->column[i] != f->desc->name)
            e->column[i] = sfms_printf(perm, "%s AS %s", e->column[i], f->desc->name);
        sfms_buf_printf(&b, "%s%s", b.len > 0 ? ", " : "", e->column[i]);
        sfms_buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", f->desc->name);
    }
    e->columns = b.data;
    e->names = names.data;
}

/* The row of app.resources. */
static PGresult *
find_relation(PGconn *conn, const char *collection)
{
    PGresult *rows =
        PQexecParams(conn, relation_sql, 1, NULL, (const char *const[]){collection}, NULL, NULL, 0);

    if (PQresultStatus(rows) != PGRES_TUPLES_OK || PQntuples(rows) == 0)
        sfms_die("the collection %s has no table: has the database been migrated? %s", collection,
            PQresultErrorMessage(rows));
    return rows;
}

static void
read_relation(sfms_engine *e, sfms_arena *perm, const char *service, PGconn *conn)
{
    PGresult *rows = find_relation(conn, e->message->resource);

    if (strcmp(PQgetvalue(rows, 0, 1), service) != 0)
        sfms_die("the collection %s is declared by %s, but its table is %s", e->message->resource, service,
            PQgetvalue(rows, 0, 0));
    e->table = sfms_strdup(perm, PQgetvalue(rows, 0, 0));
    e->by_owner = PQgetvalue(rows, 0, 2)[0] == '1';
    e->pool = PQgetvalue(rows, 0, 3)[0] == '1';
    PQclear(rows);
}

/* The fields that are read through others, which refer to a resource: sfms_contract_check has looked. */
static void
read_through(sfms_engine *e, sfms_arena *perm, PGconn *conn)
{
    sfms_through *through = sfms_new_array(perm, sfms_through, e->message->n_fields + 1);
    unsigned n = 0;

    for (unsigned i = 0; i < e->message->n_fields; i++) {
        const sfms_field *f = &e->message->fields[i];
        const char *reference = f->rule->through;
        PGresult *rows;

        if (reference[0] == '\0')
            continue;
        rows = find_relation(conn, sfms_engine_field(e, reference)->rule->references);
        through[n++] = (sfms_through){f->desc->name, reference, sfms_strdup(perm, PQgetvalue(rows, 0, 0))};
        PQclear(rows);
    }
    e->through = n > 0 ? through : NULL;
}

/* Finds where the records are that parts belong to. */
static void
read_parent(sfms_engine *e, sfms_arena *perm, PGconn *conn)
{
    const char *name = e->message->rule->parent;
    PGresult *rows;

    if (name[0] == '\0')
        return;
    e->parent = sfms_engine_field(e, name);
    rows = find_relation(conn, e->parent->rule->references);
    e->parent_table = sfms_strdup(perm, PQgetvalue(rows, 0, 0));
    PQclear(rows);
}

const sfms_engine *
sfms_engine_new(sfms_arena *perm, const sfms_contract *c, const sfms_message *resource, const char *service,
    PGconn *conn, const sfms_ring *token_ring)
{
    sfms_engine *e = sfms_new(perm, sfms_engine);
    PGresult *columns;

    e->contract = c;
    e->token_ring = token_ring;
    e->message = resource;
    read_relation(e, perm, service, conn);
    read_through(e, perm, conn);
    read_parent(e, perm, conn);
    columns = PQexecParams(conn, columns_sql, 1, NULL, (const char *const[]){e->table}, NULL, NULL, 0);
    if (PQresultStatus(columns) != PGRES_TUPLES_OK || PQntuples(columns) == 0)
        sfms_die("there is no relation %s: has the database been migrated? %s", e->table,
            PQresultErrorMessage(columns));
    e->not_null = sfms_new_array(perm, bool, e->message->n_fields);
    e->column = sfms_new_array(perm, const char *, e->message->n_fields);
    e->has_owner = find_column(columns, "owner_id") >= 0;
    e->has_search = find_column(columns, "search_text") >= 0;
    e->has_external = find_column(columns, "external_id") >= 0;
    check_special_columns(e, columns);
    read_columns(e, perm, columns);
    PQclear(columns);
    sfms_names_load(e, perm, conn);
    sfms_access_load(e, perm, conn);
    return e;
}
