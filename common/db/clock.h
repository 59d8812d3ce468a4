/*
 * clock.h -- the time that all processes share, as they have one database.
 */
#ifndef SFMS_DB_CLOCK_H
#define SFMS_DB_CLOCK_H

#include <stdint.h>

/* sfms_db_now_ms answers milliseconds since 1970 by the database's clock, as it was when this process last connected to it; by
 * our own before the first time. What one host writes and another reads, such as when a token expires, is by this clock, so that
 * the hosts' own may be wrong. */
int64_t sfms_db_now_ms(void);

#endif
