/* csv.c -- reading and writing of CSV. libcsv parses; encodings and bounds are here. */
#include "csv.h"

#include <csv.h>
#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "core/log.h"
#include "core/utf8.h"

enum { PIECE = 64 << 10, DECODED_MAX = 128 << 20 };

/* ---- encodings --------------------------------------------------------------------------------------- */

static const char *
convert(sfms_arena *a, const char *from, const char *data, size_t n, size_t *ret_len)
{
    iconv_t cd = iconv_open("UTF-8", from);
    char *in = (char *)data;
    sfms_buf out;
    bool ok = cd != (iconv_t)-1;

    if (!ok)
        return NULL;
    sfms_buf_init(&out, a, DECODED_MAX);
    while (ok && n > 0) {
        char *room = sfms_buf_grow(&out, PIECE);
        size_t left = PIECE;

        if (room == NULL) {
            ok = false;
            break;
        }
        if (iconv(cd, &in, &n, &room, &left) == (size_t)-1 && errno != E2BIG)
            ok = false;
        out.len += PIECE - left;
    }
    iconv_close(cd);
    if (!ok)
        return NULL;
    out.data[out.len] = '\0';
    *ret_len = out.len;
    return out.data;
}

static const char *
decode(sfms_arena *a, const char *data, size_t n, size_t *ret_len)
{
    if (n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
        n -= 3;
    } else if (n >= 2 && memcmp(data, "\xff\xfe", 2) == 0) {
        return convert(a, "UTF-16LE", data + 2, n - 2, ret_len);
    } else if (n >= 2 && memcmp(data, "\xfe\xff", 2) == 0) {
        return convert(a, "UTF-16BE", data + 2, n - 2, ret_len);
    }
    if (!sfms_utf8_valid(data, n))
        return convert(a, "GB18030", data, n, ret_len);
    *ret_len = n;
    return sfms_strndup(a, data, n);
}

const char *
import_csv_decode(sfms_arena *a, const void *data, size_t n, size_t *ret_len)
{
    const char *text = n > 0 ? decode(a, data, n, ret_len) : "";

    if (n == 0)
        *ret_len = 0;
    if (text == NULL || memchr(text, '\0', *ret_len) != NULL)
        return NULL;
    return text;
}

char
import_csv_delimiter(const char *text, size_t n)
{
    static const char candidates[] = {',', ';', '\t'};
    size_t counts[3] = {0};
    bool quoted = false;
    size_t best = 0;

    for (size_t i = 0; i < n && (quoted || (text[i] != '\n' && text[i] != '\r')); i++) {
        if (text[i] == '"')
            quoted = !quoted;
        for (size_t c = 0; c < 3 && !quoted; c++)
            counts[c] += text[i] == candidates[c];
    }
    for (size_t c = 1; c < 3; c++)
        if (counts[c] > counts[best])
            best = c;
    return candidates[best];
}

/* ---- reading ----------------------------------------------------------------------------------------- */

typedef struct {
    import_csv_row_fn *fn;
    void *arg;
    int64_t number;
    unsigned n_cells;
    size_t offsets[IMPORT_COLUMNS_MAX];
    sfms_buf text; /* the cells of one row, each with its NUL */
    import_csv_result result;
} reader;

static void
on_cell(void *cell, size_t n, void *arg)
{
    reader *r = arg;

    if (r->result != IMPORT_CSV_OK)
        return;
    if (n > IMPORT_CELL_MAX) {
        r->result = IMPORT_CSV_CELL;
        return;
    }
    if (r->n_cells < IMPORT_COLUMNS_MAX) {
        r->offsets[r->n_cells] = r->text.len;
        sfms_buf_mem(&r->text, cell, n);
        sfms_buf_char(&r->text, '\0');
    }
    r->n_cells++;
}

static import_csv_result
check_row(const reader *r)
{
    if (r->number > IMPORT_ROWS_MAX)
        return IMPORT_CSV_ROWS;
    if (r->number == 0 && r->n_cells > IMPORT_COLUMNS_MAX)
        return IMPORT_CSV_COLUMNS;
    return IMPORT_CSV_OK;
}

static void
next_row(reader *r)
{
    r->n_cells = 0;
    sfms_buf_clear(&r->text);
}

static void
on_row(int end, void *arg)
{
    reader *r = arg;
    const char *cells[IMPORT_COLUMNS_MAX];
    import_csv_row row = {r->number, r->n_cells, cells};

    (void)end;
    if (r->result == IMPORT_CSV_OK)
        r->result = check_row(r);
    if (r->result != IMPORT_CSV_OK)
        return;
    if (r->text.len == r->n_cells && r->number > 0 && r->n_cells < IMPORT_COLUMNS_MAX) {
        next_row(r); /* nothing but delimiters: spreadsheets leave such lines at the end */
        return;
    }
    for (unsigned i = 0; i < r->n_cells && i < IMPORT_COLUMNS_MAX; i++)
        cells[i] = r->text.data + r->offsets[i];
    if (!r->fn(r->arg, &row)) {
        r->result = IMPORT_CSV_STOPPED;
        return;
    }
    r->number++;
    next_row(r);
}

/* Feeds the parser piece by piece, so that a failure stops it soon. A cell that grows too large shows in the
 * parser's own buffer before it ends. */
static void
feed(struct csv_parser *parser, reader *r, const char *text, size_t n)
{
    for (size_t at = 0; at < n && r->result == IMPORT_CSV_OK; at += PIECE) {
        size_t piece = n - at < PIECE ? n - at : PIECE;

        if (csv_parse(parser, text + at, piece, on_cell, on_row, r) != piece)
            sfms_die("out of memory");
        if (parser->entry_pos > IMPORT_CELL_MAX && r->result == IMPORT_CSV_OK)
            r->result = IMPORT_CSV_CELL;
    }
    if (r->result == IMPORT_CSV_OK && parser->pstate == 2 && parser->quoted)
        r->result = IMPORT_CSV_OPEN_QUOTE;
    if (r->result == IMPORT_CSV_OK)
        csv_fini(parser, on_cell, on_row, r);
}

import_csv_result
import_csv_read(
    const char *text, size_t n, char delimiter, import_csv_row_fn *fn, void *arg, int64_t *ret_row)
{
    reader r = {.fn = fn, .arg = arg};
    struct csv_parser parser;

    if (csv_init(&parser, CSV_APPEND_NULL) != 0)
        sfms_die("out of memory");
    csv_set_delim(&parser, (unsigned char)delimiter);
    sfms_buf_init(&r.text, NULL, (size_t)IMPORT_COLUMNS_MAX * (IMPORT_CELL_MAX + 1));
    feed(&parser, &r, text, n);
    csv_free(&parser);
    sfms_buf_fini(&r.text);
    *ret_row = r.number;
    if (r.result == IMPORT_CSV_OK && r.number == 0)
        return IMPORT_CSV_EMPTY;
    return r.result;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

void
import_csv_cell(sfms_buf *b, char delimiter, bool first, const char *cell)
{
    char special[] = {delimiter, '"', '\r', '\n', '\0'};
    size_t n = strlen(cell);
    bool spaced = n > 0 && (cell[0] == ' ' || cell[0] == '\t' || cell[n - 1] == ' ' || cell[n - 1] == '\t');

    if (!first)
        sfms_buf_char(b, delimiter);
    if (!spaced && strpbrk(cell, special) == NULL) {
        sfms_buf_mem(b, cell, n);
        return;
    }
    sfms_buf_char(b, '"');
    for (const char *s = cell; *s != '\0'; s++) {
        if (*s == '"')
            sfms_buf_char(b, '"');
        sfms_buf_char(b, *s);
    }
    sfms_buf_char(b, '"');
}

void
import_csv_end(sfms_buf *b)
{
    sfms_buf_add(b, "\r\n");
}
