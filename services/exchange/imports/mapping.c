/* mapping.c -- mappings of imports: read, check, and plan. */
#include "mapping.h"

#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "core/limits.h"
#include "core/text.h"
#include "csv.h"
#include "proto/formats.h"
#include "proto/json.h"

enum { MAPPING_MAX = 1 << 20 };

static const sfms_reason no_collection = {"NO_SUCH_COLLECTION", SFMS_INVALID_ARGUMENT,
    {"is not a collection that takes imports", "不是可导入的集合"}};
static const sfms_reason no_column = {
    "NO_SUCH_COLUMN", SFMS_INVALID_ARGUMENT, {"is not a column of the file", "文件中没有该列"}};
static const sfms_reason column_twice = {"COLUMN_TWICE", SFMS_INVALID_ARGUMENT,
    {"occurs more than once in the file's header: in columns %s and %s",
        "在文件表头中重复出现：第 %s 列和第 %s 列"}};
static const sfms_reason field_twice = {"FIELD_TWICE", SFMS_INVALID_ARGUMENT,
    {"fills the field \"%s\" that the column \"%s\" fills, too", "对应的字段“%s”已由列“%s”填写"}};
static const sfms_reason no_field = {
    "UNKNOWN_FIELD", SFMS_INVALID_ARGUMENT, {"there is no field \"%s\"", "没有字段“%s”"}};
static const sfms_reason read_only = {
    "OUTPUT_ONLY", SFMS_INVALID_ARGUMENT, {"the field \"%s\" is set by the service", "字段“%s”由系统设置"}};
static const sfms_reason no_text_field = {"NOT_A_VALUE", SFMS_INVALID_ARGUMENT,
    {"the field \"%s\" cannot be given as one text", "字段“%s”不能由单个文本填写"}};
static const sfms_reason bad_lookup = {"BAD_LOOKUP", SFMS_INVALID_ARGUMENT,
    {"must be a collection and a field, e.g. \"accounts.name\"", "应为“集合.字段”，例如 accounts.name"}};
static const sfms_reason need_external_id = {"NEEDS_EXTERNAL_ID", SFMS_INVALID_ARGUMENT,
    {"UPSERT needs a column for externalId", "UPSERT 模式需要一列对应 externalId"}};
static const sfms_reason not_mapped = {"REQUIRED", SFMS_INVALID_ARGUMENT,
    {"nothing fills the required field \"%s\"", "必填字段“%s”没有对应的列"}};
static const sfms_reason bad_example = {"BAD_FORMAT", SFMS_INVALID_ARGUMENT,
    {"must show how 1234.5 is written, e.g. \"1,234.5\"", "应示范 1234.5 的写法，例如 1,234.5"}};
static const sfms_reason only_lookups = {
    "BAD_VALUE", SFMS_INVALID_ARGUMENT, {"is only for columns with a look-up", "仅适用于设有 lookup 的列"}};
static const sfms_reason only_dates = {"BAD_VALUE", SFMS_INVALID_ARGUMENT,
    {"is only for fields that hold a date or a time", "仅适用于日期或时间字段"}};
static const sfms_reason only_numbers = {
    "BAD_VALUE", SFMS_INVALID_ARGUMENT, {"is only for fields that hold a number", "仅适用于数字字段"}};

/* ---- reading and writing ----------------------------------------------------------------------------- */

const Pb__ImportMapping *
import_mapping_parse(sfms_call *call, const char *json)
{
    const sfms_message *m = sfms_contract_message(call->contract, &pb__import_mapping__descriptor);
    ProtobufCMessage *mapping = sfms_message_new(call->arena, &pb__import_mapping__descriptor);
    /* Says where the JSON is wrong as if it were a body; here it is an argument. */
    sfms_call own = sfms_aside(call, call->method);
    const cJSON *tree;

    ((Pb__ImportMapping *)mapping)->mode = PB__IMPORT_MAPPING__MODE__CREATE;
    if (json[0] == '\0')
        return (const Pb__ImportMapping *)mapping;
    tree = sfms_json_parse_at(&own, "mapping.", json, strlen(json));
    if (sfms_violations(&own) != SFMS_OK) {
        call->failure = own.failure;
        return NULL;
    }
    if (tree == NULL || !cJSON_IsObject(tree)) {
        sfms_violate(call, "mapping", &sfms_bad_format, "JSON");
        return NULL;
    }
    return sfms_json_read(call, m, tree, "mapping.", mapping, NULL) ? (const Pb__ImportMapping *)mapping
                                                                    : NULL;
}

const char *
import_mapping_text(sfms_call *call, const Pb__ImportMapping *mapping)
{
    sfms_buf b;

    sfms_buf_init(&b, call->arena, MAPPING_MAX);
    sfms_json_write(
        &b, sfms_contract_message(call->contract, &pb__import_mapping__descriptor), &mapping->base, NULL);
    return b.data;
}

bool
import_is_refused_rows(unsigned n_header, const char *const *header)
{
    return n_header > 0 && strcmp(header[n_header - 1], IMPORT_REASON_COLUMN) == 0;
}

/* ---- fields ------------------------------------------------------------------------------------------ */

/* KEY or KEY:NUMBER, in any case. What stands behind the last colon is a type always: a key that has a colon is written with its
 * type. NULL if it is none. */
static const char *
custom_key(sfms_arena *a, const char *text, import_custom_type *ret_type)
{
    static const char *const types[] = {"", ":TEXT", ":NUMBER", ":BOOLEAN"};

    for (int i = IMPORT_CUSTOM_TEXT; i <= IMPORT_CUSTOM_BOOLEAN; i++) {
        size_t n = strlen(text), suffix = strlen(types[i]);

        if (n <= suffix || strcasecmp(text + n - suffix, types[i]) != 0)
            continue;
        *ret_type = (import_custom_type)i;
        return sfms_strndup(a, text, n - suffix);
    }
    *ret_type = IMPORT_CUSTOM_AS_WRITTEN;
    return strchr(text, ':') == NULL ? text : NULL;
}

static bool
refuse_target(sfms_call *call, const char *where, const sfms_reason *reason, const char *path)
{
    sfms_violate(call, where, reason, path);
    return false;
}

/* Finds a field by its path. Notes a violation of where if requests cannot set it by a text. */
static bool
find_target(sfms_call *call, const sfms_message *m, const char *where, const char *path, import_target *ret)
{
    sfms_arena *a = call->arena;
    sfms_place *p = &ret->place;

    if (!sfms_place_find(a, m, path, strlen(path), p))
        return refuse_target(call, where, &no_field, path);
    if (!sfms_place_fillable(call, p))
        return refuse_target(call, where, &read_only, path);
    if (p->key != NULL) {
        p->key = custom_key(a, p->key, &ret->type);
        if (p->key == NULL)
            return refuse_target(call, where, &no_field, path);
    } else if (!sfms_field_is_value(p->leaf) || p->leaf->rule->secret) {
        return refuse_target(call, where, &no_text_field, path);
    }
    ret->path = sfms_place_name(a, p);
    ret->top = p->key != NULL ? ret->path : p->fields[0]->desc->name;
    return true;
}

/* "externalId,name" is several fields. */
static bool
find_targets(sfms_call *call, const sfms_message *m, const char *where, import_column *column)
{
    const char *at = column->rule->field;

    column->targets = sfms_new_array(call->arena, import_target, IMPORT_TARGETS_MAX);
    for (;;) {
        size_t n = strcspn(at, ",");
        const char *path = sfms_strndup(call->arena, at, n);

        if (column->n_targets == IMPORT_TARGETS_MAX) {
            sfms_violate(call, where, &sfms_too_many_items, "8");
            return false;
        }
        if (!find_target(call, m, where, path, &column->targets[column->n_targets]))
            return false;
        column->n_targets++;
        if (at[n] == '\0')
            return true;
        at += n + 1;
    }
}

/* ---- the parts of a column --------------------------------------------------------------------------- */

static void
plan_lookup(sfms_call *call, const sfms_message *imported, const char *where, import_column *column)
{
    const char *text = column->rule->lookup;
    const char *dot = strchr(text, '.');
    const sfms_message *m;
    const sfms_field *f;

    if (text[0] == '\0') {
        if (column->rule->filter[0] != '\0')
            sfms_violate(call, sfms_printf(call->arena, "%sfilter", where), &only_lookups);
        return;
    }
    where = sfms_printf(call->arena, "%slookup", where);
    if (dot == NULL) {
        sfms_violate(call, where, &bad_lookup);
        return;
    }
    column->lookup_collection = sfms_strndup(call->arena, text, (size_t)(dot - text));
    column->lookup = sfms_contract_standard(call->contract, column->lookup_collection, PB__VERB__LIST);
    m = sfms_contract_resource(call->contract, column->lookup_collection);
    f = m != NULL ? sfms_message_field(m, dot + 1, strlen(dot + 1)) : NULL;
    if (column->lookup == NULL || f == NULL || !sfms_field_is_value(f)) {
        sfms_violate(call, where, &bad_lookup);
        return;
    }
    column->lookup_field = f;
    column->lookup_self = m == imported;
}

static bool
is_number(const sfms_field *f)
{
    return sfms_format_is_number(f->rule->format) ||
           (f->desc->type != PROTOBUF_C_TYPE_STRING && f->desc->type != PROTOBUF_C_TYPE_ENUM &&
               f->desc->type != PROTOBUF_C_TYPE_BOOL && f->desc->type != PROTOBUF_C_TYPE_MESSAGE);
}

static bool
is_time(const sfms_field *f)
{
    return f->message != NULL && f->message->kind == SFMS_KIND_TIMESTAMP;
}

static void
plan_formats(sfms_call *call, const char *where, import_column *column)
{
    for (unsigned i = 0; i < column->n_targets; i++) {
        const sfms_field *f = column->targets[i].place.leaf;

        if (column->rule->date_format[0] != '\0' && f->rule->format != PB__FORMAT__DATE && !is_time(f) &&
            !sfms_field_is_open(f))
            sfms_violate(call, sfms_printf(call->arena, "%sdateFormat", where), &only_dates);
        if (column->rule->scale[0] != '\0' && !is_number(f) && !sfms_field_is_open(f))
            sfms_violate(call, sfms_printf(call->arena, "%sscale", where), &only_numbers);
        if (column->rule->number_format[0] != '\0' && !is_number(f) && !sfms_field_is_open(f))
            sfms_violate(call, sfms_printf(call->arena, "%snumberFormat", where), &only_numbers);
    }
    if (column->rule->number_format[0] != '\0' &&
        !import_number_style_read(call->arena, column->rule->number_format, &column->number))
        sfms_violate(call, sfms_printf(call->arena, "%snumberFormat", where), &bad_example);
    if (column->rule->scale[0] != '\0' &&
        import_decimal_multiply(call->arena, "1", column->rule->scale) == NULL)
        sfms_violate(call, sfms_printf(call->arena, "%sscale", where), &sfms_bad_format,
            sfms_format_name(call, PB__FORMAT__DECIMAL));
}

/* Where the column is in the header. */
static bool
find_column(sfms_call *call, const char *where, unsigned n, const char *const *header, import_column *column)
{
    const char *name = sfms_text_trim(call->arena, column->name);
    unsigned found = 0;

    for (unsigned i = 0; i < n; i++) {
        if (strcmp(header[i], name) != 0)
            continue;
        if (found++ > 0) {
            sfms_violate(call, where, &column_twice, sfms_printf(call->arena, "%u", column->index + 1),
                sfms_printf(call->arena, "%u", i + 1));
            return false;
        }
        column->index = i;
    }
    if (found == 0)
        sfms_violate(call, where, &no_column);
    return found == 1;
}

static void
plan_column(sfms_call *call, import_plan *plan, const char *name, const Pb__ColumnMapping *rule,
    unsigned n_header, const char *const *header)
{
    const char *where = sfms_printf(call->arena, "mapping.columns.%s", name);
    const char *inside = sfms_printf(call->arena, "%s.", where);
    import_column *column = &plan->columns[plan->n_columns];

    column->name = name;
    column->rule = rule;
    if (!find_column(call, where, n_header, header, column))
        return;
    where = sfms_printf(call->arena, "%s.field", where);
    if (rule->field[0] == '\0') {
        sfms_violate(call, where, &sfms_required);
        return;
    }
    if (!find_targets(call, plan->message, where, column))
        return;
    plan_lookup(call, plan->message, inside, column);
    plan_formats(call, inside, column);
    plan->n_columns++;
}

/* ---- the whole --------------------------------------------------------------------------------------- */

static bool
says_nothing(const Pb__ImportMapping *mapping)
{
    return mapping->n_columns == 0 && mapping->n_constants == 0;
}

/* Without a mapping each column is the field of its name. */
static void
plan_columns(sfms_call *call, import_plan *plan, const Pb__ImportMapping *mapping, unsigned n_header,
    const char *const *header)
{
    static const Pb__ColumnMapping nothing = PB__COLUMN_MAPPING__INIT;

    plan->columns = sfms_new_array(call->arena, import_column, mapping->n_columns + n_header + 1);
    if (!says_nothing(mapping)) {
        for (size_t i = 0; i < mapping->n_columns; i++) {
            const Pb__ImportMapping__ColumnsEntry *entry = mapping->columns[i];

            plan_column(
                call, plan, entry->key, entry->value != NULL ? entry->value : &nothing, n_header, header);
        }
        return;
    }
    /* Refused rows come back with their reasons; the name is that of no field. */
    while (n_header > 0 && strcmp(header[n_header - 1], IMPORT_REASON_COLUMN) == 0)
        n_header--;
    plan->nameless = sfms_new_array(call->arena, unsigned, n_header + 1);
    for (unsigned i = 0; i < n_header; i++) {
        Pb__ColumnMapping *rule =
            (Pb__ColumnMapping *)sfms_message_new(call->arena, &pb__column_mapping__descriptor);

        if (header[i][0] == '\0') {
            plan->nameless[plan->n_nameless++] = i;
            continue;
        }
        rule->field = header[i];
        plan_column(call, plan, header[i], rule, n_header, header);
    }
}

static void
plan_constants(sfms_call *call, import_plan *plan, const Pb__ImportMapping *mapping)
{
    plan->constants = sfms_new_array(call->arena, import_constant, mapping->n_constants + 1);
    for (size_t i = 0; i < mapping->n_constants; i++) {
        const Pb__ImportMapping__ConstantsEntry *entry = mapping->constants[i];
        const char *where = sfms_printf(call->arena, "mapping.constants.%s", entry->key);
        import_constant *constant = &plan->constants[plan->n_constants];

        if (!find_target(call, plan->message, where, entry->key, &constant->target))
            continue;
        constant->name = entry->key;
        constant->value = entry->value;
        plan->n_constants++;
    }
}

static bool
column_fills(const import_column *column, const char *path)
{
    for (unsigned i = 0; i < column->n_targets; i++)
        if (strcmp(column->targets[i].path, path) == 0)
            return true;
    return false;
}

static bool
top_filled(const import_plan *plan, const char *name)
{
    for (unsigned i = 0; i < plan->n_columns; i++)
        for (unsigned t = 0; t < plan->columns[i].n_targets; t++)
            if (strcmp(plan->columns[i].targets[t].top, name) == 0)
                return true;
    for (unsigned i = 0; i < plan->n_constants; i++)
        if (strcmp(plan->constants[i].target.top, name) == 0)
            return true;
    return false;
}

/* What only shows when all columns are known. */
static void
check_whole(sfms_call *call, const import_plan *plan)
{
    for (unsigned i = 0; i < plan->n_columns; i++)
        for (unsigned t = 0; t < plan->columns[i].n_targets; t++)
            for (unsigned k = 0; k < i; k++)
                if (column_fills(&plan->columns[k], plan->columns[i].targets[t].path))
                    sfms_violate(call,
                        sfms_printf(call->arena, "mapping.columns.%s.field", plan->columns[i].name),
                        &field_twice, plan->columns[i].targets[t].place.leaf->json_name,
                        plan->columns[k].name);
    if (plan->upsert && !plan->has_external_id)
        sfms_violate(call, "mapping.mode", &need_external_id);
    for (unsigned i = 0; i < plan->message->n_fields && !plan->upsert; i++) {
        const sfms_field *f = &plan->message->fields[i];

        if (f->rule->required && !f->rule->output_only && !top_filled(plan, f->desc->name))
            sfms_violate(call, "mapping.columns", &not_mapped, f->json_name);
    }
}

sfms_status
import_plan_make(sfms_call *call, const char *collection, const Pb__ImportMapping *mapping, unsigned n_header,
    const char *const *header, import_plan *ret)
{
    size_t before = call->failure != NULL ? call->failure->n_violations : 0;

    *ret = (import_plan){.width = n_header, .upsert = mapping->mode == PB__IMPORT_MAPPING__MODE__UPSERT};
    ret->message = sfms_contract_resource(call->contract, collection);
    ret->method =
        sfms_contract_standard(call->contract, collection, ret->upsert ? PB__VERB__UPSERT : PB__VERB__CREATE);
    if (ret->message == NULL || ret->method == NULL)
        return sfms_violate(call, "resource", &no_collection);
    plan_columns(call, ret, mapping, n_header, header);
    plan_constants(call, ret, mapping);
    ret->has_external_id = top_filled(ret, "external_id");
    if (call->failure == NULL || call->failure->n_violations == before)
        check_whole(call, ret);
    return call->failure == NULL || call->failure->n_violations == before ? SFMS_OK : SFMS_INVALID_ARGUMENT;
}

sfms_status
import_plan_check_rights(sfms_call *call, const import_plan *plan)
{
    const Pb__MethodRule *rule = plan->method->rule;

    if (!sfms_may(call, "imports.write"))
        return sfms_fail(call, &sfms_no_permission, "imports.write");
    if (rule->signed_in || sfms_may(call, rule->permission))
        return SFMS_OK;
    return sfms_fail(call, &sfms_no_permission, rule->permission);
}

const import_column *
import_column_of(const import_plan *plan, const char *path)
{
    char plain[256];
    size_t n = 0;

    for (const char *s = path; *s != '\0' && n < sizeof(plain) - 1; s++) {
        if (*s == '[')
            s += strcspn(s, "]");
        else
            plain[n++] = *s;
        if (*s == '\0')
            break;
    }
    plain[n] = '\0';
    for (unsigned i = 0; i < plan->n_columns; i++)
        if (column_fills(&plan->columns[i], plain))
            return &plan->columns[i];
    return NULL;
}
