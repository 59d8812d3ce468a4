/* kind.c -- which arguments the routes of each kind take. */
#include "kind.h"

#include <string.h>

static bool
is_named(const sfms_field *f, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(f->desc->name, *names) == 0)
            return true;
    return false;
}

bool
kind_leaves_out(const route_target *t, const sfms_field *f)
{
    static const char *const set[] = {"from_now", "with_cursors", NULL}, *const only[] = {"ticket", NULL};
    static const char *const paged[] = {"page_size", "page_token", "count_total", NULL};
    static const char *const of_file[] = {"format", "bom", "labels", NULL};

    if (t->method->rule->stream)
        return is_named(f, t->kind == SFMS_ROUTE_STREAM ? set : only);
    return t->method->rule->verb == PB__VERB__LIST &&
           is_named(f, t->kind == SFMS_ROUTE_EXPORT ? paged : of_file);
}
