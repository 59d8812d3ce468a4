/* scalar.c -- one value of a field from text or a number. */
#include "proto/scalar.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/utf8.h"
#include "proto/formats.h"

static const double exact_max = 9007199254740992.0; /* 2^53: up to here each integer is a double */

/* put_integer stores sign and magnitude if the type can hold them. */
static bool
put_integer(ProtobufCType type, bool negative, uint64_t magnitude, void *at)
{
    uint64_t most;

    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        most = negative ? (uint64_t)INT32_MAX + 1 : INT32_MAX;
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        most = negative ? 0 : UINT32_MAX;
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        most = negative ? 0 : UINT64_MAX;
        break;
    default:
        most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
        break;
    }
    if (magnitude > most)
        return false;

    uint64_t value = negative ? 0 - magnitude : magnitude; /* two's complement */
    if (sfms_type_size(type) == sizeof(uint32_t))
        *(uint32_t *)at = (uint32_t)value;
    else
        *(uint64_t *)at = value;
    return true;
}

static bool
integer_text(ProtobufCType type, const char *text, void *at)
{
    bool negative = text[0] == '-';
    const char *p = text + (negative ? 1 : 0);
    uint64_t magnitude = 0;

    if (*p == '\0')
        return false;
    for (; *p != '\0'; p++) {
        uint64_t digit = (uint64_t)(unsigned char)*p - '0';

        if (*p < '0' || *p > '9' || magnitude > (UINT64_MAX - digit) / 10)
            return false;
        magnitude = magnitude * 10 + digit;
    }
    return put_integer(type, negative, magnitude, at);
}

static bool
put_floating(ProtobufCType type, double number, void *at)
{
    if (!isfinite(number))
        return false;
    if (type == PROTOBUF_C_TYPE_DOUBLE) {
        *(double *)at = number;
        return true;
    }
    if (fabs(number) > FLT_MAX)
        return false;
    *(float *)at = (float)number;
    return true;
}

static bool
floating_text(ProtobufCType type, const char *text, void *at)
{
    char *end;

    /* strtod would also take blanks in front, hexadecimal digits, inf and nan. */
    if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0')
        return false;
    double number = strtod(text, &end);
    return *end == '\0' && put_floating(type, number, at);
}

static bool
bool_text(const char *text, void *at)
{
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;

    if (!yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return false;
    *(protobuf_c_boolean *)at = yes;
    return true;
}

static bool
enum_text(const ProtobufCEnumDescriptor *e, const char *text, void *at)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(e, text);

    if (value == NULL)
        return false;
    *(int *)at = value->value;
    return true;
}

/* bytes_text reads base64, the usual or the URL-safe, with or without padding. */
static bool
bytes_text(sfms_arena *a, const char *text, void *at)
{
    size_t n = strlen(text);
    uint8_t *data = sfms_alloc(a, n + 1);
    bool url_safe = strpbrk(text, "-_") != NULL;
    bool padded = n > 0 && text[n - 1] == '=';
    int variant = url_safe ? padded ? sodium_base64_VARIANT_URLSAFE : sodium_base64_VARIANT_URLSAFE_NO_PADDING
                  : padded ? sodium_base64_VARIANT_ORIGINAL
                           : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
    size_t len;

    if (sodium_base642bin(data, n, text, n, NULL, &len, NULL, variant) != 0)
        return false;
    *(ProtobufCBinaryData *)at = (ProtobufCBinaryData){len, data};
    return true;
}

bool
sfms_scalar_text(sfms_arena *a, const sfms_field *f, const char *text, void *at)
{
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING:
        if (!sfms_utf8_valid(text, strlen(text)))
            return false;
        *(const char **)at = text[0] != '\0' ? text : protobuf_c_empty_string;
        return true;
    case PROTOBUF_C_TYPE_BOOL:
        return bool_text(text, at);
    case PROTOBUF_C_TYPE_ENUM:
        return enum_text(f->desc->descriptor, text, at);
    case PROTOBUF_C_TYPE_BYTES:
        return bytes_text(a, text, at);
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        return floating_text(f->desc->type, text, at);
    case PROTOBUF_C_TYPE_MESSAGE:
        return false;
    default:
        return integer_text(f->desc->type, text, at);
    }
}

/* decimal_number writes a number as a decimal, if its double tells all of it: a whole number up to 2^53, or at most 15
 * digits with at most 6 of them after the point. Anything longer must come as a string, as a double would have changed
 * it before we could see it. */
static const char *
decimal_number(sfms_arena *a, double number)
{
    char text[64];

    if (number == floor(number) && fabs(number) <= exact_max)
        return sfms_printf(a, "%.0f", number == 0 ? 0.0 : number);
    if (fabs(number) >= 1e15)
        return NULL;
    int n = snprintf(text, sizeof text, "%.6f", number);
    while (text[n - 1] == '0')
        n--;
    text[n] = '\0';

    int digits = 0;
    for (const char *p = text + strspn(text, "-0."); *p != '\0'; p++)
        digits += *p != '.';
    if (digits > 15 || strtod(text, NULL) != number)
        return NULL;
    return sfms_strdup(a, text);
}

bool
sfms_scalar_number(sfms_arena *a, const sfms_field *f, double number, void *at)
{
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = sfms_format_is_number(f->rule->format) ? decimal_number(a, number) : NULL;

        if (text == NULL)
            return false;
        *(const char **)at = text;
        return true;
    }
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        return put_floating(f->desc->type, number, at);
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return false;
    default:
        if (number != floor(number) || fabs(number) > exact_max)
            return false;
        return put_integer(f->desc->type, number < 0, (uint64_t)fabs(number), at);
    }
}

void
sfms_type_wrong(sfms_call *call, sfms_type type, const char *path)
{
    static const char *const names[][SFMS_LOCALES] = {
        [SFMS_TYPE_OBJECT] = {"an object", "对象"},
        [SFMS_TYPE_ARRAY] = {"an array", "数组"},
        [SFMS_TYPE_STRING] = {"a string", "字符串"},
        [SFMS_TYPE_BOOL] = {"true or false", "true 或 false"},
        [SFMS_TYPE_NUMBER] = {"a number", "数字"},
        [SFMS_TYPE_INTEGER] = {"a whole number of 32 bits", "32 位整数"},
        [SFMS_TYPE_INTEGER_TEXT] = {"a whole number of 64 bits, as a string if it is beyond 2^53",
            "64 位整数（超过 2^53 时须为字符串）"},
        [SFMS_TYPE_BASE64] = {"a base64 string", "base64 字符串"},
        [SFMS_TYPE_TIME] = {"an RFC 3339 time such as \"2026-11-23T22:50:17Z\"",
            "RFC 3339 时间，例如 \"2026-11-23T22:50:17Z\""},
        [SFMS_TYPE_MASK] = {"a string of field names with commas between them", "以逗号分隔的字段名字符串"},
        [SFMS_TYPE_DECIMAL] = {"a decimal number, as a string", "字符串形式的十进制数"},
    };

    sfms_violate(call, path, &sfms_wrong_type, names[type][call->locale]);
}

/* enum_names lists the values that a client may give. */
static const char *
enum_names(const sfms_call *call, const ProtobufCEnumDescriptor *e)
{
    const char *comma = call->locale == SFMS_LOCALE_ZH ? "、" : ", ";
    sfms_buf b;

    sfms_buf_init(&b, call->arena, SFMS_URL_MAX);
    for (unsigned i = 0; i < e->n_values; i++) {
        if (e->values[i].value == 0 && strstr(e->values[i].name, "UNSPECIFIED") != NULL)
            continue;
        sfms_buf_printf(&b, "%s%s", b.len > 0 ? comma : "", e->values[i].name);
    }
    return b.data;
}

void
sfms_scalar_wrong(sfms_call *call, const sfms_field *f, const char *path)
{
    switch (f->desc->type) {
    case PROTOBUF_C_TYPE_ENUM:
        sfms_violate(call, path, &sfms_bad_enum, enum_names(call, f->desc->descriptor));
        return;
    case PROTOBUF_C_TYPE_STRING:
        sfms_type_wrong(
            call, sfms_format_is_number(f->rule->format) ? SFMS_TYPE_DECIMAL : SFMS_TYPE_STRING, path);
        return;
    case PROTOBUF_C_TYPE_BYTES:
        sfms_type_wrong(call, SFMS_TYPE_BASE64, path);
        return;
    case PROTOBUF_C_TYPE_BOOL:
        sfms_type_wrong(call, SFMS_TYPE_BOOL, path);
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        sfms_type_wrong(call, SFMS_TYPE_NUMBER, path);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        sfms_type_wrong(call, SFMS_TYPE_OBJECT, path);
        return;
    default:
        sfms_type_wrong(
            call, sfms_type_size(f->desc->type) == 4 ? SFMS_TYPE_INTEGER : SFMS_TYPE_INTEGER_TEXT, path);
        return;
    }
}
