/*
 * json_place.h -- where in a document a byte is.
 */
#ifndef SFMS_PROTO_JSON_PLACE_H
#define SFMS_PROTO_JSON_PLACE_H

#include <stddef.h>

#include "core/arena.h"

/* sfms_json_place answers the path (see path.h) of the value, or of the object with the key, in which the first n bytes
 * of a text end: "items[2].name". Up to there it must be JSON, nested no deeper than SFMS_JSON_DEPTH. */
const char *sfms_json_place(sfms_arena *a, const char *text, size_t n);

#endif
