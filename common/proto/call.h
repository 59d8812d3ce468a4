/*
 * call.h -- one call: on whose behalf, with what, and how it ends.
 */
#ifndef SFMS_PROTO_CALL_H
#define SFMS_PROTO_CALL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/status.h"
#include "proto/contract.h"
#include "sfms/rpc/v1/envelope.pb-c.h"

struct sfms_db;
struct sfms_shape;

/* What a write expects of the record that it is about: If-Match and If-None-Match. Nothing if all zero. */
typedef struct {
    size_t n_versions; /* the record has one of these; any if there are none */
    const uint64_t *versions;
    bool exists; /* there is a record: so whenever there are versions */
    bool absent; /* there is none */
} sfms_condition;

typedef struct sfms_call {
    sfms_arena *arena;  /* everything about this call lives here */
    struct sfms_db *db; /* the worker's connection; NULL in the gateway */
    const sfms_contract *contract;
    const sfms_method *method;
    const Pb__Principal *principal; /* NULL if nobody is signed in */
    const struct sfms_shape
        *shape; /* the fields that the organisation has defined; NULL if that is not known */
    sfms_locale locale;
    const char *request_id; /* never NULL */
    const char *traceparent;
    const char *idempotency_key;
    const char *peer; /* the caller's address */
    /* Whom the peer says it speaks for, and what program it says that is: neither need be true. NULL or "" for nothing. */
    const char *claimed, *agent;
    /* Why it is made, if that is not only because the principal wants it: a UUID, NULL or "" for nothing. Events of what is
     * written from now on carry it; within a transaction, say it before the first statement. depth: how many causes stand behind
     * it. */
    const char *cause;
    unsigned depth;
    sfms_condition condition;
    int64_t deadline_us; /* by sfms_mono_us */
    bool impatient;      /* does not wait for locks of others: it is told BLOCKED, and comes again */

    Pb__Status *failure; /* how it failed; NULL on success */
    uint64_t version;    /* of the resource answered, for the ETag; 0 if there is none */
    bool created;        /* a new resource was made */
    bool more;           /* the answer says more than what its version stands for */
    const char *note;    /* for the log only: what really went wrong; never sent to the caller */
} sfms_call;

/* sfms_fail ends the call with a reason. The arguments are those of its format, all const char *. Answers the
 * reason's status, so that a handler can return it. Violations noted before are kept. */
sfms_status sfms_fail(sfms_call *call, const sfms_reason *reason, ...);

/* sfms_violate notes that a field is wrong, without ending the handler: go on checking, then return
 * sfms_violations(call). field is the path from the request message in proto names. What comes after
 * SFMS_VIOLATIONS_MAX of them is dropped. Answers SFMS_INVALID_ARGUMENT. */
sfms_status sfms_violate(sfms_call *call, const char *field, const sfms_reason *reason, ...);
sfms_status sfms_vviolate(sfms_call *call, const char *field, const sfms_reason *reason, va_list args);

/* sfms_violate_field is sfms_violate for a field of the method's resource, also where the request wraps it:
 * sfms_field_path answers "deal.account_id" then, and "account_id" where the request is the resource. */
sfms_status sfms_violate_field(sfms_call *call, const char *field, const sfms_reason *reason, ...);
const char *sfms_field_path(const sfms_call *call, const char *field);

/* sfms_violations answers SFMS_OK if no violation was noted, and SFMS_INVALID_ARGUMENT if one was. */
sfms_status sfms_violations(const sfms_call *call);

/* sfms_aside answers a call of its own for a part of the call's work, often another method: how that ends is kept apart. */
sfms_call sfms_aside(const sfms_call *call, const sfms_method *method);

/* sfms_blame takes over how an aside ended. What it says of a field of its record is said of the field below pointer, which
 * is what of the call's request that record came from ("account"); below "" or NULL of the field itself. What is no field's
 * fault, as a lost connection, takes the place of all that was said. Answers the status of the aside. */
sfms_status sfms_blame(sfms_call *call, const sfms_call *aside, const char *pointer);

/* sfms_expects_version is true if the call's condition allows a record of that version. */
bool sfms_expects_version(const sfms_call *call, uint64_t version);

/* sfms_call_note keeps a text for the log line of the call: the detail of an internal error. */
void sfms_call_note(sfms_call *call, const char *text);

/* sfms_call_retry forgets how the call ended, so that it can be run again. */
void sfms_call_retry(sfms_call *call);

/* sfms_may is true if the caller's role holds the permission. */
bool sfms_may(const sfms_call *call, const char *permission);

/* How far the caller's role reaches in a collection: as its visibility, unless the role says otherwise for the collection
 * (Principal.reach). Nothing (UNSPECIFIED) if nobody is signed in. sfms_sees_pool is true if he sees what belongs to nobody. */
typedef enum { SFMS_TO_READ, SFMS_TO_WRITE, SFMS_TO_DELETE, SFMS_TO_EXPORT } sfms_reach_verb;
Pb__Visibility sfms_reach(const sfms_call *call, const char *collection, sfms_reach_verb verb);
bool sfms_sees_pool(const sfms_call *call, const char *collection);

/* sfms_allowed checks the method's rule against the principal: UNAUTHENTICATED, PERMISSION_DENIED or OK. trusted is
 * true for calls that came over the wire with the right key (internal methods), false for calls from HTTP. */
sfms_status sfms_allowed(sfms_call *call, bool trusted);

/* sfms_text answers the sentence of a reason in the caller's language. */
const char *sfms_text(sfms_call *call, const sfms_reason *reason, ...);

#endif
