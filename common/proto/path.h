/*
 * path.h -- where in a request a field is, e.g. "deal.line_items[0].quantity".
 *
 * A path is a chain of places on the stack, and becomes text only when there is something to say about it.
 */
#ifndef SFMS_PROTO_PATH_H
#define SFMS_PROTO_PATH_H

#include <stdbool.h>

#include "core/buf.h"

typedef struct sfms_path {
    const struct sfms_path *up; /* NULL for the request itself */
    const char *name;           /* of the field; "" for the request itself. May end in a dot. */
    long index;                 /* of the element; -1 for none */
} sfms_path;

/* sfms_path_text writes it out. Names that came from a client are cut off at 100 bytes. */
const char *sfms_path_text(sfms_arena *a, const sfms_path *path);

/* sfms_path_key answers a client's own key as a name in a path: with backslashes before what divides names there. An empty key
 * is "\\e". sfms_path_unkey writes the key of n bytes of such a name to b. */
const char *sfms_path_key(sfms_arena *a, const char *key);
void sfms_path_unkey(sfms_buf *b, const char *name, size_t n);

/* sfms_path_within is true if the path is that of the field, or leads into it. "" is the request itself, which has all. */
bool sfms_path_within(const char *path, const char *field);

#endif
