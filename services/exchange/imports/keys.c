/* keys.c -- the external keys of rows: which of them have been met. */
#include "keys.h"

#include <string.h>

enum { SLOTS_FIRST = 512 }; /* a power of two */

typedef struct {
    const char *source, *id;
} key;

struct import_keys {
    sfms_arena *arena;
    size_t n, n_slots;
    key *slots; /* open addressing; id is NULL where there is none */
};

import_keys *
import_keys_new(sfms_arena *a)
{
    import_keys *keys = sfms_new(a, import_keys);

    *keys = (import_keys){a, 0, SLOTS_FIRST, sfms_new_array(a, key, SLOTS_FIRST)};
    return keys;
}

static uint64_t
hash(uint64_t h, const char *text)
{
    do
        h = (h ^ (uint8_t)*text) * 1099511628211ULL; /* FNV-1a, the NUL too */
    while (*text++ != '\0');
    return h;
}

/* The slot of a key, or the one for it. */
static key *
find(const import_keys *keys, const char *source, const char *id)
{
    uint64_t h = hash(hash(14695981039346656037ULL, source), id);

    for (size_t i = h ^ (h >> 32);; i++) {
        key *slot = &keys->slots[i & (keys->n_slots - 1)];

        if (slot->id == NULL || (strcmp(slot->id, id) == 0 && strcmp(slot->source, source) == 0))
            return slot;
    }
}

static void
grow(import_keys *keys)
{
    key *old = keys->slots;
    size_t n_old = keys->n_slots;

    keys->n_slots *= 2;
    keys->slots = sfms_new_array(keys->arena, key, keys->n_slots);
    for (size_t i = 0; i < n_old; i++)
        if (old[i].id != NULL)
            *find(keys, old[i].source, old[i].id) = old[i];
}

bool
import_keys_add(import_keys *keys, const import_row *row)
{
    key *slot;

    if (row->external_id[0] == '\0')
        return true;
    slot = find(keys, row->external_source, row->external_id);
    if (slot->id != NULL)
        return false;
    *slot = (key){sfms_strdup(keys->arena, row->external_source), sfms_strdup(keys->arena, row->external_id)};
    if (2 * ++keys->n > keys->n_slots)
        grow(keys);
    return true;
}

bool
import_keys_has(const import_keys *keys, const import_row *row)
{
    return row->external_id[0] != '\0' && find(keys, row->external_source, row->external_id)->id != NULL;
}
