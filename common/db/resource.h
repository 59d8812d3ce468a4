/*
 * resource.h -- the engine: standard methods from a message and a table.
 *
 * A resource is a message and a relation: the one that the migration has given its collection's name (app.resource), which also
 * says how its rows are seen. The relation has a column for each field of the message, and
 *   org_id uuid        the tenant; key (org_id, id)          id uuid
 *   version bigint, create_time, update_time                 maintained by the trigger app.touch
 *   delete_time        if the contract has DELETE            external_id, if it has UPSERT
 *   owner_id           if rows have owners                   search_text, if it can be searched
 * Start-up refuses to serve when message and relation disagree.
 */
#ifndef SFMS_DB_RESOURCE_H
#define SFMS_DB_RESOURCE_H

#include "core/buf.h"
#include "core/ring.h"
#include "db/db.h"

/* A field that is not the row's own (FieldRule.through): it is read from the column of the same name in the row of another table
 * with the reference for its id. */
typedef struct {
    const char *field;     /* "probability" */
    const char *reference; /* "stage_id"; NOT NULL */
    const char *table;     /* "pipeline.stages" */
} sfms_through;

/* sfms_through_find answers the entry of a field; NULL if it is the row's own. all may be NULL. */
const sfms_through *sfms_through_find(const sfms_through *all, const char *field);

/* A resource, with what start-up found out about its relation. */
typedef struct sfms_engine sfms_engine;

/* sfms_engine_new checks a resource of a service against the database; ends the process with a sentence if they disagree, or if
 * its relation is not in the service's schema. */
const sfms_engine *sfms_engine_new(sfms_arena *perm, const sfms_contract *c, const sfms_message *resource,
    const char *service, PGconn *conn, const sfms_ring *token_ring);

/* sfms_engine_target names the record that a standard method changes: its id, or of an upsert what it is found by; "" if there is
 * none yet, or none that is changed. */
const char *sfms_engine_target(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request);

/* sfms_engine_plan composes the statement for a standard method; request is validated. */
sfms_status
sfms_engine_plan(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, sfms_statement *ret);

/* sfms_engine_failed adds to a failure of the statement what the server could not say: of an external key that another record
 * has, which one, and whether it is deleted. */
void sfms_engine_failed(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request);

/* sfms_engine_finish makes the answer's bytes of the statement's result; out is empty and in the call's arena. It may run
 * further statements of its own: to tell a missing row from a version that has moved on, or to count. What is in out is
 * useless if the call failed. */
sfms_status sfms_engine_finish(
    const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, PGresult *result, sfms_buf *out);

#endif
