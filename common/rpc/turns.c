/* turns.c -- queues in turn. The ring has the turns that have calls, the next one first. */
#include "rpc/turns.h"

enum { SHARED_US = 5000000 }; /* so long after two have called, the lane counts as shared */

/* ---- queues ------------------------------------------------------------------------------------------ */

void
sfms_queue_push(sfms_link_queue *q, sfms_link_call *call)
{
    call->next = NULL;
    if (q->last != NULL)
        q->last->next = call;
    else
        q->first = call;
    q->last = call;
    q->n++;
}

void
sfms_queue_unshift(sfms_link_queue *q, sfms_link_call *call)
{
    call->next = q->first;
    q->first = call;
    if (q->last == NULL)
        q->last = call;
    q->n++;
}

sfms_link_call *
sfms_queue_shift(sfms_link_queue *q)
{
    sfms_link_call *call = q->first;

    if (call == NULL)
        return NULL;
    q->first = call->next;
    if (q->first == NULL)
        q->last = NULL;
    q->n--;
    call->next = NULL;
    return call;
}

/* ---- the ring ---------------------------------------------------------------------------------------- */

static void
join(sfms_turns *t, unsigned turn)
{
    if (t->n_turns++ == 0)
        t->first = turn;
    else
        t->after[t->last] = (uint16_t)turn;
    t->last = turn;
}

void
sfms_turns_pass(sfms_turns *t)
{
    unsigned turn = t->first;

    t->first = t->after[turn];
    t->n_turns--;
    if (t->queue[turn].n > 0)
        join(t, turn);
}

/* ---- calls ------------------------------------------------------------------------------------------- */

void
sfms_turns_push(sfms_turns *t, sfms_link_call *call, int64_t now_us)
{
    if (call->turn != t->newest && t->newest_us > now_us - SHARED_US)
        t->shared_until_us = now_us + SHARED_US;
    t->newest = call->turn;
    t->newest_us = now_us;
    if (t->queue[call->turn].n == 0)
        join(t, call->turn);
    sfms_queue_push(&t->queue[call->turn], call);
    t->n++;
}

void
sfms_turns_unshift(sfms_turns *t, sfms_link_call *call)
{
    if (t->queue[call->turn].n == 0)
        join(t, call->turn);
    sfms_queue_unshift(&t->queue[call->turn], call);
    t->n++;
}

sfms_link_call *
sfms_turns_peek(sfms_turns *t, uint64_t mark, unsigned cap)
{
    for (unsigned i = t->n_turns; i > 0; i--) {
        unsigned turn = t->first;

        if (t->mark[turn] == mark || t->under_way[turn] < cap)
            return t->queue[turn].first;
        sfms_turns_pass(t);
    }
    return NULL;
}

sfms_link_call *
sfms_turns_pop(sfms_turns *t, uint64_t mark, bool *ret_new)
{
    unsigned turn = t->first;

    *ret_new = t->mark[turn] != mark;
    t->mark[turn] = mark;
    t->under_way[turn] += *ret_new;
    t->n--;
    return sfms_queue_shift(&t->queue[turn]);
}

void
sfms_turns_back(sfms_turns *t, unsigned turn)
{
    t->under_way[turn]--;
}

sfms_link_queue
sfms_turns_take_all(sfms_turns *t)
{
    sfms_link_queue all = {0};

    while (t->n_turns > 0) {
        sfms_queue_push(&all, sfms_queue_shift(&t->queue[t->first]));
        t->n--;
        sfms_turns_pass(t);
    }
    return all;
}

void
sfms_turns_expire(sfms_turns *t, int64_t now_us, sfms_link_queue *expired)
{
    for (unsigned i = t->n_turns; i > 0; i--) {
        sfms_link_queue *q = &t->queue[t->first], left = {0};

        for (sfms_link_call *call = sfms_queue_shift(q); call != NULL; call = sfms_queue_shift(q)) {
            bool late = call->deadline_us <= now_us;

            sfms_queue_push(late ? expired : &left, call);
            t->n -= late;
        }
        *q = left;
        sfms_turns_pass(t);
    }
}

int64_t
sfms_turns_first_deadline(const sfms_turns *t)
{
    int64_t first = INT64_MAX;

    for (unsigned i = 0, turn = t->first; i < t->n_turns; i++, turn = t->after[turn]) {
        for (const sfms_link_call *call = t->queue[turn].first; call != NULL; call = call->next)
            first = call->deadline_us < first ? call->deadline_us : first;
    }
    return first;
}

/* ---- how long it takes ------------------------------------------------------------------------------- */

void
sfms_turns_note(sfms_turns *t, size_t n, int64_t took_us)
{
    t->call_us += (took_us / (int64_t)n - t->call_us) / 8;
}

/* Before it come the calls of its own turn, and as many of each other's. */
int64_t
sfms_turns_wait_us(const sfms_turns *t, unsigned turn, unsigned at_once)
{
    unsigned own = t->queue[turn].n;
    unsigned others = t->n_turns - (own > 0);
    unsigned before = own + others * (own + 1);

    if (before > t->n)
        before = t->n;
    return t->call_us * before / (at_once > 0 ? at_once : 1);
}
