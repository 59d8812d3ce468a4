/* csv.c -- records as rows of CSV. */
#include "csv.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "proto/call.h"

/* ---- cells --------------------------------------------------------------------------------------------- */

/* What makes a formula of a cell, or hides one that follows: also in full width, as some spreadsheets read those alike. */
static bool
is_formula(const char *text)
{
    static const char *const begins[] = {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};

    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        if (strncmp(text, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

void
csv_text(sfms_buf *b, const char *text, bool guard)
{
    size_t n = strlen(text);
    bool guarded = guard && is_formula(text);

    if (text[strcspn(text, ",;\"\r\n\t")] == '\0' && (n == 0 || (text[0] != ' ' && text[n - 1] != ' '))) {
        sfms_buf_add(b, guarded ? "'" : "");
        sfms_buf_mem(b, text, n);
        return;
    }
    sfms_buf_add(b, guarded ? "\"'" : "\"");
    for (const char *quote; (quote = strchr(text, '"')) != NULL; text = quote + 1) {
        sfms_buf_mem(b, text, (size_t)(quote - text) + 1);
        sfms_buf_char(b, '"');
    }
    sfms_buf_add(b, text);
    sfms_buf_char(b, '"');
}

/* "2026-03-31T09:30:00.5Z" as spreadsheets read a time: to the second. */
static void
time_cell(sfms_buf *b, const char *text)
{
    if (strlen(text) < 20 || text[10] != 'T') {
        csv_text(b, text, false);
        return;
    }
    sfms_buf_mem(b, text, 10);
    sfms_buf_char(b, ' ');
    sfms_buf_mem(b, text + 11, 8);
}

static void
json_cell(sfms_buf *b, const cJSON *value, bool guard)
{
    char *text = cJSON_PrintUnformatted(value);

    if (text == NULL)
        sfms_die("out of memory");
    csv_text(b, text, guard);
    cJSON_free(text);
}

static bool
all_texts(const cJSON *list)
{
    const cJSON *one;

    cJSON_ArrayForEach(one, list) if (!cJSON_IsString(one)) return false;
    return true;
}

static void
list_cell(sfms_buf *b, sfms_arena *a, const cJSON *list)
{
    const cJSON *one;
    sfms_buf joined;

    if (!all_texts(list)) {
        json_cell(b, list, true);
        return;
    }
    sfms_buf_init(&joined, a, b->max);
    cJSON_ArrayForEach(one, list)
        sfms_buf_printf(&joined, "%s%s", joined.len > 0 ? "; " : "", one->valuestring);
    csv_text(b, joined.data, true);
}

/* A number that a double does not hold has its digits as text: see sfms_json_stored. */
static void
number_cell(sfms_buf *b, const cJSON *value)
{
    if (value->valuestring != NULL)
        sfms_buf_add(b, value->valuestring);
    else
        json_cell(b, value, false);
}

/* A text of a format holds what the format allows, which is no formula. */
static void
cell(sfms_buf *b, sfms_arena *a, const sfms_field *f, const cJSON *value)
{
    bool is_time = f != NULL && f->message != NULL && f->message->kind == SFMS_KIND_TIMESTAMP;
    bool free_text = f == NULL || (f->rule->format == PB__FORMAT__FORMAT_UNSPECIFIED &&
                                      f->desc->type == PROTOBUF_C_TYPE_STRING);

    if (value == NULL || cJSON_IsNull(value))
        return;
    if (cJSON_IsString(value) && is_time)
        time_cell(b, value->valuestring);
    else if (cJSON_IsString(value))
        csv_text(b, value->valuestring, free_text);
    else if (cJSON_IsBool(value))
        sfms_buf_add(b, cJSON_IsTrue(value) ? "true" : "false");
    else if (cJSON_IsNumber(value))
        number_cell(b, value);
    else if (cJSON_IsArray(value))
        list_cell(b, a, value);
    else
        json_cell(b, value, true);
}

/* ---- columns ------------------------------------------------------------------------------------------- */

static bool
is_object(const sfms_field *f)
{
    return f->message != NULL && f->message->kind == SFMS_KIND_STRUCT &&
           f->desc->label != PROTOBUF_C_LABEL_REPEATED;
}

static bool
has_key(const csv *c, const sfms_field *f, const char *key)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->field[i] == f && c->key[i] != NULL && strcmp(c->key[i], key) == 0)
            return true;
    return false;
}

static void
add_column(csv *c, const sfms_field *f, const char *key)
{
    if (c->n == CSV_COLUMNS_MAX)
        return;
    c->field[c->n] = f;
    c->key[c->n] = key != NULL ? strdup(key) : NULL;
    if (key != NULL && c->key[c->n] == NULL)
        sfms_die("out of memory");
    c->n++;
}

static void
add_keys(csv *c, const sfms_field *f, const cJSON *const *records, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const cJSON *object = cJSON_GetObjectItemCaseSensitive(records[i], f->json_name), *one;

        cJSON_ArrayForEach(one, object)
        {
            if (c->n < CSV_COLUMNS_MAX - SFMS_FIELDS_MAX && !has_key(c, f, one->string))
                add_column(c, f, one->string);
        }
    }
}

static bool
is_masked(const Google__Protobuf__FieldMask *mask, const sfms_field *f)
{
    for (size_t i = 0; mask != NULL && i < mask->n_paths; i++) {
        const char *path = mask->paths[i];
        size_t n = strcspn(path, ".");

        if ((f->name_len == n && memcmp(f->desc->name, path, n) == 0) ||
            (f->json_name_len == n && memcmp(f->json_name, path, n) == 0))
            return true;
    }
    return mask == NULL || mask->n_paths == 0;
}

void
csv_columns(csv *c, const sfms_message *m, const Google__Protobuf__FieldMask *mask,
    const cJSON *const *records, size_t n)
{
    c->n = 0;
    for (unsigned i = 0; i < m->n_fields; i++) {
        const sfms_field *f = &m->fields[i];

        if (f->rule->secret || f->rule->on_request || !is_masked(mask, f))
            continue;
        if (is_object(f))
            add_keys(c, f, records, n);
        add_column(c, f, NULL);
    }
}

void
csv_free(csv *c)
{
    for (unsigned i = 0; i < c->n; i++)
        free(c->key[i]);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static const char *
name_of(const sfms_field *f, bool labels, sfms_locale locale)
{
    if (!labels || f->label == NULL)
        return f->json_name;
    return locale == SFMS_LOCALE_ZH ? f->label->zh : f->label->en;
}

void
csv_head(const csv *c, sfms_buf *b, bool labels, sfms_locale locale)
{
    for (unsigned i = 0; i < c->n; i++) {
        const char *name = name_of(c->field[i], labels, locale);

        if (i > 0)
            sfms_buf_char(b, ',');
        csv_text(b, c->key[i] != NULL ? sfms_printf(b->arena, "%s.%s", name, c->key[i]) : name, true);
    }
    sfms_buf_add(b, "\r\n");
}

/* The members of an object that have no column; nothing if all have. */
static void
rest_cell(const csv *c, sfms_buf *b, const sfms_field *f, const cJSON *object)
{
    sfms_buf rest;
    const cJSON *one;

    sfms_buf_init(&rest, b->arena, b->max);
    cJSON_ArrayForEach(one, object)
    {
        char *text = has_key(c, f, one->string) ? NULL : cJSON_PrintUnformatted(one);

        if (text == NULL)
            continue;
        sfms_buf_char(&rest, rest.len == 0 ? '{' : ',');
        sfms_buf_json(&rest, one->string, strlen(one->string));
        sfms_buf_printf(&rest, ":%s", text);
        cJSON_free(text);
    }
    if (rest.len == 0)
        return;
    sfms_buf_char(&rest, '}');
    csv_text(b, rest.data, true);
}

void
csv_row(const csv *c, sfms_buf *b, sfms_arena *a, const cJSON *record)
{
    const cJSON *value = record->child;

    for (unsigned i = 0; i < c->n; i++) {
        const sfms_field *f = c->field[i];

        if (i > 0)
            sfms_buf_char(b, ',');
        /* Members come in the order of the columns, so that mostly the next one is it. */
        if (value == NULL || value->string == NULL || strcmp(value->string, f->json_name) != 0)
            value = cJSON_GetObjectItemCaseSensitive(record, f->json_name);
        if (c->key[i] != NULL)
            cell(b, a, NULL, cJSON_GetObjectItemCaseSensitive(value, c->key[i]));
        else if (is_object(f))
            rest_cell(c, b, f, value);
        else
            cell(b, a, f, value);
        if (value != NULL && c->key[i] == NULL)
            value = value->next;
    }
    sfms_buf_add(b, "\r\n");
}
