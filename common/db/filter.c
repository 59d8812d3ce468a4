/* filter.c -- a recursive-descent reader of filters that writes SQL as it goes. Where operators meet:
 * filter.h. */
#include "db/filter.h"

#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "db/compare.h"

typedef struct {
    sfms_call *call;
    const sfms_message *m;
    const sfms_through *through;
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

/* The longer ones first. */
static const struct {
    const char *text;
    sfms_operator op;
} operators[] = {
    {"!=", SFMS_NE},
    {"<=", SFMS_LE},
    {">=", SFMS_GE},
    {"=", SFMS_EQ},
    {"<", SFMS_LT},
    {">", SFMS_GT},
    {":", SFMS_HAS},
};

enum { OPERATORS = sizeof(operators) / sizeof(operators[0]) };

int
sfms_param(sfms_params *p, const char *text)
{
    if (p->n == p->max)
        return 0;
    p->values[p->n++] = text;
    return p->n;
}

/* ---- errors ------------------------------------------------------------------------------------------ */

/* Both languages of what can be wrong; %s is the word at fault, a second one what is wanted. */
typedef struct {
    const char *text[SFMS_LOCALES];
} fault;

static const fault no_such_field = {{"there is no field \"%s\" to filter by", "没有可筛选的字段“%s”"}};
static const fault no_operator = {
    {"an operator such as = or : is missing after \"%s\"", "“%s”之后缺少运算符（如 = 或 :）"}};
static const fault no_value = {{"a value is missing after \"%s\"", "“%s”之后缺少值"}};
static const fault wrong_op = {{"this field does not take the operator \"%s\"", "该字段不支持运算符“%s”"}};
static const fault bad_literal = {
    {"\"%s\" is not what this field is compared with: %s", "“%s”不能与该字段比较，应为：%s"}};
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
wrong_with(reader *r, const char *at, const fault *f, const char *word, const char *wanted)
{
    char where[16];

    snprintf(where, sizeof(where), "%d", position(r, at));
    sfms_fail(r->call, &sfms_bad_filter, where,
        sfms_printf(r->call->arena, as_format(f->text[r->call->locale]), word, wanted));
    return false;
}

static bool
wrong(reader *r, const char *at, const fault *f, const char *word)
{
    return wrong_with(r, at, f, word, "");
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
    return c != '\0' && strchr(" \t\r\n()<>=!:\"'`,", c) == NULL;
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
begins_quoted(const char *at)
{
    return *at == '"' || *at == '\'' || *at == '`';
}

/* What stands between two of the quote that is here. */
static bool
take_quoted(reader *r, const char **ret)
{
    const char *start = r->at;
    char quote = *r->at;
    sfms_buf b;

    sfms_buf_init(&b, r->call->arena, SFMS_URL_MAX);
    for (r->at++; *r->at != quote; r->at++) {
        if (*r->at == '\0')
            return wrong(r, start, &open_quote, (const char[]){quote, '\0'});
        if (*r->at == '\\' && r->at[1] != '\0')
            r->at++;
        sfms_buf_char(&b, *r->at);
    }
    r->at++;
    *ret = b.data;
    return true;
}

static bool
take_value(reader *r, const char *after, value *ret)
{
    ret->at = r->at;
    ret->quoted = *r->at == '"' || *r->at == '\'';
    if (ret->quoted)
        return take_quoted(r, &ret->text);
    ret->text = peek_word(r);
    r->at += strlen(ret->text);
    return ret->text[0] != '\0' || wrong(r, ret->at, &no_value, after);
}

/* ---- comparisons ------------------------------------------------------------------------------------- */

/* Where a comparison begins, and what it is of. */
typedef struct {
    const char *at;
    const char *name; /* as written */
    const sfms_field *f;
    const char *key; /* of a member of f; NULL if it is f itself */
} target;

/* A field that is read through a reference: the rows that refer to one for which the comparison holds. A list of ids, which an
 * index can serve, and which is made once. */
static sfms_compared
compare_through(const sfms_comparison *c, const sfms_field *f, const sfms_through *t)
{
    sfms_compared done;

    sfms_buf_printf(c->sql,
        "%s = ANY (ARRAY(SELECT r.id FROM %s r WHERE r.org_id = (SELECT app.org_id()) AND ", t->reference,
        t->table);
    done = sfms_compare_field(c, f, sfms_printf(c->call->arena, "r.%s", f->desc->name));
    sfms_buf_add(c->sql, "))");
    return done;
}

static bool
write_comparison(reader *r, const target *t, unsigned o, const value *v)
{
    const sfms_comparison c = {r->call, r->sql, r->params, operators[o].op, v->text, v->quoted};
    const sfms_through *through = sfms_through_find(r->through, t->f->desc->name);
    sfms_compared done;

    if (t->key != NULL)
        done = sfms_compare_member(&c, t->f->desc->name, t->key);
    else if (through != NULL)
        done = compare_through(&c, t->f, through);
    else
        done = sfms_compare_field(&c, t->f, t->f->desc->name);
    if (done == SFMS_NOT_BY_THIS_OPERATOR)
        return wrong(r, v->at, &wrong_op, operators[o].text);
    if (done == SFMS_NOT_WITH_THIS_VALUE)
        return wrong_with(r, v->at, &bad_literal, v->text, sfms_compare_wants(r->call, t->f));
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

/* A field, or customFields.key; the key may be quoted. */
static bool
read_target(reader *r, target *ret)
{
    const char *name = peek_word(r);
    const char *dot = strchr(name, '.');
    size_t n = dot != NULL ? (size_t)(dot - name) : strlen(name);
    const sfms_field *f = sfms_message_field(r->m, name, n);

    *ret = (target){.at = r->at, .name = name, .f = f};
    if (name[0] == '\0')
        return wrong(r, r->at, &stray, sfms_strndup(r->call->arena, r->at, 1));
    if (f == NULL ||
        (dot == NULL ? !filterable(f) : f->message == NULL || f->message->kind != SFMS_KIND_STRUCT))
        return wrong(r, r->at, &no_such_field, name);
    r->at += strlen(name);
    if (dot == NULL)
        return true;
    ret->key = dot + 1;
    if (dot[1] == '\0' && begins_quoted(r->at) && !take_quoted(r, &ret->key))
        return false;
    return ret->key[0] != '\0' || wrong(r, ret->at, &no_such_field, name);
}

static bool
read_comparison(reader *r)
{
    target t;
    unsigned o = 0;
    value v = {0};

    if (!read_target(r, &t))
        return false;
    if (++r->terms > SFMS_FILTER_TERMS)
        return wrong(r, t.at, &too_many, "");
    skip_space(r);
    while (o < OPERATORS && strncmp(r->at, operators[o].text, strlen(operators[o].text)) != 0)
        o++;
    if (o == OPERATORS)
        return wrong(r, r->at, &no_operator, t.name);
    r->at += strlen(operators[o].text);
    skip_space(r);
    return take_value(r, operators[o].text, &v) && write_comparison(r, &t, o, &v);
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
        bool either = take_keyword(r, "OR");

        if (!either)
            take_keyword(r, "AND");
        has_or |= either;
        has_and |= !either;
        if (has_and && has_or)
            return wrong(r, start, &mixed, either ? "OR" : "AND");
        sfms_buf_add(r->sql, either ? " OR " : " AND ");
        if (!read_term(r))
            return false;
    }
    return true;
}

sfms_status
sfms_filter_sql(sfms_call *call, const sfms_message *m, const sfms_through *through, const char *filter,
    sfms_buf *sql, sfms_params *params)
{
    reader r = {
        .call = call, .m = m, .through = through, .text = filter, .at = filter, .sql = sql, .params = params};

    skip_space(&r);
    if (!read_filter(&r))
        return SFMS_INVALID_ARGUMENT;
    if (*r.at != '\0') {
        wrong(&r, r.at, &stray, sfms_strndup(call->arena, r.at, 1));
        return SFMS_INVALID_ARGUMENT;
    }
    return SFMS_OK;
}
