/*
 * time.h -- clocks and the texts of times.
 */
#ifndef SFMS_CORE_TIME_H
#define SFMS_CORE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"

/* sfms_now_ms answers milliseconds since 1970 (wall clock); sfms_mono_us, microseconds that never go back. */
int64_t sfms_now_ms(void);
int64_t sfms_mono_us(void);

/* A moment as google.protobuf.Timestamp has it. */
typedef struct {
    int64_t seconds; /* since 1970-01-01T00:00:00Z */
    int32_t nanos;   /* 0 to 999,999,999 */
} sfms_moment;

/* sfms_moment_parse reads RFC 3339 ("2026-11-23T22:50:17.5+08:00") and what PostgreSQL writes ("2026-11-23
 * 22:50:17.123456+00"). Years 1 to 9999. False if it is neither. */
bool sfms_moment_parse(const char *text, sfms_moment *ret);

enum { SFMS_MOMENT_SIZE = 40 };
/* sfms_moment_format writes RFC 3339 in UTC with as many groups of three decimals as are needed, and a NUL. */
void sfms_moment_format(sfms_moment moment, char out[SFMS_MOMENT_SIZE]);

/* sfms_date_valid is true for a day of the calendar written YYYY-MM-DD, years 1 to 9999. */
bool sfms_date_valid(const char *text);

/* What a clock on a wall shows, and, if it says so, by how many seconds it is before UTC. */
typedef struct {
    int year, month, day, hour, minute, second;
    int half; /* of the day, if the hour was one of twelve: 1 or 2 */
    int32_t nanos;
    bool has_offset;
    int offset;
} sfms_wall;

/* sfms_wall_parse reads a time or a day by a format of the letters of strptime: %d %m %y %Y, %b or %B (months in English, in
 * full or abbreviated, or in Chinese), %H %M %S (with decimals, if there are any), %I with %p before or behind it, %z (Z, UTC,
 * +08, +0800, +08:00), and literal text, of which a blank stands for any number of them. Two-digit years are 1969 to 2068, as
 * POSIX has it. One letter is ours: %N, the number that spreadsheets keep for a day, from 61 (1900-03-01) on, as they disagree
 * about the days before; its decimals are the time of that day. False if the text does not fit, or there is no such day. */
bool sfms_wall_parse(const char *text, const char *format, sfms_wall *ret);

/* sfms_wall_seconds answers the seconds since 1970 if the clock were in UTC. */
int64_t sfms_wall_seconds(const sfms_wall *wall);

/* sfms_date_parse does the same for a day, and writes YYYY-MM-DD. */
bool sfms_date_parse(const char *text, const char *format, char out[11]);

#endif
