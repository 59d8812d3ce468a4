/* readers.c -- the thread that reads the event log for all readers of a process. */
#include "work/readers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/time.h"
#include "db/heads.h"
#include "work/inside.h"

enum {
    PAGE = 200,
    LOOK_MS = 2000, /* how often it looks, if nobody tells it anything */
    AFTER_FAILURE_MS = 1000,
    CALL_US = 60 * 1000000,
};

struct sfms_work_reading {
    sfms_work_state *work;
    unsigned n;
    const sfms_reader_row **rows;
    _Atomic int64_t *lag_ms; /* of each: the age of what it has not dealt with yet */
    sfms_db *db;
    sfms_arena *arena;
    sfms_heads *heads; /* says when something was written */
    pthread_t thread;
};

/* ---- one organisation -------------------------------------------------------------------------------- */

/* Another replica may have it. */
static const char position_sql[] =
    "SELECT xid, seq, app.event_mark() FROM app.readers"
    " WHERE org_id = (SELECT app.org_id()) AND name = $1 FOR UPDATE SKIP LOCKED";

static const char events_sql[] =
    "SELECT md5(e.org_id::text || e.seq)::uuid, e.resource, e.record_id, e.action, e.actor_id, e.owner_id,"
    "       e.other_owner_id, e.before, e.after, e.cause, e.depth, e.xid, e.seq, e.moved FROM app.events e"
    " WHERE e.org_id = (SELECT app.org_id()) AND (e.xid, e.seq) > ($1::xid8, $2::bigint) AND e.xid < $3::xid8"
    "   AND e.resource = ANY ($4::text[]) AND e.action <> 'OUT_OF_SIGHT' AND e.for_id IS NULL"
    " ORDER BY e.xid, e.seq LIMIT $5::integer";

static const char *
value(const PGresult *rows, int r, int column)
{
    return PQgetisnull(rows, r, column) ? NULL : PQgetvalue(rows, r, column);
}

static sfms_log_event *
all_events(sfms_arena *a, const PGresult *rows)
{
    int n = PQntuples(rows);
    sfms_log_event *events = sfms_new_array(a, sfms_log_event, (size_t)n + 1);

    for (int r = 0; r < n; r++)
        events[r] = (sfms_log_event){
            .id = value(rows, r, 0),
            .resource = value(rows, r, 1),
            .record_id = value(rows, r, 2),
            .action = value(rows, r, 3),
            .actor_id = value(rows, r, 4),
            .owner_id = value(rows, r, 5),
            .former_owner_id = value(rows, r, 6),
            .before = value(rows, r, 7),
            .after = value(rows, r, 8),
            .cause = value(rows, r, 9),
            .depth = (unsigned)strtoul(PQgetvalue(rows, r, 10), NULL, 10),
            .moved = PQgetvalue(rows, r, 13)[0] == 't',
        };
    return events;
}

sfms_status
sfms_reader_because(sfms_call *call, const sfms_log_event *event)
{
    return sfms_exec(call, NULL, "SELECT set_config('sfms.cause', $1, true)",
        SFMS_ARGS(sfms_printf(call->arena, "%s/%u", event->id, event->depth + 1)));
}

/* Deals with a page of events, in the transaction of the call. *ret_more if there may be more. */
static sfms_status
take_page(sfms_call *call, const sfms_reader_row *row, bool *ret_more)
{
    PGresult *at, *rows;
    const char *xid, *seq;
    int n;
    sfms_status status = sfms_query(call, &at, position_sql, SFMS_ARGS(row->name));

    *ret_more = false;
    if (status != SFMS_OK || PQntuples(at) == 0)
        return status;
    status = sfms_query(call, &rows, events_sql,
        SFMS_ARGS(PQgetvalue(at, 0, 0), PQgetvalue(at, 0, 1), PQgetvalue(at, 0, 2), row->resources,
            sfms_printf(call->arena, "%d", PAGE)));
    if (status != SFMS_OK)
        return status;
    n = PQntuples(rows);
    *ret_more = n == PAGE;
    xid = *ret_more ? PQgetvalue(rows, n - 1, 11) : PQgetvalue(at, 0, 2);
    seq = *ret_more ? PQgetvalue(rows, n - 1, 12) : "0";
    status = n > 0 ? row->take(call, (size_t)n, all_events(call->arena, rows)) : SFMS_OK;
    if (status != SFMS_OK)
        return status;
    return sfms_exec(call, NULL,
        "UPDATE app.readers SET xid = $2::xid8, seq = $3::bigint, update_time = now(), error = NULL"
        " WHERE org_id = (SELECT app.org_id()) AND name = $1",
        SFMS_ARGS(row->name, xid, seq));
}

/* Keeps what went wrong where operators look. */
static void
note_failure(struct sfms_work_reading *g, const sfms_reader_row *row, const sfms_call *failed)
{
    sfms_call call = sfms_work_call(g->work, g->db, g->arena, failed->principal, row->name);
    const char *why = failed->note != NULL      ? failed->note
                      : failed->failure != NULL ? failed->failure->message
                                                : "";

    sfms_log(SFMS_LOG_WARN, "reader=\"%s\" org=%s fails, and tries again: %s", row->name,
        failed->principal->org_id, why);
    sfms_exec(&call, NULL,
        "UPDATE app.readers SET error = $2 WHERE org_id = (SELECT app.org_id()) AND name = $1",
        SFMS_ARGS(row->name, why));
}

/* Reads what one organisation has for a reader. False if that failed. */
static bool
read_org(struct sfms_work_reading *g, const sfms_reader_row *row, const char *org_id)
{
    bool more = true;

    while (more && !sfms_work_stopping(g->work)) {
        Pb__Principal principal = PB__PRINCIPAL__INIT;
        sfms_call call = sfms_work_call(g->work, g->db, g->arena, &principal, row->name);
        sfms_status status;

        principal.org_id = org_id;
        status = sfms_one(&call, &principal, SFMS_ORG_CALLER_SQL, SFMS_ARGS(org_id));
        if (status == SFMS_OK) {
            sfms_tx_begin(&call);
            status = sfms_tx_end(&call, take_page(&call, row, &more));
        }
        if (status != SFMS_OK) {
            note_failure(g, row, &call);
            return false;
        }
    }
    return true;
}

/* ---- all of them ------------------------------------------------------------------------------------- */

/* Reads for one reader what there is; answers whether all went well. */
static bool
read_all(struct sfms_work_reading *g, unsigned i)
{
    const sfms_reader_row *row = g->rows[i];
    sfms_call call = sfms_work_call(g->work, g->db, g->arena, NULL, row->name);
    PGresult *orgs;
    int64_t lag = 0;
    bool well = true;

    if (sfms_query(&call, &orgs, "SELECT org_id, readable, lag_ms FROM app.orgs_to_read($1)",
            SFMS_ARGS(row->name)) != SFMS_OK)
        return false;
    for (int r = 0; r < PQntuples(orgs); r++) {
        int64_t ms = strtoll(PQgetvalue(orgs, r, 2), NULL, 10);
        bool done = PQgetvalue(orgs, r, 1)[0] == 't' && read_org(g, row, PQgetvalue(orgs, r, 0));

        well = well && (done || PQgetvalue(orgs, r, 1)[0] == 'f');
        if (!done && ms > lag)
            lag = ms;
    }
    atomic_store(&g->lag_ms[i], lag);
    return well;
}

static void *
loop(void *arg)
{
    struct sfms_work_reading *g = arg;

    while (!sfms_work_stopping(g->work)) {
        unsigned long told = sfms_work_count_told(g->work);
        bool well = true;

        for (unsigned i = 0; i < g->n; i++)
            well = read_all(g, i) && well;
        sfms_arena_reset(g->arena);
        sfms_work_sleep_until_told(g->work, told, well ? LOOK_MS : AFTER_FAILURE_MS);
    }
    return NULL;
}

static void
moved(void *arg, size_t n, const char *const *org_ids)
{
    struct sfms_work_reading *g = arg;

    (void)n;
    (void)org_ids;
    sfms_work_tell(g->work);
}

static bool
wanted(void *arg)
{
    (void)arg;
    return true;
}

/* ---- starting and stopping --------------------------------------------------------------------------- */

unsigned
sfms_work_count_readers(const sfms_service *service)
{
    unsigned n = 0;

    for (const sfms_noun *const *noun = service->nouns; *noun != NULL; noun++) {
        for (const sfms_reader_row *row = (*noun)->readers; row != NULL && row->name != NULL; row++)
            n++;
    }
    return n;
}

struct sfms_work_reading *
sfms_work_reading_start(sfms_work_state *w, const sfms_service *service)
{
    struct sfms_work_reading *g = sfms_new(w->kept, struct sfms_work_reading);
    unsigned n = sfms_work_count_readers(service);

    if (n == 0)
        return NULL;
    g->work = w;
    g->rows = sfms_new_array(w->kept, const sfms_reader_row *, n);
    g->lag_ms = (_Atomic int64_t *)sfms_new_array(w->kept, int64_t, n);
    for (const sfms_noun *const *noun = service->nouns; *noun != NULL; noun++) {
        for (const sfms_reader_row *row = (*noun)->readers; row != NULL && row->name != NULL; row++)
            g->rows[g->n++] = row;
    }
    g->db = sfms_db_open(w->env->database);
    g->arena = sfms_arena_new();
    g->heads = sfms_heads_start(w->env->database, moved, wanted, g);
    if (pthread_create(&g->thread, NULL, loop, g) != 0)
        sfms_die("cannot start a thread for readers");
    return g;
}

void
sfms_work_reading_stop(struct sfms_work_reading *g)
{
    if (g == NULL)
        return;
    sfms_heads_stop(g->heads);
    pthread_join(g->thread, NULL);
    sfms_db_close(g->db);
    sfms_arena_free(g->arena);
}

void
sfms_work_reading_report(struct sfms_work_reading *g, sfms_arena *a, Pb__HealthStatus *health)
{
    if (g == NULL)
        return;
    health->readers = sfms_new_array(a, Pb__ReaderLag *, g->n);
    for (unsigned i = 0; i < g->n; i++) {
        Pb__ReaderLag *lag = (Pb__ReaderLag *)sfms_message_new(a, &pb__reader_lag__descriptor);

        lag->name = g->rows[i]->name;
        lag->lag_ms = atomic_load(&g->lag_ms[i]);
        health->readers[health->n_readers++] = lag;
    }
}
