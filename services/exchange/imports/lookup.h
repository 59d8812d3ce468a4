/*
 * lookup.h -- names in a file to ids of records, asked once each.
 *
 * For each chunk of rows: say which names are wanted, fetch what is not known yet in one go, then get.
 */
#ifndef SFMS_EXCHANGE_LOOKUP_H
#define SFMS_EXCHANGE_LOOKUP_H

#include "core/buf.h"
#include "mapping.h"

typedef struct import_lookups import_lookups;

typedef enum {
    IMPORT_FOUND,
    IMPORT_MISSING,   /* no record has that name */
    IMPORT_AMBIGUOUS, /* several have */
    IMPORT_REFUSED,   /* the collection does not answer; see text */
} import_found;

/* import_lookups_new makes a cache that lives as long as the call's arena. */
import_lookups *import_lookups_new(sfms_call *call);

/* import_lookup_want notes that a column's text will be asked for. */
void import_lookup_want(import_lookups *l, const import_column *column, const char *text);

/* import_lookup_fetch asks for what is wanted and not known. */
sfms_status import_lookup_fetch(import_lookups *l, sfms_call *call);

/* import_lookup_get answers what was fetched; *ret is the id, or with IMPORT_REFUSED a sentence. */
import_found
import_lookup_get(const import_lookups *l, const import_column *column, const char *text, const char **ret);

/* import_lookup_forget_missing forgets the names of the imported collection itself that were not found: by
 * the next chunk they may be there. */
void import_lookup_forget_missing(import_lookups *l);

/* import_filter_text appends a text as a quoted value of a filter. */
void import_filter_text(sfms_buf *b, const char *text);

#endif
