/*
 * renew.h -- secrets that are read again while the process runs.
 *
 * Those that come from a file, named by NAME_FILE, are looked after; those from the environment cannot change.
 */
#ifndef SFMS_CORE_RENEW_H
#define SFMS_CORE_RENEW_H

#include <stdbool.h>

/* Takes what the file has now; false if that is no good, and what was before holds. */
typedef bool sfms_renewal(const char *text);

/* sfms_renew_watch looks after the file of an option from now on: call it before there are threads. */
void sfms_renew_watch(const char *name, sfms_renewal *take);

/* sfms_renew_look reads again the files that have changed, or all if anyway is true, and says so in the log. For one thread,
 * about once a second. */
void sfms_renew_look(bool anyway);

#endif
