/* audited.c -- which calls the security log tells of: those whose rule says so, and those that have read many records with data
 * of persons. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/id.h"
#include "core/seal.h"
#include "core/time.h"
#include "db/audit.h"
#include "rpc/serving.h"
#include "sfms/api/v1/requests.pb-c.h"

enum {
    READERS = 1024, /* users and collections that are counted at a time, in this process */
    MANY = 1000,    /* records are worth an entry, */
    WINDOW_S = 600, /* read within this time */
};

/* What one user has read of one collection. */
typedef struct {
    uint64_t who;
    int64_t since_us;
    int64_t count;
} reader;

static reader readers[READERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Adds to what a user has read. Answers how many it were, if that is worth an entry, and begins again; 0 if not. */
static int64_t
count_read(const char *user_id, const char *collection, int64_t n)
{
    uint8_t hash[SFMS_MAC_SIZE];
    char text[128];
    uint64_t who;
    int64_t now = sfms_mono_us(), many = 0;
    reader *r;

    snprintf(text, sizeof(text), "%s %s", user_id, collection);
    sfms_hash(text, strlen(text), hash);
    memcpy(&who, hash, sizeof(who));
    pthread_mutex_lock(&lock);
    r = &readers[who % READERS];
    if (r->who != who || now - r->since_us > WINDOW_S * INT64_C(1000000))
        *r = (reader){.who = who, .since_us = now};
    r->count += n;
    if (r->count >= MANY) {
        many = r->count;
        r->count = 0;
    }
    pthread_mutex_unlock(&lock);
    return many;
}

static bool
has_personal(const sfms_message *m)
{
    for (unsigned i = 0; i < m->n_fields; i++)
        if (m->fields[i].rule->personal)
            return true;
    return false;
}

/* Whether all of a list is taken as a file, and this is the first page of it. */
static bool
begins_export(const sfms_run *run)
{
    const Pb__ListRequest *list = (const Pb__ListRequest *)run->in;

    return run->call.method->rule->verb == PB__VERB__LIST && list != NULL && list->format[0] != '\0' &&
           list->page_token[0] == '\0';
}

static void
audit_read(sfms_run *run)
{
    sfms_call *call = &run->call;
    const sfms_message *resource = call->method->resource;
    Pb__Verb verb = call->method->rule->verb;
    int64_t many;

    if ((verb != PB__VERB__LIST && verb != PB__VERB__BATCH_GET) || run->item == NULL ||
        run->item->result == NULL || call->principal == NULL || !has_personal(resource))
        return;
    many = count_read(call->principal->user_id, resource->resource, PQntuples(run->item->result));
    if (many > 0)
        sfms_audit(call, &(sfms_audit_event){.action = PB__AUDIT_ACTION__PERSONAL_DATA_READ,
                             .resource = resource->resource,
                             .count = many});
}

/* The text of a field "id" of a message, or of the resource in it; NULL if there is none. */
static const char *
id_in(const sfms_contract *c, const ProtobufCMessage *msg)
{
    const sfms_message *m = msg != NULL ? sfms_contract_message(c, msg->descriptor) : NULL;
    const sfms_field *id = m != NULL ? sfms_message_field(m, "id", 2) : NULL;
    const sfms_field *inner = m != NULL ? sfms_message_resource_field(m) : NULL;

    if (id != NULL && id->desc->type == PROTOBUF_C_TYPE_STRING)
        return *(const char *const *)sfms_field_at(msg, id->desc);
    if (inner != NULL && inner->desc->label != PROTOBUF_C_LABEL_REPEATED)
        return id_in(c, *(ProtobufCMessage *const *)sfms_field_at(msg, inner->desc));
    return NULL;
}

/* The record that a call was about: as the answer has it, or else the request. */
static const char *
record_of(sfms_run *run)
{
    sfms_call *call = &run->call;
    const ProtobufCMessageDescriptor *output = call->method->output->desc;
    const char *id = NULL;

    if (call->failure == NULL && run->out != NULL)
        id = id_in(call->contract, run->out);
    else if (call->failure == NULL)
        id = id_in(call->contract, protobuf_c_message_unpack(output, sfms_arena_pb(call->arena),
                                       run->packed.len, (const uint8_t *)run->packed.data));
    if (id == NULL || id[0] == '\0')
        id = id_in(call->contract, run->in);
    return id != NULL && sfms_id_valid(id) ? id : NULL;
}

void
sfms_audit_run(sfms_run *run)
{
    sfms_call *call = &run->call;
    const sfms_message *about;

    if (call->method == NULL || call->db == NULL)
        return;
    if (call->method->rule->audit == PB__AUDIT_ACTION__AUDIT_ACTION_UNSPECIFIED) {
        if (begins_export(run))
            sfms_audit(call, &(sfms_audit_event){.action = PB__AUDIT_ACTION__DATA_EXPORTED,
                                 .resource = call->method->resource->resource});
        else if (call->failure == NULL)
            audit_read(run);
        return;
    }
    if (run->reply != NULL && run->reply->replayed)
        return;
    about = call->method->resource != NULL ? call->method->resource : call->method->output;
    sfms_audit(call,
        &(sfms_audit_event){
            .action = call->method->rule->audit, .resource = about->resource, .record_id = record_of(run)});
}
