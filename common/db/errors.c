/* errors.c -- what the server says, as a status that a person can act on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/connection.h"
#include "proto/formats.h"

/* SQLSTATE or its class, and what it means. The first match counts. */
static const struct {
    const char *state;
    const sfms_reason *reason;
} states[] = {
    {"23505", &sfms_taken},
    {"23503", &sfms_bad_reference},
    {"23502", &sfms_required},
    {"23514", &sfms_bad_value},
    {"42501", &sfms_not_yours},
    {"22P02", &sfms_bad_value},
    {"22", &sfms_bad_value},
    {"57014", &sfms_deadline},
    {"40", &sfms_conflict},
    {"55P03", &sfms_blocked},
    {"26000", &sfms_unavailable},
    {"25006", &sfms_unavailable}, /* a server that only reads, for now */
    {"57P", &sfms_unavailable},
    {"53", &sfms_unavailable},
    {"08", &sfms_unavailable},
};

static const sfms_reason *
reason_of(const char *state)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
            return states[i].reason;
    return &sfms_internal;
}

/* The field of the resource whose name the constraint carries: deals_account_id_fkey -> account_id. Of several the last,
 * which is what is unique within the others; of those that end there, the longest. The source of an external id is never to
 * blame. */
static const char *
field_in_constraint(const sfms_message *m, const char *constraint)
{
    const char *best = "", *best_end = constraint;

    for (unsigned i = 0; i < m->n_fields; i++) {
        const char *name = m->fields[i].desc->name;
        const char *at = strstr(constraint, name);
        size_t n = strlen(name);

        if (strcmp(name, "external_source") == 0)
            continue;
        if (at == NULL || at == constraint || at[-1] != '_' || (at[n] != '_' && at[n] != '\0'))
            continue;
        if (at + n < best_end || (at + n == best_end && n < strlen(best)))
            continue;
        best = name;
        best_end = at + n;
    }
    return best_end != constraint ? best : NULL;
}

static const sfms_message *
resource_of(const sfms_call *call)
{
    const sfms_field *wrapped = sfms_method_holder(call->method);

    return wrapped != NULL ? wrapped->message : call->method->input;
}

static const char *
column_of(const sfms_call *call, const PGresult *result)
{
    const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);

    return column == NULL && constraint != NULL ? field_in_constraint(resource_of(call), constraint) : column;
}

/* Path of a column in the request: "deal.account_id" where the request wraps the resource, else "account_id".
 */
static const char *
path_of(sfms_call *call, const PGresult *result)
{
    const char *column = column_of(call, result);

    return column == NULL ? NULL : sfms_field_path(call, sfms_strdup(call->arena, column));
}

/* RAISE EXCEPTION or RAISE insufficient_privilege in a trigger, told by its HINT. */
static bool
is_raised(const PGresult *result, const char *state)
{
    return strcmp(state, "P0001") == 0 ||
           (strcmp(state, "42501") == 0 && PQresultErrorField(result, PG_DIAG_MESSAGE_HINT) != NULL);
}

/* MESSAGE is English, DETAIL Chinese, HINT the reason's name, COLUMN the field. */
static sfms_status
fail_raised(sfms_call *call, const PGresult *result, const char *state)
{
    const char *english = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *chinese = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *name = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    const char *path = path_of(call, result);
    sfms_reason *reason = sfms_new(call->arena, sfms_reason);

    if (name == NULL)
        return sfms_fail(call, &sfms_internal);
    reason->name = sfms_strdup(call->arena, name);
    reason->status = path != NULL ? SFMS_INVALID_ARGUMENT : SFMS_FAILED_PRECONDITION;
    if (strcmp(state, "42501") == 0)
        reason->status = SFMS_PERMISSION_DENIED;
    reason->text[SFMS_LOCALE_EN] = "%s";
    reason->text[SFMS_LOCALE_ZH] = "%s";
    if (call->locale == SFMS_LOCALE_ZH && chinese != NULL)
        english = chinese;
    if (path == NULL || reason->status == SFMS_PERMISSION_DENIED)
        return sfms_fail(call, reason, sfms_strdup(call->arena, english));
    sfms_violate(call, path, reason, sfms_strdup(call->arena, english));
    return sfms_fail(call, &sfms_bad_fields);
}

/* Whether there is such a time zone the database alone knows: it says no by a check, which is the format's to put into
 * words. */
static bool
is_no_time_zone(const sfms_call *call, const PGresult *result, const sfms_reason *reason)
{
    const char *column = column_of(call, result);
    const sfms_field *f =
        column == NULL ? NULL : sfms_message_field(resource_of(call), column, strlen(column));

    return reason == &sfms_bad_value && f != NULL && f->rule->format == PB__FORMAT__TIME_ZONE;
}

sfms_status
sfms_sql_error(sfms_call *call, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const sfms_reason *reason = reason_of(state != NULL ? state : "");
    const char *path;

    if (state != NULL && is_raised(result, state) && call->method != NULL)
        return fail_raised(call, result, state);
    if (reason == &sfms_internal)
        sfms_call_note(call, PQresultErrorMessage(result));
    if (reason->status != SFMS_INVALID_ARGUMENT && reason->status != SFMS_ALREADY_EXISTS)
        return sfms_fail(call, reason);
    path = call->method != NULL ? path_of(call, result) : NULL;
    if (path == NULL)
        return sfms_fail(call, reason->status == SFMS_ALREADY_EXISTS ? &sfms_exists : &sfms_bad_request);
    if (is_no_time_zone(call, result, reason))
        sfms_violate(call, path, &sfms_bad_format, sfms_format_name(call, PB__FORMAT__TIME_ZONE));
    else
        sfms_violate(call, path, reason);
    return sfms_fail(call, reason->status == SFMS_ALREADY_EXISTS ? &sfms_exists : &sfms_bad_fields);
}
