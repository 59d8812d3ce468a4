/* filter.c -- a recursive-descent reader of filters that writes SQL as it goes. Where operators meet:
 * filter.h. */
#include "db/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "core/limits.h"
#include "core/time.h"
#include "proto/formats.h"
#include "proto/validate.h"

typedef struct {
    sfms_call *call;
    const sfms_message *m;
    const char *text; /* the whole filter */
    const char *at;   /* what is not yet read */
    sfms_buf *sql;
    sfms_params *params;
    int terms;
    int depth;
} reader;

/* A value as written. */
typedef struct {
    const char *text;
    const char *at; /* where it stands, for errors */
    bool quoted;
} value;

typedef enum { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_HAS } op;

static const struct {
    const char *text;
    op op;
    const char *sql;
} operators[] = {
    {"!=", OP_NE, "IS DISTINCT FROM"},
    {"<=", OP_LE, "<="},
    {">=", OP_GE, ">="},
    {"=", OP_EQ, "="},
    {"<", OP_LT, "<"},
    {">", OP_GT, ">"},
    {":", OP_HAS, NULL},
};

int
sfms_param(sfms_params *p, const char *text)
{
    if (p->n == p->max)
        return 0;
    p->values[p->n++] = text;
    return p->n;
}

/* ---- errors ------------------------------------------------------------------------------------------ */

/* Both languages of what can be wrong; %s is the word at fault. */
typedef struct {
    const char *text[SFMS_LOCALES];
} fault;

static const fault no_such_field = {{"there is no field \"%s\" to filter by", "没有可筛选的字段“%s”"}};
static const fault no_operator = {
    {"an operator such as = or : is missing after \"%s\"", "“%s”之后缺少运算符（如 = 或 :）"}};
static const fault no_value = {{"a value is missing after \"%s\"", "“%s”之后缺少值"}};
static const fault wrong_op = {{"this field does not take the operator \"%s\"", "该字段不支持运算符“%s”"}};
static const fault bad_literal = {{"\"%s\" is not a value of this field", "“%s”不是该字段的有效值"}};
static const fault open_quote = {{"the quotation that begins with %s has no end", "从 %s 开始的引号未闭合"}};
static const fault open_bracket = {{"a closing bracket is missing%s", "缺少右括号%s"}};
static const fault stray = {{"\"%s\" does not belong here", "此处不应出现“%s”"}};
static const fault mixed = {{"AND and OR meet here; put brackets around one of them (before \"%s\")",
    "AND 与 OR 混用时须加括号（“%s”之前）"}};
static const fault too_many = {{"the filter is too long or too deep%s", "筛选条件过长或嵌套过深%s"}};

/* Position as a count of characters, not bytes: people look at it. */
static int
position(const reader *r, const char *at)
{
    int n = 1;

    for (const char *p = r->text; p < at; p++)
        n += ((unsigned char)*p & 0xC0) != 0x80;
    return n;
}

__attribute__((format_arg(1))) static const char *
as_format(const char *text)
{
    return text;
}

static bool
wrong(reader *r, const char *at, const fault *f, const char *word)
{
    char where[16];

    snprintf(where, sizeof(where), "%d", position(r, at));
    sfms_fail(r->call, &sfms_bad_filter, where,
        sfms_printf(r->call->arena, as_format(f->text[r->call->locale]), word));
    return false;
}

/* ---- words ------------------------------------------------------------------------------------------- */

static void
skip_space(reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')
        r->at++;
}

static bool
word_char(char c)
{
    return c != '\0' && strchr(" \t\r\n()<>=!:\"',", c) == NULL;
}

/* The bare word that begins here, without moving on; "" if there is none. */
static const char *
peek_word(const reader *r)
{
    size_t n = 0;

    while (word_char(r->at[n]))
        n++;
    return sfms_strndup(r->call->arena, r->at, n);
}

static bool
take_keyword(reader *r, const char *keyword)
{
    size_t n = strlen(keyword);

    if (strncmp(r->at, keyword, n) != 0 || word_char(r->at[n]))
        return false;
    r->at += n;
    skip_space(r);
    return true;
}

static bool
take_value(reader *r, const char *after, value *ret)
{
    char quote = *r->at;
    sfms_buf b;

    ret->at = r->at;
    ret->quoted = quote == '"' || quote == '\'';
    if (!ret->quoted) {
        ret->text = peek_word(r);
        r->at += strlen(ret->text);
        return ret->text[0] != '\0' || wrong(r, ret->at, &no_value, after);
    }
    sfms_buf_init(&b, r->call->arena, SFMS_URL_MAX);
    for (r->at++; *r->at != quote; r->at++) {
        if (*r->at == '\0')
            return wrong(r, ret->at, &open_quote, quote == '"' ? "\"" : "'");
        if (*r->at == '\\' && r->at[1] != '\0')
            r->at++;
        sfms_buf_char(&b, *r->at);
    }
    r->at++;
    ret->text = b.data;
    return true;
}

/* ---- comparisons ------------------------------------------------------------------------------------- */

static bool
is_whole_number(const char *text, int64_t min, int64_t max)
{
    char *end;
    long long n;

    if (text[0] == '\0' || strlen(text) > 20)
        return false;
    n = strtoll(text, &end, 10);
    return *end == '\0' && n >= min && n <= max;
}

static bool
is_moment(const char *text)
{
    sfms_moment moment;

    return sfms_date_valid(text) || sfms_moment_parse(text, &moment);
}

static bool
string_fits(const sfms_field *f, const char *text)
{
    switch (f->rule->format) {
    case PB__FORMAT__UUID:
        return sfms_id_valid(text);
    case PB__FORMAT__DATE:
        return sfms_date_valid(text);
    case PB__FORMAT__DECIMAL:
    case PB__FORMAT__MONEY:
        return sfms_decimal_valid(text);
    default:
        return true;
    }
}

/* Whether a value can be compared with the field at all; PostgreSQL would only say "invalid input". */
static bool
value_fits(const sfms_field *f, const char *text)
{
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        return string_fits(f, text);
    case PROTOBUF_C_TYPE_BOOL:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    case PROTOBUF_C_TYPE_ENUM:
        return protobuf_c_enum_descriptor_get_value_by_name(f->desc->descriptor, text) != NULL;
    case PROTOBUF_C_TYPE_INT32:
        return is_whole_number(text, INT32_MIN, INT32_MAX);
    case PROTOBUF_C_TYPE_UINT32:
        return is_whole_number(text, 0, INT32_MAX);
    case PROTOBUF_C_TYPE_INT64:
        return is_whole_number(text, INT64_MIN, INT64_MAX);
    case PROTOBUF_C_TYPE_UINT64:
        return is_whole_number(text, 0, INT64_MAX);
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        return sfms_decimal_valid(text);
    default:
        if (f->message != NULL && f->message->kind == SFMS_KIND_WRAPPER)
            return value_fits(&f->message->fields[0], text);
        return f->message != NULL && f->message->kind == SFMS_KIND_TIMESTAMP && is_moment(text);
    }
}

static bool
is_text(const sfms_field *f)
{
    return f->desc->type == PROTOBUF_C_TYPE_STRING && f->rule->format != PB__FORMAT__UUID &&
           f->rule->format != PB__FORMAT__DATE && !sfms_format_is_number(f->rule->format);
}

/* field:value -- contains, has the element, or is set. */
static bool
write_has(reader *r, const sfms_field *f, const char *column, const value *v)
{
    bool repeated = f->desc->label == PROTOBUF_C_LABEL_REPEATED;

    if (!v->quoted && strcmp(v->text, "*") == 0) {
        sfms_buf_printf(r->sql, repeated ? "cardinality(%s) > 0" : "%s IS NOT NULL", column);
        return true;
    }
    if (repeated && f->desc->type == PROTOBUF_C_TYPE_STRING) {
        sfms_buf_printf(r->sql, "$%d = ANY (%s)", sfms_param(r->params, v->text), column);
        return true;
    }
    if (repeated || !is_text(f))
        return wrong(r, v->at, &wrong_op, ":");
    sfms_buf_printf(
        r->sql, "strpos(app.fold(%s), (SELECT app.fold($%d))) > 0", column, sfms_param(r->params, v->text));
    return true;
}

static bool
write_comparison(reader *r, const sfms_field *f, unsigned o, const value *v)
{
    const char *column = f->desc->name;

    if (operators[o].op == OP_HAS)
        return write_has(r, f, column, v);
    if (f->desc->label == PROTOBUF_C_LABEL_REPEATED)
        return wrong(r, v->at, &wrong_op, operators[o].text);
    if (!v->quoted && strcmp(v->text, "null") == 0) {
        if (operators[o].op != OP_EQ && operators[o].op != OP_NE)
            return wrong(r, v->at, &wrong_op, operators[o].text);
        sfms_buf_printf(r->sql, operators[o].op == OP_EQ ? "%s IS NULL" : "%s IS NOT NULL", column);
        return true;
    }
    if (!value_fits(f, v->text))
        return wrong(r, v->at, &bad_literal, v->text);
    sfms_buf_printf(r->sql, "%s %s $%d", column, operators[o].sql, sfms_param(r->params, v->text));
    return true;
}

/* customFields.key: compared as a number if the value is one, otherwise as text. */
static bool
write_custom(reader *r, const char *column, const char *key, unsigned o, const value *v)
{
    int k = sfms_param(r->params, key);
    bool number = !v->quoted && sfms_decimal_valid(v->text);

    if (operators[o].op == OP_HAS && !v->quoted && strcmp(v->text, "*") == 0) {
        sfms_buf_printf(r->sql, "coalesce(%s ->> $%d::text, '') <> ''", column, k);
    } else if (operators[o].op == OP_HAS) {
        sfms_buf_printf(r->sql, "strpos(app.fold(%s ->> $%d::text), (SELECT app.fold($%d))) > 0", column, k,
            sfms_param(r->params, v->text));
    } else if (number) {
        sfms_buf_printf(r->sql,
            "CASE WHEN jsonb_typeof(%s -> $%d::text) = 'number' THEN (%s ->> $%d::text)::numeric %s "
            "$%d::numeric"
            " ELSE %s END",
            column, k, column, k, operators[o].sql, sfms_param(r->params, v->text),
            operators[o].op == OP_NE ? "true" : "false");
    } else {
        sfms_buf_printf(
            r->sql, "%s ->> $%d::text %s $%d", column, k, operators[o].sql, sfms_param(r->params, v->text));
    }
    return true;
}

static bool
filterable(const sfms_field *f)
{
    if (f->rule->secret)
        return false;
    if (f->desc->type == PROTOBUF_C_TYPE_MESSAGE)
        return f->message != NULL &&
               (f->message->kind == SFMS_KIND_TIMESTAMP || f->message->kind == SFMS_KIND_WRAPPER);
    return f->desc->type != PROTOBUF_C_TYPE_BYTES;
}

static bool
read_comparison(reader *r)
{
    const char *start = r->at;
    const char *name = peek_word(r);
    const char *dot = strchr(name, '.');
    size_t n = dot != NULL ? (size_t)(dot - name) : strlen(name);
    const sfms_field *f = sfms_message_field(r->m, name, n);
    unsigned o = 0;
    value v = {0};

    if (name[0] == '\0')
        return wrong(r, start, &stray, sfms_strndup(r->call->arena, start, 1));
    if (++r->terms > SFMS_FILTER_TERMS)
        return wrong(r, start, &too_many, "");
    if (f == NULL ||
        (dot == NULL ? !filterable(f) : f->message == NULL || f->message->kind != SFMS_KIND_STRUCT) ||
        (dot != NULL && dot[1] == '\0'))
        return wrong(r, start, &no_such_field, name);
    r->at += strlen(name);
    skip_space(r);
    while (o < sizeof(operators) / sizeof(operators[0]) &&
           strncmp(r->at, operators[o].text, strlen(operators[o].text)) != 0)
        o++;
    if (o == sizeof(operators) / sizeof(operators[0]))
        return wrong(r, r->at, &no_operator, name);
    r->at += strlen(operators[o].text);
    skip_space(r);
    if (!take_value(r, operators[o].text, &v))
        return false;
    return dot != NULL ? write_custom(r, f->desc->name, dot + 1, o, &v) : write_comparison(r, f, o, &v);
}

/* ---- structure --------------------------------------------------------------------------------------- */

static bool read_filter(reader *r);

static bool
read_term(reader *r)
{
    const char *start = r->at;
    bool negated = take_keyword(r, "NOT");

    if (!negated && *r->at == '-') {
        negated = true;
        r->at++;
    }
    /* NOT over a comparison with NULL is true, not unknown: what is not equal is not equal. */
    sfms_buf_add(r->sql, "((");
    if (*r->at == '(') {
        if (++r->depth > SFMS_FILTER_DEPTH)
            return wrong(r, start, &too_many, "");
        r->at++;
        skip_space(r);
        if (!read_filter(r))
            return false;
        if (*r->at != ')')
            return wrong(r, r->at, &open_bracket, "");
        r->at++;
        r->depth--;
    } else if (!read_comparison(r)) {
        return false;
    }
    sfms_buf_add(r->sql, negated ? ") IS NOT TRUE)" : "))");
    skip_space(r);
    return true;
}

static bool
read_filter(reader *r)
{
    bool has_and = false;
    bool has_or = false;

    if (!read_term(r))
        return false;
    while (*r->at != '\0' && *r->at != ')') {
        const char *start = r->at;
        bool or = take_keyword(r, "OR");

        if (! or)
            take_keyword(r, "AND");
        has_or |= or ;
        has_and |= ! or ;
        if (has_and && has_or)
            return wrong(r, start, &mixed, or ? "OR" : "AND");
        sfms_buf_add(r->sql, or ? " OR " : " AND ");
        if (!read_term(r))
            return false;
    }
    return true;
}

sfms_status
sfms_filter_sql(
    sfms_call *call, const sfms_message *m, const char *filter, sfms_buf *sql, sfms_params *params)
{
    reader r = {.call = call, .m = m, .text = filter, .at = filter, .sql = sql, .params = params};

    skip_space(&r);
    if (!read_filter(&r))
        return SFMS_INVALID_ARGUMENT;
    if (*r.at != '\0') {
        wrong(&r, r.at, &stray, sfms_strndup(call->arena, r.at, 1));
        return SFMS_INVALID_ARGUMENT;
    }
    return SFMS_OK;
}
