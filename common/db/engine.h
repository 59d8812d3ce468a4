/* engine.h -- what the files of the engine share. Inside common/db only. */
#ifndef SFMS_DB_ENGINE_H
#define SFMS_DB_ENGINE_H

#include "core/buf.h"
#include "core/limits.h"
#include "core/ring.h"
#include "db/binary.h"
#include "db/filter.h"
#include "db/resource.h"
#include "google/protobuf/struct.pb-c.h"
#include "sfms/api/v1/requests.pb-c.h"
#include "sfms/api/v1/sharing.pb-c.h"

/* A collection of which answers may name records. */
typedef struct {
    const char *collection;    /* "accounts" */
    const char *table;         /* "customers.accounts" */
    const sfms_field *display; /* its column: "name" */
} sfms_named;

/* Something that can be done with a record. */
typedef struct {
    const char *word; /* "move" */
    const sfms_method *method;
} sfms_deed;

struct sfms_engine {
    const sfms_contract *contract;
    const sfms_message *message;
    const sfms_ring *token_ring;
    const char *table;           /* "customers.accounts" */
    const sfms_through *through; /* ends with a NULL field; NULL if there is none */
    const char *names;           /* "id, version, ..." in the order of the message's fields */
    const char *columns;         /* what reads them */
    const char **column;         /* by index of the field: what reads it, its name or a subquery */
    bool *not_null;              /* by index of the field */
    bool has_owner, has_search, has_external;
    bool by_owner;            /* rows are seen by who sees the owner, by grants, and in no other way */
    bool pool;                /* the owner may be NULL: it belongs to nobody yet */
    bool binary;              /* results may be asked for in binary: all columns are of types that we read */
    const sfms_named *named;  /* ends with a NULL collection */
    const sfms_deed *deeds;   /* ends with a NULL word */
    const char *write_rule;   /* SQL: the caller may change the row, */
    const char *delete_rule;  /* and delete it, if it may be changed */
    const sfms_field *parent; /* of a part, the field that names what it belongs to; NULL if it is none */
    const char *parent_table; /* where that is */
};

enum { SFMS_ENGINE_SQL_MAX = 64 << 10, SFMS_ENGINE_PARAMS = 256 };

/* A statement that is being composed. */
typedef struct {
    sfms_buf sql;
    sfms_params params;
    bool binary; /* format of the result */
} sfms_composer;

void sfms_composer_init(const sfms_engine *e, sfms_composer *w, sfms_arena *a);

/* sfms_composer_done checks that everything fitted and fills ret; INTERNAL if not. */
sfms_status sfms_composer_done(sfms_call *call, sfms_composer *w, sfms_statement *ret);

/* sfms_engine_columns answers the columns that a read mask asks for, always with id and version; all if it is
 * NULL. NULL and a failed call if it names a field that there is not. */
const char *
sfms_engine_columns(const sfms_engine *e, sfms_call *call, const Google__Protobuf__FieldMask *mask);

/* sfms_engine_reading answers the expression that reads a field: its column, or a look through a reference. */
const char *sfms_engine_reading(const sfms_engine *e, sfms_arena *a, const sfms_field *f);

/* sfms_engine_field finds a field of the resource by name; NULL if there is none. sfms_engine_masked is true
 * if the mask names it. */
const sfms_field *sfms_engine_field(const sfms_engine *e, const char *name);
bool sfms_engine_masked(const sfms_engine *e, const Google__Protobuf__FieldMask *mask, const sfms_field *f);

/* The resource in a request: the request itself, or the field that carries it; NULL if a wrapper has none. */
ProtobufCMessage *
sfms_request_resource(const sfms_engine *e, const sfms_call *call, ProtobufCMessage *request);

/* The record that a request names as the one that the part belongs to; "" if it names none. */
const char *sfms_request_parent(const sfms_engine *e, const sfms_call *call, ProtobufCMessage *request);

/* sfms_parent_sql appends the condition that a row belongs to that record, if one is named. */
void
sfms_parent_sql(const sfms_engine *e, const sfms_call *call, sfms_composer *w, ProtobufCMessage *request);

/* What a GET asks for; of a singleton, by the id that it has. */
const Pb__GetRequest *sfms_request_get(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request);

/* A field mask or text of a request by its name; NULL if the request has no such field. */
const Google__Protobuf__FieldMask *sfms_request_mask(ProtobufCMessage *request, const char *name);
const char **sfms_request_text(ProtobufCMessage *msg, const char *name);

/* sfms_field_writable is true for what requests may write by name. */
bool sfms_field_writable(const sfms_field *f);

/* sfms_field_fixed is true for a field that an UPDATE or UPSERT names though it cannot change it: it must be as it is stored. */
bool sfms_field_fixed(const sfms_engine *e, const sfms_call *call, const sfms_field *f,
    const Google__Protobuf__FieldMask *mask);

/* sfms_upsert_creates is true if an upsert may make a record: it has all that a new one needs, and no condition that there is
 * one. */
bool sfms_upsert_creates(const sfms_engine *e, const sfms_call *call, const ProtobufCMessage *msg,
    const Google__Protobuf__FieldMask *mask);

/* sfms_request_custom answers the custom fields of a resource in a request; NULL if it has none. */
const Google__Protobuf__Struct *sfms_request_custom(const sfms_engine *e, const ProtobufCMessage *msg);

/* sfms_key_sql answers the condition for the record that has the external key of msg; its parameters are added. */
const char *sfms_key_sql(sfms_call *call, sfms_composer *w, const ProtobufCMessage *msg);

/* sfms_insert_sql appends INSERT INTO table (org_id, id, ...) for all that the message has; with a condition (unless), only
 * if no row that the caller sees meets it. */
void sfms_insert_sql(
    const sfms_engine *e, sfms_call *call, sfms_composer *w, const ProtobufCMessage *msg, const char *unless);

/* Why a write has no row to answer; or the row after all, if what was in the way has gone. See explain.c. */
sfms_status sfms_explain_create(const sfms_engine *e, sfms_call *call, ProtobufCMessage *msg, sfms_buf *out);
sfms_status
sfms_explain_upsert(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, sfms_buf *out);
sfms_status
sfms_explain_change(const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, sfms_buf *out);

/* sfms_pack_single packs the only row into out and notes its version. */
sfms_status sfms_pack_single(const sfms_engine *e, sfms_call *call, const PGresult *result, sfms_buf *out);

/* sfms_assign_sql appends "column = value" for a field that the mask names, or names members of. An object is merged: its
 * members are written, those that are null cleared, all others stay. */
void sfms_assign_sql(const sfms_engine *e, sfms_call *call, sfms_composer *w, const sfms_field *f,
    const ProtobufCMessage *msg, const Google__Protobuf__FieldMask *mask);

/* sfms_names_load finds the collections that have names, at start-up; ends the process if one that the resource refers to has a
 * display that services may not read. sfms_names_add appends to an answer the names of the records that it refers to. */
void sfms_names_load(sfms_engine *e, sfms_arena *perm, PGconn *conn);
sfms_status sfms_names_add(const sfms_engine *e, sfms_call *call, sfms_buf *out);

/* sfms_access_load finds, at start-up, what can be done with records, and by which rules they may be changed and deleted;
 * sfms_access_column answers ", ... AS allowed", a column with what the caller may do with each row; "" if it is not wanted. */
void sfms_access_load(sfms_engine *e, sfms_arena *perm, PGconn *conn);
const char *sfms_access_column(const sfms_engine *e, sfms_call *call, sfms_composer *w, bool wanted);

/* The org that the call is for; every statement names it, so that the key's index serves. */
const char *sfms_engine_org(const sfms_call *call);

/* Sharing, and who sees a record. See sharing.c. */
sfms_status
sfms_share_plan(const sfms_engine *e, sfms_call *call, const Pb__ShareRequest *request, sfms_statement *ret);
sfms_status sfms_unshare_plan(
    const sfms_engine *e, sfms_call *call, const Pb__UnshareRequest *request, sfms_statement *ret);
sfms_status sfms_access_plan(
    const sfms_engine *e, sfms_call *call, const Pb__AccessRequest *request, sfms_statement *ret);
sfms_status sfms_sharing_finish(
    const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, const PGresult *result, sfms_buf *out);

/* sfms_list_plan and _finish: one page of a list. See page.c. */
sfms_status
sfms_list_plan(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, sfms_statement *ret);
sfms_status sfms_list_finish(
    const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, PGresult *result, sfms_buf *out);

/* sfms_list_conditions appends FROM and WHERE of a list, without the position of a page. */
sfms_status
sfms_list_conditions(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, sfms_composer *w);

/* sfms_aggregate_plan and _finish: a page of groups. See aggregate.c. */
sfms_status sfms_aggregate_plan(
    const sfms_engine *e, sfms_call *call, const Pb__AggregateRequest *request, sfms_statement *ret);
sfms_status sfms_aggregate_finish(const sfms_engine *e, sfms_call *call, const Pb__AggregateRequest *request,
    const PGresult *result, sfms_buf *out);

/* One field of an order. */
typedef struct {
    const sfms_field *field;
    const char *collation; /* what follows the column: " COLLATE ...", or "" */
    bool descending;
    bool not_null;
} sfms_order;

/* sfms_order_parse reads order_by into at most SFMS_ORDER_FIELDS fields and puts id at the end; answers their
 * number, 0 and a failed call if it names what the resource does not allow. */
unsigned sfms_order_parse(
    const sfms_engine *e, sfms_call *call, const char *order_by, sfms_order orders[SFMS_ORDER_FIELDS + 1]);

/* sfms_keyset_sql appends the condition "after the row with these values" (NULL for SQL NULL). */
void sfms_keyset_sql(sfms_composer *w, const sfms_order *orders, unsigned n, const char *const *values);

/* A page token carries what the list was and where the page ended; it is sealed, so it can be neither read
 * nor made. sfms_token_open answers n values, or NULL if the token is not of this list. */
char *sfms_token_seal(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, unsigned n,
    const char *const *values);
const char **
sfms_token_open(const sfms_engine *e, sfms_call *call, const Pb__ListRequest *request, unsigned n);

#endif
