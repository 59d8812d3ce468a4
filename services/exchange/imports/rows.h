/*
 * rows.h -- one row of a file on its way to a record.
 *
 * In this order: import_row_read, import_row_want, (look-ups are fetched), import_row_build, (the call is
 * made), import_row_settle.
 */
#ifndef SFMS_EXCHANGE_ROWS_H
#define SFMS_EXCHANGE_ROWS_H

#include "core/id.h"
#include "csv.h"
#include "lookup.h"
#include "mapping.h"

typedef enum {
    IMPORT_ROW_READ,
    IMPORT_ROW_READY,   /* request is made */
    IMPORT_ROW_ASIDE,   /* looks up a record of the same file that is not there yet */
    IMPORT_ROW_REFUSED, /* reason says why */
    IMPORT_ROW_CREATED,
    IMPORT_ROW_UPDATED,
    IMPORT_ROW_SKIPPED, /* is there already */
} import_row_state;

typedef struct {
    int64_t number;
    unsigned n_cells;
    const char **cells;
    import_row_state state;
    const char *reason;
    const char **values; /* by column of the plan, after all but the look-up; "" to leave the field unset */
    ProtobufCMessage *request;
    const char *external_id; /* "" if it has none */
    const char *external_source;
    char id[SFMS_ID_SIZE]; /* that import_row_build gave to the record; "" if none */
} import_row;

/* import_row_read applies defaults, values, formats and scales, or refuses the row. */
void import_row_read(sfms_call *call, const import_plan *plan, import_row *row);

/* import_row_want notes the look-ups that a row needs. */
void import_row_want(const import_plan *plan, const import_row *row, import_lookups *lookups);

/* import_row_build makes the request, refuses the row, or puts it aside if may_wait and what it misses is a
 * record of the imported collection itself. import_id and the row's number make the record's id, the same
 * each time. */
void import_row_build(sfms_call *call, const import_plan *plan, import_row *row,
    const import_lookups *lookups, const char *import_id, bool may_wait);

/* import_row_settle reads the reply to the request. */
void import_row_settle(sfms_call *call, const import_plan *plan, import_row *row, const Pb__Reply *reply);

/* import_row_id writes the id of a row's record: a UUID of version 7 with the import's time, in the order of
 * rows. */
void import_row_id(const char *import_id, int64_t number, char out[SFMS_ID_SIZE]);

#endif
