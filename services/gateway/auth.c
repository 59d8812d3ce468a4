/* auth.c -- whom bearer tokens stand for. */
#include "auth.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/log.h"
#include "core/time.h"

/* What is known about one token, by its hash: tokens themselves are not kept. */
typedef struct {
    uint8_t key[SFMS_MAC_SIZE];
    principal *who; /* NULL if the place is free */
    int64_t fresh_us, expire_us;
    int64_t used_us;
} entry;

/* A question under way, and who waits for its answer. */
typedef struct question {
    auth *auth;
    uint8_t key[SFMS_MAC_SIZE];
    sfms_link_call call;
    unsigned renewals; /* so many there had been when it was asked */
    auth_wait *waiting;
    struct question *next;
    uint8_t packed[]; /* the request */
} question;

struct auth {
    const sfms_contract *contract;
    const sfms_method *method;
    sfms_link *link; /* NULL if no address is known for the service */
    pthread_mutex_t lock;
    question *questions;
    unsigned renewals;
    entry entries[AUTH_SETS][AUTH_WAYS];
};

const sfms_link *
auth_link(const auth *a)
{
    return a->link;
}

/* ---- principals -------------------------------------------------------------------------------------- */

static void
mark_methods(const sfms_contract *contract, principal *p)
{
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(contract, &n);

    for (unsigned i = 0; i < n; i++) {
        const char *permission = methods[i].rule->permission;
        for (size_t k = 0; k < p->pb->n_permissions && permission[0] != '\0'; k++) {
            if (strcmp(p->pb->permissions[k], permission) == 0)
                p->may[i / 64] |= UINT64_C(1) << (i % 64);
        }
    }
}

/* NULL if the answer cannot be read or names nobody. */
static principal *
principal_new(const sfms_contract *contract, const Pb__Reply *reply)
{
    Pb__AuthenticateResponse *answer = (Pb__AuthenticateResponse *)protobuf_c_message_unpack(
        &pb__authenticate_response__descriptor, NULL, reply->response.len, reply->response.data);
    unsigned n;

    if (answer == NULL || answer->principal == NULL) {
        protobuf_c_message_free_unpacked((ProtobufCMessage *)answer, NULL);
        return NULL;
    }
    (void)sfms_contract_methods(contract, &n);
    principal *p = calloc(1, sizeof *p + sizeof p->may[0] * (n / 64 + 1));
    if (p == NULL)
        sfms_die("out of memory");
    atomic_init(&p->refs, 1);
    p->answer = answer;
    p->pb = answer->principal;
    p->expire_us = sfms_mono_us() + answer->expire_seconds * INT64_C(1000000);
    mark_methods(contract, p);
    return p;
}

static principal *
principal_hold(principal *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void
principal_release(principal *p)
{
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    protobuf_c_message_free_unpacked((ProtobufCMessage *)p->answer, NULL);
    free(p);
}

/* ---- the answers kept; all with the lock held -------------------------------------------------------- */

static entry *
set_of(auth *a, const uint8_t *key)
{
    return a->entries[(key[0] | key[1] << 8) % AUTH_SETS];
}

static entry *
entry_of(auth *a, const uint8_t *key)
{
    entry *set = set_of(a, key);

    for (int i = 0; i < AUTH_WAYS; i++) {
        if (set[i].who != NULL && memcmp(set[i].key, key, SFMS_MAC_SIZE) == 0)
            return &set[i];
    }
    return NULL;
}

static void
forget(auth *a, const uint8_t *key)
{
    entry *e = entry_of(a, key);

    if (e == NULL)
        return;
    principal_release(e->who);
    e->who = NULL;
}

static void
keep(auth *a, const uint8_t *key, principal *who, int64_t now, bool fresh)
{
    forget(a, key);
    entry *set = set_of(a, key);
    entry *e = &set[0];
    for (int i = 0; i < AUTH_WAYS && e->who != NULL; i++) {
        if (set[i].who == NULL || set[i].used_us < e->used_us)
            e = &set[i];
    }
    principal_release(e->who);
    memcpy(e->key, key, SFMS_MAC_SIZE);
    e->who = principal_hold(who);
    e->fresh_us = fresh ? now + who->answer->fresh_seconds * INT64_C(1000000) : now;
    e->expire_us = now + who->answer->expire_seconds * INT64_C(1000000);
    e->used_us = now;
}

/* While nobody can be asked, the answer of before holds, and is not asked for again with every request. */
static principal *
stale(auth *a, const uint8_t *key, int64_t now)
{
    entry *e = entry_of(a, key);

    if (e == NULL || now >= e->expire_us)
        return NULL;
    e->fresh_us = now + AUTH_RETRY_MS * INT64_C(1000);
    if (e->fresh_us > e->expire_us)
        e->fresh_us = e->expire_us;
    return principal_hold(e->who);
}

bool
auth_find(auth *a, auth_wait *w)
{
    int64_t now = sfms_mono_us();
    bool found;

    sfms_hash(w->token, strlen(w->token), w->key);
    pthread_mutex_lock(&a->lock);
    entry *e = entry_of(a, w->key);
    found = e != NULL && now < e->fresh_us && now < e->expire_us;
    if (found) {
        e->used_us = now;
        w->who = principal_hold(e->who);
    }
    pthread_mutex_unlock(&a->lock);
    return found;
}

/* ---- asking ------------------------------------------------------------------------------------------ */

static bool
is_about_the_token(sfms_status status)
{
    return status == SFMS_UNAUTHENTICATED || status == SFMS_PERMISSION_DENIED ||
           status == SFMS_INVALID_ARGUMENT || status == SFMS_NOT_FOUND;
}

/* Takes the question off the list and puts into the cache what has come of it. Answers the principal with a
 * reference for the caller, or NULL. */
static principal *
settle(question *q, principal *who, sfms_status status)
{
    auth *a = q->auth;
    int64_t now = sfms_mono_us();

    pthread_mutex_lock(&a->lock);
    for (question **p = &a->questions; *p != NULL; p = &(*p)->next) {
        if (*p == q) {
            *p = q->next;
            break;
        }
    }
    if (who != NULL)
        keep(a, q->key, who, now, q->renewals == a->renewals);
    else if (is_about_the_token(status))
        forget(a, q->key);
    else
        who = stale(a, q->key, now);
    pthread_mutex_unlock(&a->lock);
    return who;
}

static void
answered(sfms_link_call *call, const Pb__Reply *reply)
{
    question *q = call->arg;
    principal *who = NULL;
    sfms_status status = reply->status != NULL ? (sfms_status)reply->status->code : SFMS_OK;
    unsigned retry_after = reply->status != NULL ? reply->status->retry_after : 0;

    if (status == SFMS_OK) {
        who = principal_new(q->auth->contract, reply);
        status = who != NULL ? SFMS_OK : SFMS_INTERNAL;
    }
    if (!q->waiting->is_ticket)
        who = settle(q, who, status);

    for (auth_wait *w = q->waiting, *next; w != NULL; w = next) {
        next = w->next;
        w->who = who != NULL ? principal_hold(who) : NULL;
        w->status = is_about_the_token(status) ? SFMS_UNAUTHENTICATED : status;
        w->retry_after = retry_after;
        w->done(w);
    }
    principal_release(who);
    free(q);
}

static question *
question_new(auth *a, const auth_wait *w)
{
    Pb__AuthenticateRequest request = PB__AUTHENTICATE_REQUEST__INIT;
    if (w->is_ticket)
        request.ticket = w->token;
    else
        request.token = w->token;
    size_t n = protobuf_c_message_get_packed_size(&request.base);
    question *q = calloc(1, sizeof *q + n);

    if (q == NULL)
        sfms_die("out of memory");
    protobuf_c_message_pack(&request.base, q->packed);
    q->auth = a;
    memcpy(q->key, w->key, SFMS_MAC_SIZE);
    q->call = (sfms_link_call){
        .method = a->method,
        .request = q->packed,
        .request_len = n,
        .deadline_us = sfms_mono_us() + AUTH_CALL_MS * INT64_C(1000),
        .request_id = w->request_id, /* who asks waits, so that its texts stay */
        .peer = w->peer,
        .done = answered,
        .arg = q,
    };
    return q;
}

/* A ticket is asked about by nobody else: it could be used by one only. */
static question *
begin_alone(auth *a, auth_wait *w)
{
    question *q = question_new(a, w);

    w->next = NULL;
    q->waiting = w;
    return q;
}

/* Joins a question about the same token that is under way; or answers a new one, which the caller must
 * send. */
static question *
join_or_begin(auth *a, auth_wait *w)
{
    question *q;
    bool joined;

    pthread_mutex_lock(&a->lock);
    for (q = a->questions; q != NULL; q = q->next) {
        if (q->renewals == a->renewals && memcmp(q->key, w->key, SFMS_MAC_SIZE) == 0)
            break;
    }
    joined = q != NULL;
    if (!joined) {
        q = question_new(a, w);
        q->renewals = a->renewals;
        q->next = a->questions;
        a->questions = q;
    }
    w->next = q->waiting;
    q->waiting = w;
    pthread_mutex_unlock(&a->lock);
    return joined ? NULL : q;
}

void
auth_ask(auth *a, auth_wait *w)
{
    if (a->link == NULL) {
        w->status = SFMS_UNAVAILABLE;
        w->done(w);
        return;
    }
    question *q = w->is_ticket ? begin_alone(a, w) : join_or_begin(a, w);
    if (q != NULL)
        sfms_link_send(a->link, &q->call);
}

void
auth_renew(auth *a, const char *org_id)
{
    pthread_mutex_lock(&a->lock);
    a->renewals++;
    for (int i = 0; i < AUTH_SETS; i++)
        for (int k = 0; k < AUTH_WAYS; k++)
            if (a->entries[i][k].who != NULL && strcmp(a->entries[i][k].who->pb->org_id, org_id) == 0)
                a->entries[i][k].fresh_us = 0;
    pthread_mutex_unlock(&a->lock);
}

auth *
auth_new(const sfms_contract *contract, sfms_links *links)
{
    unsigned n;
    const sfms_method *methods = sfms_contract_methods(contract, &n);
    auth *a = calloc(1, sizeof *a);

    if (a == NULL)
        sfms_die("out of memory");
    a->contract = contract;
    pthread_mutex_init(&a->lock, NULL);
    for (unsigned i = 0; i < n; i++) {
        if (methods[i].rule->authenticates)
            a->method = &methods[i];
    }
    if (a->method == NULL)
        sfms_die("no method of the contract authenticates");
    a->link = sfms_links_find(links, a->method->service);
    return a;
}

void
auth_free(auth *a)
{
    for (int i = 0; i < AUTH_SETS; i++) {
        for (int k = 0; k < AUTH_WAYS; k++)
            principal_release(a->entries[i][k].who);
    }
    pthread_mutex_destroy(&a->lock);
    free(a);
}
