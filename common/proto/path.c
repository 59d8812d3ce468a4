/* path.c -- where in a request a field is. */
#include "proto/path.h"

#include <string.h>

#include "core/buf.h"
#include "core/limits.h"

enum { NAME_MAX_BYTES = 100 };

static void
put(sfms_buf *b, const sfms_path *path)
{
    if (path->up != NULL)
        put(b, path->up);

    size_t n = strnlen(path->name, NAME_MAX_BYTES);
    while (n > 0 && ((unsigned char)path->name[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    while (n > 0 && path->name[n] != '\0' && path->name[n - 1] == '\\')
        n--; /* nor before what a backslash is for */
    if (n > 0 && path->name[n - 1] == '.' && (n == 1 || path->name[n - 2] != '\\'))
        n--;
    if (n > 0 && b->len > 0)
        sfms_buf_char(b, '.');
    sfms_buf_mem(b, path->name, n);
    if (path->index >= 0)
        sfms_buf_printf(b, "[%ld]", path->index);
}

const char *
sfms_path_text(sfms_arena *a, const sfms_path *path)
{
    sfms_buf b;

    sfms_buf_init(&b, a, SFMS_URL_MAX);
    put(&b, path);
    return b.data;
}

static const char divides[] = ".[\\";

const char *
sfms_path_key(sfms_arena *a, const char *key)
{
    size_t n = strlen(key);
    char *name, *to;

    if (n == 0)
        return "\\e";
    if (key[strcspn(key, divides)] == '\0')
        return key;
    name = to = sfms_alloc(a, 2 * n + 1);
    for (; *key != '\0'; key++) {
        if (strchr(divides, *key) != NULL)
            *to++ = '\\';
        *to++ = *key;
    }
    return name;
}

void
sfms_path_unkey(sfms_buf *b, const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (name[i] != '\\' || i + 1 == n) {
            sfms_buf_char(b, name[i]);
            continue;
        }
        i++;
        if (name[i] != 'e')
            sfms_buf_char(b, name[i]);
    }
}

bool
sfms_path_within(const char *path, const char *field)
{
    size_t n = strlen(field);

    return strncmp(path, field, n) == 0 && (n == 0 || path[n] == '\0' || path[n] == '.' || path[n] == '[');
}
