/* mask.c -- the masks of requests: which fields of a resource they name. */
#include <string.h>

#include "core/limits.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "proto/place.h"
#include "proto/validate.h"

/* masked answers a path of a mask in the form that it has from here on: proto names, and keys as they are. A mask of what is
 * written names fields of the resource, members of sections, and keys; one of what is read may lead further, and means the whole
 * field then. NULL if it is none. */
static const char *
masked(sfms_arena *a, const sfms_message *m, const char *path, bool written)
{
    sfms_place place;

    if (sfms_place_find(a, m, path, strlen(path), &place) &&
        (place.n == 1 || (place.n == 2 && place.fields[0]->rule->section)))
        return sfms_place_name(a, &place);
    if (written || place.n == 0)
        return NULL;
    return sfms_printf(a, "%s%s", place.fields[0]->desc->name, path + strcspn(path, "."));
}

void
sfms_mask_check(
    sfms_call *call, Google__Protobuf__FieldMask *mask, const sfms_message *m, const char *name, bool written)
{
    if (mask->n_paths > SFMS_FIELDS_MAX) {
        sfms_violate(call, name, &sfms_too_many_items, sfms_printf(call->arena, "%d", SFMS_FIELDS_MAX));
        return;
    }
    for (size_t i = 0; i < mask->n_paths; i++) {
        const char *found = masked(call->arena, m, mask->paths[i], written);

        if (found == NULL)
            sfms_violate(call, name, &sfms_bad_mask, sfms_strndup(call->arena, mask->paths[i], 100));
        else
            mask->paths[i] = (char *)(uintptr_t)found;
    }
}
