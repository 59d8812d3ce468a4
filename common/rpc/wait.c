/* wait.c -- calls made by a thread that has nothing else to do until they are answered. */
#include <time.h>

#include "core/time.h"
#include "rpc/link_inside.h"

enum { CONNECT_MS = 1000 }; /* patience with a link that was opened just now */

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t all_done;
    sfms_arena *arena;
    sfms_link_call *calls;
    Pb__Reply **replies;
    size_t left;
} waiter;

static struct timespec
timespec_of(int64_t us)
{
    return (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
}

static int64_t
earliest_deadline(size_t n, const sfms_link_call *calls)
{
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < n; i++) {
        if (calls[i].deadline_us < first)
            first = calls[i].deadline_us;
    }
    return first;
}

static void
wait_for_connection(sfms_link *link, int64_t until_us)
{
    struct timespec until = timespec_of(until_us);

    pthread_mutex_lock(&link->lock);
    while (
        !link->been_up && !link->closing && pthread_cond_timedwait(&link->changed, &link->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&link->lock);
}

static Pb__Reply *
copy_reply(sfms_arena *a, const Pb__Reply *reply)
{
    size_t n = protobuf_c_message_get_packed_size(&reply->base);
    uint8_t *bytes = sfms_alloc(a, n);

    protobuf_c_message_pack(&reply->base, bytes);
    return (Pb__Reply *)protobuf_c_message_unpack(&pb__reply__descriptor, sfms_arena_pb(a), n, bytes);
}

static void
one_done(sfms_link_call *call, const Pb__Reply *reply)
{
    waiter *w = call->arg;

    pthread_mutex_lock(&w->lock);
    w->replies[call - w->calls] = copy_reply(w->arena, reply);
    w->left--;
    if (w->left == 0)
        pthread_cond_signal(&w->all_done);
    pthread_mutex_unlock(&w->lock);
}

void
sfms_link_wait(sfms_link *link, sfms_arena *a, size_t n, sfms_link_call *calls, Pb__Reply **replies)
{
    waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, a, calls, replies, n};
    int64_t deadline = earliest_deadline(n, calls);
    int64_t patience = sfms_mono_us() + CONNECT_MS * 1000;

    wait_for_connection(link, deadline < patience ? deadline : patience);
    for (size_t i = 0; i < n; i++) {
        calls[i].done = one_done;
        calls[i].arg = &w;
        sfms_link_send(link, &calls[i]);
    }
    pthread_mutex_lock(&w.lock);
    while (w.left > 0)
        pthread_cond_wait(&w.all_done, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.all_done);
    pthread_mutex_destroy(&w.lock);
}
