/* import_run.h -- the job that brings in the rows of an import. */
#ifndef SFMS_EXCHANGE_IMPORT_RUN_H
#define SFMS_EXCHANGE_IMPORT_RUN_H

#include "work/jobs.h"

/* import_run brings in what is left of an import: {"importId": "..."}. It can be stopped at any time and goes
 * on where its stored progress ends; the rows between are done again, which does no harm. */
sfms_status import_run(sfms_call *call, const sfms_job *job);

/* import_failed marks the import as FAILED with the call's failure. */
void import_failed(sfms_call *call, const sfms_job *job);

#endif
