/*
 * compare.h -- one comparison of a filter as SQL.
 *
 * A comparison means what its field means: values are brought to the form in which the field is stored, null and "" are
 * what is answered so, and a day is the caller's.
 */
#ifndef SFMS_DB_COMPARE_H
#define SFMS_DB_COMPARE_H

#include "db/filter.h"

typedef enum { SFMS_EQ, SFMS_NE, SFMS_LT, SFMS_LE, SFMS_GT, SFMS_GE, SFMS_HAS, SFMS_SAME } sfms_operator;

/* What stands in the filter. A bare null, or * after a colon, is more than its text. */
typedef struct {
    sfms_call *call;
    sfms_buf *sql;
    sfms_params *params;
    sfms_operator op;
    const char *value;
    bool quoted;
} sfms_comparison;

typedef enum { SFMS_COMPARED, SFMS_NOT_BY_THIS_OPERATOR, SFMS_NOT_WITH_THIS_VALUE } sfms_compared;

/* sfms_collation is what stands behind the column of a name wherever it is ordered or compared, as its index has it: the order
 * that people expect. "" for what has a format, such as a date or an address, and for texts that no list is ordered by. */
const char *sfms_collation(const sfms_field *f);

/* sfms_compare_field appends the comparison of a field that column reads. sfms_compare_wants says what such a field is compared
 * with, e.g. "a date such as 2026-11-23". */
sfms_compared sfms_compare_field(const sfms_comparison *c, const sfms_field *f, const char *column);
const char *sfms_compare_wants(const sfms_call *call, const sfms_field *f);

/* sfms_compare_member appends the comparison of a member of an object of a collection's records: with a number, of numbers alone,
 * as JSON has them or as a field that is defined as one spells them; otherwise of texts, which is how other values are written,
 * too. sfms_member_number is what reads such a number, NULL where there is none; k is the parameter that holds the key. */
sfms_compared
sfms_compare_member(const sfms_comparison *c, const char *collection, const char *column, const char *key);
const char *
sfms_member_number(const sfms_call *call, const char *collection, const char *column, const char *key, int k);

#endif
