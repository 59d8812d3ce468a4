/* budget.c -- memory in use for requests. */
#include "core/budget.h"

#include <stdatomic.h>

static struct {
    size_t bytes;
    atomic_size_t used, peak;
    atomic_size_t turns[SFMS_BUDGET_TURNS];
    atomic_uint_fast64_t refused;
} all = {.bytes = SIZE_MAX / 2};

bool
sfms_budget_open(int megabytes)
{
    if (megabytes < SFMS_BUDGET_MIN_MB || megabytes > SFMS_BUDGET_MAX_MB)
        return false;
    all.bytes = (size_t)megabytes << 20;
    return true;
}

static size_t
get(const atomic_size_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

static bool
fits(size_t used, size_t n, size_t most)
{
    return n <= most && used <= most - n;
}

bool
sfms_budget_room(unsigned turn, size_t held, size_t n)
{
    bool small = fits(held, n, SFMS_BUDGET_SMALL);
    bool room =
        small ? fits(get(&all.used), n, all.bytes)
              : fits(get(&all.used), n, all.bytes / 8 * 7) && fits(get(&all.turns[turn]), n, all.bytes / 2);

    if (!room)
        atomic_fetch_add_explicit(&all.refused, 1, memory_order_relaxed);
    return room;
}

void
sfms_budget_add(unsigned turn, size_t n)
{
    size_t used = atomic_fetch_add_explicit(&all.used, n, memory_order_relaxed) + n;
    size_t peak = get(&all.peak);

    atomic_fetch_add_explicit(&all.turns[turn], n, memory_order_relaxed);
    while (used > peak && !atomic_compare_exchange_weak(&all.peak, &peak, used))
        ;
}

void
sfms_budget_sub(unsigned turn, size_t n)
{
    atomic_fetch_sub_explicit(&all.used, n, memory_order_relaxed);
    atomic_fetch_sub_explicit(&all.turns[turn], n, memory_order_relaxed);
}

void
sfms_budget_stat(sfms_budget_stats *ret)
{
    *ret = (sfms_budget_stats){.bytes = all.bytes,
        .used = get(&all.used),
        .peak = get(&all.peak),
        .refused = atomic_load_explicit(&all.refused, memory_order_relaxed)};
}
