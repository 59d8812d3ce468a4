/* http.c -- the HTTP server. */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connections.h"
#include "core/address.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "gate.h"
#include "linger.h"
#include "refusal.h"
#include "stream.h"

struct http {
    struct MHD_Daemon *daemon;
    int port;
};

/* A client that goes away in the middle of its body is not always noticed (its last bytes and its end come as one
 * event), so that less patience is due there than between requests. */
static void
set_patience(request *r, unsigned seconds)
{
    uint64_t len;

    if (head_has_body(&r->head, &len))
        (void)MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

/* ---- answers ----------------------------------------------------------------------------------------- */

static int
socket_of(const request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info != NULL ? info->connect_fd : -1;
}

/* No stream is made for HEAD. */
static ssize_t
read_stream(void *cls, uint64_t position, char *to, size_t max)
{
    request *r = cls;

    (void)position;
    return r->stream != NULL ? stream_read(r, to, max) : MHD_CONTENT_READER_END_OF_STREAM;
}

static enum MHD_Result
queue(request *r)
{
    const answer *ans = &r->answer;

    gate_finish(r);
    bool goes_on =
        r->call.failure == NULL && r->match.target != NULL && r->match.target->kind != SFMS_ROUTE_WHOLE;
    if (goes_on && r->stream != NULL)
        stream_begin(r, socket_of(r));
    r->phase = PHASE_ANSWERED;
    /* Of a 304, as of an answer to HEAD, only the length is told: that of the body that is not sent. */
    struct MHD_Response *response =
        goes_on
            ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, HTTP_BLOCK_BYTES, read_stream, r, NULL)
            : MHD_create_response_from_buffer(ans->len, (void *)(uintptr_t)ans->body, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    /* Of what has no length and no body, libmicrohttpd sends the end of the last chunk now and then: the connection is of no more
     * use. */
    if (goes_on && r->stream == NULL)
        (void)MHD_add_response_header(response, "Connection", "close");
    if (ans->content_type != NULL)
        (void)MHD_add_response_header(response, "Content-Type", ans->content_type);
    for (unsigned i = 0; i < ans->n_headers; i++)
        (void)MHD_add_response_header(response, ans->header[i].name, ans->header[i].value);
    enum MHD_Result queued = refusal_queue(r->connection, ans->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result
refuse_body(request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (info != NULL && r->head.expect == NULL)
        linger_on(info->connect_fd);
    return queue(r);
}

/* The answer is known. libmicrohttpd closes the connection after an answer that comes before the end of the
 * request, so wait for that: a body is read and thrown away, unless it is large or the client itself waits to hear
 * whether it shall come. */
static enum MHD_Result
answer_now_or_later(request *r)
{
    uint64_t len;
    bool body = head_has_body(&r->head, &len);

    if (r->complete)
        return queue(r);
    if (r->unsound)
        return refuse_body(r);
    if (body && (r->head.expect != NULL || len > HTTP_DISCARD_BYTES))
        return refuse_body(r);
    r->phase = PHASE_DISCARD;
    set_patience(r, HTTP_BODY_IDLE_SECONDS);
    return MHD_YES;
}

/* ---- bodies ------------------------------------------------------------------------------------------ */

static bool
is_too_slow(const request *r, uint64_t bytes)
{
    int64_t allowed = HTTP_BODY_SECONDS + (int64_t)(bytes / HTTP_BODY_BYTES_A_SECOND);

    return sfms_mono_us() - r->start_us > allowed * INT64_C(1000000);
}

static enum MHD_Result
take_body(request *r, const char *data, size_t *n)
{
    bool fits = *n <= r->body.max - r->body.len; /* its memory may be larger, from another request */

    if (fits && r->announced == 0 && !gate_take_room(r, *n)) {
        *n = 0;
        r->phase = PHASE_DISCARD;
        return MHD_YES;
    }
    if (fits)
        sfms_buf_mem(&r->body, data, *n);
    *n = 0;
    if (is_too_slow(r, r->body.len))
        return MHD_NO;
    if (fits)
        return MHD_YES;
    /* Only chunked bodies get here: a length that is too large is refused before. */
    sfms_fail(&r->call, &sfms_too_large, sfms_printf(r->call.arena, "%zu", r->body.max));
    r->phase = PHASE_DISCARD;
    return MHD_YES;
}

static enum MHD_Result
drop_body(request *r, size_t *n)
{
    r->discarded += *n;
    *n = 0;
    if (r->discarded > HTTP_DROP_BYTES || is_too_slow(r, r->discarded))
        return MHD_NO;
    return MHD_YES;
}

/* ---- callbacks of libmicrohttpd ---------------------------------------------------------------------- */

static connection *
connection_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

static enum MHD_Result
go_on(request *r, next_step next)
{
    switch (next) {
    case NEXT_WAIT: /* another thread may have it by now: do not touch */
        return MHD_YES;
    case NEXT_BODY:
        r->phase = PHASE_BODY;
        set_patience(r, HTTP_BODY_IDLE_SECONDS);
        return MHD_YES;
    case NEXT_ANSWER:
        break;
    }
    return answer_now_or_later(r);
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *c, const char *url, const char *verb, const char *version,
    const char *data, size_t *n, void **state)
{
    request *r = *state;

    (void)cls;
    (void)url;
    switch (r->phase) {
    case PHASE_HEAD:
        r->connection = c;
        r->verb = verb;
        r->version = version;
        r->peer = connections_address(connection_of(c));
        connections_busy(connection_of(c));
        if (refusal_head(r, request_read_head(r, c)))
            return MHD_NO;
        return go_on(r, gate_head(r));
    case PHASE_WAIT:
        return go_on(r, r->resumed(r));
    case PHASE_BODY:
        if (*n > 0)
            return take_body(r, data, n);
        r->complete = true;
        set_patience(r, HTTP_IDLE_SECONDS);
        return go_on(r, gate_run(r));
    case PHASE_DISCARD:
        if (*n > 0)
            return drop_body(r, n);
        set_patience(r, HTTP_IDLE_SECONDS);
        return queue(r);
    case PHASE_ANSWERED:
        break;
    }
    return MHD_YES;
}

/* The library would take the query apart next, into records for which its memory may not be enough, and then never
 * answer. It has its own copy of the target, of which what follows "?" is made empty; ours is whole. */
static void *
on_uri(void *cls, const char *uri, struct MHD_Connection *c)
{
    request *r = request_new(cls, uri);
    char *query = strchr((char *)(uintptr_t)uri, '?');

    (void)c;
    if (query != NULL)
        query[1] = '\0';
    return r;
}

static void
on_completed(void *cls, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
    request *r = *state;
    const gateway *gw = cls;

    if (r == NULL)
        return;
    *state = NULL;
    connections_idle(connection_of(c), r->who != NULL);
    int64_t took_us = sfms_mono_us() - r->start_us;
    if (r->phase == PHASE_ANSWERED && !stream_has_begun(r))
        metrics_count(gw->metrics, r->match.target, r->answer.status, took_us);
    if (sfms_log_on(SFMS_LOG_DEBUG) && r->call.request_id != NULL)
        sfms_log(SFMS_LOG_DEBUG, "%s \"%s\" status=%u ms=%.3f bytes=%zu request=%s user=%s end=%d", r->verb,
            r->path, r->answer.status, (double)took_us / 1000, r->answer.len, r->call.request_id,
            r->call.principal != NULL ? r->call.principal->user_id : "", (int)code);
    stream_close(r);
    request_release(r);
}

/* Writes a client's address down once per connection. */
static void
on_connection(void *cls, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode code)
{
    (void)cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        connections_remove(*context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN] = "", address[SFMS_ADDRESS_SIZE] = "";
    if (info == NULL)
        return;
    const struct sockaddr *a = info->client_addr;
    if (a->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, text, sizeof text);
    else if (a->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, text, sizeof text);
    (void)sfms_address_read(text, strlen(text), address);
    info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info != NULL)
        *context = connections_add(info->connect_fd, address);
}

static void
on_log(void *cls, const char *format, va_list args)
{
    char line[256];

    (void)cls;
    if (!sfms_log_on(SFMS_LOG_DEBUG))
        return;
    (void)vsnprintf(line, sizeof line, format, args);
    sfms_log(SFMS_LOG_DEBUG, "http: %s", line);
}

/* ---- start and stop ---------------------------------------------------------------------------------- */

static void
cannot_listen(const gateway_config *config, int error)
{
    if (error == EADDRINUSE)
        sfms_die("port %d of %s is in use by another program; stop that or set SFMS_PORT", config->port,
            config->host);
    sfms_die("cannot listen on port %d of %s: %s", config->port, config->host, strerror(error));
}

static int
listen_on(const gateway_config *config)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    char port[16];
    int on = 1;

    (void)snprintf(port, sizeof port, "%d", config->port);
    int rc = getaddrinfo(config->host[0] != '\0' ? config->host : NULL, port, &hints, &found);
    if (rc != 0)
        sfms_die("SFMS_HTTP_HOST %s is no address: %s", config->host, gai_strerror(rc));
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        cannot_listen(config, errno);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0)
        cannot_listen(config, errno);
    freeaddrinfo(found);
    return fd;
}

static int
port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a = {0};
    socklen_t n = sizeof a;

    if (getsockname(fd, &a.any, &n) != 0)
        return 0;
    return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

http *
http_start(gateway *gw)
{
    const gateway_config *config = &gw->config;
    int fd = listen_on(config);
    http *h = calloc(1, sizeof *h);

    if (h == NULL)
        sfms_die("out of memory");
    h->port = port_of(fd);
    linger_start();
    connections_start(config);
    refusal_start(gw);
    h->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
        (uint16_t)h->port, NULL, NULL, on_request, gw,                     /* the logger must come first */
        MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,                          /* */
        MHD_OPTION_LISTEN_SOCKET, fd,                                      /* */
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)config->threads,            /* */
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)config->connections,        /* */
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_SECONDS,        /* */
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_BYTES, /* */
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, gw,                           /* */
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, gw,                     /* */
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,                 /* */
        MHD_OPTION_END);
    if (h->daemon == NULL)
        sfms_die("the HTTP server does not start: %s", strerror(errno));
    return h;
}

int
http_port(const http *h)
{
    return h->port;
}

void
http_quiesce(http *h)
{
    int fd = MHD_quiesce_daemon(h->daemon);

    if (fd >= 0)
        (void)close(fd);
}

void
http_stop(http *h)
{
    MHD_stop_daemon(h->daemon);
    connections_stop();
    linger_stop();
    free(h);
}
