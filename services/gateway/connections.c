/* connections.c -- who is connected. */
#include "connections.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core/address.h"
#include "core/log.h"
#include "core/time.h"

enum {
    BUCKETS = 1 << 14,   /* of addresses; two may share one */
    AT_ONCE = 32,        /* so many make room together, as they must be looked for */
    SETTLED_US = 500000, /* one that is younger is about to ask */
    LOOK_US = 1500000,   /* one that is idle for less is not looked at */
};

struct connection {
    connection *prev, *next; /* the oldest first */
    int fd;
    unsigned bucket;
    bool ended;                    /* we have ended it, and it will be removed */
    atomic_bool signed_in;         /* somebody was, in a request over it */
    _Atomic int64_t idle_since_us; /* 0 while a request is under way */
    int64_t looked_since_us;       /* the idle time in which the watch has looked at it */
    uint64_t bytes;                /* that had come when it did first */
    int64_t head_us;               /* when a head began to come; 0 if none has */
    char address[SFMS_ADDRESS_SIZE];
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool stop;
    unsigned most, most_of_one; /* 0: any number of one */
    unsigned open;              /* without those that have ended */
    connection *first, *last;
    unsigned by_address[BUCKETS];
    unsigned char key[crypto_shorthash_KEYBYTES];
    connections_stats stats;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* Ends one; the library notices, and removes it. The descriptor is open until then. Lock held. */
static void
end(connection *c, uint64_t *counter)
{
    c->ended = true;
    all.open--;
    all.by_address[c->bucket]--;
    (*counter)++;
    (void)shutdown(c->fd, SHUT_RDWR);
}

static unsigned
bucket_of(const char *address)
{
    char network[SFMS_ADDRESS_SIZE] = "";
    uint8_t hash[crypto_shorthash_BYTES];

    sfms_address_network(address, network);
    crypto_shorthash(hash, (const uint8_t *)network, strlen(network), all.key);
    return (hash[0] | (unsigned)hash[1] << 8) % BUCKETS;
}

/* ---- making room ------------------------------------------------------------------------------------- */

/* Whether a is the one that should rather go. */
static bool
rather(const connection *a, const connection *b)
{
    if (b == NULL)
        return true;
    if (atomic_load(&a->signed_in) != atomic_load(&b->signed_in))
        return !atomic_load(&a->signed_in);
    return atomic_load(&a->idle_since_us) < atomic_load(&b->idle_since_us);
}

/* Ends some that are idle and that nobody has signed in on; the one that is idle for longest if there are none. Lock held. */
static void
make_room(int64_t now)
{
    connection *longest = NULL;
    unsigned n = 0;

    for (connection *c = all.first; c != NULL && n < AT_ONCE; c = c->next) {
        int64_t since = atomic_load(&c->idle_since_us);

        if (c->ended || since == 0)
            continue;
        if (rather(c, longest))
            longest = c;
        if (atomic_load(&c->signed_in) || now - since < SETTLED_US)
            continue;
        end(c, &all.stats.made_room);
        n++;
    }
    if (n == 0 && longest != NULL)
        end(longest, &all.stats.made_room);
}

/* Ends the one of an address that is idle for longest; the new one if none is. Lock held. */
static void
keep_share(connection *fresh)
{
    connection *longest = NULL;

    for (connection *c = all.first; c != fresh; c = c->next) {
        if (c->bucket == fresh->bucket && !c->ended && atomic_load(&c->idle_since_us) != 0 &&
            rather(c, longest))
            longest = c;
    }
    end(longest != NULL ? longest : fresh, &all.stats.too_many);
}

/* ---- coming and going -------------------------------------------------------------------------------- */

connection *
connections_add(int fd, const char *address)
{
    connection *c = calloc(1, sizeof *c);
    int64_t now = sfms_mono_us();

    if (c == NULL)
        return NULL;
    c->fd = fd;
    (void)strncpy(c->address, address, sizeof c->address - 1);
    c->bucket = bucket_of(c->address);
    atomic_init(&c->idle_since_us, now);
    pthread_mutex_lock(&all.lock);
    c->prev = all.last;
    *(all.last != NULL ? &all.last->next : &all.first) = c;
    all.last = c;
    all.by_address[c->bucket]++;
    if (++all.open > all.most)
        make_room(now);
    if (all.most_of_one > 0 && all.by_address[c->bucket] > all.most_of_one)
        keep_share(c);
    pthread_mutex_unlock(&all.lock);
    return c;
}

void
connections_remove(connection *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&all.lock);
    if (!c->ended) {
        all.open--;
        all.by_address[c->bucket]--;
    }
    *(c->prev != NULL ? &c->prev->next : &all.first) = c->next;
    *(c->next != NULL ? &c->next->prev : &all.last) = c->prev;
    pthread_mutex_unlock(&all.lock);
    free(c);
}

const char *
connections_address(const connection *c)
{
    return c != NULL ? c->address : "";
}

void
connections_busy(connection *c)
{
    if (c != NULL)
        atomic_store_explicit(&c->idle_since_us, 0, memory_order_relaxed);
}

void
connections_idle(connection *c, bool signed_in)
{
    if (c == NULL)
        return;
    if (signed_in)
        atomic_store_explicit(&c->signed_in, true, memory_order_relaxed);
    atomic_store_explicit(&c->idle_since_us, sfms_mono_us(), memory_order_relaxed);
}

void
connections_stat(connections_stats *ret)
{
    pthread_mutex_lock(&all.lock);
    *ret = all.stats;
    ret->open = all.open;
    pthread_mutex_unlock(&all.lock);
}

/* ---- heads that do not come to their end --------------------------------------------------------------- */

/* Bytes that have come over a connection: the library does not tell of a head before all of it is there. */
static uint64_t
bytes_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof info;

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? info.tcpi_bytes_received : 0;
}

static void
look_at(connection *c, int64_t now)
{
    int64_t since = atomic_load(&c->idle_since_us);
    uint64_t bytes;

    if (c->ended || since == 0 || now - since < LOOK_US)
        return;
    bytes = bytes_of(c->fd);
    if (c->looked_since_us != since) {
        bool is_first = c->looked_since_us == 0 && !atomic_load(&c->signed_in);

        c->looked_since_us = since;
        c->bytes = bytes;
        c->head_us = is_first && bytes > 0 ? since : 0;
    } else if (c->head_us == 0 && bytes != c->bytes) {
        c->head_us = now;
    }
    if (c->head_us != 0 && now - c->head_us > CONNECTIONS_HEAD_SECONDS * INT64_C(1000000))
        end(c, &all.stats.slow_heads);
}

static void *
watch(void *arg)
{
    pthread_mutex_lock(&all.lock);
    while (!all.stop) {
        struct timespec until;
        int64_t now = sfms_mono_us();

        for (connection *c = all.first; c != NULL; c = c->next)
            look_at(c, now);
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        (void)pthread_cond_timedwait(&all.wake, &all.lock, &until);
    }
    pthread_mutex_unlock(&all.lock);
    return arg;
}

void
connections_start(const gateway_config *config)
{
    unsigned n = (unsigned)config->connections;
    unsigned share = n / CONNECTIONS_SHARE > 0 ? n / CONNECTIONS_SHARE : 1;

    crypto_shorthash_keygen(all.key);
    all.most = n > CONNECTIONS_SPARE ? n - n / CONNECTIONS_SPARE : n;
    all.most_of_one = config->per_address > 0   ? (unsigned)config->per_address
                      : config->trust_proxy > 0 ? 0
                                                : share;
    if (pthread_create(&all.thread, NULL, watch, NULL) != 0)
        sfms_die("cannot start a thread");
}

void
connections_stop(void)
{
    pthread_mutex_lock(&all.lock);
    all.stop = true;
    pthread_cond_signal(&all.wake);
    pthread_mutex_unlock(&all.lock);
    (void)pthread_join(all.thread, NULL);
}
