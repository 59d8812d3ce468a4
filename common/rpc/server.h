/*
 * server.h -- a service process: from main() to the last answer.
 *
 * A service is a name and a list of nouns. The engine serves the standard methods of all resources in the service's packages of
 * the contract; nouns bring what is handwritten. Workers are threads of {nng context, aio, connection, arena}; a worker takes one
 * batch at a time, and runs the point calls of the engine in it as one pipeline.
 */
#ifndef SFMS_RPC_SERVER_H
#define SFMS_RPC_SERVER_H

#include "core/ring.h"
#include "db/db.h"
#include "db/use.h"
#include "proto/call.h"

/* A handwritten method. in is the request, already validated; out is empty and of the output's type. Returns SFMS_OK
 * or what sfms_fail returned. Memory comes from call->arena and is never freed. */
typedef sfms_status sfms_handler(sfms_call *call, const void *in, void *out);

/* Whether a method may be run: the same, without an answer. */
typedef sfms_status sfms_check(sfms_call *call, const void *in);

/* With tx, all statements of the handler are one transaction, committed if it returns SFMS_OK. A call that carries an
 * Idempotency-Key always is one; so a handler never begins a transaction itself.
 *
 * before is outside of all that: each of its statements is for itself, and what it wrote stays, however the call ends. A
 * method that counts tries counts them there. It is not run for an answer that is given again under an Idempotency-Key. */
typedef struct {
    const char *method; /* "sfms.pipeline.v1.Deals/MoveDeal" */
    sfms_handler *run;
    bool tx;
    sfms_check *before; /* NULL mostly */
} sfms_method_row;

/* What one file of a service brings. */
typedef struct {
    const sfms_method_row *methods; /* ends with a NULL method; NULL if none */
    const sfms_use *uses; /* of other services' resources; ends with a NULL collection; NULL if none */
    const struct sfms_job_row *jobs; /* work that is done beside calls, see work/jobs.h; NULL if none */
    const struct sfms_reader_row
        *readers; /* of the event log, see work/readers.h; ends with a NULL name; NULL if none */
} sfms_noun;

struct sfms_server_env;
struct sfms_background;

/* A service. */
typedef struct {
    const char *name;                                 /* "pipeline": package, database role, URL list entry */
    const char *about;                                /* one line for --help */
    const sfms_noun *const *nouns;                    /* ends with NULL */
    void (*start)(const struct sfms_server_env *env); /* called once before serving; NULL if not needed */
    const struct sfms_background *background;         /* &sfms_work if a noun has jobs; NULL if none has */
    bool tells_news; /* watches the log of events, and tells its clients whose records have changed */
} sfms_service;

/* What a process does beside answering calls: common/work. start answers what stop is given; stop has so long to end what is
 * under way. connections: how many to the database it opens at most. */
typedef struct sfms_background {
    void *(*start)(const struct sfms_server_env *env, const sfms_service *service);
    void (*stop)(void *running, int timeout_ms);
    int (*connections)(const sfms_service *service);
    void (*report)(void *running, sfms_arena *a, Pb__HealthStatus *health); /* adds what there is to say */
} sfms_background;

/* What a service's start hook and jobs may use. */
typedef struct sfms_server_env {
    const char *service;
    const sfms_contract *contract;
    const struct sfms_db_config *database;
    struct sfms_links *links;    /* to the services named in SFMS_SERVICES; connects lazily on first use */
    const sfms_ring *token_ring; /* seals page tokens */
    const sfms_ring *once_ring;  /* hides what requests with an Idempotency-Key were */
} sfms_server_env;

/* sfms_service_main reads the configuration, checks contract, tables and handlers against each other, serves
 * until SIGTERM or SIGINT, drains, and answers main's exit status. To drain is to tell clients, and to go on
 * answering until no message has come for 100 ms; after 10 s the process ends in any case. */
int sfms_service_main(const sfms_service *service, int argc, char **argv);

/* sfms_env answers the process's environment (after start). */
const sfms_server_env *sfms_env(void);

#endif
