/* import_store.h -- what the database keeps of an import. */
#ifndef SFMS_EXCHANGE_IMPORT_STORE_H
#define SFMS_EXCHANGE_IMPORT_STORE_H

#include "db/db.h"
#include "rows.h"

/* An import as stored. version and counts are kept up to date by the functions below. */
typedef struct {
    const char *id;
    const char *version;
    const char *resource;
    const char *mapping; /* JSON */
    const char *content; /* NULL once it has ended */
    char delimiter;
    sfms_locale locale;
    unsigned n_header;
    const char *const *header;
    int64_t total_rows;
    int64_t processed_rows;
    int64_t failed_rows;
    bool done;
} import_stored;

typedef struct {
    int64_t created, updated, skipped, failed;
} import_counts;

/* A row that was put aside. */
typedef struct {
    int64_t number;
    unsigned n_cells;
    const char *const *cells;
} import_aside;

/* import_store_load reads an import with its file; NOT_FOUND if there is none. */
sfms_status import_store_load(sfms_call *call, const char *id, import_stored *ret);

/* import_store_begin marks it as RUNNING. */
sfms_status import_store_begin(sfms_call *call, import_stored *import);

/* import_store_chunk stores what became of a chunk's rows, all or nothing: counts, refused rows and those put
 * aside. last_row, if not 0, is how far the file has been read. ABORTED if another run has written meanwhile.
 * */
sfms_status import_store_chunk(sfms_call *call, import_stored *import, unsigned n, const import_row *rows,
    const import_counts *counts, int64_t last_row);

/* import_store_aside reads at most max rows that were put aside, after the number given. */
sfms_status import_store_aside(sfms_call *call, const import_stored *import, int64_t after, int max,
    unsigned *ret_n, import_aside **ret_rows);

/* import_store_end marks it as DONE and forgets the file; import_store_fail, as FAILED; import_store_cancel, as CANCELLED. */
sfms_status import_store_end(sfms_call *call, import_stored *import);
sfms_status import_store_fail(sfms_call *call, const char *id, const char *message);
sfms_status import_store_cancel(sfms_call *call, const char *id);

/* import_cells reads a JSON array of texts. */
const char *const *import_cells(sfms_call *call, const char *json, unsigned *ret_n);

/* import_cells_json appends texts as a JSON array. */
void import_cells_json(sfms_buf *b, unsigned n, const char *const *cells);

#endif
