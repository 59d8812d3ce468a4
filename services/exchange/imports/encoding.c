/* encoding.c -- the characters of a file. */
#include "encoding.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "core/utf8.h"

enum { DECODE_PIECE = 64 << 10, DECODED_MAX = 128 << 20 };

/* ---- names -------------------------------------------------------------------------------------------- */

/* An encoding, what it is called, and what iconv calls it. As browsers do, a name is taken for the largest set that programs
 * write under it: what calls itself GB2312 or ISO-8859-1 has characters of GBK or windows-1252. */
typedef struct {
    const char *name;
    const char *iconv;
    const char *labels; /* in lower case, a blank before and behind each */
} encoding;

static const encoding encodings[] = {
    {"UTF-8", NULL, " utf-8 utf8 unicode-1-1-utf-8 us-ascii ascii "},
    {"UTF-16LE", "UTF-16LE", " utf-16le utf16le ucs-2 ucs-2le "},
    {"UTF-16BE", "UTF-16BE", " utf-16be utf16be ucs-2be "},
    {"GB18030", "GB18030", " gb18030 gbk gb2312 gb_2312-80 x-gbk euc-cn cp936 ms936 windows-936 "},
    {"Big5", "BIG5-HKSCS", " big5 big5-hkscs cn-big5 x-x-big5 cp950 ms950 windows-950 "},
    {"Shift_JIS", "CP932", " shift_jis shift-jis sjis x-sjis ms_kanji windows-31j cp932 ms932 "},
    {"EUC-JP", "EUC-JP-MS", " euc-jp x-euc-jp eucjp "},
    {"ISO-2022-JP", "ISO-2022-JP", " iso-2022-jp "},
    {"EUC-KR", "CP949", " euc-kr euckr ks_c_5601-1987 cp949 ms949 uhc windows-949 "},
    {"windows-1250", "CP1250", " windows-1250 cp1250 x-cp1250 "},
    {"windows-1251", "CP1251", " windows-1251 cp1251 x-cp1251 "},
    {"windows-1252", "CP1252",
        " windows-1252 cp1252 x-cp1252 ansi iso-8859-1 iso8859-1 iso_8859-1 latin1 l1 "},
    {"windows-1253", "CP1253", " windows-1253 cp1253 x-cp1253 "},
    {"windows-1254", "CP1254", " windows-1254 cp1254 x-cp1254 iso-8859-9 iso8859-9 iso_8859-9 latin5 l5 "},
    {"windows-1255", "CP1255", " windows-1255 cp1255 x-cp1255 "},
    {"windows-1256", "CP1256", " windows-1256 cp1256 x-cp1256 "},
    {"windows-1257", "CP1257", " windows-1257 cp1257 x-cp1257 "},
    {"windows-1258", "CP1258", " windows-1258 cp1258 x-cp1258 "},
    {"windows-874", "CP874", " windows-874 cp874 tis-620 iso-8859-11 "},
    {"ISO-8859-2", "ISO-8859-2", " iso-8859-2 iso8859-2 iso_8859-2 latin2 l2 "},
    {"ISO-8859-3", "ISO-8859-3", " iso-8859-3 iso8859-3 iso_8859-3 latin3 l3 "},
    {"ISO-8859-4", "ISO-8859-4", " iso-8859-4 iso8859-4 iso_8859-4 latin4 l4 "},
    {"ISO-8859-5", "ISO-8859-5", " iso-8859-5 iso8859-5 iso_8859-5 cyrillic "},
    {"ISO-8859-6", "ISO-8859-6", " iso-8859-6 iso8859-6 iso_8859-6 arabic "},
    {"ISO-8859-7", "ISO-8859-7", " iso-8859-7 iso8859-7 iso_8859-7 greek "},
    {"ISO-8859-8", "ISO-8859-8", " iso-8859-8 iso8859-8 iso_8859-8 hebrew "},
    {"ISO-8859-10", "ISO-8859-10", " iso-8859-10 iso8859-10 latin6 l6 "},
    {"ISO-8859-13", "ISO-8859-13", " iso-8859-13 iso8859-13 latin7 "},
    {"ISO-8859-14", "ISO-8859-14", " iso-8859-14 iso8859-14 latin8 "},
    {"ISO-8859-15", "ISO-8859-15", " iso-8859-15 iso8859-15 iso_8859-15 latin9 l9 "},
    {"ISO-8859-16", "ISO-8859-16", " iso-8859-16 iso8859-16 latin10 "},
    {"KOI8-R", "KOI8-R", " koi8-r koi8 koi8_r "},
    {"KOI8-U", "KOI8-U", " koi8-u "},
    {"macintosh", "MACINTOSH", " macintosh mac x-mac-roman "},
    {"IBM437", "CP437", " ibm437 cp437 437 "},
    {"IBM850", "CP850", " ibm850 cp850 850 "},
    {"IBM852", "CP852", " ibm852 cp852 852 "},
    {"IBM866", "CP866", " ibm866 cp866 866 "},
};

enum { LABEL_MAX = 40 };

static const encoding *
find_encoding(const char *label)
{
    char padded[LABEL_MAX + 3];
    size_t n = strlen(label);

    if (n == 0 || n > LABEL_MAX || strchr(label, ' ') != NULL)
        return NULL;
    padded[0] = ' ';
    for (size_t i = 0; i < n; i++)
        padded[i + 1] = (char)(label[i] >= 'A' && label[i] <= 'Z' ? label[i] + ('a' - 'A') : label[i]);
    padded[n + 1] = ' ';
    padded[n + 2] = '\0';
    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
        if (strstr(encodings[i].labels, padded) != NULL)
            return &encodings[i];
    return NULL;
}

const char *
import_charset(sfms_arena *a, const char *content_type)
{
    for (const char *p = strchr(content_type, ';'); p != NULL; p = strchr(p, ';')) {
        p += 1 + strspn(p + 1, " \t");
        if (strncasecmp(p, "charset=", strlen("charset=")) != 0)
            continue;
        p += strlen("charset=");
        if (*p == '"' || *p == '\'')
            return sfms_strndup(a, p + 1, strcspn(p + 1, (char[]){*p, '\0'}));
        return sfms_strndup(a, p, strcspn(p, "; \t"));
    }
    return "";
}

/* ---- bytes to characters ------------------------------------------------------------------------------ */

static import_text_result
from_utf8(sfms_arena *a, const char *data, size_t n, import_text *ret)
{
    size_t at = 0, step = 1;

    while (at < n && (step = sfms_utf8_next(data + at, n - at)) > 0)
        at += step;
    ret->text = sfms_strndup(a, data, at);
    ret->len = at;
    return at == n ? IMPORT_TEXT_OK : IMPORT_TEXT_DAMAGED;
}

static import_text_result
convert(sfms_arena *a, const encoding *from, const char *data, size_t n, import_text *ret)
{
    iconv_t cd = iconv_open("UTF-8", from->iconv);
    char *in = (char *)data;
    bool ok = cd != (iconv_t)-1;
    sfms_buf out;

    if (!ok)
        return IMPORT_TEXT_UNKNOWN;
    sfms_buf_init(&out, a, DECODED_MAX);
    while (ok && n > 0) {
        char *room = sfms_buf_grow(&out, DECODE_PIECE);
        size_t left = DECODE_PIECE;

        if (room == NULL)
            break;
        if (iconv(cd, &in, &n, &room, &left) == (size_t)-1 && errno != E2BIG)
            ok = false;
        out.len += DECODE_PIECE - left;
    }
    iconv_close(cd);
    *ret = (import_text){out.data, out.len, from->name};
    if (out.data != NULL)
        out.data[out.len] = '\0';
    return ok && n == 0 && out.data != NULL ? IMPORT_TEXT_OK : IMPORT_TEXT_DAMAGED;
}

static import_text_result
decode(sfms_arena *a, const encoding *from, const char *data, size_t n, import_text *ret)
{
    ret->encoding = from->name;
    return from->iconv == NULL ? from_utf8(a, data, n, ret) : convert(a, from, data, n, ret);
}

/* ---- nothing declared --------------------------------------------------------------------------------- */

/* Text that was UTF-8 before something damaged it: of what is no ASCII, most is well-formed. Other encodings have such
 * sequences by chance only. */
static bool
was_utf8(const unsigned char *data, size_t n)
{
    size_t good = 0, bad = 0, step;

    for (size_t i = 0; i < n;) {
        step = sfms_utf8_next((const char *)data + i, n - i);
        good += step > 1;
        bad += step == 0;
        i += step > 0 ? step : 1;
    }
    return good >= bad;
}

/* Bytes of GB18030 that are Chinese, and not those of a Latin, Cyrillic or Japanese text that happen to be valid: most are
 * signs or the 3755 common characters, which have a row of codes of their own. A character of four bytes looks like
 * nothing else. */
static bool
is_chinese(const unsigned char *data, size_t n)
{
    size_t common = 0, others = 0;

    for (size_t i = 0; i + 1 < n; i++) {
        if (data[i] < 0x80)
            continue;
        if (i + 3 < n && data[i + 1] >= '0' && data[i + 1] <= '9' && data[i + 2] > 0x80 &&
            data[i + 3] >= '0' && data[i + 3] <= '9') {
            common++;
            i += 3;
            continue;
        }
        if (((data[i] >= 0xb0 && data[i] <= 0xd7) || (data[i] >= 0xa1 && data[i] <= 0xa3)) &&
            data[i + 1] >= 0xa1)
            common++;
        else
            others++;
        i++;
    }
    return common >= others;
}

static import_text_result
guess(sfms_arena *a, const char *data, size_t n, import_text *ret)
{
    const encoding *gb18030 = find_encoding("gb18030");
    import_text_result utf8 = decode(a, find_encoding("utf-8"), data, n, ret);
    import_text other;

    if (utf8 == IMPORT_TEXT_OK || was_utf8((const unsigned char *)data, n))
        return utf8;
    if (!is_chinese((const unsigned char *)data, n) || decode(a, gb18030, data, n, &other) != IMPORT_TEXT_OK)
        return IMPORT_TEXT_UNCLEAR;
    *ret = other;
    return IMPORT_TEXT_OK;
}

/* ---- the file ----------------------------------------------------------------------------------------- */

/* The encoding that a byte order mark names; *ret_len is the mark's length. */
static const encoding *
by_mark(const char *data, size_t n, size_t *ret_len)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *label;
    } marks[] = {{"\xef\xbb\xbf", 3, "utf-8"}, {"\xff\xfe", 2, "utf-16le"}, {"\xfe\xff", 2, "utf-16be"}};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (n < marks[i].len || memcmp(data, marks[i].bytes, marks[i].len) != 0)
            continue;
        *ret_len = marks[i].len;
        return find_encoding(marks[i].label);
    }
    *ret_len = 0;
    return NULL;
}

/* "utf-16" leaves the order of bytes to the mark, and without a mark it says too little. */
static import_text_result
choose(const char *charset, const encoding *marked, const encoding **ret)
{
    bool any_order = strcasecmp(charset, "utf-16") == 0 || strcasecmp(charset, "utf16") == 0;
    const encoding *declared = find_encoding(charset);

    *ret = marked;
    if (charset[0] == '\0')
        return IMPORT_TEXT_OK;
    if (any_order)
        return marked != NULL && marked->iconv != NULL ? IMPORT_TEXT_OK : IMPORT_TEXT_UNKNOWN;
    if (declared == NULL)
        return IMPORT_TEXT_UNKNOWN;
    *ret = declared;
    return marked == NULL || marked == declared ? IMPORT_TEXT_OK : IMPORT_TEXT_MARK;
}

import_text_result
import_text_read(sfms_arena *a, const char *charset, const void *data, size_t n, import_text *ret)
{
    const encoding *chosen;
    size_t mark;
    const encoding *marked = by_mark(data, n, &mark);
    import_text_result result = choose(charset, marked, &chosen);
    const char *bytes = (const char *)data + mark;

    *ret = (import_text){"", 0, chosen != NULL ? chosen->name : ""};
    if (result != IMPORT_TEXT_OK || (n == mark && chosen != NULL))
        return result;
    result = chosen != NULL ? decode(a, chosen, bytes, n - mark, ret) : guess(a, bytes, n, ret);
    if (result == IMPORT_TEXT_OK && memchr(ret->text, '\0', ret->len) != NULL)
        return IMPORT_TEXT_NUL;
    return result;
}
