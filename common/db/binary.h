/*
 * binary.h -- PostgreSQL's binary formats, read. Inside common/db only.
 *
 * The engine asks for binary results: the server need not write times, ids and numbers as text (a third of what a page of
 * 50 rows costs it) and we need not parse them.
 */
#ifndef SFMS_DB_BINARY_H
#define SFMS_DB_BINARY_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "core/arena.h"
#include "core/time.h"

/* The types that we read, by their OIDs in PostgreSQL's catalogue, which never change. */
enum {
    SFMS_OID_BOOL = 16,
    SFMS_OID_BYTEA = 17,
    SFMS_OID_INT8 = 20,
    SFMS_OID_INT2 = 21,
    SFMS_OID_INT4 = 23,
    SFMS_OID_TEXT = 25,
    SFMS_OID_FLOAT4 = 700,
    SFMS_OID_FLOAT8 = 701,
    SFMS_OID_TEXT_ARRAY = 1009,
    SFMS_OID_DATE = 1082,
    SFMS_OID_TIMESTAMPTZ = 1184,
    SFMS_OID_NUMERIC = 1700,
    SFMS_OID_UUID = 2950,
    SFMS_OID_UUID_ARRAY = 2951,
    SFMS_OID_JSONB = 3802,
};

/* sfms_binary_known is true for the types above. */
bool sfms_binary_known(Oid type);

/* sfms_binary_int reads an integer of any width or a boolean; sfms_binary_double, a number of any kind but numeric;
 * sfms_binary_moment, a timestamptz (false for infinity). */
int64_t sfms_binary_int(Oid type, const char *value);
double sfms_binary_double(Oid type, const char *value);
bool sfms_binary_moment(const char *value, sfms_moment *ret);

/* sfms_binary_text answers a value of n bytes as text that PostgreSQL would read the same. Text itself is not copied. Not
 * for arrays and bytea. */
const char *sfms_binary_text(sfms_arena *a, Oid type, const char *value, int n);

/* sfms_binary_array reads an array of texts or uuids; answers how many elements, NULLs as "". */
size_t sfms_binary_array(sfms_arena *a, const char *value, int n, char ***ret_items);

/* sfms_cell_text answers a cell of a result as text, whatever the result's format; NULL for SQL NULL. */
const char *sfms_cell_text(sfms_arena *a, const PGresult *res, int row, int column);

#endif
