/* socket.c -- nng sockets: addresses, TLS, and corrections of nng 1.5.2. */
#include "rpc/socket.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <nng/supplemental/tls/tls.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/log.h"

enum { NNG_HEADER_MAX = 64 }; /* what nng adds to a message */

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

int
sfms_socket_options(nng_socket socket)
{
    return nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, SFMS_MESSAGE_MAX + NNG_HEADER_MAX);
}

static void
end_now(int signal_number)
{
    (void)signal_number;
    _exit(0);
}

void
sfms_socket_deadline(unsigned seconds)
{
    (void)signal(SIGALRM, end_now);
    (void)alarm(seconds);
}

/* ---- addresses --------------------------------------------------------------------------------------- */

static bool
starts_with(const char *url, const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

static bool
over_tls(const char *url)
{
    return starts_with(url, "tls+tcp://");
}

static bool
over_tcp(const char *url)
{
    return over_tls(url) || starts_with(url, "tcp://");
}

void
sfms_address_check(const char *url, size_t n, const sfms_tls *tls)
{
    char text[256];
    nng_url *parsed;
    bool good;

    if (n == 0 || n >= sizeof(text))
        sfms_die("SFMS_SERVICES has an address that is empty or too long: \"%.*s\"", (int)n, url);
    memcpy(text, url, n);
    text[n] = '\0';
    if (!over_tcp(text) && !starts_with(text, "ipc://"))
        sfms_die(
            "SFMS_SERVICES: \"%s\" is no address; write ipc:///path, tcp://host:port or tls+tcp://host:port",
            text);
    if (nng_url_parse(&parsed, text) != 0)
        sfms_die("SFMS_SERVICES: \"%s\" is no address", text);
    good = !over_tcp(text) || (parsed->u_hostname[0] != '\0' && parsed->u_port[0] != '\0');
    nng_url_free(parsed);
    if (!good)
        sfms_die("SFMS_SERVICES: \"%s\" wants a host and a port", text);
    if (over_tls(text) && tls->ca[0] == '\0')
        sfms_die("SFMS_TLS_CA or SFMS_TLS_CA_FILE must be set: SFMS_SERVICES has %s", text);
}

/* ---- TLS --------------------------------------------------------------------------------------------- */

/* A configuration for one address; server is the name that the other's certificate must have, NULL if we are the server. */
static nng_tls_config *
make_config(const sfms_tls *tls, const char *server)
{
    nng_tls_config *config;
    bool ask = server != NULL || tls->clients != 0;

    if (nng_tls_config_alloc(&config, server != NULL ? NNG_TLS_MODE_CLIENT : NNG_TLS_MODE_SERVER) != 0)
        sfms_die("TLS cannot be used: this nng has been built without it");
    if (tls->ca[0] != '\0' && nng_tls_config_ca_chain(config, tls->ca, NULL) != 0)
        sfms_die("SFMS_TLS_CA, or the file that SFMS_TLS_CA_FILE names, has no certificate in PEM form");
    if (tls->cert[0] != '\0' && nng_tls_config_own_cert(config, tls->cert, tls->key, NULL) != 0)
        sfms_die(
            "SFMS_TLS_CERT and SFMS_TLS_KEY, or the files that SFMS_TLS_CERT_FILE and SFMS_TLS_KEY_FILE name,"
            " are no certificate and private key in PEM form");
    if (server != NULL && nng_tls_config_server_name(config, server) != 0)
        sfms_die("out of memory");
    nng_tls_config_auth_mode(config, ask ? NNG_TLS_AUTH_MODE_REQUIRED : NNG_TLS_AUTH_MODE_NONE);
    return config;
}

void
sfms_tls_check(const sfms_tls *tls)
{
    if ((tls->cert[0] != '\0') != (tls->key[0] != '\0'))
        sfms_die("SFMS_TLS_CERT and SFMS_TLS_KEY belong together; only SFMS_TLS_%s is set",
            tls->cert[0] != '\0' ? "CERT" : "KEY");
    if (tls->ca[0] != '\0' || tls->cert[0] != '\0')
        nng_tls_config_free(make_config(tls, "any"));
}

/* ---- listening and dialing --------------------------------------------------------------------------- */

static int
listen_with_tls(nng_listener listener, const char *url, const sfms_tls *tls)
{
    nng_tls_config *config;
    int rv;

    if (tls->cert[0] == '\0')
        sfms_die("SFMS_TLS_CERT and SFMS_TLS_KEY, or their _FILE, must be set to listen at %s", url);
    if (tls->clients != 0 && tls->ca[0] == '\0')
        sfms_die("SFMS_TLS_CA or SFMS_TLS_CA_FILE must be set, or SFMS_TLS_CLIENTS=0, to listen at %s", url);
    config = make_config(tls, NULL);
    rv = nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config);
    return rv;
}

/* A connection whose other host has gone without a word ends some day. */
int
sfms_listen(nng_socket socket, const char *url, const sfms_tls *tls)
{
    nng_listener listener;
    int rv = nng_listener_create(&listener, socket, url);

    if (rv == 0 && over_tcp(url))
        rv = nng_listener_set_bool(listener, NNG_OPT_TCP_KEEPALIVE, true);
    if (rv == 0 && over_tls(url))
        rv = listen_with_tls(listener, url, tls);
    return rv == 0 ? nng_listener_start(listener, 0) : rv;
}

/* nng 1.5.2 takes the name that the certificate must have from the address only if it makes the configuration itself. */
static int
dial_with_tls(nng_dialer dialer, const char *url, const sfms_tls *tls)
{
    nng_tls_config *config;
    nng_url *parsed;
    int rv = nng_url_parse(&parsed, url);

    if (rv != 0)
        return rv;
    config = make_config(tls, parsed->u_hostname);
    nng_url_free(parsed);
    rv = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config);
    return rv;
}

int
sfms_dial(nng_socket socket, const char *url, const sfms_tls *tls)
{
    nng_dialer dialer;
    int rv = nng_dialer_create(&dialer, socket, url);

    if (rv == 0 && over_tcp(url))
        rv = nng_dialer_set_bool(dialer, NNG_OPT_TCP_KEEPALIVE, true);
    if (rv == 0 && over_tls(url))
        rv = dial_with_tls(dialer, url, tls);
    return rv == 0 ? nng_dialer_start(dialer, NNG_FLAG_NONBLOCK) : rv;
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
