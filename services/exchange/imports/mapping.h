/*
 * mapping.h -- how the columns of a file become the fields of a collection's records.
 *
 * The mapping is what the user gave; the plan is the mapping held against the file's header and the
 * contract, with everything looked up that does not depend on a row.
 */
#ifndef SFMS_EXCHANGE_MAPPING_H
#define SFMS_EXCHANGE_MAPPING_H

#include "decimal.h"
#include "proto/place.h"
#include "sfms/exchange/v1/imports.pb-c.h"

enum { IMPORT_TARGETS_MAX = 8 }; /* fields that one column fills */

/* The last column of a file of refused rows. */
#define IMPORT_REASON_COLUMN "error"

/* import_is_refused_rows tells such a file by its header. */
bool import_is_refused_rows(unsigned n_header, const char *const *header);

/* What a custom field holds. */
typedef enum {
    IMPORT_CUSTOM_AS_WRITTEN, /* what JSON has for the text, if that is a number or a truth value */
    IMPORT_CUSTOM_TEXT,
    IMPORT_CUSTOM_NUMBER,
    IMPORT_CUSTOM_BOOLEAN,
} import_custom_type;

/* A field that a column or a constant fills. */
typedef struct {
    const char *path; /* proto names, e.g. "line_items.product_id" */
    const char *top;  /* proto name of its first word, for update masks */
    sfms_place place;
    import_custom_type type; /* of what has a key */
} import_target;

typedef struct {
    unsigned index;   /* in the file's rows */
    const char *name; /* in its header */
    const Pb__ColumnMapping *rule;
    import_number_style number; /* if the rule has a number_format */
    unsigned n_targets;
    import_target *targets;
    const sfms_method *lookup; /* the LIST method of the collection that is looked at; NULL for none */
    const sfms_field *lookup_field;
    const char *lookup_collection;
    bool lookup_self; /* it is the collection that is imported */
} import_column;

typedef struct {
    const char *name; /* as the mapping has it */
    import_target target;
    const char *value;
} import_constant;

typedef struct {
    const sfms_message *message; /* of the collection's records */
    const sfms_method *method;   /* its CREATE or UPSERT */
    bool upsert;
    unsigned width; /* cells of the header */
    unsigned n_nameless;
    unsigned *
        nameless; /* columns of the header that have no name, if every column is to be the field of its name */
    unsigned n_columns;
    import_column *columns;
    unsigned n_constants;
    import_constant *constants;
    bool has_external_id; /* a column or a constant fills it */
} import_plan;

/* import_mapping_parse reads an ImportMapping from JSON text, "" for one that says nothing; NULL and
 * violations of "mapping" if it is none. */
const Pb__ImportMapping *import_mapping_parse(sfms_call *call, const char *json);

/* import_mapping_text writes a mapping as JSON into the arena. */
const char *import_mapping_text(sfms_call *call, const Pb__ImportMapping *mapping);

/* import_plan_make holds the mapping against the collection and the file's header. Notes a violation for
 * whatever does not fit: an unknown column, field or collection, a field that requests may not set, a format
 * on the wrong type. Answers INVALID_ARGUMENT then. */
sfms_status import_plan_make(sfms_call *call, const char *collection, const Pb__ImportMapping *mapping,
    unsigned n_header, const char *const *header, import_plan *ret);

/* import_plan_check_rights fails if the caller may not write what is planned. */
sfms_status import_plan_check_rights(sfms_call *call, const import_plan *plan);

/* import_column_of finds the column that fills a field, given by its path in proto names, of which elements
 * of lists ("[0]") are ignored; NULL if none does. */
const import_column *import_column_of(const import_plan *plan, const char *path);

#endif
