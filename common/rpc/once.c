/*
 * once.c -- writes that carry an Idempotency-Key happen once: the same key answers the same.
 *
 * The write, and its answer under the key, are one transaction; an advisory lock on the key makes the second of two
 * that come together fail with IDEMPOTENCY_KEY_RUNNING instead of wait. Kept for 24 hours, for the user that sent it. Only
 * successes are kept: a failure has changed nothing (it was rolled back), so the same key may be tried again with a
 * corrected request. What makes a request the same is its method, its conditions and its bytes; their hash is kept under a key
 * made of the wire's secret: a request may hold a password, and whoever reads a backup cannot try passwords on it. Methods that
 * the contract calls idempotent, and calls without a principal, need no key and ignore it. What must stay though the write is
 * rolled back is done before the transaction (see sfms_method_row).
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "rpc/serving.h"

/* Answers from a statement of the same snapshot as the lock, so another's answer may be stored just in between; the
 * INSERT below then touches no row. */
static const char look_sql[] =
    "SELECT pg_try_advisory_xact_lock(hashtextextended(concat_ws('/', app.org_id(), app.user_id(), "
    "$1::text), 0))::int,"
    "       kept.request_hash, encode(kept.reply, 'hex')"
    "  FROM (SELECT 1) one LEFT JOIN app.idempotency kept"
    "    ON kept.org_id = app.org_id() AND kept.user_id = app.user_id() AND kept.key = $1"
    "   AND kept.create_time > now() - interval '24 hours'";

static const char keep_sql[] =
    "INSERT INTO app.idempotency AS kept (key, request_hash, reply) VALUES ($1, $2, $3::bytea)"
    " ON CONFLICT (org_id, user_id, key) DO UPDATE"
    "   SET request_hash = excluded.request_hash, reply = excluded.reply, create_time = now()"
    " WHERE kept.create_time <= now() - interval '24 hours'";

bool
sfms_once_wanted(const sfms_run *run)
{
    const sfms_call *call = &run->call;

    return call->idempotency_key != NULL && !call->method->rule->idempotent && call->principal != NULL;
}

static bool
key_valid(const char *key)
{
    size_t n = strlen(key);

    for (size_t i = 0; i < n; i++) {
        if (key[i] < ' ' || key[i] > '~')
            return false;
    }
    return n > 0 && n <= SFMS_IDEMPOTENCY_KEY_MAX;
}

/* What makes the request the same, as text. */
static sfms_buf
describe_request(sfms_run *run)
{
    sfms_arena *a = run->call.arena;
    const ProtobufCBinaryData *request = &run->wire->request;
    const sfms_condition *c = &run->call.condition;
    sfms_buf b;

    sfms_buf_init(&b, a, SIZE_MAX / 2);
    sfms_buf_printf(&b, "%s %llu", run->wire->method, (unsigned long long)run->wire->if_match);
    for (size_t i = 1; i < c->n_versions; i++)
        sfms_buf_printf(&b, ",%llu", (unsigned long long)c->versions[i]);
    sfms_buf_add(&b, c->absent ? " absent\n" : c->exists && c->n_versions == 0 ? " exists\n" : "\n");
    sfms_buf_mem(&b, (const char *)request->data, request->len);
    return b;
}

static const char *
hash_with(sfms_run *run, const sfms_key *key)
{
    sfms_buf b = describe_request(run);
    uint8_t hash[SFMS_MAC_SIZE];

    sfms_keyed_hash(key, b.data, b.len, hash);
    return sfms_hex(run->call.arena, hash, sizeof(hash));
}

static const char *
hash_request(sfms_run *run)
{
    size_t n;

    return hash_with(run, sfms_ring_keys(sfms_env()->once_ring, &n));
}

/* Whether what was kept is of the same request: by the key of now, or by another one that holds while keys are changed. */
static bool
is_same(sfms_run *run, const char *kept)
{
    size_t n;
    const sfms_key *keys = sfms_ring_keys(sfms_env()->once_ring, &n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(kept, hash_with(run, &keys[i])) == 0)
            return true;
    }
    return false;
}

/* The previous version kept hashes without a key. Its answers are good until they are a day old: then this goes. */
static bool
is_unkeyed(sfms_run *run, const char *kept)
{
    sfms_buf b = describe_request(run);
    uint8_t hash[SFMS_MAC_SIZE];

    sfms_hash(b.data, b.len, hash);
    return strcmp(kept, sfms_hex(run->call.arena, hash, sizeof(hash))) == 0;
}

/* The answer that was kept, from hexadecimal text. */
static Pb__Reply *
read_kept(sfms_arena *a, const char *hex)
{
    size_t max = strlen(hex) / 2, n = 0;
    uint8_t *bytes = sfms_alloc(a, max);

    if (sodium_hex2bin(bytes, max, hex, strlen(hex), NULL, &n, NULL) != 0)
        return NULL;
    return (Pb__Reply *)protobuf_c_message_unpack(&pb__reply__descriptor, sfms_arena_pb(a), n, bytes);
}

/* Takes the key's lock, and the answer kept under it, if there is one, as the run's reply. */
static sfms_status
look(sfms_run *run, const char *hash)
{
    sfms_call *call = &run->call;
    const char *kept;
    PGresult *result;
    sfms_status status = sfms_query(call, &result, look_sql, SFMS_ARGS(call->idempotency_key));

    if (status != SFMS_OK)
        return status;
    if (PQgetvalue(result, 0, 0)[0] != '1')
        return sfms_fail(call, &sfms_key_running);
    if (PQgetisnull(result, 0, 1))
        return SFMS_OK;
    kept = PQgetvalue(result, 0, 1);
    if (strcmp(kept, hash) != 0 && !is_same(run, kept) && !is_unkeyed(run, kept))
        return sfms_fail(call, &sfms_key_reused);
    run->reply = read_kept(call->arena, PQgetvalue(result, 0, 2));
    if (run->reply == NULL)
        return sfms_fail(call, &sfms_internal);
    run->reply->replayed = true;
    return SFMS_OK;
}

static sfms_status
keep(sfms_run *run, const char *hash)
{
    sfms_call *call = &run->call;
    const Pb__Reply *reply = sfms_run_reply(run);
    size_t n = protobuf_c_message_get_packed_size(&reply->base);
    uint8_t *bytes = sfms_alloc(call->arena, n);
    long rows = 0;
    sfms_status status;

    protobuf_c_message_pack(&reply->base, bytes);
    status = sfms_exec(call, &rows, keep_sql,
        SFMS_ARGS(
            call->idempotency_key, hash, sfms_printf(call->arena, "\\x%s", sfms_hex(call->arena, bytes, n))));
    if (status == SFMS_OK && rows == 0)
        return sfms_fail(call, &sfms_key_running);
    return status;
}

/* Does what comes before the transaction, outside of it. The key's lock is let go meanwhile, so the answer is looked for
 * again. */
static sfms_status
step_outside(sfms_run *run, const char *hash)
{
    sfms_status status = sfms_tx_end(&run->call, SFMS_OK);

    if (status == SFMS_OK)
        status = sfms_run_before(run);
    sfms_tx_begin(&run->call);
    return status == SFMS_OK ? look(run, hash) : status;
}

void
sfms_once(sfms_run *run)
{
    sfms_call *call = &run->call;
    const char *hash;
    sfms_status status;

    if (!key_valid(call->idempotency_key)) {
        sfms_fail(call, &sfms_bad_key);
        return;
    }
    hash = hash_request(run);
    sfms_tx_begin(call);
    status = look(run, hash);
    if (status == SFMS_OK && run->reply == NULL && run->served->row != NULL &&
        run->served->row->before != NULL)
        status = step_outside(run, hash);
    if (status == SFMS_OK && run->reply == NULL) {
        status = sfms_run_method(run);
        if (status == SFMS_OK)
            status = keep(run, hash);
    }
    sfms_tx_end(call, status);
}
