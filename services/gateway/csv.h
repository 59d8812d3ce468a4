/*
 * csv.h -- records as rows of a CSV file (RFC 4180) that spreadsheets read as they are meant.
 */
#ifndef GATEWAY_CSV_H
#define GATEWAY_CSV_H

#include "core/buf.h"
#include "core/status.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "proto/contract.h"
#include "proto/json.h"

enum { CSV_COLUMNS_MAX = 512, CSV_NAME_MAX = 255 };

/* The columns of a file: fields of the message, and the keys of an object in one of them that have columns of their own. */
typedef struct {
    const sfms_field *field[CSV_COLUMNS_MAX];
    char *key[CSV_COLUMNS_MAX]; /* of the object; NULL for the field itself */
    unsigned n;
} csv;

/* csv_columns takes the fields that the mask names, all if there is none, and for objects the keys that the first n records
 * have. csv_free gives back what it holds. */
void csv_columns(csv *c, const sfms_message *m, const Google__Protobuf__FieldMask *mask,
    const cJSON *const *records, size_t n);
void csv_free(csv *c);

/* csv_head appends the first row: names, or labels in a language. csv_row appends a record as JSON has it. */
void csv_head(const csv *c, sfms_buf *b, bool labels, sfms_locale locale);
void csv_row(const csv *c, sfms_buf *b, sfms_arena *a, const cJSON *record);

/* csv_text appends a cell, with quotes where it needs them; guard puts an apostrophe before what would be a formula. */
void csv_text(sfms_buf *b, const char *text, bool guard);

#endif
