/* values.c -- values as programs write them, in the spelling that fields take. */
#include "values.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unicode/ucal.h>

#include "core/text.h"
#include "decimal.h"
#include "proto/formats.h"

/* ---- booleans, enums, numbers ------------------------------------------------------------------------- */

static const char *
spelled_bool(const char *text)
{
    static const char *const words[][2] = {{"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"},
        {"on", "off"}, {"1", "0"}, {"是", "否"}, {"真", "假"}, {"wahr", "falsch"}, {"ja", "nein"},
        {"vrai", "faux"}, {"oui", "non"}, {"verdadero", "falso"}, {"sí", "no"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i][0]) == 0)
            return "true";
        if (strcasecmp(text, words[i][1]) == 0)
            return "false";
    }
    return text;
}

/* In any case, and with a blank or hyphen for the low line. */
static const char *
spelled_enum(const ProtobufCEnumDescriptor *e, sfms_arena *a, const char *text)
{
    char *name = sfms_strdup(a, text);

    for (char *p = name; *p != '\0'; p++)
        if (*p == ' ' || *p == '-')
            *p = '_';
    for (unsigned i = 0; i < e->n_values; i++)
        if (strcasecmp(e->values[i].name, name) == 0)
            return e->values[i].name;
    return text;
}

/* A number as JSON has it, without zeros at its end that say nothing. */
static const char *
spelled_number(sfms_arena *a, const char *text)
{
    import_number_style style;
    const char *number =
        import_number_style_read(a, "1234.5", &style) ? import_number_read(a, &style, text) : NULL;
    const char *point = number != NULL ? strchr(number, '.') : NULL;
    size_t n = number != NULL ? strlen(number) : 0;

    if (number == NULL)
        return text;
    while (point != NULL && (number[n - 1] == '0' || &number[n - 1] == point)) {
        n--;
        if (&number[n] == point)
            break;
    }
    return sfms_strndup(a, number, n);
}

/* ---- days and times ----------------------------------------------------------------------------------- */

const char *
import_value_moment(sfms_call *call, const sfms_wall *wall)
{
    static const UCalendarWallTimeOption options[] = {UCAL_WALLTIME_FIRST, UCAL_WALLTIME_LAST};
    const char *zone =
        call->principal != NULL && call->principal->time_zone[0] != '\0' ? call->principal->time_zone : "UTC";
    UChar name[64] = {0};
    double ms[2] = {0};
    char text[SFMS_MOMENT_SIZE];
    sfms_moment moment = {sfms_wall_seconds(wall) - wall->offset, wall->nanos};

    for (size_t i = 0; zone[i] != '\0' && i < sizeof(name) / sizeof(name[0]) - 1; i++)
        name[i] = (UChar)(unsigned char)zone[i];
    for (int i = 0; i < 2 && !wall->has_offset; i++) {
        UErrorCode error = U_ZERO_ERROR;
        UCalendar *calendar = ucal_open(name, -1, "en", UCAL_GREGORIAN, &error);

        ucal_setAttribute(calendar, UCAL_REPEATED_WALL_TIME, options[i]);
        ucal_setAttribute(calendar, UCAL_SKIPPED_WALL_TIME, options[i]);
        ucal_clear(calendar);
        ucal_setDateTime(
            calendar, wall->year, wall->month - 1, wall->day, wall->hour, wall->minute, wall->second, &error);
        ms[i] = ucal_getMillis(calendar, &error);
        ucal_close(calendar);
        if (U_FAILURE(error))
            return NULL;
        moment.seconds = (int64_t)(ms[i] / 1000);
    }
    if (ms[0] != ms[1])
        return NULL;
    sfms_moment_format(moment, text);
    return sfms_strdup(call->arena, text);
}

/* The year first, so that there is one reading; zeros in front may lack. */
static const char *const days[] = {"%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日"};
static const char *const clocks[] = {"T%H:%M:%S", "T%H:%M", " %H:%M:%S", " %H:%M", " %I:%M:%S %p",
    " %I:%M %p", " %p%I:%M:%S", " %p%I:%M", " %p %I:%M:%S", " %p %I:%M"};

/* Reads a day with a time, and with an offset or not. */
static bool
read_wall(sfms_call *call, const char *text, sfms_wall *ret)
{
    static const char *const offsets[] = {"", "%z", " %z"};

    for (size_t d = 0; d < sizeof(days) / sizeof(days[0]); d++)
        for (size_t c = 0; c < sizeof(clocks) / sizeof(clocks[0]); c++)
            for (size_t o = 0; o < sizeof(offsets) / sizeof(offsets[0]); o++)
                if (sfms_wall_parse(
                        text, sfms_printf(call->arena, "%s%s%s", days[d], clocks[c], offsets[o]), ret))
                    return true;
    return false;
}

static const char *
spelled_moment(sfms_call *call, const char *text)
{
    sfms_moment moment;
    sfms_wall wall;
    const char *made;

    if (sfms_moment_parse(text, &moment) || !read_wall(call, text, &wall))
        return text;
    made = import_value_moment(call, &wall);
    return made != NULL ? made : text;
}

/* A time without an offset is on its day, whoever looks; one with an offset may be on two. */
static const char *
spelled_day(sfms_call *call, const char *text)
{
    char day[11];
    sfms_wall wall;
    bool found = strlen(text) == strlen("20260301") && sfms_date_parse(text, "%Y%m%d", day);

    if (sfms_date_valid(text))
        return text;
    for (size_t d = 0; !found && d < sizeof(days) / sizeof(days[0]); d++)
        found = sfms_date_parse(text, days[d], day);
    if (found)
        return sfms_strdup(call->arena, day);
    if (!read_wall(call, text, &wall) || wall.has_offset)
        return text;
    return sfms_printf(call->arena, "%04d-%02d-%02d", wall.year, wall.month, wall.day);
}

/* 9:30, 9:30 PM, 下午9:30. Seconds that are lost would be something else. */
static const char *
spelled_time_of_day(sfms_call *call, const char *text)
{
    const char *some_day = sfms_printf(call->arena, "2000-01-01 %s", text);
    sfms_wall wall;

    if (!read_wall(call, some_day, &wall) || wall.has_offset || wall.second != 0 || wall.nanos != 0)
        return text;
    return sfms_printf(call->arena, "%02d:%02d", wall.hour, wall.minute);
}

/* ---- texts -------------------------------------------------------------------------------------------- */

/* www.example.com. What has no point in its host, or ends it with digits, may be anything. */
static const char *
spelled_url(sfms_call *call, const char *text)
{
    const char *with = sfms_printf(call->arena, "https://%s", text);
    size_t host = strcspn(text, ":/?#");
    const char *last = memrchr(text, '.', host);

    if (last == NULL || strchr("0123456789", last[1]) != NULL || strstr(text, "://") != NULL)
        return text;
    return sfms_format_normal(call, PB__FORMAT__URL, with) != NULL ? with : text;
}

/* 13800138000.0: a number that was kept as one with decimals. */
static const char *
spelled_phone(sfms_arena *a, const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 4 && strcmp(text + digits, ".0") == 0 ? sfms_strndup(a, text, digits) : text;
}

static const char *
spelled_text(sfms_call *call, Pb__Format format, const char *text)
{
    switch ((int)format) {
    case PB__FORMAT__DATE:
        return spelled_day(call, sfms_text_nfkc(call->arena, text));
    case PB__FORMAT__TIME_OF_DAY:
        return spelled_time_of_day(call, sfms_text_nfkc(call->arena, text));
    case PB__FORMAT__DECIMAL:
    case PB__FORMAT__MONEY:
        return spelled_number(call->arena, text);
    case PB__FORMAT__URL:
        return spelled_url(call, text);
    case PB__FORMAT__PHONE:
        return spelled_phone(call->arena, text);
    default:
        return text;
    }
}

/* ---- custom fields ------------------------------------------------------------------------------------ */

/* A number as JSON has it that its double tells exactly: at most 15 digits. */
static bool
is_exact(const char *text)
{
    const char *p = text + (*text == '-');
    size_t whole = strspn(p, "0123456789");
    size_t decimals = p[whole] == '.' ? strspn(p + whole + 1, "0123456789") : 0;

    if (whole == 0 || (whole > 1 && p[0] == '0') || whole + decimals > 15)
        return false;
    return p[whole] == '\0' || (decimals > 0 && p[whole + 1 + decimals] == '\0');
}

Google__Protobuf__Value *
import_value_custom(sfms_call *call, import_custom_type type, const char *text)
{
    Google__Protobuf__Value *v = sfms_new(call->arena, Google__Protobuf__Value);
    bool is_auto = type == IMPORT_CUSTOM_AS_WRITTEN;
    const char *number = type == IMPORT_CUSTOM_NUMBER ? spelled_number(call->arena, text) : text;
    const char *word = spelled_bool(text);
    bool is_bool = strcmp(word, "true") == 0 || strcmp(word, "false") == 0;

    google__protobuf__value__init(v);
    if ((is_auto || type == IMPORT_CUSTOM_NUMBER) && is_exact(number)) {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
        v->number_value = strtod(number, NULL);
    } else if (is_auto ? strcasecmp(text, word) == 0 && is_bool : type == IMPORT_CUSTOM_BOOLEAN && is_bool) {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE;
        v->bool_value = strcmp(word, "true") == 0;
    } else if (is_auto || type == IMPORT_CUSTOM_TEXT) {
        v->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
        v->string_value = sfms_strdup(call->arena, text);
    } else {
        return NULL;
    }
    return v;
}

/* ---- fields ------------------------------------------------------------------------------------------- */

const char *
import_value_spelled(sfms_call *call, const sfms_field *f, const char *text)
{
    bool wrapped = f->message != NULL && f->message->kind == SFMS_KIND_WRAPPER;
    const char *narrow = sfms_text_nfkc(call->arena, text);

    if (f->message != NULL && f->message->kind == SFMS_KIND_TIMESTAMP)
        return spelled_moment(call, narrow);
    switch (wrapped ? f->message->fields[0].desc->type : f->desc->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return spelled_bool(narrow);
    case PROTOBUF_C_TYPE_ENUM:
        return spelled_enum(f->desc->descriptor, call->arena, narrow);
    case PROTOBUF_C_TYPE_STRING:
        return spelled_text(call, f->rule->format, text);
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return text;
    default:
        return spelled_number(call->arena, text);
    }
}
