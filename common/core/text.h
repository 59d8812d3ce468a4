/*
 * text.h -- when two texts are one, and when a text is nothing.
 *
 * People cannot tell "é" from "e" with an accent behind it, nor see a blank at the end. So a text is brought to its form
 * for storing once, on the way in (proto/validate.h), and compared by its folded form. What cannot be seen is white space,
 * control characters, what Unicode says to ignore where it cannot be shown (Default_Ignorable_Code_Point: zero width
 * spaces, soft hyphens, byte order marks, fillers) and the empty Braille pattern. All texts are UTF-8 that ends in NUL;
 * every function answers its argument itself if there is nothing to change, and a copy in the arena otherwise.
 */
#ifndef SFMS_CORE_TEXT_H
#define SFMS_CORE_TEXT_H

#include <stdbool.h>

#include "core/arena.h"

/* sfms_text_is_blank is true for a text in which there is nothing to see. */
bool sfms_text_is_blank(const char *text);

/* sfms_text_hides is true if there is something in it that cannot be seen: for what holds no blanks, such as a mail address. */
bool sfms_text_hides(const char *text);

/* sfms_text_is_heaped is true if a letter has more than a hundred marks, as no script writes them: they are sorted in the square
 * of their number. Such a text is in no normal form, and stays as it is. */
bool sfms_text_is_heaped(const char *text);

/* sfms_text_trim takes what cannot be seen off both ends. */
const char *sfms_text_trim(sfms_arena *a, const char *text);

/* sfms_text_nfc answers the form in which texts are stored: Unicode's normal form C. Nobody sees a difference. */
const char *sfms_text_nfc(sfms_arena *a, const char *text);

/* sfms_text_nfkc also makes one of what differs only in how it is shown: full and half width, ligatures, styles. For
 * passwords (RFC 8265). */
const char *sfms_text_nfkc(sfms_arena *a, const char *text);

/* sfms_text_lower answers normal form KC with one case for all letters, and keeps each letter what it is (ß is not ss): for
 * what is compared and also used as it is, such as a mail address. */
const char *sfms_text_lower(sfms_arena *a, const char *text);

/* sfms_text_fold answers the form in which texts are compared, never to be shown: normal form KC, one case for all letters
 * (ß is ss), nothing that is ignored, one blank for several and none outside. */
const char *sfms_text_fold(sfms_arena *a, const char *text);

#endif
