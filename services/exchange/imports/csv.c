/* csv.c -- reading and writing of CSV. libcsv parses; bounds, and where a file begins, are here. */
#include "csv.h"

#include <csv.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/log.h"
#include "core/text.h"

enum { PIECE = 64 << 10 };

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
import_csv_read(const import_csv_file *file, import_csv_row_fn *fn, void *arg, int64_t *ret_row)
{
    reader r = {.fn = fn, .arg = arg};
    struct csv_parser parser;

    if (csv_init(&parser, CSV_APPEND_NULL) != 0)
        sfms_die("out of memory");
    csv_set_delim(&parser, (unsigned char)file->delimiter);
    sfms_buf_init(&r.text, NULL, (size_t)IMPORT_COLUMNS_MAX * (IMPORT_CELL_MAX + 1));
    feed(&parser, &r, file->text, file->len);
    csv_free(&parser);
    sfms_buf_fini(&r.text);
    *ret_row = r.number;
    if (r.result == IMPORT_CSV_OK && r.number == 0)
        return IMPORT_CSV_EMPTY;
    return r.result;
}

/* ---- where it begins ---------------------------------------------------------------------------------- */

static const char delimiters[] = ",;\t|";

static size_t
line_length(const char *text, size_t n)
{
    size_t len = 0;

    while (len < n && text[len] != '\n' && text[len] != '\r')
        len++;
    return len;
}

/* Lines of nothing but delimiters and blanks say nothing before the header, as they say nothing between rows. */
static void
skip_empty_lines(import_csv_file *f)
{
    while (f->len > 0) {
        size_t blank = strspn(f->text, " ,;\t|");

        if (blank >= f->len || (f->text[blank] != '\n' && f->text[blank] != '\r'))
            return;
        f->text += blank + 1;
        f->len -= blank + 1;
    }
}

/* The line by which some spreadsheets say what parts the cells, "sep=;", also in quotes. */
static void
take_sep_line(import_csv_file *f)
{
    size_t n = line_length(f->text, f->len);
    bool quoted = n > 1 && f->text[0] == '"' && f->text[n - 1] == '"';
    const char *p = f->text + quoted;

    if (n - (quoted ? 2 : 0) != strlen("sep=;") || strncasecmp(p, "sep=", 4) != 0)
        return;
    if ((unsigned char)p[4] >= 0x80 || p[4] == '"' || isalnum((unsigned char)p[4]))
        return;
    f->delimiter = p[4];
    f->text += n;
    f->len -= n;
    skip_empty_lines(f);
}

/* How well a delimiter cuts the header: into names that somebody knows, or else into many. */
typedef struct {
    sfms_arena *arena;
    unsigned n_names;
    const char *const *names;
    unsigned known, cells;
} header_score;

static bool
score_header(void *arg, const import_csv_row *row)
{
    header_score *s = arg;

    s->cells = row->n_cells;
    for (unsigned i = 0; i < row->n_cells; i++)
        for (unsigned k = 0; k < s->n_names; k++)
            s->known += strcmp(sfms_text_trim(s->arena, row->cells[i]), s->names[k]) == 0;
    return false;
}

import_csv_file
import_csv_open(sfms_arena *a, const char *text, size_t n, unsigned n_names, const char *const *names)
{
    import_csv_file f = {text, n, '\0'};
    header_score best = {0};

    skip_empty_lines(&f);
    take_sep_line(&f);
    if (f.delimiter != '\0')
        return f;
    f.delimiter = delimiters[0];
    for (const char *d = delimiters; *d != '\0'; d++) {
        import_csv_file tried = {f.text, f.len, *d};
        header_score score = {.arena = a, .n_names = n_names, .names = names};
        int64_t row;

        import_csv_read(&tried, score_header, &score, &row);
        if (score.known < best.known || (score.known == best.known && score.cells <= best.cells))
            continue;
        best = score;
        f.delimiter = *d;
    }
    return f;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static bool
is_suspect(const char *cell)
{
    return cell[0] != '\0' && strchr("=+-@\t\r\n'", cell[0]) != NULL &&
           (cell[0] != '-' || cell[1 + strspn(cell + 1, "0123456789.,")] != '\0');
}

const char *
import_csv_harmless(sfms_arena *a, const char *cell)
{
    return is_suspect(cell) ? sfms_printf(a, "'%s", cell) : cell;
}

const char *
import_csv_as_it_was(const char *cell)
{
    return cell[0] == '\'' && is_suspect(cell + 1) ? cell + 1 : cell;
}

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
