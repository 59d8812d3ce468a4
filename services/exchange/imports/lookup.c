/* lookup.c -- names in a file to ids of records, asked once each. */
#include "lookup.h"

#include <string.h>

#include "core/buf.h"
#include "core/limits.h"
#include "core/text.h"
#include "core/utf8.h"
#include "csv.h"
#include "proto/formats.h"
#include "rpc/ask.h"
#include "sfms/api/v1/requests.pb-c.h"

enum {
    SEARCH_MAX = 100,     /* characters that a list takes to search for */
    ENTRIES_MAX = 100000, /* known names; beyond, all are forgotten and asked again */
    SLOTS = 1 << 18,      /* more than twice as many, a power of two */
};

typedef enum { WANTED, KNOWN, FORGOTTEN } entry_state;

/* What a list is asked for: this very text, or the same one to people, among what a search finds, as that has an index. A
 * collection that cannot be searched is small. */
typedef enum { EXACTLY, SEARCHED, SAME } asked_for;

typedef struct looked {
    const import_column *column;
    const char *text;
    entry_state state;
    asked_for asked;
    import_found found;
    const char *result;
} looked;

struct import_lookups {
    sfms_arena *arena; /* of entries */
    looked **slots;
    unsigned n;
    looked **wanted;
    unsigned n_wanted, cap_wanted;
};

static void
start(import_lookups *l)
{
    l->slots = sfms_new_array(l->arena, looked *, SLOTS);
    l->n = 0;
    l->cap_wanted = 1024;
    l->n_wanted = 0;
    l->wanted = sfms_new_array(l->arena, looked *, l->cap_wanted);
}

import_lookups *
import_lookups_new(sfms_call *call)
{
    import_lookups *l = sfms_new(call->arena, import_lookups);

    l->arena = sfms_arena_own(call->arena, sfms_arena_new(), (sfms_dtor *)sfms_arena_free);
    start(l);
    return l;
}

/* The entry of a text, or the slot for it. */
static looked **
find(const import_lookups *l, const import_column *column, const char *text)
{
    uint64_t h = 14695981039346656037ULL ^ column->index; /* FNV-1a */

    for (const char *s = text; *s != '\0'; s++)
        h = (h ^ (uint8_t)*s) * 1099511628211ULL;
    for (size_t i = h ^ (h >> 32);; i++) {
        looked **slot = &l->slots[i % SLOTS];

        if (*slot == NULL || ((*slot)->column == column && strcmp((*slot)->text, text) == 0))
            return slot;
    }
}

static void
push_wanted(import_lookups *l, looked *e)
{
    if (l->n_wanted == l->cap_wanted) {
        looked **more = sfms_new_array(l->arena, looked *, 2 * l->cap_wanted);

        memcpy(more, l->wanted, l->n_wanted * sizeof(looked *));
        l->wanted = more;
        l->cap_wanted *= 2;
    }
    e->state = WANTED;
    e->asked = EXACTLY;
    l->wanted[l->n_wanted++] = e;
}

void
import_lookup_want(import_lookups *l, const import_column *column, const char *text)
{
    looked **slot = find(l, column, text);

    if (*slot == NULL) {
        *slot = sfms_new(l->arena, looked);
        **slot = (looked){.column = column, .text = sfms_strdup(l->arena, text)};
        l->n++;
        push_wanted(l, *slot);
    } else if ((*slot)->state == FORGOTTEN) {
        push_wanted(l, *slot);
    }
}

void
import_filter_text(sfms_buf *b, const char *text)
{
    sfms_buf_char(b, '"');
    for (const char *s = text; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            sfms_buf_char(b, '\\');
        sfms_buf_char(b, *s);
    }
    sfms_buf_char(b, '"');
}

/* Names that people write in several ways; what has a format has one spelling. */
static bool
can_be_folded(const sfms_field *f)
{
    return f->desc->type == PROTOBUF_C_TYPE_STRING && f->desc->label != PROTOBUF_C_LABEL_REPEATED &&
           f->rule->format == PB__FORMAT__FORMAT_UNSPECIFIED;
}

/* field = "text", or =~, and the mapping's own condition. Records hold texts with a format, mail addresses for example, in one
 * spelling; the file may have any. */
static const char *
filter_of(const sfms_call *call, const looked *e)
{
    sfms_arena *a = call->arena;
    const sfms_field *f = e->column->lookup_field;
    const char *extra = e->column->rule->filter;
    const char *spelled = sfms_format_normal(call, f->rule->format, e->text);
    sfms_buf b;

    sfms_buf_init(&b, a, 2 * IMPORT_CELL_MAX + SFMS_URL_MAX);
    sfms_buf_printf(&b, e->asked == EXACTLY ? "%s = " : "%s =~ ", f->desc->name);
    import_filter_text(&b, spelled != NULL ? spelled : e->text);
    if (extra[0] != '\0')
        sfms_buf_printf(&b, " AND (%s)", extra);
    return b.data;
}

/* As much of a text as a search takes. */
static char *
beginning(sfms_arena *a, const char *text)
{
    const char *folded = sfms_text_fold(a, text);
    size_t n = 0;

    for (int i = 0; i < SEARCH_MAX && folded[n] != '\0'; i++)
        n += sfms_utf8_next(folded + n, strlen(folded + n));
    return sfms_strndup(a, folded, n);
}

static ProtobufCMessage *
request_of(const sfms_call *call, const looked *e)
{
    sfms_arena *a = call->arena;
    const char *id = "id";
    Pb__ListRequest *request = (Pb__ListRequest *)sfms_message_new(a, &pb__list_request__descriptor);
    Google__Protobuf__FieldMask *mask =
        (Google__Protobuf__FieldMask *)sfms_message_new(a, &google__protobuf__field_mask__descriptor);

    mask->n_paths = 1;
    mask->paths = sfms_memdup(a, &id, sizeof(id));
    if (e->asked == SEARCHED)
        request->search = beginning(a, e->text);
    request->filter = filter_of(call, e);
    request->page_size = 2; /* one more than wanted shows that there are several */
    request->read_mask = mask;
    return &request->base;
}

/* The ids in a list's response. */
static void
read_reply(import_lookups *l, sfms_arena *a, looked *e, const Pb__Reply *reply)
{
    const sfms_message *m = e->column->lookup->output;
    const sfms_field *items = sfms_message_resource_field(m);
    const sfms_field *id = sfms_message_field(items->message, "id", 2);
    ProtobufCMessage *page, *record;
    size_t n;

    e->state = KNOWN;
    if (reply->status != NULL && e->asked == SEARCHED &&
        strcmp(reply->status->reason, sfms_no_search.name) == 0) {
        e->asked = SAME;
        e->state = WANTED;
        return;
    }
    if (reply->status != NULL) {
        e->found = IMPORT_REFUSED;
        e->result = sfms_strdup(l->arena, reply->status->message);
        return;
    }
    page = protobuf_c_message_unpack(m->desc, sfms_arena_pb(a), reply->response.len, reply->response.data);
    n = page == NULL ? 0 : sfms_field_count(page, items->desc);
    if (n == 0 && e->asked == EXACTLY && can_be_folded(e->column->lookup_field)) {
        e->state = WANTED;
        e->asked = SEARCHED;
    }
    e->found = n == 0 ? IMPORT_MISSING : n == 1 ? IMPORT_FOUND : IMPORT_AMBIGUOUS;
    if (n != 1)
        return;
    record = (*(ProtobufCMessage ***)sfms_field_at(page, items->desc))[0];
    e->result = sfms_strdup(l->arena, *(const char **)sfms_field_at(record, id->desc));
}

/* The wanted entries of one collection travel together. */
static sfms_status
fetch_method(import_lookups *l, sfms_call *call, sfms_arena *a, const sfms_method *method)
{
    ProtobufCMessage **requests = sfms_new_array(a, ProtobufCMessage *, l->n_wanted);
    Pb__Reply **replies = sfms_new_array(a, Pb__Reply *, l->n_wanted);
    looked **entries = sfms_new_array(a, looked *, l->n_wanted);
    unsigned n = 0;
    sfms_status status;

    for (unsigned i = 0; i < l->n_wanted; i++) {
        if (l->wanted[i]->state != WANTED || l->wanted[i]->column->lookup != method)
            continue;
        entries[n] = l->wanted[i];
        requests[n++] = request_of(call, l->wanted[i]);
    }
    status = sfms_ask(call, a, method, n, requests, replies);
    for (unsigned i = 0; status == SFMS_OK && i < n; i++)
        read_reply(l, a, entries[i], replies[i]);
    return status;
}

sfms_status
import_lookup_fetch(import_lookups *l, sfms_call *call)
{
    for (unsigned i = 0; i < l->n_wanted; i++) {
        while (l->wanted[i]->state == WANTED) { /* more than once, if nothing has exactly that name */
            sfms_status status = fetch_method(l, call, call->arena, l->wanted[i]->column->lookup);

            if (status != SFMS_OK)
                return status;
        }
    }
    l->n_wanted = 0;
    return SFMS_OK;
}

import_found
import_lookup_get(const import_lookups *l, const import_column *column, const char *text, const char **ret)
{
    const looked *e = *find(l, column, text);

    *ret = e->result;
    return e->found;
}

void
import_lookup_forget_missing(import_lookups *l)
{
    if (l->n > ENTRIES_MAX) {
        sfms_arena_reset(l->arena);
        start(l);
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        looked *e = l->slots[i];

        if (e != NULL && e->found == IMPORT_MISSING && e->column->lookup_self)
            e->state = FORGOTTEN;
    }
}
