/*
 * serving.h -- what the parts of a server share: server.c (the process), served.c (the table of methods), worker.c
 * (messages), admit.c (which of them now), dispatch.c (calls), once.c (Idempotency-Key), peers.c (connections).
 * Inside common/rpc only.
 */
#ifndef SFMS_RPC_SERVING_H
#define SFMS_RPC_SERVING_H

#include <pthread.h>
#include <stdatomic.h>

#include "rpc/lane.h"
#include "rpc/server.h"
#include "rpc/wire.h"

/* How one method is served: by the engine or by a handler; neither if it is another service's. */
typedef struct {
    const sfms_engine *engine;
    const sfms_method_row *row;
} sfms_served;

typedef struct sfms_peers sfms_peers;
typedef struct sfms_news sfms_news;

typedef struct sfms_server {
    const sfms_service *service;
    sfms_server_env env;
    sfms_wire_keys keys;
    const sfms_served *served; /* in the order of the contract's methods */
    nng_socket socket;
    sfms_peers *peers;
    bool unsigned_principals; /* they are believed, as the version before does not sign them */
    sfms_news *news;
    atomic_bool draining;
    _Atomic int64_t last_us; /* when a message last came or an answer last went */
    atomic_int busy;         /* messages that are being worked on */
} sfms_server;

/* sfms_served_table matches the service's nouns with the contract: every method of the service is served exactly once,
 * and nothing else is. Ends the process with a sentence if not. */
const sfms_served *sfms_served_table(sfms_arena *perm, const sfms_service *service, const sfms_contract *c,
    PGconn *conn, const sfms_ring *token_ring);

/* sfms_served_find answers how a method is served; NULL if it is not served here. */
const sfms_served *sfms_served_find(const sfms_server *s, const sfms_method *method);

/* sfms_server_report adds what the process does beside calls to how it is. */
void sfms_server_report(sfms_arena *a, Pb__HealthStatus *health);

/* The built-in method sfms.rpc.v1.Health/Check. */
extern const sfms_method_row sfms_health_row;

/* sfms_dispatch runs the calls of a batch and answers their replies; everything lives in the arena. The time that calls have
 * left counts from received_us. */
Pb__Replies *
sfms_dispatch(const sfms_server *s, sfms_db *db, sfms_arena *a, const Pb__Batch *batch, int64_t received_us);

/* One call on its way through dispatch. */
typedef struct {
    const sfms_server *server;
    sfms_call call;
    const Pb__Call *wire;
    const sfms_served *served;
    ProtobufCMessage *in;
    ProtobufCMessage *out; /* what a handler fills; NULL for methods of the engine, whose answer is packed */
    sfms_buf packed;
    const char *target;    /* the record that it locks; "" or NULL for none that is known */
    sfms_batch_item *item; /* its place in the pipeline; NULL if it runs by itself */
    Pb__Reply *reply;      /* an answer given before to the same Idempotency-Key; NULL mostly */
} sfms_run;

/* sfms_run_before does what comes before a method's transaction; sfms_run_method runs a call by itself, without a transaction
 * around it. */
sfms_status sfms_run_before(sfms_run *run);
sfms_status sfms_run_method(sfms_run *run);

/* sfms_run_pipeline runs those that may share a pipeline; the others, and those that have failed, are left as they are.
 * sfms_run_by_target orders pointers to runs, for qsort: records are locked in the order of their ids, whatever order they are
 * asked for in, so that two batches never wait for each other. What is asked of one record stays in its order. */
void sfms_run_pipeline(sfms_db *db, sfms_arena *a, size_t n, sfms_run *runs);
int sfms_run_by_target(const void *left, const void *right);

/* sfms_run_is_many is true for a write of many records; sfms_run_is_atomic, if it is to write all or none, for which it needs a
 * transaction. sfms_run_many runs it: see many.c. */
bool sfms_run_is_many(const sfms_run *run);
bool sfms_run_is_atomic(const sfms_run *run);
sfms_status sfms_run_many(sfms_run *run);

/* sfms_run_reply is the reply of a call that has ended. */
Pb__Reply *sfms_run_reply(sfms_run *run);

/* sfms_once_wanted is true if a call carries an Idempotency-Key that means something; sfms_once then runs it. */
bool sfms_once_wanted(const sfms_run *run);
void sfms_once(sfms_run *run);

/* sfms_audit_run tells the security log of a call that has ended, if it is one to be told of. */
void sfms_audit_run(sfms_run *run);

/* Workers. sfms_workers_drain lets them finish once no message has come for a while; false if timeout_ms passed before. */
typedef struct sfms_workers sfms_workers;
sfms_workers *sfms_workers_start(sfms_server *s, int n);
bool sfms_workers_drain(sfms_workers *workers, int timeout_ms);
void sfms_workers_free(sfms_workers *workers);

/* sfms_workers_watch ends in the database what nobody waits for any more: call it a few times a second. */
void sfms_workers_watch(sfms_workers *workers);

/* Peers: the connections of the socket. One that says nothing for half a minute that only a client of ours can say is
 * closed. news forgets those that go. */
sfms_peers *sfms_peers_new(nng_socket socket, const sfms_ring *reply_ring, sfms_news *news);
void sfms_peers_free(sfms_peers *p);

/* sfms_peers_state answers how far a connection is, and its greeting, to which its messages must be bound (zeros before it has
 * one); sfms_peers_greet notes its greeting, and answers false if it has one already. */
typedef enum { SFMS_PEER_GONE, SFMS_PEER_NEW, SFMS_PEER_GREETED } sfms_peer_state;
sfms_peer_state sfms_peers_state(sfms_peers *p, nng_pipe pipe, sfms_bond *ret_greeting);
bool sfms_peers_greet(sfms_peers *p, nng_pipe pipe, const sfms_bond *greeting);

/* sfms_peers_take notes the number of a message; false if it, or a later one of its slot, has come before: then nobody
 * waits for an answer, or it is played back. */
bool sfms_peers_take(sfms_peers *p, nng_pipe pipe, uint32_t slot, uint64_t number);

/* sfms_peers_park takes over a context that holds a batch without calls, until sfms_peers_tell answers all of them;
 * false if it is to be answered now. */
bool sfms_peers_park(sfms_peers *p, nng_pipe pipe, nng_ctx ctx, const sfms_bond *bond);
void sfms_peers_tell(sfms_peers *p);

/* News: which organisations' records have changed, told to the clients that ask for it. A message without calls that wants it
 * waits, without a worker, until there is some. Where a database is given, its log of events is watched while somebody waits. */
sfms_news *sfms_news_new(const sfms_ring *reply_ring, const sfms_db_config *database);
void sfms_news_free(sfms_news *news);

/* sfms_news_park takes over a context whose client knows all that there was; false if there is more already, which
 * sfms_news_since then writes into the answer. sfms_news_forget ends what a connection waits for. */
bool sfms_news_park(
    sfms_news *news, sfms_peers *peers, nng_pipe pipe, nng_ctx ctx, const sfms_bond *bond, uint64_t known);
void sfms_news_since(sfms_news *news, sfms_arena *a, uint64_t known, Pb__Replies *replies);
void sfms_news_forget(sfms_news *news, nng_pipe pipe);

#endif
