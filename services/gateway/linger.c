/* linger.c -- reads what refused clients still send. */
#include "linger.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "core/time.h"

enum { POLL_MS = 50, PIECE_BYTES = 64 << 10 };

typedef struct {
    int fd;
    int64_t until_us;
    int64_t bytes_left;
} guest;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool stop;
    unsigned n;
    guest guests[LINGER_MAX];
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* Reads what is there; false if the client has ended or has had its time. */
static bool
read_away(guest *g)
{
    static char piece[PIECE_BYTES]; /* only one thread reads */

    for (;;) {
        ssize_t n = recv(g->fd, piece, sizeof piece, MSG_DONTWAIT);
        if (n < 0)
            return (errno == EAGAIN || errno == EINTR) && sfms_mono_us() < g->until_us;
        g->bytes_left -= n;
        if (n == 0 || g->bytes_left < 0 || sfms_mono_us() >= g->until_us)
            return false;
    }
}

/* Waits for something to read, without the lock: others only append. */
static void
wait_for_data(void)
{
    struct pollfd fds[LINGER_MAX];
    unsigned n = all.n;

    for (unsigned i = 0; i < n; i++)
        fds[i] = (struct pollfd){.fd = all.guests[i].fd, .events = POLLIN};
    pthread_mutex_unlock(&all.lock);
    (void)poll(fds, n, POLL_MS);
    pthread_mutex_lock(&all.lock);
}

static void *
run(void *arg)
{
    pthread_mutex_lock(&all.lock);
    while (!all.stop) {
        if (all.n == 0) {
            pthread_cond_wait(&all.wake, &all.lock);
            continue;
        }
        wait_for_data();
        for (unsigned i = 0; i < all.n;) {
            if (read_away(&all.guests[i])) {
                i++;
                continue;
            }
            (void)close(all.guests[i].fd);
            all.guests[i] = all.guests[--all.n];
        }
    }
    while (all.n > 0)
        (void)close(all.guests[--all.n].fd);
    pthread_mutex_unlock(&all.lock);
    return arg;
}

void
linger_start(void)
{
    if (pthread_create(&all.thread, NULL, run, NULL) != 0)
        sfms_die("cannot start a thread");
}

void
linger_stop(void)
{
    pthread_mutex_lock(&all.lock);
    all.stop = true;
    pthread_cond_signal(&all.wake);
    pthread_mutex_unlock(&all.lock);
    (void)pthread_join(all.thread, NULL);
}

void
linger_on(int fd)
{
    pthread_mutex_lock(&all.lock);
    int second = all.n < LINGER_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (second >= 0)
        all.guests[all.n++] = (guest){
            .fd = second,
            .until_us = sfms_mono_us() + LINGER_MS * INT64_C(1000),
            .bytes_left = LINGER_BYTES_MAX,
        };
    pthread_cond_signal(&all.wake);
    pthread_mutex_unlock(&all.lock);
}
