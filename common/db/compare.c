/* compare.c -- one comparison of a filter as SQL. */
#include "db/compare.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/time.h"
#include "proto/formats.h"
#include "proto/normal.h"
#include "proto/shape.h"
#include "proto/validate.h"

enum { NUMBER_CHARS = 64, EXPONENT_CHARS = 3 };

static const char *const signs[] = {
    [SFMS_EQ] = "=",
    [SFMS_NE] = "IS DISTINCT FROM",
    [SFMS_LT] = "<",
    [SFMS_LE] = "<=",
    [SFMS_GT] = ">",
    [SFMS_GE] = ">=",
};

static bool
is_bare(const sfms_comparison *c, const char *word)
{
    return !c->quoted && strcmp(c->value, word) == 0;
}

static bool
is_equality(const sfms_comparison *c)
{
    return c->op == SFMS_EQ || c->op == SFMS_NE;
}

static int
param(const sfms_comparison *c, const char *value)
{
    return sfms_param(c->params, value);
}

/* ---- values ------------------------------------------------------------------------------------------ */

static const char *
whole_number(const char *text, int64_t min, int64_t max)
{
    char *end;
    long long n;

    if (text[0] == '\0' || strlen(text) > 20)
        return NULL;
    n = strtoll(text, &end, 10);
    return *end == '\0' && n >= min && n <= max ? text : NULL;
}

/* A name of the enum, in any case; "" is none. */
static const char *
enum_name(const sfms_call *call, const ProtobufCEnumDescriptor *e, const char *text)
{
    char *name = sfms_strdup(call->arena, text);

    for (char *p = name; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
    return protobuf_c_enum_descriptor_get_value_by_name(e, name) != NULL ? name : NULL;
}

static bool
is_text(const sfms_field *f)
{
    return f->desc->type == PROTOBUF_C_TYPE_STRING && f->rule->format != PB__FORMAT__UUID &&
           f->rule->format != PB__FORMAT__DATE && !sfms_format_is_number(f->rule->format);
}

/* A text in the form in which the field is stored. What is no value of it can only be greater or less, as text. */
static const char *
string_value(const sfms_comparison *c, const sfms_field *f)
{
    const char *text = sfms_normal_text(c->call->arena, f->rule, c->value);
    const char *normal;

    if (sfms_format_is_number(f->rule->format))
        return sfms_decimal_valid(text) ? text : NULL;
    normal = text[0] == '\0' ? NULL : sfms_format_normal(c->call, f->rule->format, text);
    if (normal == NULL && is_text(f) && !is_equality(c))
        return text;
    return normal;
}

/* The value as the database takes it for the field; NULL if it is none. PostgreSQL would only say "invalid input". */
static const char *
value_of(const sfms_comparison *c, const sfms_field *f)
{
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        return string_value(c, f);
    case PROTOBUF_C_TYPE_BOOL:
        return strcmp(c->value, "true") == 0 || strcmp(c->value, "false") == 0 ? c->value : NULL;
    case PROTOBUF_C_TYPE_ENUM:
        return enum_name(c->call, f->desc->descriptor, c->value);
    case PROTOBUF_C_TYPE_INT32:
        return whole_number(c->value, INT32_MIN, INT32_MAX);
    case PROTOBUF_C_TYPE_UINT32:
        return whole_number(c->value, 0, INT32_MAX);
    case PROTOBUF_C_TYPE_INT64:
        return whole_number(c->value, INT64_MIN, INT64_MAX);
    case PROTOBUF_C_TYPE_UINT64:
        return whole_number(c->value, 0, INT64_MAX);
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        return sfms_decimal_valid(c->value) ? c->value : NULL;
    default:
        if (f->message != NULL && f->message->kind == SFMS_KIND_WRAPPER)
            return value_of(c, &f->message->fields[0]);
        return NULL;
    }
}

const char *
sfms_compare_wants(const sfms_call *call, const sfms_field *f)
{
    static const char *const time[] = {"a day where you are, such as 2026-03-01, or a time with its offset, "
                                       "such as 2026-03-01T08:30:00+08:00",
        "您所在地的日期（例如 2026-03-01），或带时区偏移的时间（例如 2026-03-01T08:30:00+08:00）"};
    static const char *const value[] = {"a value of this field", "该字段的值"};

    if (f->message != NULL && f->message->kind == SFMS_KIND_TIMESTAMP)
        return time[call->locale];
    if (f->desc->type == PROTOBUF_C_TYPE_STRING && f->rule->format != PB__FORMAT__FORMAT_UNSPECIFIED)
        return sfms_format_name(call, f->rule->format);
    return value[call->locale];
}

/* ---- kinds of comparison ----------------------------------------------------------------------------- */

/* A day among moments is all of that day, from its first to its last, where the caller is. */
static void
compare_day(const sfms_comparison *c, const char *column)
{
    int p = param(c, c->value);
    bool next = c->op == SFMS_GT || c->op == SFMS_LE;

    /* Bare where it can be: an index serves what is not in IS TRUE. */
    if (is_equality(c))
        sfms_buf_printf(c->sql, "(%s >= app.day_start($%d::date) AND %s < app.day_start($%d::date + 1))%s",
            column, p, column, p, c->op == SFMS_NE ? " IS NOT TRUE" : "");
    else
        sfms_buf_printf(c->sql, "%s %s app.day_start($%d::date%s)", column,
            c->op == SFMS_GE || c->op == SFMS_GT ? ">=" : "<", p, next ? " + 1" : "");
}

static sfms_compared
compare_moment(const sfms_comparison *c, const char *column)
{
    sfms_moment moment;

    if (sfms_date_valid(c->value)) {
        compare_day(c, column);
        return SFMS_COMPARED;
    }
    if (!sfms_moment_parse(c->value, &moment))
        return SFMS_NOT_WITH_THIS_VALUE;
    sfms_buf_printf(c->sql, "%s %s $%d", column, signs[c->op], param(c, c->value));
    return SFMS_COMPARED;
}

/* A part of a phone number is its digits, however they are divided; a whole one is found in any spelling. */
static void
contains_phone(const sfms_comparison *c, const char *column)
{
    const char *normal = sfms_format_normal(c->call, PB__FORMAT__PHONE, c->value);

    sfms_buf_printf(c->sql,
        "(strpos(%s, (SELECT nullif(regexp_replace(app.fold($%d), '[^0-9+]', '', 'g'), ''))) > 0", column,
        param(c, c->value));
    if (normal != NULL)
        sfms_buf_printf(c->sql, " OR %s = $%d", column, param(c, normal));
    sfms_buf_char(c->sql, ')');
}

/* field:value -- contains, or has the element. */
static sfms_compared
contains(const sfms_comparison *c, const sfms_field *f, const char *column)
{
    const char *element;

    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED) {
        sfms_comparison whole = *c;

        if (f->desc->type != PROTOBUF_C_TYPE_STRING)
            return SFMS_NOT_BY_THIS_OPERATOR;
        whole.op = SFMS_EQ;
        element = string_value(&whole, f);
        if (element == NULL)
            return SFMS_NOT_WITH_THIS_VALUE;
        sfms_buf_printf(c->sql, "$%d = ANY (%s)", param(c, element), column);
        return SFMS_COMPARED;
    }
    if (!is_text(f))
        return SFMS_NOT_BY_THIS_OPERATOR;
    if (f->rule->format == PB__FORMAT__PHONE)
        contains_phone(c, column);
    else
        sfms_buf_printf(c->sql, "strpos(app.fold(%s), (SELECT app.fold($%d))) > 0", column,
            param(c, sfms_normal_text(c->call->arena, f->rule, c->value)));
    return SFMS_COMPARED;
}

/* field =~ value -- the same to people, as unique names are compared, whose indexes serve it. */
static void
is_same(const sfms_comparison *c, const char *column, const char *text)
{
    sfms_buf_printf(c->sql, "app.fold(%s) = (SELECT app.fold($%d))", column, param(c, text));
}

/* Whether the field has a value at all. */
static void
is_set(const sfms_comparison *c, const sfms_field *f, const char *column, bool set)
{
    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
        sfms_buf_printf(c->sql, "coalesce(cardinality(%s), 0) %s 0", column, set ? ">" : "=");
    else
        sfms_buf_printf(c->sql, "%s IS %sNULL", column, set ? "NOT " : "");
}

/* A value that is nothing: none is stored for it, and that is answered as null, "" or the unspecified name of an enum. */
static bool
is_nothing(const sfms_comparison *c, const sfms_field *f)
{
    const char *name;

    if (!is_equality(c))
        return false;
    if (f->desc->type == PROTOBUF_C_TYPE_STRING)
        return sfms_normal_text(c->call->arena, f->rule, c->value)[0] == '\0';
    name = f->desc->type == PROTOBUF_C_TYPE_ENUM ? enum_name(c->call, f->desc->descriptor, c->value) : NULL;
    return name != NULL &&
           protobuf_c_enum_descriptor_get_value_by_name(f->desc->descriptor, name)->value == 0;
}

const char *
sfms_collation(const sfms_field *f)
{
    bool name = f->desc->type == PROTOBUF_C_TYPE_STRING && f->rule->format == PB__FORMAT__FORMAT_UNSPECIFIED;

    return name && f->rule->sortable ? " COLLATE app.by_name" : "";
}

sfms_compared
sfms_compare_field(const sfms_comparison *c, const sfms_field *f, const char *column)
{
    const char *value;

    if (is_bare(c, "null") && c->op != SFMS_HAS && !is_equality(c))
        return SFMS_NOT_BY_THIS_OPERATOR;
    if (c->op == SFMS_SAME) {
        if (!is_text(f) || f->desc->label == PROTOBUF_C_LABEL_REPEATED)
            return SFMS_NOT_BY_THIS_OPERATOR;
        is_same(c, column, sfms_normal_text(c->call->arena, f->rule, c->value));
        return SFMS_COMPARED;
    }
    if (c->op == SFMS_HAS && is_bare(c, "*")) {
        is_set(c, f, column, true);
        return SFMS_COMPARED;
    }
    if (c->op != SFMS_HAS && (is_bare(c, "null") || is_nothing(c, f))) {
        is_set(c, f, column, c->op == SFMS_NE);
        return SFMS_COMPARED;
    }
    if (c->op == SFMS_HAS)
        return contains(c, f, column);
    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
        return SFMS_NOT_BY_THIS_OPERATOR;
    if (f->message != NULL && f->message->kind == SFMS_KIND_TIMESTAMP)
        return compare_moment(c, column);
    value = value_of(c, f);
    if (value == NULL)
        return SFMS_NOT_WITH_THIS_VALUE;
    sfms_buf_printf(c->sql, "%s%s %s $%d", column, sfms_collation(f), signs[c->op], param(c, value));
    return SFMS_COMPARED;
}

/* ---- members of objects ------------------------------------------------------------------------------ */

/* A number as JSON writes it, of any length that one can have. */
static bool
is_number(const char *text)
{
    size_t whole, n;
    const char *p = text + (text[0] == '-' ? 1 : 0);

    whole = strspn(p, "0123456789");
    if (whole == 0 || strlen(text) > NUMBER_CHARS)
        return false;
    p += whole;
    if (*p == '.') {
        n = strspn(p + 1, "0123456789");
        if (n == 0)
            return false;
        p += 1 + n;
    }
    if (*p == 'e' || *p == 'E') {
        p += p[1] == '+' || p[1] == '-' ? 2 : 1;
        n = strspn(p, "0123456789");
        if (n == 0 || n > EXPONENT_CHARS)
            return false;
        p += n;
    }
    return *p == '\0';
}

const char *
sfms_member_number(const sfms_call *call, const char *collection, const char *column, const char *key, int k)
{
    const sfms_definition *d = call->shape == NULL ? NULL : sfms_shape_find(call->shape, collection, key);
    bool text = d != NULL && (d->custom->type == PB__CUSTOM_FIELD__TYPE__NUMBER ||
                                 d->custom->type == PB__CUSTOM_FIELD__TYPE__MONEY);

    /* What is no number may be there from before the definition. */
    return sfms_printf(call->arena,
        "CASE WHEN jsonb_typeof(%s -> $%d::text) = 'number'%s THEN (%s ->> $%d::text)::numeric END", column,
        k,
        text ? sfms_printf(call->arena, " OR %s ->> $%d::text ~ '^-?[0-9]{1,18}([.][0-9]{1,6})?$'", column, k)
             : "",
        column, k);
}

static void
compare_number(const sfms_comparison *c, const char *collection, const char *column, const char *key, int k)
{
    const char *number = sfms_member_number(c->call, collection, column, key, k);

    if (c->op == SFMS_NE)
        sfms_buf_printf(c->sql, "%s %s $%d::numeric", number, signs[c->op], param(c, c->value));
    else
        sfms_buf_printf(
            c->sql, "coalesce(%s %s $%d::numeric, false)", number, signs[c->op], param(c, c->value));
}

sfms_compared
sfms_compare_member(const sfms_comparison *c, const char *collection, const char *column, const char *key)
{
    sfms_arena *a = c->call->arena;
    int k = param(c, sfms_text_nfc(a, sfms_text_trim(a, key)));
    const char *text = sfms_text_nfc(a, sfms_text_trim(a, c->value));

    if (c->op == SFMS_HAS && is_bare(c, "*")) {
        sfms_buf_printf(c->sql, "coalesce(%s ->> $%d::text, '') <> ''", column, k);
        return SFMS_COMPARED;
    }
    if (c->op == SFMS_HAS) {
        sfms_buf_printf(c->sql, "strpos(app.fold(%s ->> $%d::text), (SELECT app.fold($%d))) > 0", column, k,
            param(c, text));
        return SFMS_COMPARED;
    }
    if (is_bare(c, "null")) {
        if (!is_equality(c))
            return SFMS_NOT_BY_THIS_OPERATOR;
        sfms_buf_printf(c->sql, "%s ->> $%d::text IS %sNULL", column, k, c->op == SFMS_NE ? "NOT " : "");
        return SFMS_COMPARED;
    }
    if (c->op == SFMS_SAME)
        is_same(c, sfms_printf(a, "(%s ->> $%d::text)", column, k), text);
    else if (!c->quoted && is_number(c->value))
        compare_number(c, collection, column, key, k);
    else
        sfms_buf_printf(c->sql, "%s ->> $%d::text %s $%d", column, k, signs[c->op], param(c, text));
    return SFMS_COMPARED;
}
