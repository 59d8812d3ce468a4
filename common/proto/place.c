/* place.c -- paths to fields. */
#include "proto/place.h"

#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/text.h"
#include "proto/json_value.h"
#include "proto/path.h"

/* ---- finding ----------------------------------------------------------------------------------------- */

bool
sfms_field_is_open(const sfms_field *f)
{
    return f->message != NULL && f->message->kind == SFMS_KIND_STRUCT &&
           f->desc->label != PROTOBUF_C_LABEL_REPEATED;
}

bool
sfms_field_is_value(const sfms_field *f)
{
    if (f->desc->type == PROTOBUF_C_TYPE_MESSAGE)
        return f->message != NULL &&
               (f->message->kind == SFMS_KIND_TIMESTAMP || f->message->kind == SFMS_KIND_WRAPPER);
    return f->desc->type != PROTOBUF_C_TYPE_BYTES;
}

/* A key may hold anything, so all that is left of the path is it. */
static bool
take_key(sfms_arena *a, const char *text, size_t n, sfms_place *ret)
{
    bool quoted = n > 2 && text[0] == '`' && text[n - 1] == '`';

    if (n == 0 || a == NULL)
        return false;
    ret->key = quoted ? sfms_strndup(a, text + 1, n - 2) : sfms_strndup(a, text, n);
    return true;
}

bool
sfms_place_find(sfms_arena *a, const sfms_message *m, const char *path, size_t n, sfms_place *ret)
{
    *ret = (sfms_place){0};
    while (m != NULL && ret->n < SFMS_PLACE_DEPTH) {
        const char *dot = memchr(path, '.', n);
        size_t name = dot != NULL ? (size_t)(dot - path) : n;
        const sfms_field *f = sfms_message_field(m, path, name);

        if (f == NULL)
            return false;
        ret->leaf = ret->fields[ret->n++] = f;
        if (dot == NULL)
            return true;
        path += name + 1;
        n -= name + 1;
        if (sfms_field_is_open(f))
            return take_key(a, path, n, ret);
        m = f->message != NULL && f->message->kind == SFMS_KIND_PLAIN ? f->message : NULL;
    }
    return false;
}

const sfms_field *
sfms_place_top(const sfms_message *m, const char *path)
{
    return sfms_message_field(m, path, strcspn(path, "."));
}

/* ---- spelling ---------------------------------------------------------------------------------------- */

static const char *
spelled(sfms_arena *a, const sfms_place *p, bool json)
{
    sfms_buf b;

    if (p->n == 1 && p->key == NULL)
        return json ? p->leaf->json_name : p->leaf->desc->name;
    sfms_buf_init(&b, a, SFMS_URL_MAX);
    for (unsigned i = 0; i < p->n; i++)
        sfms_buf_printf(
            &b, "%s%s", i > 0 ? "." : "", json ? p->fields[i]->json_name : p->fields[i]->desc->name);
    if (p->key != NULL)
        sfms_buf_printf(&b, ".%s", p->key);
    return b.data;
}

const char *
sfms_place_name(sfms_arena *a, const sfms_place *p)
{
    return spelled(a, p, false);
}

const char *
sfms_place_json(sfms_arena *a, const sfms_place *p)
{
    return spelled(a, p, true);
}

/* A name in the path of a violation, and the element that follows it. */
typedef struct {
    const char *name;
    size_t len;
    long index; /* of an element; -1 if the step is no element */
} step;

/* name_len is the length of the name that a path begins with; a backslash takes away what the next character divides. */
static size_t
name_len(const char *path)
{
    size_t n = 0;

    while (path[n] != '\0' && path[n] != '.' && path[n] != '[')
        n += path[n] == '\\' && path[n + 1] != '\0' ? 2 : 1;
    return n;
}

/* next_step takes one step off a path and answers the rest; NULL at the end. */
static const char *
next_step(const char *path, step *ret)
{
    if (path == NULL || *path == '\0')
        return NULL;
    ret->name = path;
    ret->len = name_len(path);
    ret->index = -1;
    path += ret->len;
    if (*path == '[') {
        char *end;
        ret->index = strtol(path + 1, &end, 10);
        path = *end == ']' ? end + 1 : end + strlen(end);
    }
    return *path == '.' ? path + 1 : path;
}

static const sfms_field *
field_of(const sfms_message *m, const step *s)
{
    return m == NULL || m->kind != SFMS_KIND_PLAIN ? NULL : sfms_message_field(m, s->name, s->len);
}

/* One reference token of a JSON pointer (RFC 6901): '~' and '/' are escaped. */
static void
add_token(sfms_buf *b, const char *name, size_t n)
{
    sfms_buf key;

    sfms_buf_init(&key, b->arena, SFMS_URL_MAX);
    sfms_path_unkey(&key, name, n);
    sfms_buf_char(b, '/');
    for (size_t i = 0; i < key.len; i++) {
        if (key.data[i] == '~')
            sfms_buf_add(b, "~0");
        else if (key.data[i] == '/')
            sfms_buf_add(b, "~1");
        else
            sfms_buf_char(b, key.data[i]);
    }
}

void
sfms_place_pointer(sfms_buf *b, const sfms_message *m, const char *path)
{
    step s;

    for (path = next_step(path, &s); path != NULL; path = next_step(path, &s)) {
        const sfms_field *f = field_of(m, &s);
        if (f != NULL)
            add_token(b, f->json_name, strlen(f->json_name));
        else if (s.len > 0 || s.index < 0) /* else an element of an element */
            add_token(b, s.name, s.len);
        if (s.index >= 0) {
            sfms_buf_char(b, '/');
            sfms_buf_int(b, s.index);
        }
        m = f == NULL ? NULL : f->message;
    }
}

void
sfms_place_parameter(sfms_buf *b, const sfms_message *m, const char *path)
{
    bool first = true;
    step s;

    for (path = next_step(path, &s); path != NULL; path = next_step(path, &s)) {
        const sfms_field *f = field_of(m, &s);
        if (!first)
            sfms_buf_char(b, '.');
        first = false;
        if (f != NULL)
            sfms_buf_add(b, f->json_name);
        else
            sfms_path_unkey(b, s.name, s.len);
        m = f == NULL ? NULL : f->message;
    }
}

/* ---- values ------------------------------------------------------------------------------------------ */

const ProtobufCMessage *
sfms_place_holder(const sfms_place *p, const ProtobufCMessage *msg)
{
    for (unsigned i = 0; msg != NULL && i + 1 < p->n; i++) {
        const ProtobufCFieldDescriptor *f = p->fields[i]->desc;
        const void *at = sfms_field_at(msg, f);

        if (sfms_field_is_default(msg, f))
            return NULL;
        msg = f->label == PROTOBUF_C_LABEL_REPEATED ? (*(ProtobufCMessage *const *const *)at)[0]
                                                    : *(ProtobufCMessage *const *)at;
    }
    return msg;
}

static bool
is_filled(const Google__Protobuf__Struct__FieldsEntry *entry)
{
    const Google__Protobuf__Value *value = entry != NULL ? entry->value : NULL;

    if (sfms_value_is_null(value))
        return false;
    return value->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE ||
           !sfms_text_is_blank(value->string_value);
}

bool
sfms_place_filled(const sfms_place *p, const ProtobufCMessage *msg)
{
    const ProtobufCFieldDescriptor *f = p->leaf->desc;
    const void *at;

    msg = sfms_place_holder(p, msg);
    if (msg == NULL)
        return false;
    at = sfms_field_at(msg, f);
    if (p->key != NULL)
        return is_filled(sfms_struct_entry(*(Google__Protobuf__Struct *const *)at, p->key));
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return sfms_field_count(msg, f) > 0;
    if (f->type == PROTOBUF_C_TYPE_STRING)
        return !sfms_text_is_blank(*(const char *const *)at);
    return f->type != PROTOBUF_C_TYPE_MESSAGE || *(const void *const *)at != NULL;
}

/* ---- rights ------------------------------------------------------------------------------------------ */

/* Whether a list of the role, of names such as "deals.amount", has a field. */
static bool
listed(const sfms_call *call, size_t n, const char *const *names, const sfms_field *f)
{
    for (size_t i = 0; i < n; i++) {
        const char *dot = strchr(names[i], '.');
        const sfms_message *m = dot == NULL
                                    ? NULL
                                    : sfms_contract_resource(call->contract,
                                          sfms_strndup(call->arena, names[i], (size_t)(dot - names[i])));

        if (m != NULL && sfms_place_top(m, dot + 1) == f)
            return true;
    }
    return false;
}

bool
sfms_field_hidden(const sfms_call *call, const sfms_field *f)
{
    const Pb__Principal *p = call->principal;

    return p != NULL && p->n_hidden_fields > 0 && listed(call, p->n_hidden_fields, p->hidden_fields, f);
}

bool
sfms_field_kept(const sfms_call *call, const sfms_field *f)
{
    const Pb__Principal *p = call->principal;

    return p != NULL &&
           (sfms_field_hidden(call, f) ||
               (p->n_read_only_fields > 0 && listed(call, p->n_read_only_fields, p->read_only_fields, f)));
}

bool
sfms_place_seen(const sfms_call *call, const sfms_place *p)
{
    return !p->leaf->rule->secret && !p->leaf->rule->on_request && !sfms_field_hidden(call, p->fields[0]);
}

bool
sfms_place_fillable(const sfms_call *call, const sfms_place *p)
{
    for (unsigned i = 0; i < p->n; i++)
        if (p->fields[i]->rule->output_only)
            return false;
    return !sfms_field_kept(call, p->fields[0]);
}

bool
sfms_place_to_fill(const sfms_call *call, const sfms_message *m, const char *path, sfms_place *ret)
{
    return sfms_place_find(call->arena, m, path, strlen(path), ret) && ret->n == 1 &&
           sfms_field_is_open(ret->leaf) == (ret->key != NULL) && sfms_place_fillable(call, ret);
}
