/* existing.h -- which rows of a chunk are in the collection already: a few lists instead of a refused create
 * each. */
#ifndef SFMS_EXCHANGE_EXISTING_H
#define SFMS_EXCHANGE_EXISTING_H

#include "rows.h"

/* import_find_existing marks READY rows whose external id is there as SKIPPED, or as CREATED where the record
 * is the row's own, from an earlier run of the job. What it does not find may be there all the same, for
 * instance under an owner whom the uploader does not see: the create then says so. */
sfms_status import_find_existing(sfms_call *call, const import_plan *plan, unsigned n, import_row *rows);

#endif
