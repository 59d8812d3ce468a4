/* export.c -- lists as files. */
#include "export.h"

#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "csv.h"
#include "gate.h"
#include "proto/json.h"
#include "stream.h"

enum { TRIES = 20 }; /* for a page, a second apart */

static const sfms_reason only_of_export = {
    "BAD_VALUE", SFMS_INVALID_ARGUMENT, {"is only for an export", "仅适用于导出"}};

/* What the export does when it runs next. */
typedef enum {
    EXPORT_SAY,  /* a page is there */
    EXPORT_REST, /* it waits for its turn to ask */
    EXPORT_SEND, /* whose token it is, is known */
    EXPORT_TAKE, /* the method has answered, or failed to */
    EXPORT_OVER,
} export_step;

typedef struct {
    export_step step;
    char *token, *page_token;
    unsigned tries;
    bool is_csv, begun;
    csv columns;
} export;

static const sfms_field *
list_of(const request *r)
{
    return sfms_message_resource_field(r->call.method->output);
}

static Pb__ListRequest *
list_request(const request *r)
{
    return (Pb__ListRequest *)r->message;
}

/* ---- pages --------------------------------------------------------------------------------------------- */

/* The records of a page, as JSON has them. */
static bool
say_lines(request *r, sfms_packed page, sfms_buf *b)
{
    const sfms_field *list = list_of(r);
    sfms_packed_field f;

    while (sfms_packed_next(&page, &f)) {
        if (f.number != list->desc->id)
            continue;
        if (!sfms_json_write_packed(b, list->message, f.bytes, list_request(r)->read_mask))
            return false;
        sfms_buf_char(b, '\n');
    }
    return page.n == 0;
}

/* The lines of a page as trees; NULL elements where one is none. */
static const cJSON **
trees_of(request *r, const sfms_buf *lines, size_t *ret_n)
{
    const cJSON **trees = sfms_new_array(r->call.arena, const cJSON *, SFMS_EXPORT_PAGE + 1);
    const char *line = lines->data;

    *ret_n = 0;
    for (const char *end; *ret_n <= SFMS_EXPORT_PAGE && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        trees[*ret_n] = sfms_json_stored(r->call.arena, line, (size_t)(end - line));
        if (trees[(*ret_n)++] == NULL)
            return NULL;
    }
    return trees;
}

static bool
say_rows(request *r, const sfms_buf *lines, sfms_buf *b)
{
    export *x = stream_state(r);
    const Pb__ListRequest *list = list_request(r);
    size_t n;
    const cJSON **records = trees_of(r, lines, &n);

    if (records == NULL)
        return false;
    if (!x->begun) {
        csv_columns(&x->columns, list_of(r)->message, list->read_mask, records, n);
        sfms_buf_add(b, list->bom ? "\xEF\xBB\xBF" : "");
        csv_head(&x->columns, b, list->labels, r->call.locale);
    }
    for (size_t i = 0; i < n; i++)
        csv_row(&x->columns, b, r->call.arena, records[i]);
    return true;
}

static stream_next
say_page(request *r)
{
    export *x = stream_state(r);
    sfms_packed page = {r->reply.response.data, r->reply.response.len};
    uint32_t token_number = sfms_message_field(r->call.method->output, "next_page_token", 15)->desc->id;
    sfms_packed_field token = {.bytes = {.n = 0}};
    sfms_buf lines, rows;

    if (r->call.arena == NULL)
        stream_fresh_arena(r);
    sfms_buf_init(&lines, r->call.arena, SFMS_MESSAGE_MAX);
    sfms_buf_init(&rows, r->call.arena, SFMS_MESSAGE_MAX);
    if (!say_lines(r, page, &lines) || (x->is_csv && !say_rows(r, &lines, &rows)) || !sfms_buf_ok(&lines) ||
        !sfms_buf_ok(&rows))
        return STREAM_BREAK;
    x->begun = true;
    x->tries = 0;
    (void)sfms_packed_find(page, token_number, &token);
    free(x->page_token);
    x->page_token = malloc(token.bytes.n + 1);
    if (x->page_token == NULL)
        sfms_die("out of memory");
    if (token.bytes.n > 0)
        memcpy(x->page_token, token.bytes.at, token.bytes.n);
    x->page_token[token.bytes.n] = '\0';
    x->step = token.bytes.n > 0 ? EXPORT_REST : EXPORT_OVER;
    if (token.bytes.n > 0)
        stream_want(r, 0);
    stream_give(r, x->is_csv ? rows.data : lines.data, x->is_csv ? rows.len : lines.len);
    return STREAM_PIECE;
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static stream_next
nothing_yet(request *r)
{
    stream_give(r, "", 0);
    return STREAM_PIECE;
}

/* A page could not be had: it is tried again for a while. */
static stream_next
failed(request *r, int code)
{
    export *x = stream_state(r);
    bool passes = code == SFMS_UNAVAILABLE || code == SFMS_DEADLINE_EXCEEDED ||
                  code == SFMS_RESOURCE_EXHAUSTED || code == SFMS_ABORTED;

    stream_asked(r);
    x->step = EXPORT_REST;
    if (!passes || ++x->tries == TRIES) {
        stream_ends(r, code == SFMS_UNAUTHENTICATED ? STREAM_TOKEN_ENDED : STREAM_FAILED);
        return STREAM_BREAK;
    }
    stream_want(r, STREAM_RETRY_MS);
    return nothing_yet(r);
}

static void
token_known(auth_wait *w)
{
    request_resume(w->arg);
}

static stream_next
ask(request *r)
{
    export *x = stream_state(r);

    stream_fresh_arena(r);
    x->step = EXPORT_SEND;
    r->wait = (auth_wait){
        .token = x->token,
        .request_id = r->call.request_id,
        .peer = r->call.peer,
        .done = token_known,
        .arg = r,
    };
    if (auth_find(r->gw->auth, &r->wait))
        return nothing_yet(r);
    request_suspend(r, NULL);
    auth_ask(r->gw->auth, &r->wait);
    return STREAM_WAIT;
}

static stream_next
send_question(request *r)
{
    export *x = stream_state(r);

    if (r->wait.who == NULL)
        return failed(r, (int)r->wait.status);
    principal_release(r->who);
    r->who = r->wait.who;
    r->call.principal = r->who->pb;
    stream_fresh_arena(r);
    list_request(r)->page_token = x->page_token;
    x->step = EXPORT_TAKE;
    if (gate_send(r, NULL) == NEXT_WAIT)
        return STREAM_WAIT;
    return failed(r, r->call.failure->code);
}

static stream_next
take_answer(request *r)
{
    if (r->reply.status != NULL)
        return failed(r, r->reply.status->code);
    stream_asked(r);
    return say_page(r);
}

static stream_next
rest(request *r)
{
    switch (stream_park(r)) {
    case STREAM_FOR_NOTHING:
        return STREAM_WAIT;
    case STREAM_TO_ASK:
        return ask(r);
    case STREAM_TO_BEAT: /* a file says nothing in between */
        stream_said(r);
        return nothing_yet(r);
    case STREAM_TO_END:
        break;
    }
    return STREAM_BREAK;
}

static stream_next
proceed(request *r)
{
    const export *x = stream_state(r);

    switch (x->step) {
    case EXPORT_SAY:
        return say_page(r);
    case EXPORT_REST:
        return rest(r);
    case EXPORT_SEND:
        return send_question(r);
    case EXPORT_TAKE:
        return take_answer(r);
    case EXPORT_OVER:
        break;
    }
    return STREAM_END;
}

static void
stop(request *r)
{
    export *x = stream_state(r);

    csv_free(&x->columns);
    free(x->token);
    free(x->page_token);
    free(x);
}

/* ---- the beginning ------------------------------------------------------------------------------------- */

static const stream_kind files = {.name = "exports", .proceed = proceed, .stop = stop, .packs = true};

static bool
is_not_export(request *r)
{
    const Pb__ListRequest *list = list_request(r);

    if (list->format[0] != '\0')
        sfms_violate(&r->call, "format", &only_of_export);
    if (list->bom)
        sfms_violate(&r->call, "bom", &only_of_export);
    if (list->labels)
        sfms_violate(&r->call, "labels", &only_of_export);
    return sfms_violations(&r->call) == SFMS_OK;
}

bool
export_open(request *r)
{
    Pb__ListRequest *list = list_request(r);
    const char *token = head_bearer(r->head.authorization);
    export *x;

    if (r->match.target->kind != SFMS_ROUTE_EXPORT)
        return is_not_export(r);
    if (list->format[0] == '\0')
        list->format = "csv";
    list->page_token = "";
    list->count_total = false;
    if (strcmp(r->verb, "HEAD") == 0 || token == NULL)
        return true;
    x = calloc(1, sizeof *x);
    if (x == NULL)
        sfms_die("out of memory");
    x->is_csv = strcmp(list->format, "csv") == 0;
    x->token = strdup(token);
    if (x->token == NULL)
        sfms_die("out of memory");
    return stream_open(r, &files, x);
}

void
export_answer(request *r)
{
    const Pb__ListRequest *list = list_request(r);
    bool is_csv = strcmp(list->format, "csv") == 0;

    answer_set(
        &r->answer, 200, is_csv ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson", "", 0);
    answer_add(&r->answer, "Accept-Ranges", "none");
    answer_add(&r->answer, "Content-Disposition",
        sfms_printf(r->call.arena, "attachment; filename=\"%s.%s\"", r->call.method->resource->resource,
            list->format));
}
