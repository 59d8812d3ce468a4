/*
 * readers.h -- named readers of the event log: what happens because something was written.
 *
 * A reader gets the events of each organisation in their order, none left out, and what it writes is committed together with
 * its position in the log: so each event is dealt with once, whatever dies in between. It works on behalf of the organisation
 * itself. A new reader begins with what is written from then on; `sfmsctl readers begin` puts one anywhere. What cannot be
 * dealt with is tried again and again, and holds up the events of its organisation behind it: app.readers has the error, and
 * /metrics how far behind it is.
 */
#ifndef SFMS_WORK_READERS_H
#define SFMS_WORK_READERS_H

#include "proto/call.h"

/* An event of the log. */
typedef struct {
    const char *id;       /* as the feed answers it */
    const char *resource; /* "deals" */
    const char *record_id;
    const char *action;   /* "CREATED", "UPDATED", "DELETED", "UNDELETED" */
    const char *actor_id; /* NULL if nobody in particular did it */
    const char *owner_id; /* NULL if it belongs to nobody */
    bool moved; /* it has another owner than before: former_owner_id, NULL if it belonged to nobody */
    const char *former_owner_id;
    const char *before, *after; /* the row as JSON, by its columns; NULL if there was, or is, none */
    const char *cause;          /* NULL if it has none */
    unsigned
        depth; /* how many causes stand behind it: whoever writes because of it looks that this comes to an end */
} sfms_log_event;

/* Deals with events of one organisation, in one transaction with the reader's position: writes with the call's connection, and
 * asks no other service. OK: done; anything else: all of them come again. */
typedef sfms_status sfms_take_events(sfms_call *call, size_t n, const sfms_log_event *events);

typedef struct sfms_reader_row {
    const char *name;      /* "notify given" */
    const char *resources; /* of which it gets the events: "{deals,leads}" */
    sfms_take_events *take;
} sfms_reader_row;

/* sfms_reader_because makes an event the cause of what the transaction writes from now on. */
sfms_status sfms_reader_because(sfms_call *call, const sfms_log_event *event);

#endif
