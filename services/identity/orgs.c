/* orgs.c -- organisations, the tenants. Contract: proto/sfms/identity/v1/orgs.proto. */
#include "sfms/identity/v1/orgs.pb-c.h"

#include <string.h>

#include "core/currency.h"
#include "core/id.h"
#include "identity.h"
#include "password.h"
#include "permissions.h"

static const char *
or_else(const char *text, const char *fallback)
{
    return text[0] != '\0' ? text : fallback;
}

static const char *
new_id(sfms_arena *a)
{
    char *id = sfms_alloc(a, SFMS_ID_SIZE);

    sfms_id_make(id);
    return id;
}

/* Ids for the built-in roles, as an array of PostgreSQL. */
static const char *
role_ids(sfms_arena *a)
{
    const char *ids = "{";

    for (int i = 0; i < BUILTIN_ROLES; i++)
        ids = sfms_printf(a, "%s%s%s", ids, i > 0 ? "," : "", new_id(a));
    return sfms_printf(a, "%s}", ids);
}

/* The country that was not named: the currency's, or that of a time zone which is China's. */
static const char *
country_of(const char *currency, const char *time_zone)
{
    static const char *const chinese[] = {"Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "PRC"};
    const sfms_currency *its = sfms_currency_find(currency);

    if (its != NULL && its->country[0] != '\0')
        return its->country;
    for (size_t i = 0; i < sizeof(chinese) / sizeof(chinese[0]); i++)
        if (strcmp(time_zone, chinese[i]) == 0)
            return "CN";
    return "";
}

static sfms_status
create_org(sfms_call *call, const void *in, void *out)
{
    const Pb__CreateOrgRequest *req = in;
    Pb__CreateOrgResponse *res = out;
    sfms_arena *a = call->arena;
    const char *currency = or_else(req->currency, "CNY");
    const char *before_at = sfms_strndup(a, req->admin_email, strcspn(req->admin_email, "@"));
    const char *hash;
    sfms_status status = password_check(call, "admin_password", req->admin_password);

    if (status != SFMS_OK)
        return status;
    hash = password_hash(a, req->admin_password);
    if (hash == NULL)
        return sfms_fail(call, &sfms_internal);
    res->org_id = new_id(a);
    res->admin_id = new_id(a);
    return sfms_exec(call, NULL,
        "SELECT identity.create_org($1::uuid, $2::uuid, $3::uuid[], $4, $5, $6, $7, $8, $9, $10, $11)",
        SFMS_ARGS(res->org_id, res->admin_id, role_ids(a), req->name, currency,
            or_else(req->time_zone, "Asia/Shanghai"), or_else(req->locale, "zh-CN"), req->admin_email,
            or_else(req->admin_name, before_at), hash,
            or_else(req->country, country_of(currency, req->time_zone))));
}

static const sfms_method_row methods[] = {
    {"sfms.identity.v1.Orgs/CreateOrg", create_org},
    {NULL},
};

const sfms_noun identity_orgs = {.methods = methods};
