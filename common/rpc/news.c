/*
 * news.c -- tells clients whose records have changed.
 *
 * What has changed is not told, only for which organisations: each client then asks in the name of its users, who see what they
 * may. News has numbers. A client says which it had last, and is answered as soon as there is a later one; what it has missed
 * meanwhile is in a ring, and if that is too short it is told that any organisation may be meant.
 */
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "core/log.h"
#include "db/heads.h"
#include "rpc/serving.h"

enum {
    RING = 1024,       /* news that a client may miss before it is told that any organisation is meant */
    WAITING_MAX = 256, /* clients that wait at one time */
    TELL_MS = 500,     /* to tell one of them */
};

typedef struct {
    nng_pipe pipe;
    nng_ctx ctx; /* holds its question, to which bond belongs */
    sfms_bond bond;
    uint64_t known;
} waiter;

struct sfms_news {
    const sfms_ring *reply_ring;
    sfms_heads *heads; /* NULL if this process knows of nothing */
    nng_aio *aio;      /* used by the thread that tells */
    pthread_mutex_t lock;
    uint64_t last; /* the number of the last news; begins with 1, as 0 is said by those who know nothing */
    char ring[RING][SFMS_ID_SIZE];
    size_t n;
    waiter waiting[WAITING_MAX];
};

/* ---- answers ----------------------------------------------------------------------------------------- */

static bool
has(const Pb__Replies *replies, const char *org_id)
{
    for (size_t i = 0; i < replies->n_moved; i++)
        if (strcmp(replies->moved[i], org_id) == 0)
            return true;
    return false;
}

/* Lock held. */
static void
fill(const sfms_news *news, sfms_arena *a, uint64_t known, Pb__Replies *replies)
{
    replies->news = news->last;
    replies->all_moved = known == 0 || known > news->last || news->last - known > RING;
    if (replies->all_moved)
        return;
    replies->moved = sfms_new_array(a, const char *, news->last - known + 1);
    for (uint64_t i = known + 1; i <= news->last; i++)
        if (!has(replies, news->ring[i % RING]))
            replies->moved[replies->n_moved++] = sfms_strdup(a, news->ring[i % RING]);
}

void
sfms_news_since(sfms_news *news, sfms_arena *a, uint64_t known, Pb__Replies *replies)
{
    pthread_mutex_lock(&news->lock);
    fill(news, a, known, replies);
    pthread_mutex_unlock(&news->lock);
}

static void
send_news(sfms_news *news, const waiter *w, const Pb__Replies *replies)
{
    nng_msg *msg = sfms_wire_pack(news->reply_ring, &w->bond, &replies->base);

    if (msg == NULL)
        return;
    nng_aio_set_msg(news->aio, msg);
    nng_ctx_send(w->ctx, news->aio);
    nng_aio_wait(news->aio);
    if (nng_aio_result(news->aio) != 0)
        nng_msg_free(msg);
}

/* ---- who waits --------------------------------------------------------------------------------------- */

bool
sfms_news_park(
    sfms_news *news, sfms_peers *peers, nng_pipe pipe, nng_ctx ctx, const sfms_bond *bond, uint64_t known)
{
    sfms_bond greeting;
    bool parked;

    pthread_mutex_lock(&news->lock);
    /* One that has gone by now is forgotten after this, and not before. */
    parked = known == news->last && news->n < WAITING_MAX &&
             sfms_peers_state(peers, pipe, &greeting) == SFMS_PEER_GREETED;
    if (parked)
        news->waiting[news->n++] = (waiter){.pipe = pipe, .ctx = ctx, .bond = *bond, .known = known};
    pthread_mutex_unlock(&news->lock);
    if (parked && news->heads != NULL)
        sfms_heads_want(news->heads);
    return parked;
}

/* Takes one out that waits. Lock held. */
static void
take(sfms_news *news, size_t i, waiter *ret)
{
    *ret = news->waiting[i];
    news->waiting[i] = news->waiting[--news->n];
}

void
sfms_news_forget(sfms_news *news, nng_pipe pipe)
{
    waiter w;

    pthread_mutex_lock(&news->lock);
    for (size_t i = news->n; i-- > 0;) {
        if (nng_pipe_id(news->waiting[i].pipe) != nng_pipe_id(pipe))
            continue;
        take(news, i, &w);
        nng_ctx_close(w.ctx);
    }
    pthread_mutex_unlock(&news->lock);
}

/* Takes one that does not know the last news; false if there is none. */
static bool
next_waiter(sfms_news *news, sfms_arena *a, waiter *ret, Pb__Replies *replies)
{
    bool found = false;

    pthread_mutex_lock(&news->lock);
    for (size_t i = 0; i < news->n && !found; i++) {
        found = news->waiting[i].known != news->last;
        if (found)
            take(news, i, ret);
    }
    if (found)
        fill(news, a, ret->known, replies);
    pthread_mutex_unlock(&news->lock);
    return found;
}

/* Runs on the thread that watches the log. */
static void
moved(void *arg, size_t n, const char *const *org_ids)
{
    sfms_news *news = arg;
    sfms_arena *a = sfms_arena_new();
    waiter w;

    pthread_mutex_lock(&news->lock);
    if (n == 0)
        news->last += RING + 1; /* nobody has been told of all that */
    for (size_t i = 0; i < n; i++) {
        news->last++;
        strncpy(news->ring[news->last % RING], org_ids[i], SFMS_ID_SIZE - 1);
    }
    pthread_mutex_unlock(&news->lock);
    for (;;) {
        Pb__Replies replies = PB__REPLIES__INIT;

        if (!next_waiter(news, a, &w, &replies))
            break;
        send_news(news, &w, &replies);
        nng_ctx_close(w.ctx);
        sfms_arena_reset(a);
    }
    sfms_arena_free(a);
}

static bool
wanted(void *arg)
{
    sfms_news *news = arg;
    bool any;

    pthread_mutex_lock(&news->lock);
    any = news->n > 0;
    pthread_mutex_unlock(&news->lock);
    return any;
}

/* ---- beginning and end ------------------------------------------------------------------------------- */

sfms_news *
sfms_news_new(const sfms_ring *reply_ring, const sfms_db_config *database)
{
    sfms_news *news = calloc(1, sizeof(*news));

    if (news == NULL || nng_aio_alloc(&news->aio, NULL, NULL) != 0)
        sfms_die("out of memory");
    nng_aio_set_timeout(news->aio, TELL_MS);
    news->reply_ring = reply_ring;
    news->last = 1;
    pthread_mutex_init(&news->lock, NULL);
    if (database != NULL)
        news->heads = sfms_heads_start(database, moved, wanted, news);
    return news;
}

void
sfms_news_free(sfms_news *news)
{
    if (news->heads != NULL)
        sfms_heads_stop(news->heads);
    nng_aio_free(news->aio);
    pthread_mutex_destroy(&news->lock);
    free(news);
}
