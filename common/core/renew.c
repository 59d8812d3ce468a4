/* renew.c -- secrets that are read again while the process runs. */
#include "core/renew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/config.h"
#include "core/log.h"

enum { WATCHED = 8 };

typedef struct {
    const char *name;
    sfms_renewal *take;
    struct stat seen;
} watched;

static watched files[WATCHED];
static int n_files;

static bool
is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void
sfms_renew_watch(const char *name, sfms_renewal *take)
{
    const char *path = sfms_config_path(name);

    if (path == NULL)
        return;
    if (n_files == WATCHED)
        sfms_die("more than %d secrets", WATCHED);
    files[n_files] = (watched){.name = name, .take = take};
    if (stat(path, &files[n_files].seen) != 0)
        memset(&files[n_files].seen, 0, sizeof(files[n_files].seen));
    n_files++;
}

static void
look_at(watched *file, bool anyway)
{
    struct stat now;
    char *text;

    if (stat(sfms_config_path(file->name), &now) != 0 || (is_same(&now, &file->seen) && !anyway))
        return;
    file->seen = now;
    text = sfms_config_again(file->name);
    if (text == NULL)
        sfms_log(SFMS_LOG_WARN, "%s cannot be read again: %s", file->name, strerror(errno));
    else if (file->take(text))
        sfms_log(SFMS_LOG_INFO, "%s is as its file has it now", file->name);
    else
        sfms_log(SFMS_LOG_WARN, "%s stays as it was: what its file has now is no good", file->name);
    free(text);
}

void
sfms_renew_look(bool anyway)
{
    for (int i = 0; i < n_files; i++)
        look_at(&files[i], anyway);
}
