/* profile.c -- what everybody may change of himself. Contract: UpdateMe in proto/sfms/identity/v1/users.proto. */
#include <string.h>

#include "db/row.h"
#include "identity.h"
#include "proto/json_value.h"
#include "sfms/identity/v1/users.pb-c.h"
#include "users.h"

/* The names of the fields that are written, as an array of PostgreSQL. */
static const char *
written(sfms_call *call, const Pb__UpdateMeRequest *request)
{
    const Google__Protobuf__FieldMask *mask = request->update_mask;

    return mask == NULL ? "{}"
                        : sfms_array_text(call->arena, mask->n_paths, (const char *const *)mask->paths);
}

/* The keys of an object that are null, which clears them. */
static const char *
cleared(sfms_call *call, const Google__Protobuf__Struct *object)
{
    size_t most = object != NULL ? object->n_fields : 0, n = 0;
    const char **keys = sfms_new_array(call->arena, const char *, most + 1);

    for (size_t i = 0; i < most; i++)
        if (sfms_value_is_null(object->fields[i]->value))
            keys[n++] = object->fields[i]->key;
    return sfms_array_text(call->arena, n, keys);
}

static const char *
text_of(sfms_call *call, const Pb__Profile *profile, const char *name)
{
    const sfms_message *m = sfms_contract_message(call->contract, &pb__profile__descriptor);

    return sfms_field_text(call->arena, sfms_message_field(m, name, strlen(name)), &profile->base);
}

/* The row is held until the transaction ends, so that its version is still the one that was looked at. */
static sfms_status
check_version(sfms_call *call)
{
    Pb__User user = PB__USER__INIT;
    sfms_status status = sfms_one(call, &user,
        "SELECT version FROM identity.users WHERE org_id = app.org_id() AND id = app.user_id() FOR UPDATE",
        SFMS_NO_ARGS);

    if (status != SFMS_OK || sfms_expects_version(call, user.version))
        return status;
    return sfms_fail(call, &sfms_version);
}

static sfms_status
update_me(sfms_call *call, const void *in, void *out)
{
    const Pb__UpdateMeRequest *request = in;
    const Pb__Profile *profile = request->profile;
    sfms_status status = check_version(call);

    if (status != SFMS_OK)
        return status;
    status = sfms_exec(call, NULL,
        "UPDATE identity.users SET"
        " display_name = CASE WHEN 'display_name' = ANY ($1::text[]) THEN $2 ELSE display_name END,"
        " time_zone = CASE WHEN 'time_zone' = ANY ($1::text[]) THEN $3 ELSE time_zone END,"
        " locale = CASE WHEN 'locale' = ANY ($1::text[]) THEN $4 ELSE locale END,"
        " phone = CASE WHEN 'phone' = ANY ($1::text[]) THEN $5 ELSE phone END,"
        " job_title = CASE WHEN 'job_title' = ANY ($1::text[]) THEN $6 ELSE job_title END,"
        " preferences = CASE WHEN 'preferences' <> ALL ($1::text[]) THEN preferences"
        "                    WHEN $7::jsonb IS NULL THEN NULL"
        "                    ELSE (coalesce(preferences, '{}') || $7::jsonb) - $8::text[] END"
        " WHERE org_id = app.org_id() AND id = app.user_id()",
        SFMS_ARGS(written(call, request), text_of(call, profile, "display_name"),
            text_of(call, profile, "time_zone"), text_of(call, profile, "locale"),
            text_of(call, profile, "phone"), text_of(call, profile, "job_title"),
            text_of(call, profile, "preferences"), cleared(call, profile->preferences)));
    return status == SFMS_OK ? users_me(call, out) : status;
}

static const sfms_method_row methods[] = {
    {"sfms.identity.v1.Users/UpdateMe", update_me, .tx = true},
    {NULL},
};

const sfms_noun identity_profile = {.methods = methods};
