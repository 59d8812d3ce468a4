/*
 * filter.h -- AIP-160 filters to SQL.
 *
 *   filter      = term { ("AND" | "OR" | nothing, which is AND) term }; AND and OR mix only with brackets
 *   term        = ["NOT" | "-"] ( "(" filter ")" | field operator value )
 *   operator    = "=" "!=" "<" "<=" ">" ">=" ":" "=~"
 *   value       = "quoted with \" and \\" or 'quoted' or a bare word; null; true; false; after ":", * for "is set"
 *
 * Fields are proto or JSON names; customFields.name reaches into custom fields, customFields."a name" too. ":" on text
 * means "contains", case aside; on a list, "has the element". "=~" is "the same text to people". What a comparison means:
 * compare.h. Values become parameters and never part of the SQL.
 */
#ifndef SFMS_DB_FILTER_H
#define SFMS_DB_FILTER_H

#include "core/buf.h"
#include "db/resource.h"
#include "proto/call.h"

/* Parameters of a statement that is being composed. */
typedef struct {
    int n;
    int max;
    const char **values;
} sfms_params;

/* sfms_param adds a value and answers its number; 0 if there are too many. */
int sfms_param(sfms_params *p, const char *value);

/* sfms_filter_sql appends the condition for a filter over the message's fields, of which some may be read through references
 * (NULL if none). Fails the call with bad_filter, which names the position as a 1-based count of characters. */
sfms_status sfms_filter_sql(sfms_call *call, const sfms_message *m, const sfms_through *through,
    const char *filter, sfms_buf *sql, sfms_params *params);

#endif
