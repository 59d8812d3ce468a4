/* text.c -- when two texts are one, and when a text is nothing: by the tables of ICU, with a short way round them for what
 * most texts are made of. */
#include "core/text.h"

#include <stdint.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#include "core/log.h"
#include "core/utf8.h"

enum {
    EMPTY_BRAILLE = 0x2800,
    FIRST_MARK = 0x300, /* no character before it takes part in a composition with another */
    DOTTED_I = 0x130,   /* İ: the one letter of which the small form is two characters */
    DOT_ABOVE = 0x307,
    FIRST_HAN = 0x4e00, /* nor do Chinese characters */
    LAST_HAN = 0x9fff,
    MARKS_MAX = 100,
};

/* character answers the code point that starts at s, and its bytes; a byte that is no UTF-8 stands for itself. */
static UChar32
character(const char *s, size_t *ret_bytes)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t n = sfms_utf8_next(s, strnlen(s, 4));

    *ret_bytes = n > 0 ? n : 1;
    switch (n) {
    case 2:
        return (p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    case 3:
        return (p[0] & 0x0f) << 12 | (p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    case 4:
        return (p[0] & 0x07) << 18 | (p[1] & 0x3f) << 12 | (p[2] & 0x3f) << 6 | (p[3] & 0x3f);
    default:
        return p[0];
    }
}

static bool
is_hidden(UChar32 c)
{
    if (c < 0x80)
        return c <= ' ' || c == 0x7f;
    if (c >= FIRST_HAN && c <= LAST_HAN)
        return false;
    return u_isUWhiteSpace(c) || u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) ||
           u_charType(c) == U_CONTROL_CHAR || c == EMPTY_BRAILLE;
}

static bool
is_ascii(const char *text)
{
    while ((signed char)*text > 0)
        text++;
    return *text == '\0';
}

/* hidden_length answers the bytes at the beginning of a text in which there is nothing to see. */
static size_t
hidden_length(const char *text)
{
    size_t at = 0, n;

    while (text[at] != '\0' && is_hidden(character(text + at, &n)))
        at += n;
    return at;
}

bool
sfms_text_is_blank(const char *text)
{
    return text[hidden_length(text)] == '\0';
}

bool
sfms_text_hides(const char *text)
{
    size_t n;

    for (; *text != '\0'; text += n)
        if (is_hidden(character(text, &n)))
            return true;
    return false;
}

const char *
sfms_text_trim(sfms_arena *a, const char *text)
{
    const char *begin = text + hidden_length(text);
    size_t seen = strlen(begin);

    while (seen > 0) {
        size_t last = seen - 1, n;

        while (last > 0 && ((uint8_t)begin[last] & 0xc0) == 0x80)
            last--;
        if (!is_hidden(character(begin + last, &n)))
            break;
        seen = last;
    }
    if (begin[seen] != '\0')
        return sfms_strndup(a, begin, seen);
    return begin;
}

/* ---- normal forms ------------------------------------------------------------------------------------ */

/* is_nfc is true for a text of characters that stand alone: none that could change, or be changed by its neighbour. */
static bool
is_nfc(const char *text)
{
    size_t n;

    for (; *text != '\0'; text += n) {
        UChar32 c = character(text, &n);

        if (c < FIRST_MARK || (c >= FIRST_HAN && c <= LAST_HAN))
            continue;
        if (u_getIntPropertyValue(c, UCHAR_NFC_QUICK_CHECK) != UNORM_YES || u_getCombiningClass(c) != 0)
            return false;
    }
    return true;
}

bool
sfms_text_is_heaped(const char *text)
{
    unsigned marks = 0;
    size_t n;

    for (; *text != '\0' && marks <= MARKS_MAX; text += n) {
        int32_t c = character(text, &n);

        marks =
            c >= FIRST_MARK && (c < FIRST_HAN || c > LAST_HAN) && u_getCombiningClass(c) != 0 ? marks + 1 : 0;
    }
    return marks > MARKS_MAX;
}

/* normal answers the text in a normal form. What is no UTF-8 becomes U+FFFD. */
static const char *
normal(sfms_arena *a, const UNormalizer2 *form, const char *text)
{
    if (sfms_text_is_heaped(text))
        return text;

    UErrorCode error = U_ZERO_ERROR;
    int32_t bytes = (int32_t)strlen(text), wide_len, most;
    UChar *wide = sfms_alloc_raw(a, ((size_t)bytes + 1) * sizeof *wide);

    u_strFromUTF8WithSub(wide, bytes + 1, &wide_len, text, bytes, 0xfffd, NULL, &error);
    if (unorm2_isNormalized(form, wide, wide_len, &error) && U_SUCCESS(error))
        return text;
    /* Few texts become longer; one character may become eighteen. */
    most = wide_len + 1;
    UChar *changed = sfms_alloc_raw(a, (size_t)most * sizeof *changed);
    int32_t len = unorm2_normalize(form, wide, wide_len, changed, most, &error);
    if (error == U_BUFFER_OVERFLOW_ERROR) {
        error = U_ZERO_ERROR;
        most = len + 1;
        changed = sfms_alloc_raw(a, (size_t)most * sizeof *changed);
        len = unorm2_normalize(form, wide, wide_len, changed, most, &error);
    }
    char *narrow = sfms_alloc_raw(a, (size_t)len * 3 + 1);
    u_strToUTF8(narrow, len * 3 + 1, NULL, changed, len, &error);
    if (U_FAILURE(error))
        sfms_die("ICU cannot normalise a text: %s", u_errorName(error));
    return narrow;
}

/* form answers a normalizer that ICU has; without its data nothing can be compared. */
static const UNormalizer2 *
form(const UNormalizer2 *(*get)(UErrorCode *))
{
    UErrorCode error = U_ZERO_ERROR;
    const UNormalizer2 *found = get(&error);

    if (U_FAILURE(error))
        sfms_die("ICU has no data: %s", u_errorName(error));
    return found;
}

const char *
sfms_text_nfc(sfms_arena *a, const char *text)
{
    return is_nfc(text) ? text : normal(a, form(unorm2_getNFCInstance), text);
}

const char *
sfms_text_nfkc(sfms_arena *a, const char *text)
{
    return is_ascii(text) ? text : normal(a, form(unorm2_getNFKCInstance), text);
}

/* squeeze makes one blank of each run of white space, and none outside, in place. Nothing else that is hidden is left. */
static char *
squeeze(char *text)
{
    size_t to = 0, n;

    for (const char *p = text; *p != '\0'; p += n) {
        if (is_hidden(character(p, &n))) {
            if (to > 0 && text[to - 1] != ' ')
                text[to++] = ' ';
            continue;
        }
        memmove(text + to, p, n);
        to += n;
    }
    if (to > 0 && text[to - 1] == ' ')
        to--;
    text[to] = '\0';
    return text;
}

/* ascii_lower answers a copy in lower case of a text that is all ASCII. */
static char *
ascii_lower(sfms_arena *a, const char *text)
{
    char *copy = sfms_strdup(a, text);

    for (char *p = copy; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 'a' - 'A');
    return copy;
}

/* By way of the folded letter, as a letter may have two small forms (σ and ς). */
const char *
sfms_text_lower(sfms_arena *a, const char *text)
{
    if (is_ascii(text))
        return ascii_lower(a, text);

    const char *from = sfms_text_nfkc(a, text);
    char *lower = sfms_alloc_raw(a, strlen(from) * 2 + 1); /* no small form is more than twice as long */
    size_t to = 0, n;

    for (; *from != '\0'; from += n) {
        UChar32 c = u_tolower(u_foldCase(character(from, &n), U_FOLD_CASE_DEFAULT));
        bool dotted = character(from, &n) == DOTTED_I;

        U8_APPEND_UNSAFE(lower, to, c);
        if (dotted)
            U8_APPEND_UNSAFE(lower, to, DOT_ABOVE);
    }
    lower[to] = '\0';
    return sfms_text_nfkc(a, lower);
}

const char *
sfms_text_fold(sfms_arena *a, const char *text)
{
    if (is_ascii(text))
        return squeeze(ascii_lower(a, text));
    return squeeze(sfms_strdup(a, normal(a, form(unorm2_getNFKCCasefoldInstance), text)));
}
