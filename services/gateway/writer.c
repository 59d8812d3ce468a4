/* writer.c -- JSON written in order. */
#include "writer.h"

#include <string.h>

#include "core/limits.h"

static void
begin(writer *w, const char *name)
{
    if (w->comma)
        sfms_buf_char(w->out, ',');
    w->comma = true;
    if (name == NULL)
        return;
    sfms_buf_json(w->out, name, strlen(name));
    sfms_buf_char(w->out, ':');
}

static void
open_with(writer *w, const char *name, char bracket)
{
    begin(w, name);
    sfms_buf_char(w->out, bracket);
    w->comma = false;
}

static void
close_with(writer *w, char bracket)
{
    sfms_buf_char(w->out, bracket);
    w->comma = true;
}

void
writer_object(writer *w, const char *name)
{
    open_with(w, name, '{');
}

void
writer_array(writer *w, const char *name)
{
    open_with(w, name, '[');
}

void
writer_end_object(writer *w)
{
    close_with(w, '}');
}

void
writer_end_array(writer *w)
{
    close_with(w, ']');
}

void
writer_text(writer *w, const char *name, const char *value)
{
    begin(w, name);
    sfms_buf_json(w->out, value, strlen(value));
}

static bool
is_small(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

void
writer_prose(writer *w, const char *name, const char *comment)
{
    sfms_buf b;

    if (comment[0] == '\0')
        return;
    sfms_buf_init(&b, w->out->arena, SFMS_MESSAGE_MAX);
    for (const char *p = comment; *p != '\0'; p++) {
        if (*p == '_' && p > comment && is_small(p[-1]) && p[1] >= 'a' && p[1] <= 'z')
            sfms_buf_char(&b, (char)(*++p - 'a' + 'A'));
        else
            sfms_buf_char(&b, *p);
    }
    begin(w, name);
    sfms_buf_json(w->out, b.data, b.len);
}

void
writer_number(writer *w, const char *name, double value)
{
    begin(w, name);
    sfms_buf_printf(w->out, "%.15g", value);
}

void
writer_bool(writer *w, const char *name, bool value)
{
    begin(w, name);
    sfms_buf_add(w->out, value ? "true" : "false");
}
