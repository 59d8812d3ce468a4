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

/* Sockets that come. The lock is held for no longer than it takes to add or take one: threads of the HTTP server wait for it. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool stop;
    unsigned n;       /* here and with the thread */
    unsigned n_fresh; /* here */
    guest fresh[LINGER_MAX];
} door = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* Those that are read from. Only the thread knows them. */
static struct {
    unsigned n;
    guest guests[LINGER_MAX];
} room;

/* Reads a piece, so that each gets its turn; false if the client has ended or has had its time. */
static bool
read_away(guest *g)
{
    static char piece[PIECE_BYTES];
    ssize_t n = recv(g->fd, piece, sizeof piece, MSG_DONTWAIT);

    if (sfms_mono_us() >= g->until_us)
        return false;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    g->bytes_left -= n;
    return n > 0 && g->bytes_left > 0;
}

/* Takes in who has come, and waits for somebody if there is nobody; false if it is time to stop. */
static bool
take_in(void)
{
    pthread_mutex_lock(&door.lock);
    while (door.n == 0 && !door.stop)
        pthread_cond_wait(&door.wake, &door.lock);
    while (door.n_fresh > 0)
        room.guests[room.n++] = door.fresh[--door.n_fresh];
    bool go_on = !door.stop;
    pthread_mutex_unlock(&door.lock);
    return go_on;
}

static void
see_off(unsigned i)
{
    (void)close(room.guests[i].fd);
    room.guests[i] = room.guests[--room.n];
    pthread_mutex_lock(&door.lock);
    door.n--;
    pthread_mutex_unlock(&door.lock);
}

static void *
run(void *arg)
{
    struct pollfd fds[LINGER_MAX];

    while (take_in()) {
        for (unsigned i = 0; i < room.n; i++)
            fds[i] = (struct pollfd){.fd = room.guests[i].fd, .events = POLLIN};
        (void)poll(fds, room.n, POLL_MS);
        for (unsigned i = room.n; i-- > 0;) {
            if (!read_away(&room.guests[i]))
                see_off(i);
        }
    }
    while (room.n > 0)
        see_off(room.n - 1);
    return arg;
}

void
linger_start(void)
{
    if (pthread_create(&door.thread, NULL, run, NULL) != 0)
        sfms_die("cannot start a thread");
}

void
linger_stop(void)
{
    pthread_mutex_lock(&door.lock);
    door.stop = true;
    pthread_cond_signal(&door.wake);
    pthread_mutex_unlock(&door.lock);
    (void)pthread_join(door.thread, NULL);
}

void
linger_on(int fd)
{
    pthread_mutex_lock(&door.lock);
    int second = door.n < LINGER_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (second >= 0) {
        door.n++;
        door.fresh[door.n_fresh++] = (guest){
            .fd = second,
            .until_us = sfms_mono_us() + LINGER_MS * INT64_C(1000),
            .bytes_left = LINGER_BYTES_MAX,
        };
    }
    pthread_cond_signal(&door.wake);
    pthread_mutex_unlock(&door.lock);
}
