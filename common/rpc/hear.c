/* hear.c -- what a link hears of news: a message without calls to each replica, which is answered when there is some. */
#include "rpc/link_inside.h"

#include "core/log.h"

void
sfms_news_ask(sfms_replica *r)
{
    sfms_link *link = r->link;
    Pb__Batch batch = PB__BATCH__INIT;
    nng_msg *msg = NULL;

    pthread_mutex_lock(&link->lock);
    batch.slot = SFMS_LINK_NEWS;
    batch.number = ++r->news_number;
    batch.wants_news = true;
    batch.known_news = r->known_news;
    if (link->listening && r->pipe != 0 && r->greeted && !r->draining && !r->hearing && !link->closed)
        msg = sfms_wire_pack(link->keys.request, &r->greeting, &batch.base);
    if (msg != NULL) {
        r->hearing = true;
        r->news_sent = false;
        r->news_bond = sfms_wire_bond(msg);
        nng_aio_set_msg(r->news_aio, msg);
        nng_ctx_send(r->news, r->news_aio);
    }
    pthread_mutex_unlock(&link->lock);
}

void
sfms_news_abort(sfms_replica *r)
{
    r->known_news = 0;
    if (r->hearing && !r->news_sent)
        nng_aio_abort(r->news_aio, NNG_ECONNABORTED);
}

static void
news_answered(sfms_replica *r, nng_msg *msg)
{
    sfms_link *link = r->link;
    sfms_arena *a = sfms_link_arena(link);
    nng_pipe pipe = nng_msg_get_pipe(msg);
    Pb__Replies *replies = (Pb__Replies *)sfms_wire_open(
        a, link->keys.reply, &r->news_bond, &pb__replies__descriptor, nng_msg_body(msg), nng_msg_len(msg));
    bool told = replies != NULL && replies->news != 0; /* else it is of a version that knows none */
    sfms_link_heard *heard;
    void *arg;

    nng_msg_free(msg);
    pthread_mutex_lock(&link->lock);
    if (replies != NULL && r->pipe == nng_pipe_id(pipe))
        r->known_news = replies->news;
    r->hearing = false;
    heard = link->listening ? link->heard : NULL;
    arg = link->heard_arg;
    pthread_mutex_unlock(&link->lock);
    if (replies == NULL)
        sfms_hang_up(pipe);
    else if (heard != NULL && told)
        heard(arg, replies->all_moved ? 0 : replies->n_moved, (char *const *)replies->moved);
    sfms_link_arena_back(link, a);
    if (told)
        sfms_news_ask(r);
}

/* Runs when the question was sent and when it was answered; or when either failed. */
static void
news_event(void *arg)
{
    sfms_replica *r = arg;
    int rv = nng_aio_result(r->news_aio);
    bool sent;

    pthread_mutex_lock(&r->link->lock);
    sent = r->news_sent;
    if (!sent && rv == 0) {
        r->news_sent = true;
        nng_ctx_recv(r->news, r->news_aio);
        pthread_mutex_unlock(&r->link->lock);
        return;
    }
    if (rv != 0)
        r->hearing = false;
    pthread_mutex_unlock(&r->link->lock);
    if (rv == 0) {
        news_answered(r, nng_aio_get_msg(r->news_aio));
        return;
    }
    if (!sent)
        nng_msg_free(nng_aio_get_msg(r->news_aio));
    sfms_news_ask(r); /* if there is another connection already */
}

void
sfms_news_open(sfms_replica *r)
{
    if (nng_ctx_open(&r->news, r->socket) != 0 || nng_aio_alloc(&r->news_aio, news_event, r) != 0)
        sfms_die("out of memory");
    nng_aio_set_timeout(r->news_aio, NNG_DURATION_INFINITE);
}

void
sfms_news_close(sfms_replica *r)
{
    nng_ctx_close(r->news);
    nng_aio_free(r->news_aio);
}

void
sfms_link_listen(sfms_link *link, sfms_link_heard *heard, void *arg)
{
    pthread_mutex_lock(&link->lock);
    link->listening = true;
    link->heard = heard;
    link->heard_arg = arg;
    pthread_mutex_unlock(&link->lock);
    for (unsigned i = 0; i < link->n_replicas; i++)
        sfms_news_ask(&link->replicas[i]);
}

void
sfms_link_listen_no_more(sfms_link *link)
{
    pthread_mutex_lock(&link->lock);
    link->listening = false;
    pthread_mutex_unlock(&link->lock);
}
