/* config.c -- configuration from the environment, by a table. */
#include "core/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/log.h"

enum { VALUE_FILE_MAX = 64 << 10 };

/* Values live as long as the process. */
static sfms_arena *
kept(void)
{
    static sfms_arena *arena;

    if (arena == NULL)
        arena = sfms_arena_new();
    return arena;
}

/* read_all reads the open file to its end; false and errno if it cannot or there is more than max. */
static bool
read_all(int fd, char *to, size_t max, size_t *ret_len)
{
    size_t len = 0;

    for (;;) {
        ssize_t n = read(fd, to + len, max + 1 - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > max) {
            errno = EFBIG;
            return false;
        }
    }
    to[len] = '\0';
    *ret_len = len;
    return true;
}

char *
sfms_read_file(const char *path, size_t max, size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;

    char *data = malloc(max + 1);
    if (data == NULL)
        sfms_die("out of memory: %zu bytes", max);
    bool ok = read_all(fd, data, max, ret_len);
    int error = errno;
    close(fd);
    if (ok)
        return data;
    free(data);
    errno = error;
    return NULL;
}

const char *
sfms_config_path(const char *name)
{
    char variable[128];

    snprintf(variable, sizeof variable, "%s_FILE", name);
    const char *path = getenv(variable);
    return path != NULL && path[0] != '\0' ? path : NULL;
}

char *
sfms_config_again(const char *name)
{
    const char *path = sfms_config_path(name);
    size_t n;
    char *text = path != NULL ? sfms_read_file(path, VALUE_FILE_MAX, &n) : NULL;

    if (text == NULL)
        return NULL;
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        text[--n] = '\0';
    return text;
}

/* from_file answers the text of the file that NAME_FILE names, without the line's end; NULL if it names none.
 */
static const char *
from_file(const char *name)
{
    const char *path = sfms_config_path(name);
    if (path == NULL)
        return NULL;

    char *text = sfms_config_again(name);
    if (text == NULL)
        sfms_die("cannot read %s, which %s_FILE names: %s", path, name, strerror(errno));
    const char *value = sfms_strdup(kept(), text);
    memset(text, 0, strlen(text));
    free(text);
    return value;
}

/* value_of answers the text of an option; an empty one counts as unset. */
static const char *
value_of(const sfms_option *o)
{
    const char *value = getenv(o->name);
    const char *file_value = from_file(o->name);

    if (value != NULL && value[0] != '\0' && file_value != NULL)
        sfms_die("both %s and %s_FILE are set; set one of them", o->name, o->name);
    if (file_value != NULL && file_value[0] != '\0')
        return file_value;
    if (value != NULL && value[0] != '\0')
        return sfms_strdup(kept(), value);
    if (o->fallback == NULL)
        sfms_die("%s must be set: %s", o->name, o->help);
    return o->fallback;
}

static int
int_of(const sfms_option *o, const char *text)
{
    char *end;

    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || n < INT_MIN || n > INT_MAX)
        sfms_die("%s must be a whole number, and is \"%s\"", o->name, text);
    return (int)n;
}

static void
print_help(const sfms_option *options, const char *program, const char *about)
{
    const char *slash = strrchr(program, '/');

    printf("%s: %s\n\nEnvironment (NAME_FILE names a file with the value):\n",
        slash != NULL ? slash + 1 : program, about);
    for (const sfms_option *o = options; o->name != NULL; o++) {
        printf("  %-24s %s", o->name, o->help);
        if (o->fallback == NULL)
            printf(" (must be set)\n");
        else if (o->fallback[0] == '\0' || o->type == SFMS_OPT_SECRET)
            printf("\n");
        else
            printf(" (%s)\n", o->fallback);
    }
}

void
sfms_config_read(const sfms_option *options, void *out, int argc, char **argv, const char *about)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        print_help(options, argv[0], about);
        exit(0);
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("%s\n", SFMS_VERSION);
        exit(0);
    }

    for (const sfms_option *o = options; o->name != NULL; o++) {
        char *member = (char *)out + o->offset;
        const char *value = value_of(o);

        if (o->type == SFMS_OPT_INT)
            *(int *)(void *)member = int_of(o, value);
        else
            *(const char **)(void *)member = value;
    }
}

const char *
sfms_config_lookup(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = list; p != NULL && *p != '\0';) {
        p += strspn(p, ", \t\n");
        size_t len = strcspn(p, ",\n");

        if (len > n + 1 && strncmp(p, name, n) == 0 && p[n] == '=') {
            while (len > n + 1 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
                len--;
            return sfms_strndup(kept(), p + n + 1, len - n - 1);
        }
        p += len;
    }
    return NULL;
}
