/*
 * csv.h -- files of comma-separated values as people have them: any usual delimiter, quotes as in RFC 4180.
 *
 * Everything is bounded. Reading goes by a function that is called for each row, so that a file of a
 * million rows needs the memory of one.
 */
#ifndef SFMS_EXCHANGE_CSV_H
#define SFMS_EXCHANGE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/buf.h"

enum {
    IMPORT_COLUMNS_MAX = 200,
    IMPORT_CELL_MAX = 64 << 10, /* bytes */
    IMPORT_ROWS_MAX = 1000000,
};

typedef enum {
    IMPORT_CSV_OK,
    IMPORT_CSV_STOPPED, /* the function for rows said so */
    IMPORT_CSV_EMPTY,   /* no header row */
    IMPORT_CSV_OPEN_QUOTE,
    IMPORT_CSV_COLUMNS, /* the header has more than IMPORT_COLUMNS_MAX cells */
    IMPORT_CSV_CELL,
    IMPORT_CSV_ROWS,
} import_csv_result;

/* One row. Cells are without the white space around them, save where it is quoted; past IMPORT_COLUMNS_MAX
 * they are only counted. */
typedef struct {
    int64_t number; /* 0 for the header, then 1, 2, ...; lines without any text do not count */
    unsigned n_cells;
    const char *const *cells; /* valid during the call only */
} import_csv_row;

/* Takes a row; false stops the reading. */
typedef bool import_csv_row_fn(void *arg, const import_csv_row *row);

/* A file whose cells can be read: its text from the header on, and what parts its cells. */
typedef struct {
    const char *text; /* with a NUL behind it */
    size_t len;
    char delimiter;
} import_csv_file;

/* import_csv_open finds where the header begins, behind empty lines and a line "sep=;", and what parts the cells: what that
 * line says, otherwise comma, semicolon, tab or bar, whichever cuts the header into most of the given names, or, if that
 * decides nothing, into most cells. */
import_csv_file
import_csv_open(sfms_arena *a, const char *text, size_t n, unsigned n_names, const char *const *names);

/* import_csv_read calls fn for every row, the header first. *ret_row is the row at which it ended. */
import_csv_result
import_csv_read(const import_csv_file *file, import_csv_row_fn *fn, void *arg, int64_t *ret_row);

/* import_csv_harmless answers a cell so that no spreadsheet takes it for a formula: behind an apostrophe, if it begins with
 * = + - @ (and is no negative number), a tab, a line end or an apostrophe. import_csv_as_it_was takes that apostrophe off. */
const char *import_csv_harmless(sfms_arena *a, const char *cell);
const char *import_csv_as_it_was(const char *cell);

/* import_csv_cell appends one cell, quoted where it must be; import_csv_end ends the row. */
void import_csv_cell(sfms_buf *b, char delimiter, bool first, const char *cell);
void import_csv_end(sfms_buf *b);

#endif
