/* admit.c -- so many messages of each lane at once, the others in the order in which they came. */
#include "rpc/admit.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/log.h"

typedef struct {
    int most;     /* messages at once */
    int most_own; /* of one turn */
    int running;
    uint16_t own[SFMS_TURNS];
    sfms_work *first, **end;
} lane;

struct sfms_admission {
    pthread_mutex_t lock;
    lane lanes[SFMS_LANES];
};

static int
at_least_one(int n)
{
    return n > 1 ? n : 1;
}

sfms_admission *
sfms_admission_new(int n)
{
    sfms_admission *a = calloc(1, sizeof(*a));
    int slow = at_least_one(n / 2);

    if (a == NULL)
        sfms_die("out of memory");
    pthread_mutex_init(&a->lock, NULL);
    for (int i = 0; i < SFMS_LANES; i++) {
        a->lanes[i].most = a->lanes[i].most_own = n;
        a->lanes[i].end = &a->lanes[i].first;
    }
    a->lanes[SFMS_LANE_SLOW].most = slow;
    a->lanes[SFMS_LANE_SLOW].most_own = at_least_one(slow - 1);
    a->lanes[SFMS_LANE_WRITE].most = a->lanes[SFMS_LANE_WRITE].most_own = at_least_one(n / 3);
    return a;
}

void
sfms_admission_free(sfms_admission *a)
{
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static bool
may_run(const lane *l, const sfms_work *work)
{
    return l->running < l->most && l->own[work->turn] < l->most_own;
}

static void
begin(lane *l, const sfms_work *work)
{
    l->running++;
    l->own[work->turn]++;
}

bool
sfms_admit(sfms_admission *a, sfms_work *work)
{
    lane *l = &a->lanes[work->lane];
    bool now;

    pthread_mutex_lock(&a->lock);
    now = may_run(l, work);
    if (now) {
        begin(l, work);
    } else {
        work->next = NULL;
        *l->end = work;
        l->end = &work->next;
    }
    pthread_mutex_unlock(&a->lock);
    return now;
}

/* Takes the first that may run out of the lane's row. */
static sfms_work *
take(lane *l)
{
    for (sfms_work **at = &l->first; *at != NULL; at = &(*at)->next) {
        sfms_work *work = *at;

        if (!may_run(l, work))
            continue;
        *at = work->next;
        if (work->next == NULL)
            l->end = at;
        begin(l, work);
        return work;
    }
    return NULL;
}

sfms_work *
sfms_admit_next(sfms_admission *a, const sfms_work *done)
{
    lane *l = &a->lanes[done->lane];
    sfms_work *next;

    pthread_mutex_lock(&a->lock);
    l->running--;
    l->own[done->turn]--;
    next = take(l);
    pthread_mutex_unlock(&a->lock);
    return next;
}
