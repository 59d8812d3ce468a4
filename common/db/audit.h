/*
 * audit.h -- the security log: what was tried by whom, from where, and how it ended.
 *
 * What a method's rule calls audited is written by dispatch after the call, whatever became of it; a handler writes what only
 * it knows of. Nobody waits for a second round trip but the callers of those few methods.
 */
#ifndef SFMS_DB_AUDIT_H
#define SFMS_DB_AUDIT_H

#include "db/db.h"

typedef struct {
    Pb__AuditAction action;
    const char *result;               /* NULL: how the call ended */
    const char *org_id, *user_id;     /* NULL: those of the call's principal */
    const char *session_id;           /* NULL: likewise */
    const char *resource, *record_id; /* NULL if it is about none */
    const char *email;
    int64_t count;
} sfms_audit_event;

/* sfms_audit writes one entry, and the same as a line of level INFO: outside of any transaction. Without an organisation only
 * the line; what is refused again and again, once for a while. It does not change how the call ended; that an entry cannot be
 * written is said in the process's log. */
void sfms_audit(sfms_call *call, const sfms_audit_event *event);

#endif
