/* refusal.c -- answers to what libmicrohttpd refuses by itself. */
#include "refusal.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"
#include "gate.h"
#include "http.h"
#include "linger.h"

static const sfms_reason url_too_long = {
    "URL_TOO_LONG",
    SFMS_INVALID_ARGUMENT,
    {"The address is longer than %s bytes. Lists take their arguments in a body, too: POST with \":search\".",
        "请求地址超过 %s 字节。列表的参数也可放在请求体中：以 POST 方法访问“:search”。"},
};

static const sfms_reason head_too_large = {
    "HEADERS_TOO_LARGE",
    SFMS_INVALID_ARGUMENT,
    {"Address and headers together are longer than %s bytes, or there are more than %s headers and cookies.",
        "请求地址与请求头合计超过 %s 字节，或请求头与 Cookie 超过 %s 个。"},
};

static const sfms_reason http_version = {
    "HTTP_VERSION_NOT_SUPPORTED",
    SFMS_UNIMPLEMENTED,
    {"This server speaks HTTP/1.1.", "本服务器使用 HTTP/1.1。"},
};

enum {
    RECORD_BYTES = 64,                       /* what the library keeps of a header or a cookie */
    BUFFER_STEP = HTTP_CONNECTION_BYTES / 8, /* by which it makes room for a head at most */
    ANSWER_BYTES = 4 << 10,                  /* for the head of an answer */
};
_Static_assert(
    SFMS_HEAD_MAX + BUFFER_STEP + SFMS_HEADERS_MAX * RECORD_BYTES + ANSWER_BYTES <= HTTP_CONNECTION_BYTES,
    "no room for an answer");
_Static_assert(SFMS_URL_MAX < SFMS_HEAD_MAX, "an address is part of a head");

typedef enum MHD_Result queue_function(struct MHD_Connection *, unsigned, struct MHD_Response *);

static queue_function *library_queue;
static gateway *gw;

void
refusal_start(gateway *shared)
{
    gw = shared;
    library_queue = (queue_function *)(uintptr_t)dlsym(RTLD_NEXT, "MHD_queue_response");
    if (library_queue == NULL)
        sfms_die("libmicrohttpd has no MHD_queue_response");
}

enum MHD_Result
refusal_queue(struct MHD_Connection *c, unsigned status, struct MHD_Response *response)
{
    return library_queue(c, status, response);
}

/* ---- past the library -------------------------------------------------------------------------------- */

static void
write_head(sfms_buf *b, const answer *ans)
{
    time_t now = time(NULL);
    char date[40];
    struct tm tm;

    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    sfms_buf_printf(b,
        "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\nContent-Length: %zu\r\nContent-Type: %s\r\n",
        ans->status, MHD_get_reason_phrase_for(ans->status), date, ans->len, ans->content_type);
    for (unsigned i = 0; i < ans->n_headers; i++)
        sfms_buf_printf(b, "%s: %s\r\n", ans->header[i].name, ans->header[i].value);
    sfms_buf_add(b, "\r\n");
}

/* Writes the answer of r to the socket: it is short, and nothing else is under way. */
static void
send_answer(struct MHD_Connection *c, const request *r)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    sfms_buf b;

    if (info == NULL)
        return;
    sfms_buf_init(&b, r->call.arena, SFMS_MESSAGE_MAX);
    write_head(&b, &r->answer);
    sfms_buf_mem(&b, r->answer.body, r->answer.len);
    (void)send(info->connect_fd, b.data, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(info->connect_fd, SHUT_WR);
    linger_on(info->connect_fd);
    metrics_count(gw->metrics, NULL, r->answer.status, sfms_mono_us() - r->start_us);
    sfms_log(SFMS_LOG_DEBUG, "refused unread: status=%u request=%s", r->answer.status, r->call.request_id);
}

/* ---- heads that are too large ------------------------------------------------------------------------ */

static void
say_url_too_long(request *r)
{
    gate_refuse(r, &url_too_long, sfms_printf(r->call.arena, "%d", SFMS_URL_MAX), NULL);
}

static void
say_head_too_large(request *r)
{
    gate_refuse(r, &head_too_large, sfms_printf(r->call.arena, "%d", SFMS_HEAD_MAX),
        sfms_printf(r->call.arena, "%d", SFMS_HEADERS_MAX));
}

bool
refusal_head(request *r, int n_headers)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t cookies = r->head.cookie == NULL ? 0 : strlen(r->head.cookie);
    int n = n_headers + MHD_get_connection_values(r->connection, MHD_COOKIE_KIND, NULL, NULL);
    bool long_url = strlen(r->target) > SFMS_URL_MAX;

    /* The library copies what it takes cookies out of. */
    if (!long_url && n <= SFMS_HEADERS_MAX && (info == NULL || info->header_size + cookies <= SFMS_HEAD_MAX))
        return false;
    if (long_url)
        say_url_too_long(r);
    else
        say_head_too_large(r);
    send_answer(r->connection, r);
    return true;
}

/* ---- instead of the library's pages ------------------------------------------------------------------- */

/* Its 500 is for a chunk whose first line is longer than its buffer. */
static void
say(request *r, unsigned status)
{
    switch (status) {
    case MHD_HTTP_CONTENT_TOO_LARGE:
        gate_refuse(r, &sfms_too_large, sfms_printf(r->call.arena, "%d", SFMS_BODY_MAX), NULL);
        return;
    case MHD_HTTP_URI_TOO_LONG:
        say_url_too_long(r);
        return;
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
        say_head_too_large(r);
        return;
    case MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED:
        gate_refuse(r, &http_version, NULL, NULL);
        return;
    default:
        gate_refuse(r, &sfms_bad_request, NULL, NULL);
    }
}

/* Called by the library alone; what we answer ourselves goes by refusal_queue. */
enum MHD_Result
MHD_queue_response(struct MHD_Connection *c, unsigned status, struct MHD_Response *response)
{
    request *r = request_new(gw, "");

    (void)request_read_head(r, c);
    say(r, status);
    send_answer(c, r);
    request_release(r);
    return library_queue(c, status, response);
}
