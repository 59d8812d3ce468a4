/* token_fuzz.c -- any text as a page token, and any bytes as what is sealed in one. */
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "db/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { VALUES = 3, HASH = 16 };

static sfms_arena *arena;
static sfms_ring *ring;
static sfms_engine engine;
static Pb__Principal principal = PB__PRINCIPAL__INIT;

static void
start(void)
{
    const sfms_contract *contract = sfms_contract_load();

    sfms_seal_init();
    ring = sfms_ring_new("a secret that nobody else has, not even a fuzzer", "page");
    arena = sfms_arena_new();
    principal.org_id = "00000000-0000-7000-8000-000000000001";
    principal.user_id = "00000000-0000-7000-8000-000000000002";
    engine = (sfms_engine){.table = "t",
        .contract = contract,
        .message = sfms_contract_resource(contract, "accounts"),
        .token_ring = ring};
}

/* look reads every value to its end. */
static size_t
look(const char *const *values)
{
    size_t n = 0;

    for (int i = 0; i < VALUES; i++)
        n += values[i] != NULL ? strlen(values[i]) : 0;
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const known[VALUES] = {"a", NULL, ""};
    Pb__ListRequest request = PB__LIST_REQUEST__INIT;
    size_t len;

    if (arena == NULL)
        start();
    sfms_arena_reset(arena);
    sfms_call call = {.arena = arena, .contract = engine.contract, .principal = &principal, .request_id = ""};

    /* Text that we did not make does not open. */
    request.page_token = sfms_strndup(arena, (const char *)data, n);
    if (sfms_token_open(&engine, &call, &request, VALUES) != NULL)
        abort();

    /* Ours does, and says the same. */
    char *token = sfms_token_seal(&engine, &call, &request, VALUES, known);
    request.page_token = token;
    const char **values = sfms_token_open(&engine, &call, &request, VALUES);
    if (values == NULL || strcmp(values[0], "a") != 0 || values[1] != NULL || values[2][0] != '\0')
        abort();

    /* Should the key leak: the right beginning, then anything. It opens or not, and stays within its bytes. */
    char *payload = sfms_ring_unseal(arena, ring, token, &len);
    sfms_buf b;
    sfms_buf_init(&b, arena, SFMS_MESSAGE_MAX);
    sfms_buf_mem(&b, payload, HASH);
    sfms_buf_mem(&b, data, n);
    request.page_token = sfms_ring_seal(arena, ring, b.data, b.len);
    values = sfms_token_open(&engine, &call, &request, VALUES);
    if (values != NULL && look(values) > n)
        abort();
    return 0;
}
