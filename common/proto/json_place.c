/* json_place.c -- where in a document a byte is. */
#include "proto/json_place.h"

#include <stdbool.h>

#include "core/limits.h"
#include "proto/path.h"

/* A bracket that is open: an array at an element, or an object at a key. */
typedef struct {
    bool array;
    long index;
    const char *key; /* as written; NULL while it is still to come */
    size_t key_len;
} level;

/* past_string answers where the string that begins at p ends, or end if it does not. */
static const char *
past_string(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '\\')
            p++;
        else if (*p == '"')
            return p + 1;
    }
    return end;
}

static const char *
path_of(sfms_arena *a, const level *levels, int depth)
{
    sfms_path paths[SFMS_JSON_DEPTH + 2];
    const sfms_path *up = NULL;
    int n = 0;

    for (int i = 0; i < depth; i++) {
        const level *l = &levels[i];
        bool within = n > 0 && paths[n - 1].index >= 0;

        if (l->array ? within : l->key == NULL) /* paths do not go into lists of lists, nor to keys */
            break;
        if (l->array && n > 0) {
            paths[n - 1].index = l->index;
            continue;
        }
        const char *name = l->array ? "" : sfms_path_key(a, sfms_strndup(a, l->key, l->key_len));
        paths[n] = (sfms_path){up, name, l->array ? l->index : -1};
        up = &paths[n++];
    }
    return up == NULL ? "" : sfms_path_text(a, up);
}

const char *
sfms_json_place(sfms_arena *a, const char *text, size_t n)
{
    level levels[SFMS_JSON_DEPTH + 2] = {0};
    const char *end = text + n, *string = NULL;
    size_t string_len = 0;
    int depth = 0;

    for (const char *p = text; p < end; p++) {
        level *top = depth > 0 ? &levels[depth - 1] : NULL;

        switch (*p) {
        case '"':
            string = p + 1;
            p = past_string(p, end) - 1;
            string_len = (size_t)(p - string);
            break;
        case ':':
            if (top != NULL)
                *top = (level){.key = string, .key_len = string_len};
            break;
        case ',':
            if (top != NULL)
                *top = (level){.array = top->array, .index = top->index + 1};
            break;
        case '[':
        case '{':
            if (depth <= SFMS_JSON_DEPTH)
                levels[depth++] = (level){.array = *p == '['};
            break;
        case ']':
        case '}':
            if (depth > 0)
                depth--;
            break;
        default:
            break;
        }
    }
    return path_of(a, levels, depth);
}
