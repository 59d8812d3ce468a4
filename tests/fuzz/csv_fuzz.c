/* csv_fuzz.c -- any bytes as an uploaded file, and as a mapping: rows within bounds or a sentence, never a crash. */
#include <stdlib.h>
#include <string.h>

#include "exchange/imports/csv.c"
#include "exchange/imports/decimal.c"
#include "exchange/imports/encoding.c"
#include "exchange/imports/lookup.c"
#include "exchange/imports/mapping.c"
#include "exchange/imports/rows.c"
#include "exchange/imports/values.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char everything[] =
    "{\"columns\":{\"a\":{\"field\":\"name,externalId\"},\"b\":{\"field\":\"annualRevenue\",\"scale\":\"1000."
    "5\",\"numberFormat\":\"$1,234.5\"},"
    "\"c\":{\"field\":\"employeeCount\",\"values\":{\"x\":\"1\"}}},\"constants\":{\"city\":\"Wuhan\"}}";

typedef struct {
    sfms_call *call;
    const char *mapping;
    import_plan plan;
    bool planned;
} file;

static bool
on_any_row(void *arg, const import_csv_row *row)
{
    file *f = arg;
    import_row made = {.number = row->number, .n_cells = row->n_cells, .cells = (const char **)row->cells};
    const Pb__ImportMapping *mapping;

    for (unsigned i = 0; i < row->n_cells && i < IMPORT_COLUMNS_MAX; i++)
        if (strlen(row->cells[i]) > IMPORT_CELL_MAX)
            abort();
    if (row->number == 0) {
        const char **header = sfms_new_array(f->call->arena, const char *, row->n_cells + 1);

        for (unsigned i = 0; i < row->n_cells; i++)
            header[i] = sfms_strdup(f->call->arena, row->cells[i]);
        mapping = import_mapping_parse(f->call, f->mapping);
        f->planned = mapping != NULL && import_plan_make(f->call, "accounts", mapping, row->n_cells, header,
                                            &f->plan) == SFMS_OK;
        if (!f->planned && f->call->failure == NULL)
            abort();
        return true;
    }
    for (unsigned i = 0; f->planned && i < f->plan.n_columns; i++)
        if (f->plan.columns[i].lookup != NULL)
            return true; /* needs other services */
    if (f->planned) {
        import_row_read(f->call, &f->plan, &made);
        import_row_build(f->call, &f->plan, &made, NULL, "01890000-0000-7000-8000-000000000001", true);
        if (made.state != IMPORT_ROW_READY && made.state != IMPORT_ROW_REFUSED)
            abort();
    }
    return true;
}

static void
read_file(sfms_call *call, const char *mapping, const char *text, size_t len)
{
    static const char *const names[] = {"a", "b"};
    import_csv_file csv = import_csv_open(call->arena, text, len, 2, names);
    file f = {.call = call, .mapping = mapping};
    int64_t row;

    sfms_call_retry(call);
    import_csv_read(&csv, on_any_row, &f, &row);
}

/* The input is a mapping, a NUL, and a file; without NUL, a file. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const sfms_contract *contract;
    static sfms_arena *arena;
    const uint8_t *nul = memchr(data, '\0', n);
    import_text decoded;
    sfms_call call;

    if (contract == NULL) {
        contract = sfms_contract_load();
        arena = sfms_arena_new();
    }
    sfms_arena_reset(arena);
    call = (sfms_call){.arena = arena, .contract = contract, .request_id = ""};
    if (nul != NULL) {
        const char *mapping = sfms_strndup(arena, (const char *)data, (size_t)(nul - data));

        if (import_text_read(arena, "", nul + 1, n - (size_t)(nul + 1 - data), &decoded) == IMPORT_TEXT_OK)
            read_file(&call, mapping, decoded.text, decoded.len);
        read_file(&call, mapping, "a,b,c\n1,2,3\n", strlen("a,b,c\n1,2,3\n"));
        return 0;
    }
    if (import_text_read(arena, "", data, n, &decoded) != IMPORT_TEXT_OK)
        return 0;
    read_file(&call, everything, decoded.text, decoded.len);
    read_file(&call, "", decoded.text, decoded.len);
    return 0;
}
