/* form.c -- multipart/form-data bodies, by libmicrohttpd's post processor. */
#include "form.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "core/limits.h"

enum { PROCESSOR_BYTES = 16 << 10 };

/* A part while it arrives. */
typedef struct {
    request *request;
    form_part *first, *last;
    sfms_buf value; /* of the last part */
    unsigned n;
} form;

bool
form_is(const char *content_type)
{
    return content_type != NULL && strncasecmp(content_type, "multipart/form-data", 19) == 0;
}

static void
finish_part(form *f)
{
    if (f->last == NULL)
        return;
    f->last->data = f->value.data;
    f->last->len = f->value.len;
}

static void
begin_part(form *f, const char *name, const char *filename, const char *content_type)
{
    sfms_arena *a = f->request->call.arena;
    form_part *part = sfms_new(a, form_part);

    finish_part(f);
    part->name = sfms_strdup(a, name);
    if (content_type != NULL)
        part->content_type = sfms_strdup(a, content_type);
    else if (filename != NULL)
        part->content_type = "application/octet-stream";
    if (f->last != NULL)
        f->last->next = part;
    else
        f->first = part;
    f->last = part;
    f->n++;
    sfms_buf_init(&f->value, a, f->request->body.len);
}

/* Values come in pieces; a piece at offset 0 begins a part. */
static enum MHD_Result
take_piece(void *cls, enum MHD_ValueKind kind, const char *key, const char *filename,
    const char *content_type, const char *transfer_encoding, const char *data, uint64_t offset, size_t size)
{
    form *f = cls;

    (void)kind;
    (void)transfer_encoding;
    if (key == NULL || f->n > SFMS_FORM_PARTS_MAX)
        return MHD_NO;
    if (offset == 0)
        begin_part(f, key, filename, content_type);
    sfms_buf_mem(&f->value, data, size);
    return MHD_YES;
}

const form_part *
form_parse(request *r)
{
    form f = {.request = r};
    struct MHD_PostProcessor *p = MHD_create_post_processor(r->connection, PROCESSOR_BYTES, take_piece, &f);

    if (p == NULL)
        return NULL;
    enum MHD_Result fed = MHD_post_process(p, r->body.data, r->body.len);
    enum MHD_Result ended = MHD_destroy_post_processor(p);
    if (fed != MHD_YES || ended != MHD_YES || f.n > SFMS_FORM_PARTS_MAX)
        return NULL;
    finish_part(&f);
    return f.first;
}
