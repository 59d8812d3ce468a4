/*
 * writer.h -- JSON written in order, with the commas in the right places.
 *
 * Every function takes the member's name, or NULL for an element of an array.
 */
#ifndef GATEWAY_WRITER_H
#define GATEWAY_WRITER_H

#include "core/buf.h"

typedef struct {
    sfms_buf *out;
    bool comma; /* something stands before in the same object or array */
    bool v30;   /* for OpenAPI 3.0, which has its own words for null, examples and files */
} writer;

void writer_object(writer *w, const char *name);
void writer_array(writer *w, const char *name);
void writer_end_object(writer *w);
void writer_end_array(writer *w);
void writer_text(writer *w, const char *name, const char *value);

/* writer_prose writes a comment of the contract, if there is one, with its fields as they are called in JSON:
 * next_page_token is nextPageToken. */
void writer_prose(writer *w, const char *name, const char *comment);
void writer_number(writer *w, const char *name, double value);
void writer_bool(writer *w, const char *name, bool value);

#endif
