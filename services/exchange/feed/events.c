/* events.c -- the change feed and the history of one record, both read from the log that every write goes to.
 * Contract: proto/sfms/exchange/v1/events.proto. */
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "core/buf.h"
#include "core/limits.h"
#include "exchange.h"
#include "rpc/position.h"
#include "work/jobs.h"

/* ---- the feed ---------------------------------------------------------------------------------------- */

/* Whether the other owner of a change of owners (nobody, if it has none) is somebody whose records the reader does not see. */
#define OTHER_UNSEEN "NOT app.sees_owner(e.resource, e.other_owner_id, (SELECT app.team_owners())::uuid[])"

/* Whether a change of owners has brought the record into the reader's sight. */
#define CAME                                                                                                 \
    "(e.action = 'UPDATED' AND (coalesce(e.moved, false) OR e.other_owner_id IS NOT NULL) AND " OTHER_UNSEEN \
    ")"

/* Whether something has gone out of sight, for all that the reader sees it in another way. */
#define STILL_SEEN                                                                                           \
    "(e.action = 'OUT_OF_SIGHT' AND (NOT " OTHER_UNSEEN " OR app.granted(e.resource, e.record_id, false)))"

/* What is below the mark is complete: no transaction that is still open can add to it. If the page takes all
 * there is, the next one begins at the mark, however little of what lies below was for this reader. A row
 * without event brings the mark when nothing is new. The name of what the reader sees is of the same moment. */
/* clang-format off */
#define FEED_SQL(of_collection)                                                                              \
    "WITH mark AS MATERIALIZED (SELECT app.event_mark() AS xmin, md5($5 || app.sight_mark()) AS sight)"      \
    " SELECT mark.xmin, mark.sight, new.id, new.event_time, new.actor_id, new.resource, new.record_id, new.action,"  \
    "        new.version, new.cause, new.xid, new.seq, new.difference FROM mark LEFT JOIN LATERAL ("                    \
    "  SELECT " EXCHANGE_EVENT_COLUMNS(CAME) " FROM app.events e"                                          \
    "   WHERE e.org_id = (SELECT app.org_id()) AND (e.xid, e.seq) > ($1::text::xid8, $2::bigint) AND e.xid < mark.xmin"  \
    "     AND " of_collection " AND NOT " STILL_SEEN                                                         \
    "   ORDER BY e.xid, e.seq LIMIT $4::int) new ON true"                                                    \
    " ORDER BY new.xid, new.seq"
/* clang-format on */

/* A walk over all events, one over those of a single collection, in an index of their own, as there may be three among
 * millions, and one over those of a record. */
static const char feed_sql[] = FEED_SQL("e.resource = ANY ($3::text[])");
static const char feed_of_one_sql[] = FEED_SQL("e.resource = $3");
static const char feed_of_record_sql[] = FEED_SQL("e.resource = $3 AND e.record_id = $6::uuid");

/* The collections that the caller may read, all or the one that is asked for, as a PostgreSQL array.
 * Collection names are plain words. */
static const char *
readable(sfms_call *call, const char *only)
{
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(call->contract, &n);
    sfms_buf b;

    sfms_buf_init(&b, call->arena, SFMS_URL_MAX);
    sfms_buf_char(&b, '{');
    for (unsigned i = 0; i < n; i++) {
        const char *name = methods[i].output->resource;

        if (methods[i].rule->verb != PB__VERB__GET || name == NULL ||
            (only[0] != '\0' && strcmp(only, name) != 0))
            continue;
        if (!methods[i].rule->signed_in && !sfms_may(call, methods[i].rule->permission))
            continue;
        sfms_buf_printf(&b, "%s%s", b.len > 1 ? "," : "", name);
    }
    sfms_buf_char(&b, '}');
    return b.data;
}

/* Appends at most size events to the list that grows with them. */
static size_t
take_events(sfms_call *call, const PGresult *result, int size, Pb__Event ***ret_events)
{
    int rows = PQntuples(result);
    int n = rows > size ? size : rows;

    *ret_events = sfms_new_array(call->arena, Pb__Event *, n > 0 ? n : 1);
    for (int i = 0; i < n; i++)
        (*ret_events)[i] = exchange_event(call, result, i);
    return (size_t)n;
}

static const char *
cell(const PGresult *result, int row, const char *column)
{
    return PQgetvalue(result, row, PQfnumber(result, column));
}

static const sfms_reason no_collection = {"NO_SUCH_COLLECTION", SFMS_INVALID_ARGUMENT,
    {"is not a collection whose records can be read", "不是可读取的集合"}};

static const sfms_reason only_without_cursor = {
    "BAD_VALUE", SFMS_INVALID_ARGUMENT, {"is only for requests without a cursor", "仅适用于不带游标的请求"}};

static const sfms_reason only_of_stream = {
    "BAD_VALUE", SFMS_INVALID_ARGUMENT, {"is only for a stream", "仅适用于事件流"}};

static sfms_status
check_arguments(sfms_call *call, const Pb__ListEventsRequest *request)
{
    if (request->from_now && request->after[0] != '\0')
        sfms_violate(call, "from_now", &only_without_cursor);
    if (request->resource[0] != '\0' &&
        sfms_contract_standard(call->contract, request->resource, PB__VERB__GET) == NULL)
        sfms_violate(call, "resource", &no_collection);
    if (request->record_id[0] != '\0' && request->resource[0] == '\0')
        sfms_violate(call, "resource", &sfms_required);
    if (request->ticket[0] != '\0')
        sfms_violate(call, "ticket", &only_of_stream);
    return sfms_violations(call);
}

/* Asks for one event more than the page takes. */
static sfms_status
query_feed(
    sfms_call *call, const Pb__ListEventsRequest *request, const char *const *after, int size, PGresult **ret)
{
    const char *collections = readable(call, request->resource);
    bool one = request->resource[0] != '\0' && strlen(collections) > strlen("{}");
    const char *most = sfms_printf(call->arena, "%d", request->from_now ? 0 : size + 1);
    const char *all = readable(call, "");

    if (one && request->record_id[0] != '\0')
        return sfms_query(call, ret, feed_of_record_sql,
            SFMS_ARGS(after[0], after[1], request->resource, most, all, request->record_id));
    return sfms_query(call, ret, one ? feed_of_one_sql : feed_sql,
        SFMS_ARGS(after[0], after[1], one ? request->resource : collections, most, all));
}

static const char *
cursor_after(sfms_call *call, const PGresult *result, int row)
{
    return sfms_position_seal(call, "events", cell(result, row, "xid"), cell(result, row, "seq"));
}

static void
list_cursors(sfms_call *call, const PGresult *result, Pb__ListEventsResponse *page)
{
    page->cursors = sfms_new_array(call->arena, const char *, page->n_events + 1);
    for (; page->n_cursors < page->n_events; page->n_cursors++)
        page->cursors[page->n_cursors] = cursor_after(call, result, (int)page->n_cursors);
}

static sfms_status
list_events(sfms_call *call, const void *in, void *out)
{
    const Pb__ListEventsRequest *request = in;
    Pb__ListEventsResponse *page = out;
    const char *after[] = {"0", "0"};
    int size = request->from_now ? 0 : sfms_page_size(request->page_size);
    PGresult *result;
    sfms_status status = check_arguments(call, request);

    if (status == SFMS_OK)
        status = sfms_position_open(call, "events", request->after, after);
    if (status == SFMS_OK)
        status = query_feed(call, request, after, size, &result);
    if (status != SFMS_OK)
        return status;
    page->sight = cell(result, 0, "sight");
    page->cursor = sfms_position_seal(call, "events", cell(result, 0, "xmin"), "0");
    if (PQgetisnull(result, 0, PQfnumber(result, "seq")))
        return SFMS_OK;
    page->n_events = take_events(call, result, size, &page->events);
    page->more = PQntuples(result) > size;
    if (page->more)
        page->cursor = cursor_after(call, result, size - 1);
    if (request->with_cursors)
        list_cursors(call, result, page);
    return SFMS_OK;
}

/* ---- the history of one record ----------------------------------------------------------------------- */

static const char newest_sql[] = "SELECT " EXCHANGE_EVENT_COLUMNS(
    "false") " FROM app.events e"
             " WHERE e.org_id = (SELECT app.org_id()) AND e.record_id = $1::uuid AND e.resource = $2"
             "   AND e.action <> 'OUT_OF_SIGHT' AND e.for_id IS NULL"
             "   AND (e.xid, e.seq) < ($3::text::xid8, $4::bigint)"
             " ORDER BY e.xid DESC, e.seq DESC LIMIT $5::int";

static const char oldest_sql[] = "SELECT " EXCHANGE_EVENT_COLUMNS(
    "false") " FROM app.events e"
             " WHERE e.org_id = (SELECT app.org_id()) AND e.record_id = $1::uuid AND e.resource = $2"
             "   AND e.action <> 'OUT_OF_SIGHT' AND e.for_id IS NULL"
             "   AND (e.xid, e.seq) > ($3::text::xid8, $4::bigint)"
             " ORDER BY e.xid, e.seq LIMIT $5::int";

/* The record's events are opened to this transaction only after the record has been seen to be visible. */
static sfms_status
open_record(sfms_call *call, const Pb__GetHistoryRequest *request)
{
    const sfms_method *get = sfms_contract_standard(call->contract, request->resource, PB__VERB__GET);
    PGresult *result;
    sfms_status status;

    if (get == NULL)
        return sfms_fail(call, &sfms_not_found);
    if (!get->rule->signed_in && !sfms_may(call, get->rule->permission))
        return sfms_fail(call, &sfms_no_permission, get->rule->permission);
    status = sfms_query(call, &result,
        "SELECT CASE WHEN app.record_visible($1, $2::uuid) THEN set_config('sfms.seen_record', "
        "$2::uuid::text, true) END",
        SFMS_ARGS(request->resource, request->id));
    if (status != SFMS_OK)
        return status;
    return PQgetisnull(result, 0, 0) ? sfms_fail(call, &sfms_not_found) : SFMS_OK;
}

static sfms_status
get_history(sfms_call *call, const void *in, void *out)
{
    const Pb__GetHistoryRequest *request = in;
    Pb__GetHistoryResponse *page = out;
    bool up = request->oldest_first;
    const char *list =
        sfms_printf(call->arena, "history %s %s %s", request->resource, request->id, up ? "up" : "down");
    const char *from[] = {up ? "0" : "18446744073709551615", up ? "0" : "9223372036854775807"};
    int size = sfms_page_size(request->page_size);
    PGresult *result;
    sfms_status status;

    status = sfms_position_open(call, list, request->page_token, from);
    if (status == SFMS_OK)
        status = open_record(call, request);
    if (status != SFMS_OK)
        return status;
    status = sfms_query(call, &result, up ? oldest_sql : newest_sql,
        SFMS_ARGS(
            request->id, request->resource, from[0], from[1], sfms_printf(call->arena, "%d", size + 1)));
    if (status != SFMS_OK)
        return status;
    page->n_events = take_events(call, result, size, &page->events);
    if (PQntuples(result) > size)
        page->next_page_token =
            sfms_position_seal(call, list, cell(result, size - 1, "xid"), cell(result, size - 1, "seq"));
    return SFMS_OK;
}

/* ---- shares that end --------------------------------------------------------------------------------- */

/* Nothing is seen by them any more; this tells who follows the feed. */
static sfms_status
end_shares(sfms_call *call, const sfms_job *job)
{
    enum { MOST = 1000 };
    PGresult *result;
    sfms_status status;

    do {
        status = sfms_job_beat(call, job, -1, -1);
        if (status == SFMS_OK)
            status = sfms_query(call, &result, "SELECT app.end_grants($1::integer)",
                SFMS_ARGS(sfms_printf(call->arena, "%d", MOST)));
    } while (status == SFMS_OK && strtol(PQgetvalue(result, 0, 0), NULL, 10) == MOST);
    return status;
}

static const sfms_job_row jobs[] = {
    {"end_shares", end_shares},
    {NULL},
};

static const sfms_method_row methods[] = {
    {"sfms.exchange.v1.Events/ListEvents", list_events},
    {"sfms.exchange.v1.Events/GetHistory", get_history, .tx = true},
    {NULL},
};

const sfms_noun exchange_events = {.methods = methods, .jobs = jobs};
