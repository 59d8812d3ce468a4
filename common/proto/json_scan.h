/*
 * json_scan.h -- is it JSON? To the letter of RFC 8259, before cJSON sees it.
 *
 * cJSON takes more than JSON: control characters as white space and in strings, numbers such as 01 and 1., and \u0000,
 * at which its strings end. It keeps numbers as doubles, whatever their digits. So the text is checked first, and cJSON
 * only builds the tree.
 */
#ifndef SFMS_PROTO_JSON_SCAN_H
#define SFMS_PROTO_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"

typedef enum { SFMS_SCAN_OK, SFMS_SCAN_BAD, SFMS_SCAN_DEEP, SFMS_SCAN_MANY } sfms_scan;

/* A number that does not survive as a double (see number.h): the how-manieth of the text, from 0, and where it stands. */
typedef struct {
    size_t ordinal, at, n;
} sfms_odd_number;

/* What is scanned, how far, and what was found. */
typedef struct {
    const char *text;
    size_t n;
    int depth;         /* of brackets at most */
    size_t values;     /* at most */
    sfms_arena *arena; /* for the odd numbers; NULL if nobody asks for them */
    size_t n_values;   /* found */
    size_t at;         /* found: the byte (from 0) where it shows that the text is not OK; else its end */
    bool nul;          /* found: it is not OK because a string has \u0000 there */
    sfms_odd_number *odd;
    size_t n_odd;
} sfms_scanned;

/* sfms_json_scan checks the text: one JSON value and white space around it, UTF-8 throughout, no NUL in strings in any form,
 * brackets nested no deeper and values no more than asked for. */
sfms_scan sfms_json_scan(sfms_scanned *s);

#endif
