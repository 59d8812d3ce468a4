/* imports.c -- files of records: taking them in, and giving back the rows that were refused. Contract:
 * proto/sfms/exchange/v1/imports.proto. */
#include <string.h>

#include "core/buf.h"
#include "core/id.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/text.h"
#include "encoding.h"
#include "exchange.h"
#include "import_run.h"
#include "import_store.h"
#include "sfms/api/v1/requests.pb-c.h"

static const sfms_reason unknown_encoding = {"BAD_ENCODING", SFMS_INVALID_ARGUMENT,
    {"is declared as \"%s\", which is none of the encodings that are read, such as UTF-8, GB18030, Big5 or "
     "windows-1252",
        "声明的编码“%s”不受支持；可用 UTF-8、GB18030、BIG5、WINDOWS-1252 等"}};
static const sfms_reason other_mark = {"BAD_ENCODING", SFMS_INVALID_ARGUMENT,
    {"is declared as \"%s\", but its byte order mark is that of another encoding",
        "声明的编码“%s”与文件的字节顺序标记不符"}};
static const sfms_reason damaged = {"BAD_ENCODING", SFMS_INVALID_ARGUMENT,
    {"is not %s text in row %s (line %s of the file)", "不是有效的 %s 文本：第 %s 行数据（文件第 %s 行）"}};
static const sfms_reason unclear_encoding = {"BAD_ENCODING", SFMS_INVALID_ARGUMENT,
    {"is not %s text in row %s (line %s of the file), and nothing says what it is; declare it, e.g. "
     "\"text/csv; charset=windows-1252\"",
        "不是 %s 文本：第 %s 行数据（文件第 %s 行），"
        "且未声明其他编码；请声明编码，例如 WINDOWS-1252"}};
static const sfms_reason holds_nul = {"BAD_ENCODING", SFMS_INVALID_ARGUMENT,
    {"holds NUL bytes: it is no text, or UTF-16 without a byte order mark or declaration",
        "含有空字节：不是文本文件，或是既无字节顺序标记也未声明的 UTF-16"}};
static const sfms_reason empty_file = {
    "EMPTY_FILE", SFMS_INVALID_ARGUMENT, {"has no header row", "没有表头行"}};
static const sfms_reason open_quote = {"OPEN_QUOTE", SFMS_INVALID_ARGUMENT,
    {"ends inside quotes that begin in row %s", "第 %s 行的引号没有结束"}};
static const sfms_reason many_columns = {
    "TOO_MANY_COLUMNS", SFMS_INVALID_ARGUMENT, {"has more than %s columns", "超过 %s 列"}};
static const sfms_reason long_cell = {"CELL_TOO_LONG", SFMS_INVALID_ARGUMENT,
    {"has a cell of more than 64 KiB in row %s", "第 %s 行有超过 64 KiB 的单元格"}};
static const sfms_reason many_rows = {
    "TOO_MANY_ROWS", SFMS_INVALID_ARGUMENT, {"has more than %s rows", "超过 %s 行"}};
static const sfms_reason ended = {
    "IMPORT_ENDED", SFMS_FAILED_PRECONDITION, {"The import has ended already.", "导入已结束，无法取消。"}};
static const sfms_reason errors_too_large = {"TOO_LARGE", SFMS_OUT_OF_RANGE,
    {"The refused rows are too many for one file.", "被拒绝的行过多，无法生成一个文件。"}};

/* ---- taking a file ----------------------------------------------------------------------------------- */

/* What a first reading of the file finds. */
typedef struct {
    sfms_call *call;
    import_text decoded;
    import_csv_file file;
    unsigned n_header;
    const char **header;
    int64_t rows;
} upload;

static bool
look_at_row(void *arg, const import_csv_row *row)
{
    upload *u = arg;

    u->rows = row->number;
    if (row->number > 0)
        return true;
    u->header = sfms_new_array(u->call->arena, const char *, row->n_cells + 1);
    for (unsigned i = 0; i < row->n_cells; i++) {
        u->header[i] = sfms_strdup(u->call->arena, sfms_text_trim(u->call->arena, row->cells[i]));
        if (u->header[i][0] != '\0') /* a delimiter at the end begins no column */
            u->n_header = i + 1;
    }
    /* The names of a file of refused rows have been made harmless as its cells have. */
    for (unsigned i = 0; import_is_refused_rows(u->n_header, u->header) && i < u->n_header; i++)
        u->header[i] = import_csv_as_it_was(u->header[i]);
    return true;
}

static sfms_status
violate_file(sfms_call *call, import_csv_result result, int64_t row)
{
    const char *number = sfms_printf(call->arena, "%lld", (long long)row);

    switch (result) {
    case IMPORT_CSV_OPEN_QUOTE:
        return sfms_violate(call, "file", &open_quote, number);
    case IMPORT_CSV_COLUMNS:
        return sfms_violate(call, "file", &many_columns, sfms_printf(call->arena, "%d", IMPORT_COLUMNS_MAX));
    case IMPORT_CSV_CELL:
        return sfms_violate(call, "file", &long_cell, number);
    case IMPORT_CSV_ROWS:
        return sfms_violate(call, "file", &many_rows, sfms_printf(call->arena, "%d", IMPORT_ROWS_MAX));
    default:
        return sfms_violate(call, "file", &empty_file);
    }
}

/* ---- taking a file: its characters -------------------------------------------------------------------- */

static bool
pass_row(void *arg, const import_csv_row *row)
{
    (void)arg;
    (void)row;
    return true;
}

/* Says in which row and line text ends before something that cannot be read. */
static sfms_status
violate_place(sfms_call *call, const sfms_reason *reason, const import_text *before)
{
    const char *text = sfms_printf(call->arena, "%s?", before->text);
    import_csv_file file = import_csv_open(call->arena, text, before->len + 1, 0, NULL);
    int64_t row, line = 1;

    if (import_csv_read(&file, pass_row, NULL, &row) == IMPORT_CSV_OK)
        row--; /* the row that was cut off has been counted */
    for (const char *p = text; *p != '\0'; p++)
        line += *p == '\n' || (*p == '\r' && p[1] != '\n');
    return sfms_violate(call, "file", reason, before->encoding,
        sfms_printf(call->arena, "%lld", (long long)row), sfms_printf(call->arena, "%lld", (long long)line));
}

static sfms_status
read_text(sfms_call *call, const char *charset, const Pb__RawBody *file, import_text *ret)
{
    switch (import_text_read(call->arena, charset, file->data.data, file->data.len, ret)) {
    case IMPORT_TEXT_OK:
        return SFMS_OK;
    case IMPORT_TEXT_UNKNOWN:
        return sfms_violate(call, "file", &unknown_encoding, charset);
    case IMPORT_TEXT_MARK:
        return sfms_violate(call, "file", &other_mark, charset);
    case IMPORT_TEXT_NUL:
        return sfms_violate(call, "file", &holds_nul);
    case IMPORT_TEXT_DAMAGED:
        return violate_place(call, &damaged, ret);
    case IMPORT_TEXT_UNCLEAR:
        return violate_place(call, &unclear_encoding, ret);
    }
    SFMS_WRONG("result not covered by read_text");
}

/* ---- taking a file: its rows -------------------------------------------------------------------------- */

/* The names that columns of the file may have. */
static unsigned
known_names(
    sfms_call *call, const char *resource, const Pb__ImportMapping *mapping, const char *const **ret_names)
{
    const sfms_message *m = sfms_contract_resource(call->contract, resource);
    size_t n = mapping->n_columns > 0 ? mapping->n_columns : m != NULL ? m->n_fields : 0;
    const char **names = sfms_new_array(call->arena, const char *, n + 1);

    for (size_t i = 0; i < n; i++)
        names[i] = mapping->n_columns > 0 ? mapping->columns[i]->key : m->fields[i].json_name;
    *ret_names = names;
    return (unsigned)n;
}

/* Reads the whole file once: what is wrong with it as a file is said at once, and its rows are known. */
static sfms_status
read_upload(
    sfms_call *call, const Pb__CreateImportRequest *request, const Pb__ImportMapping *mapping, upload *ret)
{
    const char *charset = request->charset[0] != '\0'
                              ? request->charset
                              : import_charset(call->arena, request->file->content_type);
    const char *const *names;
    unsigned n_names = known_names(call, request->resource, mapping, &names);
    import_csv_result result;
    int64_t row;
    sfms_status status;

    *ret = (upload){.call = call};
    status = read_text(call, charset, request->file, &ret->decoded);
    if (status != SFMS_OK)
        return status;
    ret->file = import_csv_open(call->arena, ret->decoded.text, ret->decoded.len, n_names, names);
    result = import_csv_read(&ret->file, look_at_row, ret, &row);
    return result == IMPORT_CSV_OK ? SFMS_OK : violate_file(call, result, row);
}

static sfms_status
store(
    sfms_call *call, const char *resource, const upload *u, const Pb__ImportMapping *mapping, Pb__Import *out)
{
    char id[SFMS_ID_SIZE];
    char delimiter[] = {u->file.delimiter, '\0'};
    sfms_buf header;
    sfms_status status;

    sfms_id_make(id);
    sfms_buf_init(&header, call->arena, SFMS_MESSAGE_MAX);
    import_cells_json(&header, u->n_header, u->header);
    status = sfms_one(call, out,
        "INSERT INTO exchange.imports (id, resource, mapping, total_rows, encoding)"
        " VALUES ($1::uuid, $2, $3::jsonb, $4::bigint, $5) RETURNING {columns}",
        SFMS_ARGS(id, resource, import_mapping_text(call, mapping),
            sfms_printf(call->arena, "%lld", (long long)u->rows), u->decoded.encoding));
    if (status == SFMS_OK)
        status = sfms_exec(call, NULL,
            "INSERT INTO exchange.import_files (import_id, header, delimiter, locale, content)"
            " VALUES ($1::uuid, $2::jsonb, $3, $4, $5)",
            SFMS_ARGS(id, header.data, delimiter, sfms_locale_name(call->locale), u->file.text));
    if (status == SFMS_OK)
        status = sfms_job_add(call, &(sfms_job_wish){"import", .id = id, .operation = true}, NULL);
    return status;
}

static sfms_status
create_import(sfms_call *call, const void *in, void *out)
{
    const Pb__CreateImportRequest *request = in;
    const Pb__ImportMapping *mapping = import_mapping_parse(call, request->mapping);
    import_plan plan;
    upload u;
    sfms_status status;

    if (mapping == NULL)
        return SFMS_INVALID_ARGUMENT;
    status = read_upload(call, request, mapping, &u);
    if (status != SFMS_OK)
        return status;
    status = import_plan_make(call, request->resource, mapping, u.n_header, u.header, &plan);
    if (status == SFMS_OK)
        status = import_plan_check_rights(call, &plan); /* the rows could not be written later; say so now */
    if (status == SFMS_OK)
        status = store(call, request->resource, &u, mapping, out);
    call->created = status == SFMS_OK;
    return status;
}

/* ---- ending it ---------------------------------------------------------------------------------------- */

static sfms_status
read_import(sfms_call *call, const char *id, Pb__Import *out)
{
    return sfms_one(call, out, "SELECT {columns} FROM exchange.imports WHERE org_id = $1 AND id = $2",
        SFMS_ARGS(call->principal->org_id, id));
}

/* An import that no runner has ends here; a runner ends its own after the rows at hand, so that every row that is in has been
 * counted. */
static sfms_status
cancel_import(sfms_call *call, const void *in, void *out)
{
    const Pb__CancelImportRequest *request = in;
    Pb__Import *import = out;
    PGresult *job;
    sfms_status status = read_import(call, request->id, import);

    if (status == SFMS_OK && !sfms_expects_version(call, import->version))
        status = sfms_fail(call, &sfms_version);
    if (status != SFMS_OK || import->state == PB__IMPORT__STATE__CANCELLED)
        return status;
    status = sfms_query(call, &job,
        "UPDATE app.jobs SET cancel = true,"
        "       state = CASE state WHEN 'PENDING' THEN 'CANCELLED' ELSE state END,"
        "       end_time = CASE state WHEN 'PENDING' THEN now() END"
        " WHERE org_id = $1 AND id = $2 AND state IN ('PENDING', 'RUNNING') RETURNING state",
        SFMS_ARGS(call->principal->org_id, request->id));
    if (status != SFMS_OK)
        return status;
    if (import->done || PQntuples(job) == 0)
        return sfms_fail(call, &ended);
    if (strcmp(PQgetvalue(job, 0, 0), "CANCELLED") != 0)
        return SFMS_OK;
    status = import_store_cancel(call, request->id);
    return status == SFMS_OK ? read_import(call, request->id, import) : status;
}

/* ---- the refused rows -------------------------------------------------------------------------------- */

/* The reason is in the uploader's language, and so is the number of the row. */
static void
write_errors(sfms_call *call, sfms_buf *b, const PGresult *head, const PGresult *rows)
{
    char delimiter = PQgetvalue(head, 0, 1)[0];
    bool zh = sfms_locale_parse(PQgetvalue(head, 0, 2)) == SFMS_LOCALE_ZH;
    unsigned n;
    const char *const *names = import_cells(call, PQgetvalue(head, 0, 0), &n);

    sfms_buf_add(b, "\xef\xbb\xbf"); /* spreadsheets take the file for UTF-8 by this */
    for (unsigned i = 0; i < n; i++)
        import_csv_cell(b, delimiter, i == 0, import_csv_harmless(call->arena, names[i]));
    import_csv_cell(b, delimiter, n == 0, IMPORT_REASON_COLUMN);
    import_csv_end(b);
    for (int r = 0; r < PQntuples(rows); r++) {
        unsigned width;
        const char *const *cells = import_cells(call, PQgetvalue(rows, r, 0), &width);

        /* A row of the wrong width keeps its cells; the reason is last all the same. */
        for (unsigned i = 0; i < width || i < n; i++)
            import_csv_cell(
                b, delimiter, i == 0, i < width ? import_csv_harmless(call->arena, cells[i]) : "");
        import_csv_cell(b, delimiter, false,
            import_csv_harmless(call->arena, sfms_printf(call->arena, zh ? "%s（第 %s 行）" : "%s (row %s)",
                                                 PQgetvalue(rows, r, 1), PQgetvalue(rows, r, 2))));
        import_csv_end(b);
    }
}

static sfms_status
get_errors(sfms_call *call, const void *in, void *out)
{
    const Pb__GetImportErrorsRequest *request = in;
    Pb__RawBody *file = out;
    PGresult *head, *rows;
    sfms_buf b;
    sfms_status status = sfms_query(call, &head,
        "SELECT header, delimiter, locale FROM exchange.import_files"
        " WHERE org_id = (SELECT app.org_id()) AND import_id = $1::uuid",
        SFMS_ARGS(request->id));

    if (status == SFMS_OK && PQntuples(head) == 0)
        status = sfms_fail(call, &sfms_not_found);
    if (status == SFMS_OK)
        status = sfms_query(call, &rows,
            "SELECT cells, reason, row_number FROM exchange.import_errors WHERE org_id = (SELECT "
            "app.org_id())"
            " AND import_id = $1::uuid AND reason IS NOT NULL ORDER BY row_number",
            SFMS_ARGS(request->id));
    if (status != SFMS_OK)
        return status;
    sfms_buf_init(&b, call->arena, SFMS_MESSAGE_MAX - SFMS_BODY_MAX);
    write_errors(call, &b, head, rows);
    if (!sfms_buf_ok(&b))
        return sfms_fail(call, &errors_too_large);
    file->content_type = "text/csv; charset=utf-8";
    file->data.data = (uint8_t *)b.data;
    file->data.len = b.len;
    return SFMS_OK;
}

static const sfms_method_row methods[] = {
    {"sfms.exchange.v1.Imports/CreateImport", create_import, .tx = true},
    {"sfms.exchange.v1.Imports/CancelImport", cancel_import, .tx = true},
    {"sfms.exchange.v1.Imports/GetImportErrors", get_errors},
    {NULL},
};

static const sfms_job_row jobs[] = {
    {"import", import_run, import_failed, .takes_long = true},
    {NULL},
};

const sfms_noun exchange_imports = {.methods = methods, .jobs = jobs};
