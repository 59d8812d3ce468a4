/*
 * utf8.h -- what is UTF-8, and how many characters it is.
 */
#ifndef SFMS_CORE_UTF8_H
#define SFMS_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* sfms_utf8_next answers the bytes (1 to 4) of the character that starts at s, of which n bytes are there; 0
 * if they are not UTF-8: cut off, overlong, a surrogate, or beyond U+10FFFF. */
size_t sfms_utf8_next(const char *s, size_t n);

/* sfms_utf8_valid is true if all n bytes are UTF-8. */
bool sfms_utf8_valid(const char *s, size_t n);

/* sfms_utf8_count answers the characters (code points) of a string; bytes that are not UTF-8 count one each.
 */
size_t sfms_utf8_count(const char *s);

#endif
