/* filter.c -- a recursive-descent reader of filters that writes SQL as it goes. Where operators meet:
 * filter.h. */
#include "db/filter.h"

#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "db/compare.h"
#include "proto/place.h"

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

/* The longer ones first, and =~ before its beginning. */
static const struct {
    const char *text;
    sfms_operator op;
} operators[] = {
    {"!=", SFMS_NE},
    {"<=", SFMS_LE},
    {">=", SFMS_GE},
    {"=~", SFMS_SAME},
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
    sfms_place place;
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
    const sfms_field *f = t->place.leaf;
    const sfms_through *through = sfms_through_find(r->through, f->desc->name);
    sfms_compared done;

    if (t->place.key != NULL)
        done = sfms_compare_member(&c, r->m->resource, f->desc->name, t->place.key);
    else if (through != NULL)
        done = compare_through(&c, f, through);
    else
        done = sfms_compare_field(&c, f, f->desc->name);
    if (done == SFMS_NOT_BY_THIS_OPERATOR)
        return wrong(r, v->at, &wrong_op, operators[o].text);
    if (done == SFMS_NOT_WITH_THIS_VALUE)
        return wrong_with(r, v->at, &bad_literal, v->text, sfms_compare_wants(r->call, f));
    return true;
}

/* A field, or customFields.key; the key may be quoted. */
static bool
read_target(reader *r, target *ret)
{
    sfms_arena *a = r->call->arena;
    const char *name = peek_word(r);
    size_t n = strlen(name);
    bool quoted = n > 0 && name[n - 1] == '.' && begins_quoted(r->at + n);

    *ret = (target){.at = r->at, .name = name};
    if (name[0] == '\0')
        return wrong(r, r->at, &stray, sfms_strndup(a, r->at, 1));
    bool found = sfms_place_find(a, r->m, name, quoted ? n - 1 : n, &ret->place);
    if (quoted && found && sfms_field_is_open(ret->place.leaf) && ret->place.key == NULL) {
        r->at += n;
        if (!take_quoted(r, &ret->place.key))
            return false;
        found = ret->place.key[0] != '\0';
    } else {
        found = found && !quoted && (ret->place.key != NULL || sfms_field_is_value(ret->place.leaf));
        r->at += n;
    }
    return (found && ret->place.n == 1 && sfms_place_seen(r->call, &ret->place)) ||
           wrong(r, ret->at, &no_such_field, name);
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
