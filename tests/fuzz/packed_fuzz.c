/* packed_fuzz.c -- any bytes as the answer of a service: to JSON as they are, and by way of protobuf-c.
 *
 * The first byte chooses the message. */
#include <stdlib.h>

#include "core/limits.h"
#include "core/utf8.h"
#include "proto/json.h"
#include "sfms/exchange/v1/imports.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Seeds of the corpus stand on the order; add at the end. */
static const char *const methods[] = {
    "sfms.pipeline.v1.Deals/ListDeals",
    "sfms.customers.v1.Accounts/GetAccount",
    "sfms.exchange.v1.Events/ListEvents",
    "sfms.analytics.v1.Analytics/GetDashboard",
    "sfms.identity.v1.Users/GetMe",
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

/* What protobuf-c reads, it writes as bytes that are always a message of ours. */
static void
by_struct(const sfms_message *m, const uint8_t *data, size_t n)
{
    ProtobufCMessage *msg = protobuf_c_message_unpack(m->desc, sfms_arena_pb(arena), n, data);
    sfms_buf b;

    if (msg == NULL)
        return;
    sfms_buf_init(&b, arena, SFMS_MESSAGE_MAX);
    sfms_json_write(&b, m, msg, NULL);
    must(!sfms_buf_ok(&b) || sfms_utf8_valid(b.data, b.len));
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
    const sfms_method *method = choice < METHODS ? sfms_contract_method(contract, methods[choice]) : NULL;
    must(choice == METHODS || method != NULL);
    const sfms_message *m =
        method != NULL ? method->output : sfms_contract_message(contract, &pb__import_mapping__descriptor);

    sfms_call call = {.arena = arena, .contract = contract, .request_id = ""};
    sfms_buf b;
    sfms_buf_init(&b, arena, SFMS_MESSAGE_MAX);
    if (sfms_json_write_packed(&b, m, (sfms_packed){data + 1, n - 1}, NULL)) {
        must(sfms_buf_ok(&b) && sfms_utf8_valid(b.data, b.len));
        /* It is JSON; what is refused then is deeper, or has a key twice. */
        cJSON *tree = sfms_json_parse(&call, b.data, b.len);
        must(tree != NULL || call.failure != NULL);
    }
    by_struct(m, data + 1, n - 1);
    return 0;
}
