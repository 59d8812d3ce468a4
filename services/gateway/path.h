/*
 * path.h -- request targets taken apart: "/v1/deals/{id}:move?pageSize=5".
 *
 * Works in place on a copy of the request line's target, so that nothing is allocated. Escapes are decoded
 * after the text is split, so that an escaped separator is an ordinary character; only the colon before a verb may be
 * escaped as well.
 */
#ifndef GATEWAY_PATH_H
#define GATEWAY_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum { PATH_SEGMENTS_MAX = 16 };

typedef struct {
    unsigned n;                             /* segments */
    const char *segment[PATH_SEGMENTS_MAX]; /* decoded; the last one without its ":verb" */
    const char *verb;                       /* "move"; "" if there is none */
    char *query;                            /* what follows '?', still escaped; NULL if there is none */
} path_parts;

/* path_split takes target apart, writing into it. False if an escape is broken, if it decodes to NUL or to
 * what is no UTF-8, if there is a space, or if the path does not start with '/' or has too many segments. A target that
 * names the host as well ("http://host/path") is as good as its path. */
bool path_split(char *target, path_parts *ret);

/* path_query_next answers the next parameter of a query and moves *cursor behind it, writing into the text.
 * 1 for a parameter, 0 at the end, -1 if an escape is broken. A parameter without '=' has the value "". */
int path_query_next(char **cursor, const char **ret_name, const char **ret_value);

/* path_decode decodes %XX in place, and '+' to a space if plus is true. False as for path_split. */
bool path_decode(char *text, bool plus);

#endif
