/*
 * place.h -- a place: the path to a field of a message, built in or one that an organisation has defined.
 *
 * Whatever names a field by a text resolves it here: filters, orders, masks, mappings of imports, requirements, routes, the
 * places of errors. What a field may hold, how it is spelled, where its value is in a message and whether the caller may see or
 * fill it follow from its place; what reads it in the database is in db/column.h.
 *
 * A path is names with dots between them, proto names or JSON names: "amount", "lineItems.quantity". What follows the name of an
 * object of any shape is a key, whatever it holds: "customFields.erpId", "customFields.a.b". A key may stand between backticks.
 */
#ifndef SFMS_PROTO_PLACE_H
#define SFMS_PROTO_PLACE_H

#include "core/buf.h"
#include "google/protobuf/struct.pb-c.h"
#include "proto/call.h"

enum { SFMS_PLACE_DEPTH = 4 }; /* fields along a path at most */

typedef struct {
    unsigned n;                                 /* fields along the path */
    const sfms_field *fields[SFMS_PLACE_DEPTH]; /* from that of the message where the path begins */
    const sfms_field *leaf; /* the last of them: the field itself, or the object that has the key */
    const char *key;        /* NULL if it is the leaf itself */
} sfms_place;

/* sfms_place_find resolves a path of n bytes from a message on. False if it leads nowhere; ret then has the fields that it could
 * follow. A key is made in the arena, which may be NULL where there are none. */
bool sfms_place_find(sfms_arena *a, const sfms_message *m, const char *path, size_t n, sfms_place *ret);

/* sfms_place_top answers the field that a path names or leads into; NULL if the message has none of that name. */
const sfms_field *sfms_place_top(const sfms_message *m, const char *path);

/* sfms_place_name answers the path in proto names, as masks have it; sfms_place_json in JSON names, as people write it. */
const char *sfms_place_name(sfms_arena *a, const sfms_place *p);
const char *sfms_place_json(sfms_arena *a, const sfms_place *p);

/* sfms_place_pointer appends a path from a message on, as violations have it ("deal.line_items[0].quantity"), as a JSON pointer;
 * sfms_place_parameter, as the name of a parameter ("deal.lineItems.quantity"). What is no field is taken as it is. */
void sfms_place_pointer(sfms_buf *b, const sfms_message *m, const char *path);
void sfms_place_parameter(sfms_buf *b, const sfms_message *m, const char *path);

/* sfms_field_is_open is true for an object of any shape: what follows its name in a path is a key. */
bool sfms_field_is_open(const sfms_field *f);

/* sfms_field_is_value is true for what is one value that a text can tell, or a list of such: no object, no bytes. */
bool sfms_field_is_value(const sfms_field *f);

/* sfms_place_holder answers the message that has the leaf, below msg; of a list along the path, the first element. NULL if it is
 * not there. sfms_place_filled is true if there is something at the place: a text with something to see, an element, an
 * object. A number or a truth value of the contract always says something. */
const ProtobufCMessage *sfms_place_holder(const sfms_place *p, const ProtobufCMessage *msg);
bool sfms_place_filled(const sfms_place *p, const ProtobufCMessage *msg);

/* Whether the caller's role hides a field of a resource, or lets it be seen and not be written (or hides it). */
bool sfms_field_hidden(const sfms_call *call, const sfms_field *f);
bool sfms_field_kept(const sfms_call *call, const sfms_field *f);

/* Whether the caller may see what is at a place, in answers, filters, orders and wherever else it would show; and whether he may
 * fill it in a request. */
bool sfms_place_seen(const sfms_call *call, const sfms_place *p);
bool sfms_place_fillable(const sfms_call *call, const sfms_place *p);

/* sfms_place_to_fill resolves a path to what people fill of a record as a whole: a field of its own, or a key. False if there is
 * no such place, or it is not for them to fill. */
bool sfms_place_to_fill(const sfms_call *call, const sfms_message *m, const char *path, sfms_place *ret);

#endif
