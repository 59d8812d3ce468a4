/*
 * pulse.h -- whether the database answers at all. Inside common/db only; what starts it is in db.h.
 */
#ifndef SFMS_DB_PULSE_H
#define SFMS_DB_PULSE_H

#include "db/db.h"

/* Every connection object is known to the watch, from sfms_pulse_join to sfms_pulse_leave. */
void sfms_pulse_join(sfms_db *db);
void sfms_pulse_leave(sfms_db *db);

/* sfms_pulse_waits says that the connection waits for the database from now on, and sfms_pulse_heard that it no longer does;
 * anything is true if the database has said something. */
void sfms_pulse_waits(sfms_db *db);
void sfms_pulse_heard(sfms_db *db, bool anything);

/* sfms_pulse_silent is true while the database is known not to answer: nothing should be sent. */
bool sfms_pulse_silent(void);

#endif
