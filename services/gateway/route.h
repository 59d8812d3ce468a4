/*
 * route.h -- which method a request is for.
 *
 * A tree over the path templates of the contract (google.api.http) and of the gateway's own addresses. A
 * literal segment goes before a variable one. Built once at start-up, read by all threads.
 */
#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "path.h"
#include "proto/contract.h"

enum { ROUTE_VARS_MAX = 8 };

struct request;

/* Answers a request to an address of the gateway's own. False if the answer comes later: the request is
 * suspended. */
typedef bool route_own(struct request *r);

typedef struct {
    const char *verb; /* "GET" */
    const char *path;
    route_own *run;
} route_own_row;

/* What a request can be for: a route of a method, or an address of the gateway's own. */
typedef struct {
    unsigned index; /* into tables kept by target; below the count of the router */
    const char *verb, *path;

    route_own *own; /* NULL for a method of the contract */
    sfms_route_kind kind;
    const sfms_method *method;
    unsigned method_index;         /* position in sfms_contract_methods */
    const sfms_field *body;        /* the field that the HTTP body fills; NULL for none or for all */
    bool whole_body;               /* the HTTP body is the request message */
    const sfms_field *raw;         /* the RawBody field that the body fills; NULL if it is JSON */
    const sfms_field *update_mask; /* filled from the keys of the body */
    const sfms_field *read_mask;
    size_t max_body;
    const char *
        location; /* of what it creates, up to the id: "/v1/deals/", "/v1/deals/{parent}/items/"; NULL if not known */

    unsigned n_vars;
    const char *var[ROUTE_VARS_MAX]; /* field paths, in the order of the path */
} route_target;

typedef struct {
    const route_target *target;
    const char *value[ROUTE_VARS_MAX]; /* of the target's variables */
} route_match;

typedef struct router router;

/* route_build makes the tree, which lives in the arena. own ends with a NULL verb. Ends the process if a
 * template cannot be understood, names a field that is not there, or stands twice. */
router *route_build(sfms_arena *a, const sfms_contract *contract, const route_own_row *own);

/* route_find looks a path up. True and the match if there is one. Otherwise *ret_allow is NULL if nothing
 * is at this path, and the verbs that it takes ("GET, PATCH"), in the arena, if it is only the verb that is
 * wrong. */
bool route_find(const router *routes, sfms_arena *a, const char *verb, const path_parts *path,
    route_match *ret, const char **ret_allow);

/* route_allow answers the verbs that a path takes, or NULL if there is nothing. */
const char *route_allow(const router *routes, sfms_arena *a, const path_parts *path);

/* route_targets answers all targets: first those of the contract in its order, then the gateway's own. */
const route_target *const *route_targets(const router *routes, unsigned *ret_n);

#endif
