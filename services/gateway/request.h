/*
 * request.h -- one HTTP request, from its first line to its last byte.
 *
 * A request belongs to its connection and, while a call is under way, to that call as well: the last of the
 * two gives it back. Requests and their arenas are used again, so that in steady state nothing is allocated.
 */
#ifndef GATEWAY_REQUEST_H
#define GATEWAY_REQUEST_H

#include <stdatomic.h>

#include "answer.h"
#include "auth.h"
#include "core/buf.h"
#include "core/id.h"
#include "gateway.h"
#include "head.h"
#include "path.h"
#include "route.h"

enum {
    REQUEST_KEEP_MAX = 64,          /* requests kept for use again */
    REQUEST_KEEP_BYTES = 512 << 10, /* one that has used more gives its memory back */
};

/* What to do with a request next. */
typedef enum {
    NEXT_ANSWER, /* the answer is there, or the call has failed */
    NEXT_BODY,   /* read the body */
    NEXT_WAIT,   /* the request is suspended; go on with r->resumed */
} next_step;

typedef enum { PHASE_HEAD, PHASE_BODY, PHASE_DISCARD, PHASE_WAIT, PHASE_ANSWERED } request_phase;

typedef struct request {
    struct request *next;
    atomic_uint refs;
    gateway *gw;
    struct MHD_Connection *connection;
    request_phase phase;
    next_step (*resumed)(struct request *r);
    int64_t start_us;

    const char *verb, *version;
    char *target;     /* taken apart by parts */
    const char *path; /* as asked for, without the query */
    const char *peer;
    head head;
    path_parts parts;
    route_match match; /* target is NULL if there is none */
    char id[SFMS_ID_SIZE];

    sfms_call call;
    sfms_buf body;
    uint64_t announced; /* its length, which is counted; 0 if it is not known */
    bool complete;      /* all of the body has come */
    uint64_t discarded; /* bytes of a body that nobody wants */

    auth_wait wait;
    principal *who;
    bool unsound; /* what follows it on its connection may not be a request */
    bool limited; /* rate limit headers are due */
    unsigned limit_left;

    ProtobufCMessage *message; /* sent to the service */
    size_t wrong_in_body;      /* violations found in the body */
    sfms_link_call link_call;
    Pb__Reply reply; /* bytes in the arena */

    struct stream *stream; /* of an answer that goes on; NULL for others */
    void *own;             /* state of an address of the gateway's own */
    answer answer;
} request;

/* request_new begins a request for a target such as "/v1/deals?pageSize=5". */
request *request_new(gateway *gw, const char *target);

/* request_read_head reads the headers of its connection and answers how many there are. */
int request_read_head(request *r, struct MHD_Connection *c);

/* request_hold and request_release count who still needs it. */
void request_hold(request *r);
void request_release(request *r);

/* request_end gives back the requests kept for use again. */
void request_end(void);

/* request_suspend stops libmicrohttpd from going on with the request, until request_resume, on any thread,
 * lets it: then resumed runs on the connection's own thread; where the answer has begun, it is asked for more of that instead.
 * A suspended request is held. */
void request_suspend(request *r, next_step (*resumed)(request *r));
void request_resume(request *r);

/* request_keep_reply copies a reply into the request's arena. */
void request_keep_reply(request *r, const Pb__Reply *reply);

#endif
