/*
 * dispatch.c -- the calls of a batch: checked, run, answered.
 *
 * Point calls of the engine go to the database as one pipeline. Everything else runs by itself, one after the other.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "db/shapes.h"
#include "proto/principal.h"
#include "proto/validate.h"
#include "rpc/serving.h"
#include "rpc/trust.h"

enum {
    SLOW_MS = 1000,     /* a call that takes longer is worth a line in the log */
    LINES_A_SECOND = 20 /* about failed calls; when the database is away there would be thousands */
};

/* ---- before ------------------------------------------------------------------------------------------ */

/* Points the call to its principal, who must be one that identity has signed. trusted has those of the batch that are known to
 * be, by their numbers. */
static sfms_status
find_principal(const sfms_server *s, sfms_call *call, const Pb__Batch *batch, uint32_t number, bool *trusted)
{
    const Pb__Principal *p;
    sfms_status status;

    if (number == 0)
        return SFMS_OK;
    if (number > batch->n_principals)
        return sfms_fail(call, &sfms_bad_message);
    p = batch->principals[number - 1];
    if (!trusted[number - 1] && !(s->unsigned_principals && !sfms_principal_signed(p))) {
        status = sfms_trust(call, p);
        if (status != SFMS_OK)
            return status;
    }
    trusted[number - 1] = true;
    call->principal = p;
    return SFMS_OK;
}

/* Everything that can be said about a call before it is run. Answers how it stands. */
static sfms_status
prepare(const sfms_server *s, const Pb__Batch *batch, bool *trusted, sfms_run *run)
{
    sfms_call *call = &run->call;
    const Pb__Call *wire = run->wire;

    call->method = sfms_contract_method(s->env.contract, wire->method);
    call->impatient = call->method != NULL && sfms_lane_of(call->method) == SFMS_LANE_WRITE && !wire->patient;
    run->served = sfms_served_find(s, call->method);
    if (run->served == NULL)
        return sfms_fail(call, &sfms_unimplemented);
    if (wire->timeout_ms == 0 || sfms_mono_us() >= call->deadline_us) /* it may have waited for a worker */
        return sfms_fail(call, &sfms_deadline);
    if (find_principal(s, call, batch, wire->principal, trusted) != SFMS_OK ||
        sfms_allowed(call, true) != SFMS_OK)
        return (sfms_status)call->failure->code;
    run->in = protobuf_c_message_unpack(
        call->method->input->desc, sfms_arena_pb(call->arena), wire->request.len, wire->request.data);
    if (run->in == NULL)
        return sfms_fail(call, &sfms_bad_message);
    sfms_buf_init(
        &run->packed, call->arena, SIZE_MAX / 2); /* what a message may hold is looked at once it is made */
    if (run->served->row != NULL)
        run->out = sfms_message_new(call->arena, call->method->output->desc);
    if (sfms_shape_enter(call) != SFMS_OK)
        return (sfms_status)call->failure->code;
    if (sfms_validate(call, run->in) == SFMS_OK || !sfms_shape_again(call))
        return sfms_violations(call);
    return sfms_validate(call, run->in);
}

static sfms_condition
condition_of(sfms_arena *a, const Pb__Call *wire)
{
    sfms_condition c = {.exists = wire->must_exist || wire->if_match != 0, .absent = wire->must_not_exist};
    uint64_t *versions;

    if (wire->if_match == 0)
        return c;
    versions = sfms_new_array(a, uint64_t, wire->n_or_match + 1);
    versions[0] = wire->if_match;
    for (size_t i = 0; i < wire->n_or_match; i++)
        versions[i + 1] = wire->or_match[i];
    c.versions = versions;
    c.n_versions = wire->n_or_match + 1;
    return c;
}

static void
init_run(const sfms_server *s, sfms_run *run, sfms_db *db, sfms_arena *a, const Pb__Call *wire, int64_t now)
{
    run->server = s;
    run->wire = wire;
    run->call = (sfms_call){
        .arena = a,
        .db = db,
        .contract = s->env.contract,
        .locale = sfms_locale_parse(wire->locale),
        .request_id = wire->request_id,
        .traceparent = wire->traceparent,
        .idempotency_key = wire->idempotency_key[0] != '\0' ? wire->idempotency_key : NULL,
        .peer = wire->peer,
        .claimed = wire->claimed,
        .agent = wire->agent,
        .cause = wire->cause,
        .depth = wire->depth,
        .condition = condition_of(a, wire),
        .deadline_us = now + (int64_t)wire->timeout_ms * 1000,
    };
}

/* ---- running ----------------------------------------------------------------------------------------- */

static sfms_status
run_engine(sfms_run *run)
{
    sfms_statement statement;
    PGresult *result;
    sfms_status status = sfms_engine_plan(run->served->engine, &run->call, run->in, &statement);

    if (status != SFMS_OK)
        return status;
    status = sfms_run_statement(&run->call, &result, &statement);
    if (status == SFMS_OK)
        return sfms_engine_finish(run->served->engine, &run->call, run->in, result, &run->packed);
    sfms_engine_failed(run->served->engine, &run->call, run->in);
    return status;
}

/* What a handler says and what it has noted must agree. */
static sfms_status
settle(sfms_call *call, sfms_status status)
{
    if (call->failure != NULL)
        return (sfms_status)call->failure->code;
    if (status != SFMS_OK)
        return sfms_fail(call, &sfms_internal);
    return SFMS_OK;
}

sfms_status
sfms_run_before(sfms_run *run)
{
    const sfms_method_row *row = run->served->row;

    if (row == NULL || row->before == NULL)
        return SFMS_OK;
    return settle(&run->call, row->before(&run->call, run->in));
}

sfms_status
sfms_run_method(sfms_run *run)
{
    sfms_call *call = &run->call;

    if (sfms_run_is_many(run))
        return settle(call, sfms_run_many(run));
    if (run->served->row == NULL)
        return settle(call, run_engine(run));
    return settle(call, run->served->row->run(call, run->in, run->out));
}

static void
run_whole(sfms_run *run)
{
    sfms_call *call = &run->call;
    bool tx =
        run->served->row != NULL ? run->served->row->tx : sfms_run_is_many(run) && sfms_run_is_atomic(run);

    if (sfms_once_wanted(run)) {
        sfms_once(run);
    } else if (sfms_run_before(run) != SFMS_OK) {
        return;
    } else if (tx) {
        sfms_tx_begin(call);
        settle(call, sfms_tx_end(call, sfms_run_method(run)));
    } else {
        sfms_run_method(run);
    }
}

static void
run_alone(sfms_run *run)
{
    sfms_call *call = &run->call;

    if (sfms_mono_us() >= call->deadline_us) {
        sfms_fail(call, &sfms_deadline);
        return;
    }
    run_whole(run);
    if (!sfms_tx_again(call))
        return;
    sfms_call_retry(call);
    sfms_buf_clear(&run->packed);
    if (run->out != NULL)
        run->out = sfms_message_new(call->arena, call->method->output->desc);
    run_whole(run);
}

/* Whether a call may share a pipeline: one statement of the engine, by key or for one page, whose answer nobody has to keep. */
static bool
shares_pipeline(const sfms_run *run)
{
    switch (run->call.method->rule->verb) {
    case PB__VERB__LIST:
    case PB__VERB__BATCH_GET:
        return run->served->engine != NULL;
    case PB__VERB__GET:
    case PB__VERB__CREATE:
    case PB__VERB__UPDATE:
    case PB__VERB__DELETE:
    case PB__VERB__UNDELETE:
    case PB__VERB__UPSERT:
        return run->served->engine != NULL && run->call.method->rule->point && !sfms_once_wanted(run);
    default:
        return false;
    }
}

int
sfms_run_by_target(const void *left, const void *right)
{
    const sfms_run *a = *(sfms_run *const *)left, *b = *(sfms_run *const *)right;
    int order = strcmp(a->target != NULL ? a->target : "", b->target != NULL ? b->target : "");

    return order != 0 ? order : a < b ? -1 : a > b;
}

/* Reads what the database has answered. Answers are held until the message is made, so when they have become many bytes, what can
 * be asked again is: it is told as BLOCKED, upon which a link sends each such call by itself. */
static void
finish_pipeline(size_t n, sfms_run **sharing)
{
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        sfms_run *run = sharing[i];

        if (run->item == NULL)
            continue;
        if (run->call.failure != NULL) {
            sfms_engine_failed(run->served->engine, &run->call, run->in);
        } else if (bytes > SFMS_ANSWERS_BYTES && run->call.method->rule->idempotent) {
            sfms_fail(&run->call, &sfms_blocked);
        } else {
            settle(&run->call, sfms_engine_finish(run->served->engine, &run->call, run->in, run->item->result,
                                   &run->packed));
            bytes += run->packed.len;
        }
    }
}

/* Plans all that may share a pipeline, runs it, and reads the answers. */
void
sfms_run_pipeline(sfms_db *db, sfms_arena *a, size_t n, sfms_run *runs)
{
    sfms_batch_item *items = sfms_new_array(a, sfms_batch_item, n);
    sfms_run **sharing = sfms_new_array(a, sfms_run *, n);
    size_t n_items = 0;

    for (size_t i = 0; i < n; i++) {
        if (runs[i].call.failure != NULL || !shares_pipeline(&runs[i]))
            continue;
        runs[i].target = sfms_engine_target(runs[i].served->engine, &runs[i].call, runs[i].in);
        sharing[n_items++] = &runs[i];
    }
    qsort(sharing, n_items, sizeof(sharing[0]), sfms_run_by_target);
    n = n_items;
    n_items = 0;
    for (size_t i = 0; i < n; i++) {
        sfms_run *run = sharing[i];

        items[n_items].call = &run->call;
        if (settle(&run->call, sfms_engine_plan(run->served->engine, &run->call, run->in,
                                   &items[n_items].statement)) == SFMS_OK)
            run->item = &items[n_items++];
    }
    if (n_items > 0)
        sfms_batch(db, n_items, items);
    finish_pipeline(n, sharing);
}

/* ---- after ------------------------------------------------------------------------------------------- */

static ProtobufCBinaryData
packed_answer(sfms_run *run)
{
    ProtobufCBinaryData bytes = {run->packed.len, (uint8_t *)run->packed.data};

    if (run->out == NULL)
        return bytes;
    bytes.len = protobuf_c_message_get_packed_size(run->out);
    bytes.data = sfms_alloc_raw(run->call.arena, bytes.len);
    protobuf_c_message_pack(run->out, bytes.data);
    return bytes;
}

Pb__Reply *
sfms_run_reply(sfms_run *run)
{
    sfms_call *call = &run->call;
    Pb__Reply *reply;

    if (run->reply != NULL && call->failure == NULL)
        return run->reply;
    reply = sfms_new(call->arena, Pb__Reply);
    pb__reply__init(reply);
    reply->status = call->failure;
    if (call->failure != NULL)
        return reply;
    reply->response = packed_answer(run);
    reply->version = call->version;
    reply->created = call->created;
    reply->more = call->more;
    return reply;
}

/* The level at which the end of a call is worth a line; nothing is said per call that went well. */
static sfms_log_level
level_of(const sfms_call *call, int64_t ms)
{
    switch (call->failure != NULL ? call->failure->code : SFMS_OK) {
    case SFMS_INTERNAL:
    case SFMS_UNKNOWN:
    case SFMS_DATA_LOSS:
        return SFMS_LOG_ERROR;
    case SFMS_UNAVAILABLE:
    case SFMS_DEADLINE_EXCEEDED:
        return SFMS_LOG_WARN;
    default:
        return ms >= SLOW_MS ? SFMS_LOG_INFO : SFMS_LOG_DEBUG;
    }
}

/* True for the first LINES_A_SECOND times that it is asked in a second. */
static bool
line_left(void)
{
    static _Atomic int64_t second;
    static atomic_int lines;
    int64_t now = sfms_mono_us() / 1000000;

    if (atomic_exchange(&second, now) != now)
        atomic_store(&lines, 0);
    return atomic_fetch_add(&lines, 1) < LINES_A_SECOND;
}

static void
log_end(const sfms_run *run, int64_t us)
{
    const sfms_call *call = &run->call;
    sfms_log_level level = level_of(call, us / 1000);

    if (!sfms_log_on(level) || (level == SFMS_LOG_WARN && !line_left()))
        return;
    sfms_log(level, "method=%s status=%s reason=%s ms=%" PRId64 ".%" PRId64 " request_id=%s%s%s%s",
        run->wire->method, call->failure != NULL ? sfms_status_name((sfms_status)call->failure->code) : "OK",
        call->failure != NULL ? call->failure->reason : "-", us / 1000, us % 1000 / 100, call->request_id,
        call->note != NULL ? " note=\"" : "", call->note != NULL ? call->note : "",
        call->note != NULL ? "\"" : "");
}

Pb__Replies *
sfms_dispatch(const sfms_server *s, sfms_db *db, sfms_arena *a, const Pb__Batch *batch, int64_t received_us)
{
    size_t n = batch->n_calls;
    sfms_run *runs = sfms_new_array(a, sfms_run, n);
    bool *trusted = sfms_new_array(a, bool, batch->n_principals + 1);
    Pb__Replies *replies = sfms_new(a, Pb__Replies);
    int64_t took;

    for (size_t i = 0; i < n; i++) {
        init_run(s, &runs[i], db, a, batch->calls[i], received_us);
        settle(&runs[i].call, prepare(s, batch, trusted, &runs[i]));
    }
    sfms_run_pipeline(db, a, n, runs);
    for (size_t i = 0; i < n; i++) {
        if (runs[i].item == NULL && runs[i].call.failure == NULL)
            run_alone(&runs[i]);
    }
    pb__replies__init(replies);
    replies->n_replies = n;
    replies->replies = sfms_new_array(a, Pb__Reply *, n);
    took = sfms_mono_us() - received_us;
    for (size_t i = 0; i < n; i++) {
        replies->replies[i] = sfms_run_reply(&runs[i]);
        sfms_audit_run(&runs[i]);
        log_end(&runs[i], took);
    }
    return replies;
}
