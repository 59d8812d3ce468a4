/*
 * batch.c -- the statements of many calls in one transaction.
 *
 * First all of them in one pipeline, which is the quickest way if all succeed. If one is refused, everything up to the next sync
 * is lost; so then, and for some batches after that, each statement gets a savepoint before it: a refused one costs itself, a
 * rollback to its savepoint, and one more round trip for those after it.
 */
#include <string.h>

#include "core/time.h"
#include "db/connection.h"

enum {
    CAREFUL_BATCHES = 64, /* after one in which a statement was refused */
    LOCK_AGAIN_MS = 20,   /* for the others in a batch, once one has waited for a lock in vain */
};

/* ---- many at once ------------------------------------------------------------------------------------ */

static bool
same_cause(const sfms_call *a, const sfms_call *b)
{
    return strcmp(a->cause != NULL ? a->cause : "", b->cause != NULL ? b->cause : "") == 0 &&
           a->depth == b->depth;
}

/* The neighbours that share a principal and a cause, and the longest time that one of them has left. */
static size_t
same_principal(const sfms_batch_item *items, size_t from, size_t n, int64_t *ret_timeout)
{
    size_t end = from;

    *ret_timeout = 1;
    while (end < n && items[end].call->principal == items[from].call->principal &&
           same_cause(items[end].call, items[from].call)) {
        int64_t left = sfms_time_left_ms(items[end].call);

        if (left > *ret_timeout)
            *ret_timeout = left;
        end++;
    }
    return end;
}

/* Sends all items and one sync. Positions of the answers: one for each group's principal, one for each item. */
static void
send_all(sfms_db *db, size_t n, const sfms_batch_item *items)
{
    for (size_t i = 0; i < n;) {
        int64_t timeout;
        size_t end = same_principal(items, i, n, &timeout);

        sfms_send_principal(db, items[i].call, timeout, SFMS_LOCK_MS);
        for (; i < end; i++)
            sfms_connection_send(db, &items[i].statement);
    }
}

static void
take_all(sfms_db *db, size_t n, sfms_batch_item *items)
{
    size_t answer = 0;

    for (size_t i = 0; i < n;) {
        int64_t timeout;
        size_t end = same_principal(items, i, n, &timeout);

        answer++; /* of the principal */
        for (; i < end; i++)
            items[i].result = sfms_connection_answer(db, items[i].call->arena, answer++);
    }
}

/* ---- with savepoints --------------------------------------------------------------------------------- */

typedef struct {
    sfms_db *db;
    size_t n;
    sfms_batch_item *items;
    int lock_ms;
} careful_run;

/* Sends the items from the one at i on, and before each its principal and a savepoint: three answers for each, after those of
 * first. */
static void
send_from(const careful_run *run, size_t i)
{
    for (; i < run->n; i++) {
        const sfms_call *call = run->items[i].call;

        sfms_send_principal(run->db, call, sfms_time_left_ms(call), run->lock_ms);
        sfms_connection_send(run->db, &(sfms_statement){.sql = "SAVEPOINT one"});
        sfms_connection_send(run->db, &run->items[i].statement);
    }
}

/* What has been done so far is undone, and what was refused forgotten. */
static void
undo(const careful_run *run)
{
    for (size_t i = 0; i < run->n; i++) {
        run->items[i].result = NULL;
        sfms_call_retry(run->items[i].call);
    }
    if (!sfms_connection_alive(run->db))
        return;
    sfms_connection_send(run->db, &(sfms_statement){.sql = "ROLLBACK"});
    sfms_connection_sync(run->db);
}

/* Fails the call of an item for what the server said. Who has waited for a lock makes the others wait less. */
static void
refuse(careful_run *run, size_t i)
{
    sfms_call *call = run->items[i].call;

    sfms_sql_error(call, sfms_connection_take(run->db, call->arena, SFMS_OUTCOME_ERROR));
    if (call->failure != NULL && strcmp(call->failure->reason, sfms_blocked.name) == 0)
        run->lock_ms = LOCK_AGAIN_MS;
}

/* The answers: that of BEGIN or ROLLBACK TO, then so many for each item. */
enum { ANSWER_HEAD = 1, ANSWERS_EACH = 3, ANSWER_ITEM = 2 };

/* How many items were done, by what sync said; -1 if what failed was no item: then nothing is sure. */
static long
count_done(const careful_run *run, size_t from, sfms_outcome outcome)
{
    size_t failed = run->db->failed_answer;

    if (outcome == SFMS_OUTCOME_OK)
        return (long)(run->n - from);
    if (outcome == SFMS_OUTCOME_LOST || failed < ANSWER_HEAD ||
        (failed - ANSWER_HEAD) % ANSWERS_EACH != ANSWER_ITEM)
        return -1;
    return (long)((failed - ANSWER_HEAD) / ANSWERS_EACH);
}

/* Runs the items in an open transaction, each alone in what it can undo. False if it cannot be committed. */
static bool
run_each(careful_run *run)
{
    sfms_connection_send(run->db, &(sfms_statement){.sql = "BEGIN"});
    for (size_t i = 0; i < run->n;) {
        sfms_outcome outcome;
        long done;

        send_from(run, i);
        outcome = sfms_connection_sync(run->db);
        done = count_done(run, i, outcome);
        if (done < 0)
            return false;
        for (size_t k = 0; k < (size_t)done; k++, i++)
            run->items[i].result = sfms_connection_answer(
                run->db, run->items[i].call->arena, ANSWER_HEAD + ANSWERS_EACH * k + ANSWER_ITEM);
        if (outcome == SFMS_OUTCOME_OK)
            break;
        if (run->db->stale)
            return false;
        refuse(run, i++);
        sfms_connection_send(run->db, &(sfms_statement){.sql = "ROLLBACK TO one"});
    }
    return true;
}

/* Commits; what fails then fails for all of them. */
static void
commit(const careful_run *run)
{
    sfms_outcome outcome;

    sfms_connection_send(run->db, &(sfms_statement){.sql = "COMMIT"});
    outcome = sfms_connection_sync(run->db);
    for (size_t i = 0; i < run->n && outcome != SFMS_OUTCOME_OK; i++) {
        sfms_call *call = run->items[i].call;

        run->items[i].result = NULL;
        if (call->failure == NULL && outcome == SFMS_OUTCOME_LOST)
            sfms_fail_lost(call);
        else if (call->failure == NULL)
            sfms_fail(call, &sfms_conflict);
    }
}

/* What was prepared before a migration fails in the middle: then all of it once more, prepared again. */
static void
run_carefully(sfms_db *db, size_t n, sfms_batch_item *items)
{
    careful_run run = {.db = db, .n = n, .items = items, .lock_ms = SFMS_LOCK_MS};
    bool done = false, stale = true;

    for (int tries = 0; !done && stale && tries < 2; tries++) {
        done = sfms_connection_ready(db) && run_each(&run);
        stale = db->stale;
        if (!done)
            undo(&run);
    }
    if (done) {
        commit(&run);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (items[i].call->failure == NULL)
            sfms_fail_unreachable(items[i].call); /* rolled back, or never begun */
    }
}

/* ---- the batch --------------------------------------------------------------------------------------- */

static void
run_one_by_one(size_t n, sfms_batch_item *items)
{
    for (size_t i = 0; i < n; i++)
        sfms_run_statement(items[i].call, &items[i].result, &items[i].statement);
}

/* Whether all that is in it only reads: then one that fails undoes nothing. */
static bool
only_reads(size_t n, const sfms_batch_item *items)
{
    for (size_t i = 0; i < n; i++) {
        if (!items[i].call->method->rule->idempotent)
            return false;
    }
    return true;
}

void
sfms_batch(sfms_db *db, size_t n, sfms_batch_item *items)
{
    sfms_outcome outcome;

    for (size_t i = 0; i < n; i++)
        items[i].result = NULL;
    if (n == 0)
        return;
    if (!sfms_connection_ready(db)) {
        for (size_t i = 0; i < n; i++)
            sfms_fail_unreachable(items[i].call);
        return;
    }
    if (n == 1) {
        run_one_by_one(n, items);
        return;
    }
    if (db->careful > 0 && !only_reads(n, items)) {
        db->careful--;
        run_carefully(db, n, items);
        return;
    }
    send_all(db, n, items);
    outcome = sfms_connection_sync(db);
    if (outcome == SFMS_OUTCOME_OK) {
        take_all(db, n, items);
    } else if (outcome == SFMS_OUTCOME_LOST) {
        for (size_t i = 0; i < n; i++)
            sfms_fail_lost(items[i].call);
    } else if (only_reads(n, items)) {
        run_one_by_one(n, items);
    } else {
        db->careful = CAREFUL_BATCHES;
        run_carefully(db, n, items);
    }
}
