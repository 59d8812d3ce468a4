/*
 * log.h -- one line per thing that happened, to standard error.
 *
 * Library code never logs; main loops do. Values are written as key=value; text in quotes. Never log
 * a secret or the text of a personal field.
 */
#ifndef SFMS_CORE_LOG_H
#define SFMS_CORE_LOG_H

typedef enum { SFMS_LOG_DEBUG, SFMS_LOG_INFO, SFMS_LOG_WARN, SFMS_LOG_ERROR } sfms_log_level;

/* sfms_log_open names the process in each line and drops lines below the level. level_name is "debug", "info",
 * "warn" or "error"; anything else means info. */
void sfms_log_open(const char *process, const char *level_name);

/* sfms_log_on is true if lines of the level are written: ask before composing a costly line. */
int sfms_log_on(sfms_log_level level);

/* sfms_log writes one line: time, level, process, text. Thread-safe; newlines in the text are escaped. */
void sfms_log(sfms_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* sfms_die writes an error line and ends the process with status 1. For start-up only. */
_Noreturn void sfms_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* SFMS_WRONG ends the process where the code has come to what cannot be. */
#define SFMS_WRONG(what) sfms_wrong(__FILE__, __LINE__, (what))
_Noreturn void sfms_wrong(const char *file, int line, const char *what);

#endif
