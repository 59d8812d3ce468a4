/* rows.c -- one row of a file on its way to a record. */
#include "rows.h"

#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/seal.h"
#include "core/text.h"
#include "core/time.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "proto/formats.h"
#include "proto/json.h"
#include "values.h"

enum { REASON_MAX = 1000, SHOWN_MAX = 100 };

static const sfms_reason wrong_width = {"WRONG_WIDTH", SFMS_INVALID_ARGUMENT,
    {"The row has %s cells, the header has %s, and one without a name is filled.",
        "该行有 %s 个单元格，表头有 %s 个，且有内容的单元格没有列名。"}};
static const sfms_reason bad_date = {
    "BAD_DATE", SFMS_INVALID_ARGUMENT, {"\"%s\" is not a date written as %s", "“%s”不是 %s 格式的日期"}};
static const sfms_reason bad_number = {
    "BAD_NUMBER", SFMS_INVALID_ARGUMENT, {"\"%s\" is not a decimal number", "“%s”不是数字"}};
static const sfms_reason other_number = {
    "BAD_NUMBER", SFMS_INVALID_ARGUMENT, {"\"%s\" is not a number written as %s", "“%s”不是 %s 格式的数字"}};
static const sfms_reason rounded = {"ROUNDED", SFMS_INVALID_ARGUMENT,
    {"\"%s\" has lost digits in a spreadsheet; format the column as text there, and export the file again",
        "“%s”已被电子表格截断为科学计数法，请将该列设为文本格式后重新导出"}};
static const sfms_reason other_type = {"WRONG_TYPE", SFMS_INVALID_ARGUMENT,
    {"\"%s\" is not of the type that the mapping says", "“%s”与映射中指定的类型不符"}};
static const sfms_reason no_record = {
    "NO_SUCH_RECORD", SFMS_INVALID_ARGUMENT, {"No %s record with %s \"%s\"", "%s 中没有 %s 为“%s”的记录"}};
static const sfms_reason many_records = {"AMBIGUOUS", SFMS_INVALID_ARGUMENT,
    {"More than one %s record with %s \"%s\"", "%s 中有多条 %s 为“%s”的记录"}};

/* ---- refusing ---------------------------------------------------------------------------------------- */

/* Adds to what is wrong with a row. */
static void
refuse(sfms_call *call, import_row *row, const char *text)
{
    const char *before = row->state == IMPORT_ROW_REFUSED ? row->reason : "";
    const char *separator = call->locale == SFMS_LOCALE_ZH ? "；" : "; ";

    row->state = IMPORT_ROW_REFUSED;
    if (strlen(before) + strlen(text) > REASON_MAX)
        return;
    row->reason = sfms_printf(call->arena, "%s%s%s", before, before[0] != '\0' ? separator : "", text);
}

static void
refuse_cell(sfms_call *call, import_row *row, const char *column, const char *text)
{
    refuse(call, row,
        sfms_printf(call->arena, call->locale == SFMS_LOCALE_ZH ? "%s：%s" : "%s: %s", column, text));
}

/* A cell as it is quoted in a reason: not all of a long one. */
static const char *
shown(sfms_call *call, const char *text)
{
    size_t n = strlen(text);

    if (n <= SHOWN_MAX)
        return text;
    n = SHOWN_MAX;
    while (n > 0 && (text[n] & 0xc0) == 0x80) /* not in the middle of a character */
        n--;
    return sfms_printf(call->arena, "%.*s…", (int)n, text);
}

/* ---- cells to values --------------------------------------------------------------------------------- */

static const char *
replaced(const import_column *column, const char *text)
{
    for (size_t i = 0; i < column->rule->n_values; i++)
        if (strcmp(column->rule->values[i]->key, text) == 0)
            return column->rule->values[i]->value;
    return text;
}

static const char *
as_date(sfms_call *call, const import_column *column, import_row *row, const char *text)
{
    const sfms_field *f = column->targets[0].place.leaf;
    bool is_time = f->message != NULL && f->message->kind == SFMS_KIND_TIMESTAMP;
    char day[11];
    sfms_wall wall;
    const char *moment;

    text = sfms_text_nfkc(call->arena, text);
    if (!is_time && sfms_date_parse(text, column->rule->date_format, day))
        return sfms_strdup(call->arena, day);
    moment = is_time && sfms_wall_parse(text, column->rule->date_format, &wall)
                 ? import_value_moment(call, &wall)
                 : NULL;
    if (moment != NULL)
        return moment;
    refuse_cell(
        call, row, column->name, sfms_text(call, &bad_date, shown(call, text), column->rule->date_format));
    return "";
}

static const char *
as_number(sfms_call *call, const import_column *column, import_row *row, const char *text)
{
    const char *number = import_number_read(call->arena, &column->number, text);

    if (number != NULL)
        return number;
    refuse_cell(call, row, column->name,
        sfms_text(call, &other_number, shown(call, text), column->rule->number_format));
    return "";
}

static const char *
as_scaled(sfms_call *call, const import_column *column, import_row *row, const char *text)
{
    const char *product = import_decimal_multiply(call->arena, text, column->rule->scale);

    if (product != NULL)
        return product;
    refuse_cell(call, row, column->name, sfms_text(call, &bad_number, shown(call, text)));
    return "";
}

/* Whether cells of a row that belong to no column hold something. */
static bool
has_strays(const import_plan *plan, const import_row *row)
{
    if (row->n_cells > IMPORT_COLUMNS_MAX)
        return true;
    for (unsigned i = plan->width; i < row->n_cells; i++)
        if (!sfms_text_is_blank(row->cells[i]))
            return true;
    for (unsigned i = 0; i < plan->n_nameless; i++)
        if (plan->nameless[i] < row->n_cells && !sfms_text_is_blank(row->cells[plan->nameless[i]]))
            return true;
    return false;
}

/* Cells that are missing at the end of a row are empty. */
static const char *
value_of(sfms_call *call, const import_column *column, import_row *row)
{
    const char *cell = column->index < row->n_cells ? row->cells[column->index] : "";
    const char *text = sfms_text_nfc(call->arena, sfms_text_trim(call->arena, cell));

    if (text[0] == '\0')
        text = column->rule->default_;
    text = replaced(column, text);
    if (text[0] != '\0' && column->rule->date_format[0] != '\0')
        text = as_date(call, column, row, text);
    if (text[0] != '\0' && column->rule->number_format[0] != '\0')
        text = as_number(call, column, row, text);
    if (text[0] != '\0' && column->rule->scale[0] != '\0')
        text = as_scaled(call, column, row, text);
    return text;
}

/* What a row gives to a field that is one text; "" for nothing. */
static const char *
text_for(const import_plan *plan, const import_row *row, const char *path)
{
    const import_column *column = import_column_of(plan, path);

    if (column != NULL && row->values[column - plan->columns][0] != '\0')
        return row->values[column - plan->columns];
    for (unsigned i = 0; i < plan->n_constants; i++)
        if (strcmp(plan->constants[i].target.path, path) == 0)
            return plan->constants[i].value;
    return "";
}

void
import_row_read(sfms_call *call, const import_plan *plan, import_row *row)
{
    row->state = IMPORT_ROW_READ;
    row->external_id = "";
    row->external_source = "";
    if (has_strays(plan, row)) {
        refuse(call, row,
            sfms_text(call, &wrong_width, sfms_printf(call->arena, "%u", row->n_cells),
                sfms_printf(call->arena, "%u", plan->width)));
        return;
    }
    row->values = sfms_new_array(call->arena, const char *, plan->n_columns + 1);
    for (unsigned i = 0; i < plan->n_columns; i++)
        row->values[i] = value_of(call, &plan->columns[i], row);
    row->external_id = text_for(plan, row, "external_id");
    row->external_source = text_for(plan, row, "external_source");
}

void
import_row_want(const import_plan *plan, const import_row *row, import_lookups *lookups)
{
    if (row->state != IMPORT_ROW_READ)
        return;
    for (unsigned i = 0; i < plan->n_columns; i++)
        if (plan->columns[i].lookup != NULL && row->values[i][0] != '\0')
            import_lookup_want(lookups, &plan->columns[i], row->values[i]);
}

/* ---- values to a request ----------------------------------------------------------------------------- */

/* The id that a text stands for; NULL if the row is refused or has to wait. */
static const char *
looked_up(sfms_call *call, const import_column *column, import_row *row, const import_lookups *lookups,
    const char *text, bool may_wait)
{
    const char *result;
    import_found found = import_lookup_get(lookups, column, text, &result);
    const char *collection = column->lookup_collection;
    const char *field = strchr(column->rule->lookup, '.') + 1;

    if (found == IMPORT_FOUND)
        return result;
    if (found == IMPORT_REFUSED) {
        refuse_cell(call, row, column->name, result);
        return NULL;
    }
    if (found == IMPORT_MISSING && column->lookup_self && may_wait) {
        if (row->state == IMPORT_ROW_READ)
            row->state = IMPORT_ROW_ASIDE;
        return NULL;
    }
    refuse(call, row,
        sfms_text(call, found == IMPORT_MISSING ? &no_record : &many_records, collection, field,
            shown(call, text)));
    return NULL;
}

/* 1.23457E+11: what a spreadsheet shows of a long number. Three customers may have become one. */
static bool
is_rounded(const char *text)
{
    const char *p = text + strspn(text, "+-");
    size_t whole = strspn(p, "0123456789");

    if (p - text > 1 || whole != 1)
        return false;
    p += whole;
    if (*p == '.' || *p == ',')
        p += 1 + strspn(p + 1, "0123456789");
    return (*p == 'E' || *p == 'e') && p[1] == '+' && strspn(p + 2, "0123456789") >= 2 &&
           p[2 + strspn(p + 2, "0123456789")] == '\0';
}

static void
set_custom(sfms_call *call, import_row *row, ProtobufCMessage *record, const import_target *target,
    const char *column, const char *text)
{
    Google__Protobuf__Struct **at = sfms_field_at(record, target->place.leaf->desc);
    Google__Protobuf__Value *value = import_value_custom(call, target->type, text);

    if (value == NULL) {
        refuse_cell(call, row, column, sfms_text(call, &other_type, shown(call, text)));
        return;
    }
    if (*at == NULL)
        *at =
            (Google__Protobuf__Struct *)sfms_message_new(call->arena, &google__protobuf__struct__descriptor);
    sfms_struct_put(call->arena, *at, target->place.key, value);
}

/* Whether a text is one that a spreadsheet must not have rounded: any that is not for a number or a day. */
static bool
must_be_whole(const import_target *target)
{
    return target->place.key != NULL || (target->place.leaf->desc->type == PROTOBUF_C_TYPE_STRING &&
                                            !sfms_format_is_number(target->place.leaf->rule->format));
}

/* Sets a field; what is wrong with the text is said under the column's name. */
static void
set_field(sfms_call *call, const import_plan *plan, import_row *row, ProtobufCMessage *record,
    const import_target *target, const char *column, const char *text)
{
    sfms_call own = sfms_aside(call, call->method); /* so that violations are of this text alone */

    if (must_be_whole(target) && is_rounded(text)) {
        refuse_cell(call, row, column, sfms_text(call, &rounded, shown(call, text)));
        return;
    }
    if (target->place.key != NULL) {
        set_custom(call, row, record, target, column, text);
        return;
    }
    text = import_value_spelled(&own, target->place.leaf, text);
    if (sfms_json_read_text(&own, plan->message, target->path, text, record))
        return;
    for (size_t i = 0; own.failure != NULL && i < own.failure->n_violations; i++)
        refuse_cell(call, row, column, own.failure->violations[i]->description);
}

static bool
is_set(const import_plan *plan, const import_row *row, const char *path)
{
    const import_column *column = import_column_of(plan, path);

    return column != NULL && row->values[column - plan->columns][0] != '\0';
}

static void
set_fields(sfms_call *call, const import_plan *plan, import_row *row, const import_lookups *lookups,
    ProtobufCMessage *record, bool may_wait)
{
    for (unsigned i = 0; i < plan->n_constants; i++) {
        const import_constant *constant = &plan->constants[i];

        if (!is_set(plan, row, constant->target.path))
            set_field(call, plan, row, record, &constant->target, constant->name, constant->value);
    }
    for (unsigned i = 0; i < plan->n_columns; i++) {
        const import_column *column = &plan->columns[i];
        const char *text = row->values[i];

        if (text[0] != '\0' && column->lookup != NULL)
            text = looked_up(call, column, row, lookups, text, may_wait);
        for (unsigned t = 0; text != NULL && text[0] != '\0' && t < column->n_targets; t++)
            set_field(call, plan, row, record, &column->targets[t], column->name, text);
    }
}

void
import_row_id(const char *import_id, int64_t number, char out[SFMS_ID_SIZE])
{
    char text[64];
    uint8_t hash[SFMS_MAC_SIZE];
    unsigned long long row = (unsigned long long)number & 0xfffff;
    int n = snprintf(text, sizeof(text), "%.36s %lld", import_id, (long long)number);

    sfms_hash(text, (size_t)n, hash);
    /* 48 bits of the import's time, 20 bits of the row, the rest from the hash. */
    snprintf(out, SFMS_ID_SIZE, "%.13s-7%03llx-%02llx%02llx-%02x%02x%02x%02x%02x%02x", import_id, row >> 8,
        0x80 | (row & 0xff) >> 2, (row & 3) << 6 | (hash[0] & 0x3f), hash[1], hash[2], hash[3], hash[4],
        hash[5], hash[6]);
}

static const char **
text_field(const sfms_message *m, const ProtobufCMessage *record, const char *name)
{
    const sfms_field *f = sfms_message_field(m, name, strlen(name));

    return f != NULL && !f->rule->output_only ? sfms_field_at(record, f->desc) : NULL;
}

/* Names each field that the row sets, once. */
static Google__Protobuf__FieldMask *
mask_of(sfms_call *call, const import_plan *plan, const import_row *row)
{
    Google__Protobuf__FieldMask *mask = (Google__Protobuf__FieldMask *)sfms_message_new(
        call->arena, &google__protobuf__field_mask__descriptor);

    mask->paths = sfms_alloc(
        call->arena, (plan->n_columns * IMPORT_TARGETS_MAX + plan->n_constants + 1) * sizeof(*mask->paths));
    for (unsigned i = 0; i < plan->n_constants; i++)
        mask->paths[mask->n_paths++] = (char *)plan->constants[i].target.top;
    for (unsigned i = 0; i < plan->n_columns; i++)
        for (unsigned t = 0; row->values[i][0] != '\0' && t < plan->columns[i].n_targets; t++)
            mask->paths[mask->n_paths++] = (char *)plan->columns[i].targets[t].top;
    return mask;
}

/* An upsert wraps the record and says which fields to write. */
static ProtobufCMessage *
wrap(sfms_call *call, const import_plan *plan, const import_row *row, ProtobufCMessage *record)
{
    ProtobufCMessage *request = sfms_message_new(call->arena, plan->method->input->desc);
    const sfms_field *inside = sfms_message_resource_field(plan->method->input);
    const sfms_field *mask = sfms_message_field(plan->method->input, "update_mask", strlen("update_mask"));

    *(ProtobufCMessage **)sfms_field_at(request, inside->desc) = record;
    if (mask != NULL)
        *(Google__Protobuf__FieldMask **)sfms_field_at(request, mask->desc) = mask_of(call, plan, row);
    return request;
}

void
import_row_build(sfms_call *call, const import_plan *plan, import_row *row, const import_lookups *lookups,
    const char *import_id, bool may_wait)
{
    ProtobufCMessage *record;
    const char **id;

    if (row->state != IMPORT_ROW_READ)
        return;
    record = sfms_message_new(call->arena, plan->message->desc);
    set_fields(call, plan, row, lookups, record, may_wait);
    if (row->state != IMPORT_ROW_READ)
        return;
    row->state = IMPORT_ROW_READY;
    if (plan->upsert) {
        row->request = wrap(call, plan, row, record);
        return;
    }
    row->request = record;
    id = text_field(plan->message, record, "id");
    if (id == NULL || (*id)[0] != '\0')
        return;
    import_row_id(import_id, row->number, row->id);
    *id = sfms_strdup(call->arena, row->id);
}

/* ---- replies ----------------------------------------------------------------------------------------- */

static bool
is_about(const Pb__Status *status, const char *name)
{
    for (size_t i = 0; i < status->n_violations; i++)
        if (strstr(status->violations[i]->field, name) != NULL)
            return true;
    return false;
}

/* The violation's path without the wrapper of an upsert, and under the name of the column that it comes from.
 * */
static const char *
place_of(const import_plan *plan, const char *path)
{
    const sfms_field *wrapper = plan->upsert ? sfms_message_resource_field(plan->method->input) : NULL;
    const import_column *column;

    if (wrapper != NULL && strncmp(path, wrapper->desc->name, strlen(wrapper->desc->name)) == 0)
        path += strlen(wrapper->desc->name) + (path[strlen(wrapper->desc->name)] == '.');
    column = import_column_of(plan, path);
    return column != NULL ? column->name : path;
}

static void
refuse_reply(sfms_call *call, const import_plan *plan, import_row *row, const Pb__Status *status)
{
    if (status->n_violations == 0)
        refuse(call, row, status->message);
    for (size_t i = 0; i < status->n_violations; i++)
        refuse_cell(
            call, row, place_of(plan, status->violations[i]->field), status->violations[i]->description);
}

void
import_row_settle(sfms_call *call, const import_plan *plan, import_row *row, const Pb__Reply *reply)
{
    const Pb__Status *status = reply->status;

    if (status == NULL || status->code == SFMS_OK) {
        row->state = plan->upsert && !reply->created ? IMPORT_ROW_UPDATED : IMPORT_ROW_CREATED;
        return;
    }
    /* A record of this id is ours, of a time when this row was done but not yet counted. */
    if (status->code == SFMS_ALREADY_EXISTS && !plan->upsert && row->id[0] != '\0' &&
        strcmp(status->existing_id, row->id) == 0) {
        row->state = IMPORT_ROW_CREATED;
        return;
    }
    if (status->code == SFMS_ALREADY_EXISTS && strcmp(status->reason, sfms_is_deleted.name) != 0 &&
        !plan->upsert && row->external_id[0] != '\0' &&
        (status->n_violations == 0 || is_about(status, "external_"))) {
        row->state = IMPORT_ROW_SKIPPED;
        return;
    }
    refuse_reply(call, plan, row, status);
}
