/* json_fuzz.c -- any bytes as the body of a request, then to JSON and back: what was read is what is written.
 *
 * The first byte chooses the method whose request it is to be, or an import's mapping. */
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/utf8.h"
#include "proto/json.h"
#include "proto/validate.h"
#include "sfms/exchange/v1/imports.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Seeds of the corpus stand on the order; add at the end. */
static const char *const methods[] = {
    "sfms.customers.v1.Accounts/CreateAccount",
    "sfms.customers.v1.Accounts/UpdateAccount",
    "sfms.customers.v1.Accounts/ListAccounts",
    "sfms.customers.v1.Accounts/BatchGetAccounts",
    "sfms.customers.v1.Accounts/UpsertAccount",
    "sfms.pipeline.v1.Deals/CreateDeal",
    "sfms.pipeline.v1.Deals/MoveDeal",
    "sfms.exchange.v1.Imports/CreateImport",
    "sfms.identity.v1.Sessions/CreateSession",
};
enum { METHODS = sizeof methods / sizeof methods[0] };

static const sfms_contract *contract;
static sfms_arena *arena;

static void
must(bool what)
{
    if (!what)
        abort();
}

/* text_of writes a message; the text must be JSON whatever is in the message. */
static sfms_buf
text_of(const sfms_message *m, const ProtobufCMessage *msg)
{
    sfms_buf b;

    sfms_buf_init(&b, arena, SFMS_MESSAGE_MAX);
    sfms_json_write(&b, m, msg, NULL);
    must(sfms_buf_ok(&b) && sfms_utf8_valid(b.data, b.len));
    return b;
}

static ProtobufCMessage *
read_back(sfms_call *call, const sfms_message *m, const sfms_buf *text)
{
    ProtobufCMessage *msg = sfms_message_new(arena, m->desc);
    cJSON *tree = sfms_json_parse(call, text->data, text->len);

    must(tree != NULL && sfms_json_read(call, m, tree, "", msg, NULL));
    return msg;
}

/* has_secret is true for messages with fields that are not written, so that they cannot come back the same. */
static bool
has_secret(const sfms_message *m)
{
    for (unsigned i = 0; i < m->n_fields; i++)
        if (m->fields[i].rule->secret)
            return true;
    return false;
}

static void
there_and_back(sfms_call *call, const sfms_message *m, const ProtobufCMessage *msg)
{
    sfms_buf once = text_of(m, msg);
    sfms_buf twice = text_of(m, read_back(call, m, &once));

    must(has_secret(m) || (once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (contract == NULL) {
        contract = sfms_contract_load();
        arena = sfms_arena_new();
    }
    if (n == 0)
        return 0;
    sfms_arena_reset(arena);
    unsigned choice = data[0] % (METHODS + 1);
    const sfms_method *method = sfms_contract_method(contract, methods[choice < METHODS ? choice : 0]);
    must(method != NULL);
    const sfms_message *m =
        choice < METHODS ? method->input : sfms_contract_message(contract, &pb__import_mapping__descriptor);
    sfms_call call = {.arena = arena, .contract = contract, .method = method, .request_id = ""};

    const char *text = (const char *)data + 1;
    cJSON *tree = sfms_json_parse(&call, text, n - 1);
    if (tree == NULL) {
        must(call.failure != NULL);
        return 0;
    }
    ProtobufCMessage *msg = sfms_message_new(arena, m->desc);
    Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
    bool ok = sfms_json_read(&call, m, tree, "", msg, &mask);
    must(ok == (call.failure == NULL));
    if (!ok)
        return 0;
    there_and_back(&call, m, msg);
    if (choice < METHODS && sfms_validate(&call, msg) == SFMS_OK) {
        /* Normal forms are valid themselves. */
        must(sfms_validate(&call, msg) == SFMS_OK);
        there_and_back(&call, m, msg);
    }

    /* The same bytes as the text of each field. */
    call.failure = NULL;
    char *value = sfms_strndup(arena, text, n - 1);
    for (unsigned i = 0; i < m->n_fields; i++)
        sfms_json_read_text(&call, m, m->fields[i].json_name, value, sfms_message_new(arena, m->desc));
    sfms_json_read_text(&call, m, value, "1", sfms_message_new(arena, m->desc));
    return 0;
}
