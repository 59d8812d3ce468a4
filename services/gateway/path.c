/* path.c -- request targets taken apart. */
#include "path.h"

#include <string.h>
#include <strings.h>

#include "core/utf8.h"

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool
path_decode(char *text, bool plus)
{
    char *out = text;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '+' && plus) {
            *out++ = ' ';
            continue;
        }
        if (*p != '%') {
            *out++ = *p;
            continue;
        }
        int high = hex_value(p[1]);
        int low = high < 0 ? -1 : hex_value(p[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *out++ = (char)(high << 4 | low);
        p += 2;
    }
    *out = '\0';
    return sfms_utf8_valid(text, (size_t)(out - text));
}

/* The last colon of a segment, and what follows it. URL templates of many clients write %3A, which means the same, as no
 * id holds a colon. NULL if there is none. */
static char *
last_colon(char *segment, char **ret_rest)
{
    char *found = NULL;

    for (char *p = segment; *p != '\0'; p++) {
        bool escaped = strncasecmp(p, "%3a", 3) == 0;
        if (*p != ':' && !escaped)
            continue;
        found = p;
        *ret_rest = p + (escaped ? 3 : 1);
    }
    return found;
}

/* A verb follows the last colon of the last segment. */
static bool
split_verb(char *segment, path_parts *ret)
{
    char *rest;
    char *colon = last_colon(segment, &rest);

    ret->verb = "";
    if (colon == NULL)
        return true;
    *colon = '\0';
    ret->verb = rest;
    return path_decode(rest, false);
}

static char *
without_host(char *target)
{
    if (strncasecmp(target, "http://", 7) != 0 && strncasecmp(target, "https://", 8) != 0)
        return target;
    char *host = strchr(target, ':') + 3;
    return host + strcspn(host, "/?");
}

static bool
has_space(const char *target)
{
    while ((unsigned char)*target > ' ')
        target++;
    return *target != '\0';
}

bool
path_split(char *target, path_parts *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->verb = "";
    if (has_space(target))
        return false;
    target = without_host(target);
    ret->query = strchr(target, '?');
    if (ret->query != NULL)
        *ret->query++ = '\0';
    if (target[0] != '/')
        return false;

    char *segment = target + 1;
    for (;;) {
        char *slash = strchr(segment, '/');
        if (slash != NULL)
            *slash = '\0';
        if (ret->n == PATH_SEGMENTS_MAX)
            return false;
        if (slash == NULL && !split_verb(segment, ret))
            return false;
        if (!path_decode(segment, false))
            return false;
        ret->segment[ret->n++] = segment;
        if (slash == NULL)
            return true;
        segment = slash + 1;
    }
}

int
path_query_next(char **cursor, const char **ret_name, const char **ret_value)
{
    char *name = *cursor;

    while (name != NULL && *name == '&')
        name++;
    if (name == NULL || *name == '\0')
        return 0;

    char *end = strchr(name, '&');
    if (end != NULL)
        *end++ = '\0';
    *cursor = end;

    char *value = strchr(name, '=');
    if (value != NULL)
        *value++ = '\0';
    if (!path_decode(name, true) || (value != NULL && !path_decode(value, true)))
        return -1;
    *ret_name = name;
    *ret_value = value != NULL ? value : "";
    return 1;
}
