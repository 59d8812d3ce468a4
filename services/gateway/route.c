/* route.c -- the tree of path templates. */
#include "route.h"

#include <string.h>

#include "core/limits.h"
#include "core/log.h"
#include "proto/place.h"

/* A template that ends at a node, for one HTTP verb. */
typedef struct end {
    const char *custom; /* "move" of ".../{id}:move"; "" for none */
    const route_target *target;
    struct end *next;
} end;

/* One segment of all the templates that begin alike. */
typedef struct node {
    const char *literal; /* NULL for a variable */
    struct node *literals, *variable;
    struct node *next; /* its sibling */
    end *ends;
} node;

struct router {
    sfms_arena *arena;
    node root;
    unsigned n_targets;
    route_target **targets;
};

/* ---- building ---------------------------------------------------------------------------------------- */

static node *
child_of(sfms_arena *a, node *parent, const char *literal)
{
    node **place = literal == NULL ? &parent->variable : &parent->literals;

    for (node *n = *place; n != NULL; n = n->next) {
        if (literal == NULL || strcmp(n->literal, literal) == 0)
            return n;
    }
    node *made = sfms_new(a, node);
    made->literal = literal;
    made->next = *place;
    *place = made;
    return made;
}

static void
add_variable(sfms_arena *a, route_target *t, const char *segment, size_t n)
{
    const char *name = sfms_strndup(a, segment + 1, n - 2);
    sfms_place place;

    if (segment[n - 1] != '}' || strpbrk(name, "{}=*") != NULL)
        sfms_die("%s: %s: a variable is a field's name in brackets", t->method->name, t->path);
    if (t->n_vars == ROUTE_VARS_MAX)
        sfms_die("%s: %s has too many variables", t->method->name, t->path);
    if (!sfms_place_find(NULL, t->method->input, name, n - 2, &place))
        sfms_die("%s: %s: the request has no field %s", t->method->name, t->path, name);
    t->var[t->n_vars++] = name;
}

/* Where a template's segments end: the tree node for them; *ret_custom is the verb after the colon. */
static node *
descend(router *r, route_target *t, const char **ret_custom)
{
    node *at = &r->root;
    const char *p = t->path;

    *ret_custom = "";
    if (*p != '/')
        sfms_die("the route %s does not begin with /", t->path);
    while (*p == '/') {
        const char *segment = ++p;
        size_t n = strcspn(segment, "/");
        p += n;
        const char *colon = *p == '\0' ? memchr(segment, ':', n) : NULL;
        if (colon != NULL) {
            *ret_custom = sfms_strndup(r->arena, colon + 1, n - (size_t)(colon + 1 - segment));
            n = (size_t)(colon - segment);
        }
        if (segment[0] == '{' && n > 2) {
            add_variable(r->arena, t, segment, n);
            at = child_of(r->arena, at, NULL);
        } else {
            at = child_of(r->arena, at, sfms_strndup(r->arena, segment, n));
        }
    }
    return at;
}

static void
insert(router *r, route_target *t)
{
    const char *custom;
    node *at = descend(r, t, &custom);

    for (end *e = at->ends; e != NULL; e = e->next) {
        if (strcmp(e->custom, custom) == 0 && strcmp(e->target->verb, t->verb) == 0)
            sfms_die(
                "%s %s and %s %s are the same route", t->verb, t->path, e->target->verb, e->target->path);
    }
    end *e = sfms_new(r->arena, end);
    e->custom = custom;
    e->target = t;
    e->next = at->ends;
    at->ends = e;
    t->index = r->n_targets;
    r->targets[r->n_targets++] = t;
}

static const sfms_field *
mask_field(const sfms_message *m, const char *name)
{
    const sfms_field *f = sfms_message_field(m, name, strlen(name));

    return f != NULL && f->message != NULL && f->message->kind == SFMS_KIND_FIELD_MASK ? f : NULL;
}

static void
set_body(route_target *t, const char *body)
{
    const sfms_message *input = t->method->input;

    t->whole_body = strcmp(body, "*") == 0;
    if (body[0] == '\0' || t->whole_body)
        return;
    t->body = sfms_message_field(input, body, strlen(body));
    if (t->body == NULL)
        sfms_die("%s: the request has no field %s for the body", t->method->name, body);
    if (t->body->message != NULL && t->body->message->kind == SFMS_KIND_RAW)
        t->raw = t->body;
}

/* The address of what a method makes is the path at which one gets it, if that ends in the id. */
static const char *
location_of(sfms_arena *a, const sfms_contract *contract, const sfms_method *m)
{
    if (m->output->resource == NULL)
        return NULL;
    const sfms_method *get = sfms_contract_standard(contract, m->output->resource, PB__VERB__GET);
    if (get == NULL || get->n_routes == 0)
        return NULL;
    const char *path = get->routes[0].path;
    size_t n = strlen(path);
    if (n < 4 || strcmp(path + n - 4, "{id}") != 0)
        return NULL;
    return sfms_strndup(a, path, n - 4);
}

/* Bodies of strangers are small: a sign-in fits, and many of them hold little. So are those that nobody reads. */
static size_t
max_body(const route_target *t)
{
    const Pb__MethodRule *rule = t->method->rule;

    if (rule->max_body != 0)
        return rule->max_body;
    return rule->public_ || (t->body == NULL && !t->whole_body) ? SFMS_SMALL_BODY_MAX : SFMS_BODY_MAX;
}

static void
add_route(
    router *r, const sfms_contract *contract, const sfms_method *m, unsigned index, const sfms_route *route)
{
    route_target *t = sfms_new(r->arena, route_target);

    t->verb = route->verb;
    t->path = route->path;
    t->kind = route->kind;
    t->method = m;
    t->method_index = index;
    set_body(t, route->body);
    t->read_mask = mask_field(m->input, "read_mask");
    if (t->body != NULL && t->raw == NULL)
        t->update_mask = mask_field(m->input, "update_mask");
    t->max_body = max_body(t);
    t->location = location_of(r->arena, contract, m);
    insert(r, t);
}

router *
route_build(sfms_arena *a, const sfms_contract *contract, const route_own_row *own)
{
    router *r = sfms_new(a, router);
    unsigned n_methods, n = 0;
    const sfms_method *methods = sfms_contract_methods(contract, &n_methods);

    r->arena = a;
    for (unsigned i = 0; i < n_methods; i++)
        n += methods[i].n_routes;
    for (const route_own_row *row = own; row->verb != NULL; row++)
        n++;
    r->targets = sfms_new_array(a, route_target *, n);

    for (unsigned i = 0; i < n_methods; i++) {
        for (unsigned k = 0; k < methods[i].n_routes; k++)
            add_route(r, contract, &methods[i], i, &methods[i].routes[k]);
    }
    for (const route_own_row *row = own; row->verb != NULL; row++) {
        route_target *t = sfms_new(a, route_target);
        t->verb = row->verb;
        t->path = row->path;
        t->own = row->run;
        insert(r, t);
    }
    return r;
}

/* ---- looking up -------------------------------------------------------------------------------------- */

typedef struct {
    const path_parts *path;
    const char *verb; /* NULL to ask only which verbs there are */
    const char *value[ROUTE_VARS_MAX + 1];
    const route_target *allowed[16]; /* targets of this path with another verb */
    unsigned n_allowed;
} search;

static const route_target *
end_at(const node *at, search *s)
{
    for (const end *e = at->ends; e != NULL; e = e->next) {
        if (strcmp(e->custom, s->path->verb) != 0)
            continue;
        if (s->verb != NULL && strcmp(e->target->verb, s->verb) == 0)
            return e->target;
        if (s->n_allowed < sizeof s->allowed / sizeof s->allowed[0])
            s->allowed[s->n_allowed++] = e->target;
    }
    return NULL;
}

/* Depth first, literals first; the depth is that of the templates. */
static const route_target *
walk(const node *at, search *s, unsigned depth, unsigned n_vars)
{
    if (depth == s->path->n)
        return end_at(at, s);

    const char *segment = s->path->segment[depth];
    if (segment[0] == '\0')
        return NULL;
    for (const node *n = at->literals; n != NULL; n = n->next) {
        if (strcmp(n->literal, segment) != 0)
            continue;
        const route_target *t = walk(n, s, depth + 1, n_vars);
        if (t != NULL)
            return t;
        break;
    }
    if (at->variable == NULL || n_vars == ROUTE_VARS_MAX)
        return NULL;
    s->value[n_vars] = segment;
    return walk(at->variable, s, depth + 1, n_vars + 1);
}

static const char *
join_verbs(const search *s, sfms_arena *a)
{
    const char *list = NULL;

    for (unsigned i = 0; i < s->n_allowed; i++) {
        const char *verb = s->allowed[i]->verb;
        bool seen = false;

        for (unsigned k = 0; k < i && !seen; k++)
            seen = strcmp(s->allowed[k]->verb, verb) == 0;
        if (seen)
            continue;
        list = list == NULL ? verb : sfms_printf(a, "%s, %s", list, verb);
        if (strcmp(verb, "GET") == 0)
            list = sfms_printf(a, "%s, HEAD", list);
    }
    return list;
}

bool
route_find(const router *routes, sfms_arena *a, const char *verb, const path_parts *path, route_match *ret,
    const char **ret_allow)
{
    search s = {.path = path, .verb = strcmp(verb, "HEAD") == 0 ? "GET" : verb};

    *ret_allow = NULL;
    ret->target = walk(&routes->root, &s, 0, 0);
    if (ret->target == NULL) {
        *ret_allow = join_verbs(&s, a);
        return false;
    }
    memcpy(ret->value, s.value, sizeof ret->value);
    return true;
}

const char *
route_allow(const router *routes, sfms_arena *a, const path_parts *path)
{
    search s = {.path = path};

    (void)walk(&routes->root, &s, 0, 0);
    return join_verbs(&s, a);
}

const route_target *const *
route_targets(const router *routes, unsigned *ret_n)
{
    *ret_n = routes->n_targets;
    return (const route_target *const *)routes->targets;
}
