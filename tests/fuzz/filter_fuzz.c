/* filter_fuzz.c -- any text as a filter and as an order: SQL or a sentence, never a crash. */
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "db/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const sfms_contract *contract;
    static sfms_arena *arena;
    static bool not_null[64];
    static sfms_engine engine;
    sfms_call call;
    sfms_composer w;
    sfms_order orders[SFMS_ORDER_FIELDS + 1];
    char *text;

    if (contract == NULL) {
        contract = sfms_contract_load();
        arena = sfms_arena_new();
        engine = (sfms_engine){.table = "t",
            .contract = contract,
            .not_null = not_null,
            .message = sfms_contract_resource(contract, "accounts")};
    }
    sfms_arena_reset(arena);
    text = sfms_strndup(arena, (const char *)data, n);
    call = (sfms_call){.arena = arena, .contract = contract, .request_id = ""};
    sfms_composer_init(&engine, &w, arena);
    if (sfms_filter_sql(&call, engine.message, NULL, text, &w.sql, &w.params) == SFMS_OK) {
        /* What was accepted is balanced and has no quote: values never reach the SQL. */
        int depth = 0;

        for (const char *p = w.sql.data; *p != '\0'; p++)
            depth += (*p == '(') - (*p == ')');
        if (depth != 0 || strchr(w.sql.data, ';') != NULL)
            abort();
    } else if (call.failure == NULL) {
        abort();
    }
    sfms_call_retry(&call);
    if (sfms_order_parse(&engine, &call, text, orders) == 0 && call.failure == NULL)
        abort();
    return 0;
}
