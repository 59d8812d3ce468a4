/* bulk.h -- work on many records, one call for each: what is to be done with which, and what has become of it. */
#ifndef SFMS_EXCHANGE_BULK_H
#define SFMS_EXCHANGE_BULK_H

#include "db/db.h"
#include "proto/json.h"
#include "sfms/exchange/v1/bulk.pb-c.h"
#include "work/jobs.h"

/* One record of an operation. */
typedef struct {
    const char *number, *resource, *id;
    const sfms_method *method; /* NULL if nothing is to be sent */
    ProtobufCMessage *request;
    const char *code, *detail; /* why nothing was done; NULL if it was */
} bulk_row;

/* An operation that is under way. */
typedef struct bulk_work {
    sfms_call *call;
    sfms_call chunk; /* the same, with memory of its own that is given back after each chunk */
    const sfms_job *job;
    /* Writes down the records that come next; *ret_n is how many, 0 if that was all. */
    sfms_status (*plan)(struct bulk_work *work, long *ret_n);
    /* Says what is sent for each row. */
    sfms_status (*prepare)(struct bulk_work *work, unsigned n, bulk_row *rows);
    const void *arg; /* for them */
    int64_t total;   /* -1 if it is not known */
} bulk_work;

/* bulk_run does an operation, or what is left of it. Records are written down before they are changed, and what has become of
 * them after: a run that begins again goes on with those of which that is not known. */
sfms_status bulk_run(bulk_work *work);

/* bulk_method finds the method of a collection that does verb, if the caller may call it. NULL and a failed call if not. */
const sfms_method *bulk_method(sfms_call *call, const char *resource, Pb__Verb verb);

/* bulk_update makes the request that writes the members of object into a record; violations are noted. bulk_of_id makes one that
 * names a record: to get, to delete, to bring back. */
ProtobufCMessage *
bulk_update(sfms_call *call, const sfms_method *method, const char *id, const cJSON *object);
ProtobufCMessage *bulk_of_id(sfms_call *call, const sfms_method *method, const char *id);

/* bulk_check checks what a bulk change would set, as if it were sent for a record, and notes violations of "set". */
sfms_status bulk_check(sfms_call *call, const sfms_method *method, const cJSON *object);

/* bulk_object answers a Struct as a tree. */
const cJSON *bulk_object(sfms_arena *a, const Google__Protobuf__Struct *object);

/* bulk_start begins a bulk change; with validate_only it only looks what it would be, and leaves *ret_id alone. */
sfms_status bulk_start(
    sfms_call *call, const Pb__BulkUpdateRequest *request, Pb__BulkUpdateResponse *out, const char **ret_id);

/* The jobs. */
sfms_status bulk_change_run(sfms_call *call, const sfms_job *job);
sfms_status bulk_undo_run(sfms_call *call, const sfms_job *job);

#endif
