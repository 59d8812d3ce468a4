/* aggregate.h -- what an AGGREGATE asks for, read. Inside common/db only. */
#ifndef SFMS_DB_AGGREGATE_H
#define SFMS_DB_AGGREGATE_H

#include "db/engine.h"
#include "proto/place.h"

enum {
    SFMS_GROUPINGS = 3,
    SFMS_MEASURES = 10,
    SFMS_GROUPS_MAX = 1000,        /* on a page */
    SFMS_EMPTY_GROUPS_MAX = 10000, /* combinations, above which those without a record are not looked for */
};

/* A span of time that a day falls into. %s is the day. */
typedef struct {
    const char *word;  /* "month" */
    const char *first; /* SQL of its first day */
    const char *step;  /* interval from one to the next */
    int days;          /* that it has at most, for a bound */
} sfms_span;

/* One member of group_by. */
typedef struct {
    const char *word; /* as it was asked for: "month(createTime)" */
    sfms_place place;
    const sfms_span *span; /* NULL for the value itself */
    const char *sql;       /* what reads it; NULL where there is no value */
} sfms_grouping;

/* One member of measures. */
typedef struct {
    const char *word; /* "sum(amount)" */
    const char *sql;
    const char *of_none; /* of a group without records: "0", or "NULL" */
    bool time;           /* a moment, which is written in its own way */
} sfms_measure;

/* One member of order_by. */
typedef struct {
    const char *sql; /* over the groups */
    bool descending;
} sfms_rank;

typedef struct {
    unsigned n_groupings, n_measures, n_ranks;
    sfms_grouping groupings[SFMS_GROUPINGS];
    sfms_measure measures[SFMS_MEASURES];
    sfms_rank ranks[2 * (SFMS_GROUPINGS + SFMS_MEASURES)];
} sfms_aggregate;

/* sfms_aggregate_read reads a request; what its expressions need besides columns becomes parameters. Fails the call with every
 * word that is wrong. */
sfms_status sfms_aggregate_read(const sfms_engine *e, sfms_call *call, const Pb__AggregateRequest *request,
    sfms_params *params, sfms_aggregate *ret);

#endif
