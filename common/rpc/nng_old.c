/*
 * nng_old.c -- what nng 1.5.2 gets wrong, put right from outside, and watched. A newer nng needs none of it.
 *
 * nng has one thread that clears up after connections. In 1.5.2 it can wait for something that has been forgotten, and then for
 * ever: no link of the process connects again from then on, and no socket can be closed. Two ways into that are closed here; for
 * those that nobody has found yet there is a watch.
 */
#include <nng/nng.h>

#include "rpc/socket.h"

#if SFMS_NNG_OLD

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <nng/protocol/pair0/pair.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/log.h"

/* ---- writing ------------------------------------------------------------------------------------------ */

static ssize_t
size_of(const struct msghdr *message)
{
    size_t n = 0;

    for (size_t i = 0; i < message->msg_iovlen; i++)
        n += message->msg_iov[i].iov_len;
    return (ssize_t)n;
}

/*
 * That a peer has gone is learned by reading alone: what cannot be written counts as written, as if the peer had gone a moment
 * later. For nng 1.5.2 gets both errors of writing wrong. It takes EPIPE to mean that its own end was closed, and so ends a
 * listener or a dialer for good. And it closes a connection at once on which it cannot write: if it has read the head of a
 * message there and is about to ask for the rest, it forgets that read and waits for its end forever, in the thread that
 * clears up after all connections. From then on no link of the process would connect again, and no socket could be closed.
 * The program's own symbol comes before that of libc.
 */
ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t n = syscall(SYS_sendmsg, fd, message, flags);

    if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
        n = size_of(message);
    return n;
}

/* ---- hanging up -------------------------------------------------------------------------------------- */

/* How the two ends of a connection are called: of TCP by their addresses, on this host by the process at the other end. */
typedef struct {
    uint64_t process; /* 0 if it is TCP */
    socklen_t n;
    struct sockaddr_storage here, there;
} ends;

/* What the system calls an address; its size, 0 if it is none of TCP. */
static socklen_t
system_address(const nng_sockaddr *from, struct sockaddr_storage *ret)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

    if (from->s_family == NNG_AF_INET) {
        *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = from->s_in.sa_port};
        v4->sin_addr.s_addr = from->s_in.sa_addr;
        return sizeof(*v4);
    }
    if (from->s_family == NNG_AF_INET6) {
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = from->s_in6.sa_port};
        v6->sin6_scope_id = from->s_in6.sa_scope;
        memcpy(&v6->sin6_addr, from->s_in6.sa_addr, sizeof(v6->sin6_addr));
        return sizeof(*v6);
    }
    return 0;
}

/* False if there is no telling: for a peer on this host that is in another container, or is this process itself, which listens
 * as well. */
static bool
ends_of(nng_pipe pipe, ends *ret)
{
    nng_sockaddr here, there;

    memset(ret, 0, sizeof(*ret));
    if (nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_PID, &ret->process) == 0)
        return ret->process > 0 && ret->process != (uint64_t)getpid();
    if (nng_pipe_get_addr(pipe, NNG_OPT_LOCADDR, &here) != 0 ||
        nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &there) != 0)
        return false;
    ret->n = system_address(&here, &ret->here);
    return ret->n > 0 && system_address(&there, &ret->there) == ret->n;
}

static bool
is_between(int fd, const ends *e)
{
    struct sockaddr_storage here = {0}, there = {0};
    socklen_t n_here = sizeof(here), n_there = sizeof(there);
    struct ucred who = {0};
    socklen_t n = sizeof(who);

    if (e->process > 0)
        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && (uint64_t)who.pid == e->process;
    return getpeername(fd, (struct sockaddr *)&there, &n_there) == 0 && n_there == e->n &&
           memcmp(&there, &e->there, e->n) == 0 && getsockname(fd, (struct sockaddr *)&here, &n_here) == 0 &&
           n_here == e->n && memcmp(&here, &e->here, e->n) == 0;
}

/* Shuts down what is between two ends; false if there is nothing. A descriptor is looked at, and shut down, as a copy: its
 * number may go to something else meanwhile. */
static bool
shut_down(const ends *e)
{
    DIR *all = opendir("/proc/self/fd");
    bool found = false;

    for (struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;) {
        int fd = entry->d_name[0] != '.' ? dup((int)strtol(entry->d_name, NULL, 10)) : -1;

        if (fd >= 0 && is_between(fd, e))
            found = shutdown(fd, SHUT_RDWR) == 0 || found;
        if (fd >= 0)
            close(fd);
    }
    if (all != NULL)
        closedir(all);
    return found;
}

void
sfms_hang_up(nng_pipe pipe)
{
    ends e;

    if (!ends_of(pipe, &e) || !shut_down(&e))
        nng_pipe_close(pipe);
}

/* ---- the watch ---------------------------------------------------------------------------------------- */
/* A connection of the process with itself is closed again and again; the thread that clears up says when it has done so.
 * Counted in steps of the watching thread, not in time: where it gets no processor, or the process is stopped, the other does
 * not either. */

enum {
    EVERY_US = 500000, /* between two rounds */
    STEP_US = 75000,   /* 20 of them without a word, and it is stuck */
    STEPS = 20,
    EXIT_STUCK = 70,
};

static const char self[] = "inproc://sfms-watch";
static nng_socket watch_here, watch_there;
static atomic_int watch_pipe; /* of the connection; 0 while there is none */

static void
watch_came(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    (void)event;
    (void)arg;
    atomic_store(&watch_pipe, nng_pipe_id(pipe));
}

/* Runs on the thread that clears up. */
static void
watch_gone(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    int id = nng_pipe_id(pipe);

    (void)event;
    (void)arg;
    atomic_compare_exchange_strong(&watch_pipe, &id, 0);
}

static void *
watch(void *arg)
{
    (void)arg;
    for (;;) {
        int id = atomic_load(&watch_pipe);

        if (id != 0)
            nng_pipe_close((nng_pipe){.id = (uint32_t)id});
        for (int i = 0; i < STEPS && id != 0 && atomic_load(&watch_pipe) == id; i++)
            usleep(STEP_US);
        if (id != 0 && atomic_load(&watch_pipe) == id) {
            sfms_log(SFMS_LOG_WARN,
                "the thread that clears up after connections is stuck; ending, to be started again");
            _exit(EXIT_STUCK);
        }
        usleep(EVERY_US);
    }
    return NULL;
}

void
sfms_socket_watch(void)
{
    pthread_t thread;

    if (nng_pair0_open(&watch_here) != 0 || nng_pair0_open(&watch_there) != 0)
        sfms_die("out of memory");
    nng_pipe_notify(watch_there, NNG_PIPE_EV_ADD_POST, watch_came, NULL);
    nng_pipe_notify(watch_there, NNG_PIPE_EV_REM_POST, watch_gone, NULL);
    if (nng_listen(watch_here, self, NULL, 0) != 0 ||
        nng_dial(watch_there, self, NULL, NNG_FLAG_NONBLOCK) != 0 ||
        pthread_create(&thread, NULL, watch, NULL) != 0)
        sfms_die("the watch over connections cannot be started");
    pthread_detach(thread);
}

#else

void
sfms_hang_up(nng_pipe pipe)
{
    nng_pipe_close(pipe);
}

void
sfms_socket_watch(void)
{
}

#endif
