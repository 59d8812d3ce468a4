/* shapes.c -- the shapes that a process keeps. */
#include "db/shapes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "core/log.h"

enum { KEPT_SETS = 256, KEPT_WAYS = 2 };

/* A shape with its arena. Who uses it has a reference, so that it may be put out of the table at any time. */
typedef struct {
    atomic_int refs;
    char org_id[SFMS_ID_SIZE];
    sfms_arena *arena;
    const sfms_shape *shape;
} kept;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static kept *table[KEPT_SETS][KEPT_WAYS]; /* of a set, the one that was used last comes first */

static void
release(void *arg)
{
    kept *k = arg;

    if (atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
        return;
    sfms_arena_free(k->arena);
    free(k);
}

static kept **
set_of(const char *org_id)
{
    unsigned hash = 2166136261U;

    for (const char *p = org_id; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619U;
    return table[hash % KEPT_SETS];
}

/* The shape that is kept of the organisation in that version, with a reference for the caller; NULL if there is none. */
static kept *
find(const char *org_id, uint64_t version)
{
    kept **set = set_of(org_id);
    kept *found = NULL;

    pthread_mutex_lock(&lock);
    for (int i = 0; i < KEPT_WAYS && found == NULL; i++) {
        if (set[i] == NULL || strcmp(set[i]->org_id, org_id) != 0 ||
            sfms_shape_version(set[i]->shape) != version)
            continue;
        found = set[i];
        set[i] = set[0];
        set[0] = found;
        atomic_fetch_add_explicit(&found->refs, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void
keep(kept *k)
{
    kept **set = set_of(k->org_id);
    kept *out;

    pthread_mutex_lock(&lock);
    out = set[KEPT_WAYS - 1];
    for (int i = KEPT_WAYS - 1; i > 0; i--)
        set[i] = set[i - 1];
    set[0] = k;
    pthread_mutex_unlock(&lock);
    if (out != NULL)
        release(out);
}

sfms_status
sfms_shape_load(sfms_call *call, Pb__Shape *ret)
{
    PGresult *result;
    sfms_status status =
        sfms_query(call, &result, "SELECT app.shape_version($1::uuid)", SFMS_ARGS(call->principal->org_id));

    if (status != SFMS_OK)
        return status;
    ret->version = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    return sfms_many(call, ret, "fields",
        "SELECT {columns} FROM identity.fields WHERE org_id = $1 AND delete_time IS NULL ORDER BY "
        "create_time, id",
        SFMS_ARGS(call->principal->org_id));
}

/* Copies what was read into an arena that lives longer than the call. What was read may be newer than the version asked for: it
 * is kept as that. */
static kept *
kept_new(sfms_call *call, Pb__Shape *defined, uint64_t version)
{
    kept *k = calloc(1, sizeof(*k));
    size_t n;
    uint8_t *bytes;

    if (k == NULL)
        sfms_die("out of memory");
    defined->version = version;
    n = protobuf_c_message_get_packed_size(&defined->base);
    bytes = sfms_alloc_raw(call->arena, n);
    protobuf_c_message_pack(&defined->base, bytes);
    atomic_init(&k->refs, 2);
    strncpy(k->org_id, call->principal->org_id, sizeof(k->org_id) - 1);
    k->arena = sfms_arena_new();
    k->shape = sfms_shape_new(k->arena, call->contract,
        (Pb__Shape *)protobuf_c_message_unpack(&pb__shape__descriptor, sfms_arena_pb(k->arena), n, bytes));
    return k;
}

static void
use(sfms_call *call, kept *k)
{
    sfms_arena_own(call->arena, k, release);
    call->shape = k->shape;
}

static sfms_status
enter(sfms_call *call, uint64_t version)
{
    Pb__Shape defined = PB__SHAPE__INIT;
    kept *k = find(call->principal->org_id, version);
    sfms_status status = k != NULL ? SFMS_OK : sfms_shape_load(call, &defined);

    if (status != SFMS_OK)
        return status;
    if (k == NULL) {
        k = kept_new(call, &defined, version);
        keep(k);
    }
    use(call, k);
    return SFMS_OK;
}

sfms_status
sfms_shape_enter(sfms_call *call)
{
    uint64_t version = call->principal != NULL ? call->principal->shape_version : 0;

    if (version <= 1) {
        call->shape = version == 0 ? NULL : &sfms_shape_none;
        return SFMS_OK;
    }
    return enter(call, version);
}

static bool
is_about_custom(const sfms_call *call)
{
    for (size_t i = 0; call->failure != NULL && i < call->failure->n_violations; i++)
        if (strstr(call->failure->violations[i]->field, "custom_fields") != NULL)
            return true;
    return false;
}

bool
sfms_shape_again(sfms_call *call)
{
    Pb__Status *failure = call->failure;
    PGresult *result;
    uint64_t version;

    if (call->shape == NULL || !is_about_custom(call))
        return false;
    call->failure = NULL;
    if (sfms_query(call, &result, "SELECT app.shape_version($1::uuid)", SFMS_ARGS(call->principal->org_id)) ==
        SFMS_OK) {
        version = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
        if (version != sfms_shape_version(call->shape) && enter(call, version) == SFMS_OK)
            return true;
    }
    call->failure = failure;
    return false;
}
