/* log.c -- one line per thing that happened. */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/time.h"

enum { LINE_MAX_BYTES = 8192 };

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
static char process_name[32] = "sfms";
static sfms_log_level lowest = SFMS_LOG_INFO;

void
sfms_log_open(const char *process, const char *level_name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    snprintf(process_name, sizeof process_name, "%s", process);
    lowest = SFMS_LOG_INFO;
    for (unsigned i = 0; level_name != NULL && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(level_name, names[i]) == 0)
            lowest = (sfms_log_level)i;
}

int
sfms_log_on(sfms_log_level level)
{
    return level >= lowest;
}

/* put_all writes the whole line at once, as threads and processes may share the file. There is nobody to tell
 * if it cannot be written. */
static void
put_all(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDERR_FILENO, p, n);

        if (done <= 0)
            return;
        p += done;
        n -= (size_t)done;
    }
}

/* escape copies text, control characters in escaped form, and answers how many bytes it became. */
static size_t
escape(char *to, size_t room, const char *text)
{
    size_t n = 0;

    for (; *text != '\0' && n + 5 < room; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '\n' || c == '\r' || c == '\t') {
            to[n++] = '\\';
            to[n++] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
        } else if (c < 0x20 || c == 0x7f) {
            n += (size_t)snprintf(to + n, room - n, "\\x%02x", c);
        } else {
            to[n++] = (char)c;
        }
    }
    return n;
}

static void
put_line(sfms_log_level level, const char *format, va_list args)
{
    char text[LINE_MAX_BYTES / 2];
    char line[LINE_MAX_BYTES];
    char now[SFMS_MOMENT_SIZE];
    int64_t ms = sfms_now_ms();

    /* Always three decimals, so that lines stand in columns: the format of moments leaves a zero fraction
     * out. */
    sfms_moment_format((sfms_moment){ms / 1000, 0}, now);
    now[strlen(now) - 1] = '\0';
    int head = snprintf(
        line, sizeof line, "%s.%03dZ %s %s ", now, (int)(ms % 1000), level_names[level], process_name);

    int n = vsnprintf(text, sizeof text, format, args);
    if (n < 0)
        text[0] = '\0';
    size_t len = (size_t)head + escape(line + head, sizeof line - (size_t)head - 1, text);
    line[len++] = '\n';
    put_all(line, len);
}

void
sfms_log(sfms_log_level level, const char *format, ...)
{
    va_list args;

    if (!sfms_log_on(level))
        return;
    va_start(args, format);
    put_line(level, format, args);
    va_end(args);
}

void
sfms_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_line(SFMS_LOG_ERROR, format, args);
    va_end(args);
    exit(1);
}

void
sfms_wrong(const char *file, int line, const char *what)
{
    sfms_log(SFMS_LOG_ERROR, "this cannot be: %s (%s:%d)", what, file, line);
    abort();
}
