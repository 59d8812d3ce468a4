/* json_parse.c -- text to a cJSON tree in the call's arena. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/log.h"
#include "proto/json.h"
#include "proto/json_place.h"
#include "proto/json_scan.h"
#include "proto/number.h"

enum { FEW_KEYS = 16, VALUE_BYTES = 160 /* of a value in a tree, and of what is made of it */ };

static const sfms_reason duplicate_key = {
    "DUPLICATE_KEY",
    SFMS_INVALID_ARGUMENT,
    {"The key \"%s\" stands twice in one object.", "同一对象中键“%s”重复出现。"},
};

/* cJSON's allocator is one for the whole process. While a thread parses, what cJSON asks for on that thread comes from
 * this arena; at all other times from malloc, so that trees may also be built and deleted in the usual way. */
static _Thread_local sfms_arena *parsing;

static void *
hook_malloc(size_t n)
{
    return parsing != NULL ? sfms_alloc(parsing, n) : malloc(n);
}

static void
hook_free(void *p)
{
    if (parsing == NULL)
        free(p);
}

static void
set_hooks(void)
{
    cJSON_Hooks hooks = {.malloc_fn = hook_malloc, .free_fn = hook_free};

    cJSON_InitHooks(&hooks);
}

static cJSON *
parse(sfms_arena *a, const char *text, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, set_hooks);
    parsing = a;
    cJSON *tree = cJSON_ParseWithLengthOpts(text, n, NULL, false);
    parsing = NULL;
    return tree;
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* twice answers a key that an object has twice; NULL if there is none. A large object is sorted: comparing each
 * with each would let a client spend our time. */
static const char *
twice(sfms_arena *a, const cJSON *object)
{
    size_t n = 0;

    for (const cJSON *item = object->child; item != NULL; item = item->next)
        n++;
    if (n <= FEW_KEYS) {
        for (const cJSON *item = object->child; item != NULL; item = item->next)
            for (const cJSON *other = item->next; other != NULL; other = other->next)
                if (strcmp(item->string, other->string) == 0)
                    return item->string;
        return NULL;
    }

    const char **keys = sfms_new_array(a, const char *, n);
    n = 0;
    for (const cJSON *item = object->child; item != NULL; item = item->next)
        keys[n++] = item->string;
    qsort(keys, n, sizeof keys[0], by_text);
    for (size_t i = 1; i < n; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            return keys[i];
    return NULL;
}

static bool
check_keys(sfms_call *call, const cJSON *tree)
{
    if (cJSON_IsObject(tree)) {
        const char *key = twice(call->arena, tree);

        if (key != NULL) {
            sfms_fail(call, &duplicate_key, sfms_strndup(call->arena, key, 100));
            return false;
        }
    }
    for (const cJSON *item = tree->child; item != NULL; item = item->next)
        if (!check_keys(call, item))
            return false;
    return true;
}

/* ---- numbers that a double does not hold ------------------------------------------------------------- */

/* readable answers the text with the numbers that cJSON would not take replaced by 0; the text itself, if there are none. */
static const char *
readable(const sfms_scanned *s)
{
    char *copy = NULL;

    for (size_t i = 0; i < s->n_odd; i++) {
        if (s->odd[i].n <= SFMS_NUMBER_CHARS)
            continue;
        if (copy == NULL)
            copy = sfms_memdup(s->arena, s->text, s->n);
        memset(copy + s->odd[i].at, ' ', s->odd[i].n);
        copy[s->odd[i].at] = '0';
    }
    return copy != NULL ? copy : s->text;
}

/* mark_odd gives the odd numbers of a tree their texts, in the order of the document. */
static void
mark_odd(const sfms_scanned *s, cJSON *item, size_t *number, size_t *odd)
{
    for (; item != NULL && *odd < s->n_odd; item = item->next) {
        if (cJSON_IsNumber(item) && (*number)++ == s->odd[*odd].ordinal) {
            item->valuestring = sfms_strndup(s->arena, s->text + s->odd[*odd].at, s->odd[*odd].n);
            item->valuedouble = strtod(item->valuestring, NULL);
            (*odd)++;
        }
        mark_odd(s, item->child, number, odd);
    }
}

static cJSON *
build(const sfms_scanned *s)
{
    cJSON *tree = parse(s->arena, readable(s), s->n);
    size_t number = 0, odd = 0;

    if (tree != NULL)
        mark_odd(s, tree, &number, &odd);
    return tree;
}

/* ---- both ways --------------------------------------------------------------------------------------- */

/* not_json says why a text is none. A string with U+0000 is JSON, but no text that we can hold. */
static void
not_json(sfms_call *call, const char *prefix, const sfms_scanned *s, size_t skipped)
{
    if (!s->nul) {
        sfms_fail(call, &sfms_bad_json, sfms_printf(call->arena, "%zu", s->at + skipped + 1));
        return;
    }
    const char *path = sfms_printf(call->arena, "%s%s", prefix, sfms_json_place(call->arena, s->text, s->at));
    sfms_violate(call, path, &sfms_nul_character);
}

cJSON *
sfms_json_parse(sfms_call *call, const char *text, size_t n)
{
    return sfms_json_parse_at(call, "", text, n);
}

cJSON *
sfms_json_parse_at(sfms_call *call, const char *prefix, const char *text, size_t n)
{
    static const char mark[] = "\xef\xbb\xbf";
    /* RFC 8259 lets a reader ignore a byte order mark, and some systems cannot help writing one. */
    size_t skipped = n >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    sfms_scanned s = {.text = text + skipped,
        .n = n - skipped,
        .depth = SFMS_JSON_DEPTH,
        .values = SFMS_JSON_VALUES,
        .arena = call->arena};

    switch (sfms_json_scan(&s)) {
    case SFMS_SCAN_DEEP:
        sfms_fail(call, &sfms_json_depth);
        return NULL;
    case SFMS_SCAN_MANY:
        sfms_fail(call, &sfms_json_values, sfms_printf(call->arena, "%d", SFMS_JSON_VALUES));
        return NULL;
    case SFMS_SCAN_BAD:
        not_json(call, prefix, &s, skipped);
        return NULL;
    case SFMS_SCAN_OK:
        break;
    }

    if (!sfms_arena_room(call->arena, s.n_values * VALUE_BYTES)) {
        sfms_fail(call, &sfms_overloaded);
        call->failure->retry_after = 1;
        return NULL;
    }
    cJSON *tree = build(&s);
    if (tree == NULL)
        SFMS_WRONG("JSON that cJSON cannot read");
    return check_keys(call, tree) ? tree : NULL;
}

cJSON *
sfms_json_stored(sfms_arena *a, const char *text, size_t n)
{
    sfms_scanned s = {.text = text, .n = n, .depth = SFMS_STORED_DEPTH, .values = SIZE_MAX, .arena = a};

    if (n > SFMS_STORED_BYTES || sfms_json_scan(&s) != SFMS_SCAN_OK)
        return NULL;
    return build(&s);
}
