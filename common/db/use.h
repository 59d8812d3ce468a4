/*
 * use.h -- any resource of any service, read and written by a handler inside its own transaction.
 *
 * It goes the way of the standard method: the caller needs that method's permission, and validation, policies, triggers and
 * events come along. Resources of other services are listed in the noun's uses, and lent by a migration of their owner
 * (app.lend). Rules that must hold through every door are therefore declarations of the contract or triggers, never a handler's.
 *
 * What goes wrong is noted in the call, as with sfms_violate, and the transaction can go on: so a handler that makes three
 * records says at once what is wrong with each, and then returns sfms_violations(call). A refused write has done nothing.
 */
#ifndef SFMS_DB_USE_H
#define SFMS_DB_USE_H

#include "db/resource.h"
#include "sfms/api/v1/requests.pb-c.h"

/* What is done with a resource. */
enum { SFMS_READS = 1, SFMS_CREATES = 2, SFMS_UPDATES = 4 };

/* A resource of another service that a noun uses, itself or by triggers of what it writes; it can be read in any case. */
typedef struct {
    const char *collection; /* "deals" */
    unsigned rights;        /* SFMS_CREATES | SFMS_UPDATES; deleting is an update */
} sfms_use;

/* pointer is what of the request a record comes from, as a path in proto names: "account". What is said of a field of the record
 * is then said of the field below it: "account.name". It is "" where fields of the record are fields of the request. */

/* sfms_get reads a record into out, which is empty and of its kind. If there is none that the caller sees, pointer names a record
 * that does not exist; without a pointer (NULL) the call ends with NOT_FOUND. */
sfms_status sfms_get(sfms_call *call, const char *pointer, const char *id, void *out);

/* sfms_list reads a page into out, which is the empty answer of a LIST. */
sfms_status sfms_list(sfms_call *call, const Pb__ListRequest *request, void *out);

/* sfms_create writes a new record, sfms_update the fields of one that mask names ("name,custom_fields.key"). The message becomes
 * what is stored. */
sfms_status sfms_create(sfms_call *call, const char *pointer, void *record);
sfms_status sfms_update(sfms_call *call, const char *pointer, void *record, const char *mask);

/* sfms_delete marks a record as deleted; record is empty and of its kind, and becomes what is stored. */
sfms_status sfms_delete(sfms_call *call, const char *id, void *record);

/* sfms_use_open makes known what handlers may use: once, before threads. The list ends with NULL. */
void sfms_use_open(const sfms_engine *const *engines);

/* sfms_use_check ends the process with a sentence if the owner of a resource has not lent what the service uses of it. */
void sfms_use_check(PGconn *conn, const char *service, const sfms_engine *e, unsigned rights);

/* sfms_use_warn logs what is lent to the service, and is not among its uses: an owner should not lend more than is used. */
void sfms_use_warn(PGconn *conn, const char *service, const sfms_engine *const *used);

#endif
