/* convert.c -- a lead becomes an account, a contact and a deal: all of them or nothing. Contract: ConvertLead in
 * proto/sfms/customers/v1/leads.proto. */
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "customers.h"
#include "google/protobuf/struct.pb-c.h"
#include "proto/json_value.h"
#include "proto/shape.h"
#include "sfms/customers/v1/leads.pb-c.h"

static const sfms_reason converted_before = {
    "ALREADY_CONVERTED", SFMS_ALREADY_EXISTS, {"The lead has been converted already.", "该线索已转化。"}};
static const sfms_reason only_for_new = {
    "ONLY_FOR_NEW", SFMS_INVALID_ARGUMENT, {"is only for a new record", "仅适用于新建的记录"}};
static const sfms_reason deleted = {
    "DELETED_RECORD", SFMS_INVALID_ARGUMENT, {"is a deleted record", "该记录已删除"}};

typedef struct {
    sfms_call *call;
    const Pb__ConvertLeadRequest *request;
    Pb__Lead lead;
    Pb__Account *account; /* NULL if there is none */
    Pb__Contact *contact;
    Pb__Deal *deal; /* NULL if there is none */
} conversion;

/* ---- the lead ---------------------------------------------------------------------------------------- */

/* Why there was no lead to lock. */
static sfms_status
explain_lead(conversion *c)
{
    sfms_status status;

    sfms_call_retry(c->call);
    status = sfms_get(c->call, NULL, c->request->id, &c->lead);
    if (status != SFMS_OK)
        return status;
    return sfms_fail(c->call, c->lead.delete_time != NULL ? &sfms_not_found : &sfms_not_yours);
}

/* The lead stays as it is read here until the transaction ends: of two conversions, the second sees what the first has done. */
static sfms_status
lock_lead(conversion *c)
{
    sfms_call *call = c->call;
    sfms_status status;

    pb__lead__init(&c->lead);
    status = sfms_one(call, &c->lead,
        "SELECT {columns} FROM customers.leads WHERE org_id = $1 AND id = $2 AND delete_time IS NULL FOR "
        "UPDATE",
        SFMS_ARGS(call->principal->org_id, c->request->id));
    if (status == SFMS_NOT_FOUND)
        return explain_lead(c);
    if (status != SFMS_OK)
        return status;
    if (c->lead.status == PB__LEAD_STATUS__CONVERTED) {
        sfms_fail(call, &converted_before);
        call->failure->existing_id = c->lead.converted_contact_id;
        return SFMS_ALREADY_EXISTS;
    }
    return sfms_expects_version(call, c->lead.version) ? SFMS_OK : sfms_fail(call, &sfms_version);
}

static const char *
account_id(const conversion *c)
{
    return c->account != NULL ? c->account->id : "";
}

static const char *
contact_id(const conversion *c)
{
    return c->contact != NULL ? c->contact->id : "";
}

/* What is about the lead is about the contact from now on, whoever it belongs to. */
static sfms_status
finish_lead(conversion *c, Pb__ConvertLeadResponse *out)
{
    sfms_call *call = c->call;
    PGresult *moved;
    sfms_status status = sfms_one(call, &c->lead,
        "UPDATE customers.leads SET status = 'CONVERTED', convert_time = now(),"
        "       converted_account_id = nullif($3, '')::uuid, converted_contact_id = $4,"
        "       converted_deal_id = nullif($5, '')::uuid"
        " WHERE org_id = $1 AND id = $2 RETURNING {columns}",
        SFMS_ARGS(call->principal->org_id, c->request->id, account_id(c), contact_id(c),
            c->deal != NULL ? c->deal->id : ""));

    if (status == SFMS_OK)
        status = sfms_query(call, &moved, "SELECT app.carry('leads', $1, 'contacts', $2)",
            SFMS_ARGS(c->request->id, contact_id(c)));
    if (status != SFMS_OK)
        return status;
    out->moved_activities = (int32_t)strtol(PQgetvalue(moved, 0, 0), NULL, 10);
    return SFMS_OK;
}

/* ---- what it becomes --------------------------------------------------------------------------------- */

/* A record that the request gives, if it may be one. */
static sfms_status
find_given(conversion *c, const char *pointer, const char *id, void *record,
    Google__Protobuf__Timestamp **delete_time)
{
    sfms_status status = sfms_get(c->call, pointer, id, record);

    if (status == SFMS_OK && *delete_time != NULL)
        return sfms_violate(c->call, pointer, &deleted);
    return status;
}

/* What the request says of a new record; empty if it says nothing. */
static void *
draft(const conversion *c, const void *given, const ProtobufCMessageDescriptor *desc)
{
    return given != NULL ? (void *)(uintptr_t)given : sfms_message_new(c->call->arena, desc);
}

static void
fill(const char **to, const char *from)
{
    if ((*to)[0] == '\0')
        *to = from;
}

/* Whether the organisation has defined the key for the collection too. */
static bool
is_defined(const sfms_call *call, const char *collection, const char *key)
{
    return call->shape == NULL || sfms_shape_find(call->shape, collection, key) != NULL;
}

/* Custom fields of the lead, where the record has none of the same key. */
static void
carry_custom_fields(const conversion *c, const char *collection, Google__Protobuf__Struct **to)
{
    const Google__Protobuf__Struct *from = c->lead.custom_fields;
    Google__Protobuf__Struct *all;

    if (from == NULL || from->n_fields == 0)
        return;
    all = (Google__Protobuf__Struct *)sfms_message_new(c->call->arena, &google__protobuf__struct__descriptor);
    all->fields = sfms_new_array(c->call->arena, Google__Protobuf__Struct__FieldsEntry *,
        from->n_fields + (*to != NULL ? (*to)->n_fields : 0));
    for (size_t i = 0; *to != NULL && i < (*to)->n_fields; i++)
        all->fields[all->n_fields++] = (*to)->fields[i];
    for (size_t i = 0; i < from->n_fields; i++)
        if (is_defined(c->call, collection, from->fields[i]->key) &&
            (*to == NULL || sfms_struct_entry(*to, from->fields[i]->key) == NULL))
            all->fields[all->n_fields++] = from->fields[i];
    *to = all;
}

/* The given account, that of the given contact, or a new one of the lead's company; none if it has no company. */
static void
make_account(conversion *c)
{
    const Pb__ConvertLeadRequest *request = c->request;
    const Pb__Lead *lead = &c->lead;
    const char *given = request->account_id;
    Pb__Account *account = draft(c, request->account, &pb__account__descriptor);

    if (given[0] == '\0' && c->contact != NULL)
        given = c->contact->account_id;
    if (given[0] != '\0') {
        if (request->account != NULL)
            sfms_violate(c->call, "account", &only_for_new);
        c->account = (Pb__Account *)sfms_message_new(c->call->arena, &pb__account__descriptor);
        find_given(c, "account_id", given, c->account, &c->account->delete_time);
        return;
    }
    fill(&account->name, lead->company);
    if (account->name[0] == '\0' && request->account == NULL)
        return;
    fill(&account->industry, lead->industry);
    fill(&account->website, lead->website);
    fill(&account->country, lead->country);
    fill(&account->province, lead->province);
    fill(&account->city, lead->city);
    fill(&account->owner_id, lead->owner_id);
    if (account->employee_count == 0)
        account->employee_count = lead->employee_count;
    carry_custom_fields(c, "accounts", &account->custom_fields);
    if (sfms_create(c->call, "account", account) == SFMS_OK)
        c->account = account;
}

/* A given contact that has no account gets this one. */
static void
make_contact(conversion *c)
{
    const Pb__Lead *lead = &c->lead;
    Pb__Contact *contact = c->contact;

    if (contact != NULL) {
        if (contact->account_id[0] != '\0' || c->account == NULL)
            return;
        contact->account_id = account_id(c);
        sfms_update(c->call, "contact", contact, "account_id");
        return;
    }
    contact = draft(c, c->request->contact, &pb__contact__descriptor);
    if (contact->account_id[0] != '\0')
        sfms_violate(c->call, "contact.account_id", &sfms_output_only);
    contact->account_id = account_id(c);
    fill(&contact->name, lead->name);
    fill(&contact->surname, lead->surname);
    fill(&contact->given_name, lead->given_name);
    fill(&contact->job_title, lead->job_title);
    fill(&contact->email, lead->email);
    fill(&contact->phone, lead->phone);
    fill(&contact->country, lead->country);
    fill(&contact->province, lead->province);
    fill(&contact->city, lead->city);
    fill(&contact->description, lead->description);
    fill(&contact->owner_id, lead->owner_id);
    carry_custom_fields(c, "contacts", &contact->custom_fields);
    if (sfms_create(c->call, "contact", contact) == SFMS_OK)
        c->contact = contact;
}

static void
make_deal(conversion *c, Pb__ConvertLeadResponse *out)
{
    Pb__Deal *deal = c->request->deal;

    if (deal == NULL)
        return;
    if (!sfms_may(c->call, "deals.write")) {
        out->no_deal_reason = sfms_no_permission.name;
        return;
    }
    if (deal->account_id[0] != '\0')
        sfms_violate(c->call, "deal.account_id", &sfms_output_only);
    if (deal->contact_id[0] != '\0')
        sfms_violate(c->call, "deal.contact_id", &sfms_output_only);
    deal->account_id = account_id(c);
    deal->contact_id = contact_id(c);
    fill(&deal->name, c->lead.company[0] != '\0' ? c->lead.company : c->lead.name);
    fill(&deal->lead_source, c->lead.source);
    fill(&deal->owner_id, c->lead.owner_id);
    carry_custom_fields(c, "deals", &deal->custom_fields);
    if (sfms_create(c->call, "deal", deal) == SFMS_OK)
        c->deal = deal;
}

/* Makes all that can be made, so that all that is wrong is said. */
static sfms_status
make_records(conversion *c, Pb__ConvertLeadResponse *out)
{
    const Pb__ConvertLeadRequest *request = c->request;
    Pb__Contact *given = (Pb__Contact *)sfms_message_new(c->call->arena, &pb__contact__descriptor);

    if (request->contact_id[0] != '\0') {
        if (request->contact != NULL)
            sfms_violate(c->call, "contact", &only_for_new);
        if (find_given(c, "contact_id", request->contact_id, given, &given->delete_time) == SFMS_OK)
            c->contact = given;
    }
    make_account(c);
    if (c->contact != NULL || request->contact_id[0] == '\0')
        make_contact(c);
    make_deal(c, out);
    return c->call->failure == NULL ? SFMS_OK : (sfms_status)c->call->failure->code;
}

static sfms_status
convert_lead(sfms_call *call, const void *in, void *out)
{
    conversion c = {.call = call, .request = in};
    Pb__ConvertLeadResponse *response = out;
    char cause[SFMS_ID_SIZE];
    sfms_status status;

    sfms_id_make(cause);
    call->cause = sfms_strdup(call->arena, cause);
    status = lock_lead(&c);
    if (status == SFMS_OK && c.request->validate_only)
        status = sfms_exec(call, NULL, "SAVEPOINT trial", SFMS_NO_ARGS);
    if (status == SFMS_OK)
        status = make_records(&c, response);
    if (status == SFMS_OK)
        status = finish_lead(&c, response);
    if (status == SFMS_OK && c.request->validate_only)
        status = sfms_exec(call, NULL, "ROLLBACK TO SAVEPOINT trial", SFMS_NO_ARGS);
    if (status != SFMS_OK)
        return status;
    response->lead = sfms_new(call->arena, Pb__Lead);
    *response->lead = c.lead;
    response->account = c.account;
    response->contact = c.contact;
    response->deal = c.deal;
    response->cause = call->cause;
    return SFMS_OK;
}

static const sfms_method_row methods[] = {
    {"sfms.customers.v1.Leads/ConvertLead", convert_lead, .tx = true},
    {NULL},
};

/* A new deal looks at stages and processes, and its line items at products. */
static const sfms_use uses[] = {
    {"deals", SFMS_CREATES},
    {"stages", SFMS_READS},
    {"processes", SFMS_READS},
    {"products", SFMS_READS},
    {NULL, 0},
};

const sfms_noun customers_conversion = {.methods = methods, .uses = uses};
