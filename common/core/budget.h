/*
 * budget.h -- memory that may be in use for requests at one time, shared out fairly.
 *
 * A process has one budget. What is taken for a request is counted where it is taken: chunks of an arena (sfms_arena_meter),
 * buffers, results of the database. Counting never fails, as what is begun must be ended. Refused is at doors, before much is
 * taken: sfms_budget_room asks whether so much more may come. One turn (an organisation, or an address; see sfms_turn_of) may
 * not hold more than half, and what is small finds room when the large does not any more.
 */
#ifndef SFMS_CORE_BUDGET_H
#define SFMS_CORE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SFMS_BUDGET_TURNS = 256,
    SFMS_BUDGET_SMALL = 64 << 10, /* bytes that may come while an eighth of the budget is left for such */
    SFMS_BUDGET_MIN_MB = 32,
    SFMS_BUDGET_MAX_MB = 1 << 20,
};

/* sfms_budget_open sets the budget of the process: so many MiB; false if that is too little or too much. Without it all is
 * counted and nothing refused. */
bool sfms_budget_open(int megabytes);

/* sfms_budget_room answers whether n more bytes may come for a request of a turn that holds so many already, and counts a refusal
 * if not. */
bool sfms_budget_room(unsigned turn, size_t held, size_t n);

/* sfms_budget_add and sfms_budget_sub count bytes that are taken and given back. */
void sfms_budget_add(unsigned turn, size_t n);
void sfms_budget_sub(unsigned turn, size_t n);

/* Numbers for /metrics. */
typedef struct {
    size_t bytes, used, peak; /* the budget, what is taken of it, and the most that was */
    uint64_t refused;         /* since the start */
} sfms_budget_stats;
void sfms_budget_stat(sfms_budget_stats *ret);

#endif
