/* changes.h -- from a row of the event log to the message that clients read. */
#ifndef SFMS_EXCHANGE_CHANGES_H
#define SFMS_EXCHANGE_CHANGES_H

#include <libpq-fe.h>

#include "proto/call.h"
#include "sfms/exchange/v1/events.pb-c.h"

/* The columns that exchange_event reads, of app.events e. The difference of both images is made here and not when the event is
 * written: writes are many. Its values are texts, so that no decimal loses digits. came is true for a change of owner that
 * has brought the record into the reader's sight: it is as if it had been made then, and has all fields. So is a share
 * (for_id), which has the time of the record's last change. */
#define EXCHANGE_EVENT_COLUMNS(came)                                                                         \
    "md5(e.org_id::text || e.seq)::uuid AS id,"                                                              \
    " CASE WHEN e.for_id IS NOT NULL AND e.after IS NOT NULL THEN (e.after->>'update_time')::timestamptz"    \
    "      ELSE e.event_time END AS event_time, e.actor_id, e.resource, e.record_id,"                        \
    " CASE WHEN " came " THEN 'CREATED' ELSE e.action END AS action, e.after->>'version' AS version,"        \
    " CASE WHEN e.action <> 'OUT_OF_SIGHT' THEN e.cause END AS cause,"                                       \
    " e.xid, e.seq,"                                                                                         \
    " (SELECT jsonb_agg(jsonb_build_array(key, o.value, n.value))"                                           \
    "    FROM jsonb_each_text(CASE WHEN jsonb_typeof(e.before) = 'object' AND NOT " came                     \
    "                              THEN e.before ELSE '{}' END) o"                                           \
    "    FULL JOIN jsonb_each_text(CASE WHEN jsonb_typeof(e.after) = 'object' THEN e.after ELSE '{}' END) n" \
    "   USING (key)"                                                                                         \
    "   WHERE o.value IS DISTINCT FROM n.value OR o.key IS NULL) AS difference"

/* exchange_event makes an event of row r. Only fields of the resource's message are in its changes, under
 * their JSON names, without what says nothing (id, version, update_time) and without secrets. */
Pb__Event *exchange_event(sfms_call *call, const PGresult *result, int r);

#endif
