/* existing.c -- which rows of a chunk are in the collection already. */
#include "existing.h"

#include <string.h>

#include "core/buf.h"
#include "core/limits.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "lookup.h"
#include "rpc/ask.h"
#include "sfms/api/v1/requests.pb-c.h"

enum {
    KEYS_MAX = SFMS_FILTER_TERMS - 4, /* external ids in one list; the rest is for the source */
    KEY_BYTES_MAX = 300,              /* longer ones are left to the create */
    FILTER_BYTES = 3500,              /* below the longest filter that lists take */
};

/* A list that asks for the external ids of some rows, all of one source. */
typedef struct {
    const char *source;
    unsigned n;
    import_row *rows[KEYS_MAX];
    sfms_buf filter;
} question;

static question *
question_new(sfms_arena *a, const char *source)
{
    question *q = sfms_new(a, question);

    q->source = source;
    sfms_buf_init(&q->filter, a, FILTER_BYTES + 4 * KEY_BYTES_MAX);
    sfms_buf_add(&q->filter, "externalSource = ");
    if (source[0] != '\0')
        import_filter_text(&q->filter, source);
    else
        sfms_buf_add(&q->filter, "null");
    sfms_buf_add(&q->filter, " AND (");
    return q;
}

static bool
has_room(const question *q, const import_row *row)
{
    return q->n < KEYS_MAX && q->filter.len < FILTER_BYTES && strcmp(q->source, row->external_source) == 0;
}

static unsigned
ask(sfms_arena *a, unsigned n, import_row *rows, question **ret)
{
    unsigned n_questions = 0;
    question *q = NULL;

    for (unsigned i = 0; i < n; i++) {
        import_row *row = &rows[i];

        if (row->state != IMPORT_ROW_READY || row->external_id[0] == '\0' ||
            strlen(row->external_id) > KEY_BYTES_MAX)
            continue;
        if (q == NULL || !has_room(q, row)) {
            q = question_new(a, row->external_source);
            ret[n_questions++] = q;
        }
        sfms_buf_add(&q->filter, q->n > 0 ? " OR externalId = " : "externalId = ");
        import_filter_text(&q->filter, row->external_id);
        q->rows[q->n++] = row;
    }
    return n_questions;
}

static ProtobufCMessage *
request_of(sfms_arena *a, question *q)
{
    static const char *const paths[] = {"id", "external_id"};
    Pb__ListRequest *request = (Pb__ListRequest *)sfms_message_new(a, &pb__list_request__descriptor);
    Google__Protobuf__FieldMask *mask =
        (Google__Protobuf__FieldMask *)sfms_message_new(a, &google__protobuf__field_mask__descriptor);

    sfms_buf_char(&q->filter, ')');
    mask->n_paths = 2;
    mask->paths = sfms_memdup(a, paths, sizeof(paths));
    request->filter = q->filter.data;
    request->page_size = SFMS_PAGE_MAX;
    request->read_mask = mask;
    return &request->base;
}

static void
mark(const question *q, const char *id, const char *external_id)
{
    for (unsigned i = 0; i < q->n; i++) {
        import_row *row = q->rows[i];

        if (row->state == IMPORT_ROW_READY && strcmp(row->external_id, external_id) == 0)
            row->state = strcmp(row->id, id) == 0 ? IMPORT_ROW_CREATED : IMPORT_ROW_SKIPPED;
    }
}

static void
read_reply(sfms_arena *a, const sfms_method *list, const question *q, const Pb__Reply *reply)
{
    const sfms_field *items = sfms_message_resource_field(list->output);
    const sfms_field *id = sfms_message_field(items->message, "id", strlen("id"));
    const sfms_field *external_id = sfms_message_field(items->message, "external_id", strlen("external_id"));
    ProtobufCMessage *page;

    if (reply->status != NULL)
        return; /* who may write but not read finds out row by row */
    page = protobuf_c_message_unpack(
        list->output->desc, sfms_arena_pb(a), reply->response.len, reply->response.data);
    for (size_t i = 0; page != NULL && i < sfms_field_count(page, items->desc); i++) {
        const ProtobufCMessage *record = (*(ProtobufCMessage ***)sfms_field_at(page, items->desc))[i];

        mark(q, *(const char **)sfms_field_at(record, id->desc),
            *(const char **)sfms_field_at(record, external_id->desc));
    }
}

sfms_status
import_find_existing(sfms_call *call, const import_plan *plan, unsigned n, import_row *rows)
{
    sfms_arena *a = call->arena;
    const sfms_method *list = sfms_contract_standard(call->contract, plan->message->resource, PB__VERB__LIST);
    question **questions = sfms_new_array(a, question *, n + 1);
    ProtobufCMessage **requests = sfms_new_array(a, ProtobufCMessage *, n + 1);
    Pb__Reply **replies = sfms_new_array(a, Pb__Reply *, n + 1);
    unsigned n_questions = list != NULL ? ask(a, n, rows, questions) : 0;
    sfms_status status;

    for (unsigned i = 0; i < n_questions; i++)
        requests[i] = request_of(a, questions[i]);
    status = n_questions > 0 ? sfms_ask(call, a, list, n_questions, requests, replies) : SFMS_OK;
    for (unsigned i = 0; status == SFMS_OK && i < n_questions; i++)
        read_reply(a, list, questions[i], replies[i]);
    return status;
}
