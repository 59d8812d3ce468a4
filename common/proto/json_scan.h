/*
 * json_scan.h -- is it JSON? To the letter of RFC 8259, before cJSON sees it.
 *
 * cJSON takes more than JSON: control characters as white space and in strings, numbers such as 01 and 1., and \u0000,
 * at which its strings end. So the text is checked first, and cJSON only builds the tree.
 */
#ifndef SFMS_PROTO_JSON_SCAN_H
#define SFMS_PROTO_JSON_SCAN_H

#include <stddef.h>

typedef enum { SFMS_SCAN_OK, SFMS_SCAN_BAD, SFMS_SCAN_DEEP } sfms_scan;

/* sfms_json_scan checks n bytes: one JSON value and white space around it, UTF-8 throughout, no NUL in strings in any
 * form, numbers of at most 63 characters that a double can hold, brackets nested at most SFMS_JSON_DEPTH deep. If it is
 * not OK, *ret_at is the byte (from 0) where that shows. */
sfms_scan sfms_json_scan(const char *text, size_t n, size_t *ret_at);

#endif
