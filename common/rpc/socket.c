/* socket.c -- what every nng socket of ours has in common, and one correction of nng 1.5.2. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/limits.h"
#include "rpc/wire.h"

enum { NNG_HEADER_MAX = 64 }; /* what nng adds to a message */

/*
 * nng takes EPIPE to mean that its own end was closed. A peer that connects and is gone before nng has greeted it (a port
 * check, a process that is killed) would so end a listener or a dialer for good: nobody could connect any more, and
 * nothing would say so. ECONNRESET is what it is, and nng goes on. The program's own symbol comes before that of libc.
 */
ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t n = syscall(SYS_sendmsg, fd, message, flags);

    if (n < 0 && errno == EPIPE)
        errno = ECONNRESET;
    return n;
}

int
sfms_socket_options(nng_socket socket)
{
    return nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, SFMS_MESSAGE_MAX + NNG_HEADER_MAX);
}
