/* sse.c -- server-sent events. */
#include "sse.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "gate.h"
#include "proto/json.h"
#include "stream.h"

enum { CURSOR_MAX = 4096, RETRY_MIN_MS = 1000, RETRY_SPREAD_MS = 2000 };

/* What the stream does when it runs next. */
typedef enum {
    SSE_SAY,  /* an answer is there */
    SSE_REST, /* nothing is */
    SSE_SEND, /* whose token it is, is known */
    SSE_TAKE, /* the method has answered, or failed to */
} sse_step;

/* What the answer of the method consists of, and what the client knows of it. */
typedef struct {
    sse_step step;
    char *token;
    char *cursor;      /* where to go on */
    bool begun;        /* something was said */
    bool untold;       /* the client does not know the cursor */
    const char **text; /* by field: the texts of the answer that were told last */
} sse;

/* The fields by which a method is a stream; that they are there, contract_check.c has seen to. */
static const sfms_field *
field(const sfms_message *m, const char *name)
{
    return sfms_message_field(m, name, strlen(name));
}

static const char **
text_at(const request *r, const char *name)
{
    return sfms_field_at(r->message, field(r->call.method->input, name)->desc);
}

static void
set_flag(const request *r, const char *name, bool value)
{
    *(protobuf_c_boolean *)sfms_field_at(r->message, field(r->call.method->input, name)->desc) = value;
}

/* ---- what is said -------------------------------------------------------------------------------------- */

static bool
is_list(const sfms_field *f)
{
    return f->message != NULL && f->desc->label == PROTOBUF_C_LABEL_REPEATED;
}

static char *
keep(sfms_packed text)
{
    char *copy = malloc(text.n + 1);

    if (copy == NULL)
        sfms_die("out of memory");
    memcpy(copy, text.at, text.n);
    copy[text.n] = '\0';
    return copy;
}

/* A text of the answer that has changed is an event of its own, of the field's name. */
static void
say_text(sse *s, sfms_buf *b, const sfms_message *m, const sfms_packed_field *value)
{
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];

        if (f->desc->id != value->number || f->desc->type != PROTOBUF_C_TYPE_STRING ||
            f->desc->label == PROTOBUF_C_LABEL_REPEATED || strcmp(f->desc->name, "cursor") == 0)
            continue;
        if (s->text[i] != NULL && strlen(s->text[i]) == value->bytes.n &&
            memcmp(s->text[i], value->bytes.at, value->bytes.n) == 0)
            continue;
        free((void *)(uintptr_t)s->text[i]);
        s->text[i] = keep(value->bytes);
        sfms_buf_printf(b, "event: %s\ndata: %s\n\n", f->json_name, s->text[i]);
    }
}

static void
say_id(sfms_buf *b, sfms_packed cursor)
{
    sfms_buf_add(b, "id: ");
    sfms_buf_mem(b, cursor.at, cursor.n);
    sfms_buf_char(b, '\n');
}

/* The elements of the list, each with the cursor at its place. */
static bool
say_list(sfms_buf *b, const sfms_message *m, sfms_packed page)
{
    sfms_packed cursors = page;
    sfms_packed_field one, cursor;
    uint32_t cursor_number = field(m, "cursors")->desc->id;
    const sfms_field *list = NULL;

    for (unsigned i = 0; i < m->n_fields; i++)
        list = is_list(&m->fields[i]) ? &m->fields[i] : list;
    while (sfms_packed_next(&page, &one)) {
        if (one.number != list->desc->id)
            continue;
        do
            cursor.number = 0;
        while (sfms_packed_next(&cursors, &cursor) && cursor.number != cursor_number);
        if (cursor.number == cursor_number)
            say_id(b, cursor.bytes);
        sfms_buf_add(b, "data: ");
        if (!sfms_json_write_packed(b, list->message, one.bytes, NULL))
            return false;
        sfms_buf_add(b, "\n\n");
    }
    return page.n == 0;
}

static void
say_beginning(sse *s, sfms_buf *b)
{
    if (s->begun)
        return;
    s->begun = true;
    sfms_buf_printf(b, "retry: %d\n\n", RETRY_MIN_MS + (int)(sfms_mono_us() % RETRY_SPREAD_MS));
}

/* Where the stream is, for a client that does not know it: an id without an event. */
static void
say_cursor(sse *s, sfms_buf *b)
{
    if (s->untold)
        sfms_buf_printf(b, "id: %s\n\n", s->cursor);
    s->untold = false;
}

/* What a page of the method says. Its bytes are in the arena of the request at first, and of a piece later. */
static stream_next
say_page(request *r)
{
    sse *s = stream_state(r);
    const sfms_message *m = r->call.method->output;
    sfms_packed page = {r->reply.response.data, r->reply.response.len}, rest = page;
    sfms_packed_field f, more, cursor;
    bool first = !s->begun;
    sfms_buf b;

    if (r->call.arena == NULL)
        stream_fresh_arena(r);
    sfms_buf_init(&b, r->call.arena, SFMS_MESSAGE_MAX);
    say_beginning(s, &b);
    while (sfms_packed_next(&rest, &f))
        if (f.type == SFMS_WIRE_BYTES)
            say_text(s, &b, m, &f);
    if (!sfms_packed_find(page, field(m, "cursor")->desc->id, &cursor) || !say_list(&b, m, page) ||
        !sfms_buf_ok(&b))
        return STREAM_BREAK;
    s->untold = s->untold || strlen(s->cursor) != cursor.bytes.n ||
                memcmp(s->cursor, cursor.bytes.at, cursor.bytes.n) != 0;
    free(s->cursor);
    s->cursor = keep(cursor.bytes);
    if (first)
        say_cursor(s, &b);
    if (sfms_packed_find(page, field(m, "more")->desc->id, &more) && more.bits != 0)
        stream_want(r, 0);
    s->step = SSE_REST;
    stream_give(r, b.data, b.len);
    return STREAM_PIECE;
}

static stream_next
say_alive(request *r)
{
    sse *s = stream_state(r);
    sfms_buf b;

    stream_fresh_arena(r);
    sfms_buf_init(&b, r->call.arena, CURSOR_MAX + 64);
    sfms_buf_add(&b, ":\n\n");
    say_cursor(s, &b);
    stream_give(r, b.data, b.len);
    return STREAM_PIECE;
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static stream_next
end(request *r)
{
    stream_ends(r, STREAM_TOKEN_ENDED);
    return STREAM_END;
}

/* What was asked could not be answered. The client waits on where that passes. */
static stream_next
failed(request *r, int code)
{
    sse *s = stream_state(r);

    stream_asked(r);
    s->step = SSE_REST;
    switch (code) {
    case SFMS_UNAVAILABLE:
    case SFMS_DEADLINE_EXCEEDED:
    case SFMS_RESOURCE_EXHAUSTED:
    case SFMS_ABORTED:
        stream_want(r, STREAM_RETRY_MS);
        stream_give(r, "", 0);
        return STREAM_PIECE;
    case SFMS_UNAUTHENTICATED:
    case SFMS_PERMISSION_DENIED:
        return end(r);
    default:
        return STREAM_BREAK;
    }
}

static void
token_known(auth_wait *w)
{
    request_resume(w->arg);
}

/* In whose name it asks is looked up again: roles change, and sessions end. */
static stream_next
ask(request *r)
{
    sse *s = stream_state(r);

    stream_fresh_arena(r);
    s->step = SSE_SEND;
    r->wait = (auth_wait){
        .token = s->token,
        .request_id = r->call.request_id,
        .peer = r->call.peer,
        .done = token_known,
        .arg = r,
    };
    if (auth_find(r->gw->auth, &r->wait)) {
        stream_give(r, "", 0);
        return STREAM_PIECE;
    }
    request_suspend(r, NULL);
    auth_ask(r->gw->auth, &r->wait);
    return STREAM_WAIT;
}

static stream_next
send_question(request *r)
{
    sse *s = stream_state(r);

    if (r->wait.who == NULL)
        return failed(r, (int)r->wait.status);
    principal_release(r->who);
    r->who = r->wait.who;
    r->call.principal = r->who->pb;
    if (!auth_may(r->who, r->match.target->method_index))
        return failed(r, SFMS_PERMISSION_DENIED);
    stream_fresh_arena(r);
    *text_at(r, "after") = s->cursor;
    set_flag(r, "from_now", false);
    s->step = SSE_TAKE;
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

/* Whose it is, is looked up again before it asks; until then it is not held, as it is more than all the rest. */
static stream_next
rest(request *r)
{
    principal_release(r->who);
    r->who = NULL;
    r->call.principal = NULL;
    switch (stream_park(r)) {
    case STREAM_FOR_NOTHING:
        return STREAM_WAIT;
    case STREAM_TO_ASK:
        return ask(r);
    case STREAM_TO_BEAT:
        return say_alive(r);
    case STREAM_TO_END:
        break;
    }
    return STREAM_END;
}

static stream_next
proceed(request *r)
{
    const sse *s = stream_state(r);

    switch (s->step) {
    case SSE_SAY:
        return say_page(r);
    case SSE_SEND:
        return send_question(r);
    case SSE_TAKE:
        return take_answer(r);
    case SSE_REST:
        break;
    }
    return rest(r);
}

/* ---- news ---------------------------------------------------------------------------------------------- */

/* While there are streams, their service is heard: it tells when there may be more of them. */
static struct {
    pthread_mutex_t lock;
    unsigned streams;
} news = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
heard(void *arg, size_t n, char *const *org_ids)
{
    (void)arg;
    streams_moved(n, org_ids);
}

static void
listen(const request *r)
{
    sfms_link *link = r->gw->link_of[r->match.target->method_index];

    pthread_mutex_lock(&news.lock);
    news.streams++;
    if (link != NULL)
        sfms_link_listen(link, heard, NULL);
    pthread_mutex_unlock(&news.lock);
}

static void
listen_no_more(const request *r)
{
    sfms_link *link = r->gw->link_of[r->match.target->method_index];

    pthread_mutex_lock(&news.lock);
    if (--news.streams == 0 && link != NULL && !atomic_load(&r->gw->stopped))
        sfms_link_listen_no_more(link);
    pthread_mutex_unlock(&news.lock);
}

/* ---- the beginning and the end ------------------------------------------------------------------------- */

static void
stop(request *r)
{
    sse *s = stream_state(r);

    listen_no_more(r);

    for (unsigned i = 0; i < r->call.method->output->n_fields; i++)
        free((void *)(uintptr_t)s->text[i]);
    free(s->text);
    free(s->token);
    free(s->cursor);
    free(s);
}

static const stream_kind events = {.name = "events", .proceed = proceed, .stop = stop, .drains = true};

const char *
sse_ticket(request *r)
{
    char *query = r->parts.query != NULL ? sfms_strdup(r->call.arena, r->parts.query) : NULL;
    const char *name, *value;

    while (path_query_next(&query, &name, &value) == 1)
        if (strcmp(name, "ticket") == 0 && value[0] != '\0' && strlen(value) <= SFMS_TEXT_DEFAULT)
            return value;
    return NULL;
}

/* Where the client was goes before where it once began. */
static bool
set_start(request *r)
{
    const char *last = r->head.last_event_id;
    const char **after = text_at(r, "after");

    if (last != NULL && last[0] != '\0') {
        if (strlen(last) > CURSOR_MAX) {
            sfms_fail(&r->call, &sfms_bad_page_token);
            return false;
        }
        *after = last;
    }
    set_flag(r, "from_now", (*after)[0] == '\0');
    set_flag(r, "with_cursors", true);
    *text_at(r, "ticket") = "";
    return true;
}

bool
sse_open(request *r)
{
    const char *ticket_token = r->who->answer->token;
    const char *token = head_bearer(r->head.authorization);
    sse *s;

    if (!set_start(r))
        return false;
    if (strcmp(r->verb, "HEAD") == 0)
        return true;
    s = calloc(1, sizeof *s);
    if (s == NULL)
        sfms_die("out of memory");
    s->text = calloc(r->call.method->output->n_fields, sizeof *s->text);
    s->token = strdup(token != NULL ? token : ticket_token);
    s->cursor = strdup("");
    if (s->text == NULL || s->token == NULL || s->cursor == NULL)
        sfms_die("out of memory");
    listen(r);
    if (!stream_open(r, &events, s))
        return false;
    stream_until(r, r->who->expire_us);
    return true;
}

void
sse_answer(request *r)
{
    answer_set(&r->answer, 200, "text/event-stream", "", 0);
    answer_add(&r->answer, "Accept-Ranges", "none");
    answer_add(&r->answer, "X-Accel-Buffering", "no"); /* a proxy in front is to hand on what it gets */
}
