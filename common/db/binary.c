/* binary.c -- PostgreSQL's binary formats to C values and texts. Numbers are big-endian. */
#include "db/binary.h"

#include <endian.h>
#include <string.h>

enum {
    EPOCH_DAYS = 10957, /* from 1970-01-01 to 2000-01-01, where PostgreSQL's days begin */
    UUID_TEXT = 36,
    DATE_TEXT = 10,
    NUMERIC_NEGATIVE = 0x4000,
    NUMERIC_SPECIAL = 0xC000, /* NaN and infinities have both bits */
    NUMERIC_SCALE = 0x3FFF,
};

bool
sfms_binary_known(Oid type)
{
    switch (type) {
    case SFMS_OID_BOOL:
    case SFMS_OID_BYTEA:
    case SFMS_OID_INT8:
    case SFMS_OID_INT2:
    case SFMS_OID_INT4:
    case SFMS_OID_TEXT:
    case SFMS_OID_FLOAT4:
    case SFMS_OID_FLOAT8:
    case SFMS_OID_TEXT_ARRAY:
    case SFMS_OID_DATE:
    case SFMS_OID_TIMESTAMPTZ:
    case SFMS_OID_NUMERIC:
    case SFMS_OID_UUID:
    case SFMS_OID_UUID_ARRAY:
    case SFMS_OID_JSONB:
        return true;
    default:
        return false;
    }
}

static uint16_t
read16(const char *p)
{
    uint16_t n;

    memcpy(&n, p, sizeof(n));
    return be16toh(n);
}

static uint32_t
read32(const char *p)
{
    uint32_t n;

    memcpy(&n, p, sizeof(n));
    return be32toh(n);
}

static uint64_t
read64(const char *p)
{
    uint64_t n;

    memcpy(&n, p, sizeof(n));
    return be64toh(n);
}

int64_t
sfms_binary_int(Oid type, const char *value)
{
    switch (type) {
    case SFMS_OID_BOOL:
        return value[0] != 0;
    case SFMS_OID_INT2:
        return (int16_t)read16(value);
    case SFMS_OID_INT4:
    case SFMS_OID_DATE:
        return (int32_t)read32(value);
    default:
        return (int64_t)read64(value);
    }
}

double
sfms_binary_double(Oid type, const char *value)
{
    uint32_t bits32;
    uint64_t bits64;
    float f;
    double d;

    if (type == SFMS_OID_FLOAT4) {
        bits32 = read32(value);
        memcpy(&f, &bits32, sizeof(f));
        return (double)f;
    }
    if (type != SFMS_OID_FLOAT8)
        return (double)sfms_binary_int(type, value);
    bits64 = read64(value);
    memcpy(&d, &bits64, sizeof(d));
    return d;
}

bool
sfms_binary_moment(const char *value, sfms_moment *ret)
{
    int64_t us = (int64_t)read64(value);
    int64_t seconds = us / 1000000;
    int64_t rest = us % 1000000;

    if (us == INT64_MAX || us == INT64_MIN)
        return false;
    if (rest < 0) {
        rest += 1000000;
        seconds--;
    }
    ret->seconds = seconds + EPOCH_DAYS * INT64_C(86400);
    ret->nanos = (int32_t)rest * 1000;
    return true;
}

static const char *
uuid_text(sfms_arena *a, const char *value)
{
    static const char digits[] = "0123456789abcdef";
    char *text = sfms_alloc_raw(a, UUID_TEXT + 1);
    char *p = text;

    for (int i = 0; i < 16; i++) {
        unsigned char byte = (unsigned char)value[i];

        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[byte >> 4];
        *p++ = digits[byte & 15];
    }
    *p = '\0';
    return text;
}

/* Appends the four decimal digits of one digit of base 10,000. */
static char *
put_four(char *p, unsigned digit)
{
    p[0] = (char)('0' + digit / 1000 % 10);
    p[1] = (char)('0' + digit / 100 % 10);
    p[2] = (char)('0' + digit / 10 % 10);
    p[3] = (char)('0' + digit % 10);
    return p + 4;
}

/* Day of the civil calendar from a count of days since 1970 (Howard Hinnant's algorithm, in the public domain). */
static const char *
date_text(sfms_arena *a, int32_t value)
{
    int64_t z = (int64_t)value + EPOCH_DAYS + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2);
    int64_t day = doy - (153 * mp + 2) / 5 + 1;
    char *text;

    if (value == INT32_MAX || value == INT32_MIN)
        return value > 0 ? "infinity" : "-infinity";
    if (year < 0 || year > 9999)
        return sfms_printf(a, "%lld-%02d-%02d", (long long)year, (int)month, (int)day);
    text = sfms_alloc_raw(a, DATE_TEXT + 1);
    put_four(text, (unsigned)year);
    text[4] = text[7] = '-';
    text[5] = (char)('0' + month / 10);
    text[6] = (char)('0' + month % 10);
    text[8] = (char)('0' + day / 10);
    text[9] = (char)('0' + day % 10);
    text[DATE_TEXT] = '\0';
    return text;
}

/* Digits of base 10,000: the first weighs 10,000^weight. scale is how many decimals are shown. */
static const char *
numeric_text(sfms_arena *a, const char *value)
{
    int n = (int16_t)read16(value);
    int weight = (int16_t)read16(value + 2);
    unsigned sign = read16(value + 4);
    int scale = read16(value + 6) & NUMERIC_SCALE;
    char *text, *p, *point;

    if ((sign & NUMERIC_SPECIAL) == NUMERIC_SPECIAL)
        return "NaN";
    text = sfms_alloc_raw(a, (size_t)(weight < 0 ? 1 : 4 * (weight + 1)) + (size_t)scale + 8);
    p = text;
    for (int i = 0; i <= weight; i++)
        p = put_four(p, i < n ? read16(value + 8 + 2 * i) : 0);
    *p = '\0';
    point = p;
    for (p = text; p + 1 < point && *p == '0'; p++)
        ; /* leading zeros, but for the last */
    memmove(text + 1, p, (size_t)(point - p));
    p = text + 1 + (point - p);
    if (weight < 0)
        *p++ = '0';
    if (scale > 0)
        *p++ = '.';
    point = p;
    for (int i = weight + 1; p - point < scale; i++)
        p = put_four(p, i >= 0 && i < n ? read16(value + 8 + 2 * i) : 0);
    point[scale] = '\0';
    text[0] = '-';
    return sign == NUMERIC_NEGATIVE ? text : text + 1;
}

const char *
sfms_binary_text(sfms_arena *a, Oid type, const char *value, int n)
{
    char moment[SFMS_MOMENT_SIZE];
    sfms_moment at;

    switch (type) {
    case SFMS_OID_BOOL:
        return value[0] != 0 ? "t" : "f";
    case SFMS_OID_INT2:
    case SFMS_OID_INT4:
    case SFMS_OID_INT8:
        return sfms_printf(a, "%lld", (long long)sfms_binary_int(type, value));
    case SFMS_OID_FLOAT4:
        return sfms_printf(a, "%.9g", sfms_binary_double(type, value));
    case SFMS_OID_FLOAT8:
        return sfms_printf(a, "%.17g", sfms_binary_double(type, value));
    case SFMS_OID_DATE:
        return date_text(a, (int32_t)read32(value));
    case SFMS_OID_TIMESTAMPTZ:
        if (!sfms_binary_moment(value, &at))
            return (int64_t)read64(value) > 0 ? "infinity" : "-infinity";
        sfms_moment_format(at, moment);
        return sfms_strdup(a, moment);
    case SFMS_OID_NUMERIC:
        return numeric_text(a, value);
    case SFMS_OID_UUID:
        return uuid_text(a, value);
    case SFMS_OID_JSONB:
        return n > 0 ? value + 1 : "null"; /* after the version of the format */
    default:
        return value;
    }
}

size_t
sfms_binary_array(sfms_arena *a, const char *value, int n, char ***ret_items)
{
    const char *end = value + n;
    const char *p =
        value + 20; /* dimensions, flags, element type, length and lower bound of the one dimension */
    Oid type = n >= 12 ? read32(value + 8) : SFMS_OID_TEXT;
    size_t count = n >= 20 ? read32(value + 12) : 0;
    char **items = sfms_new_array(a, char *, count + 1);

    *ret_items = items;
    for (size_t i = 0; i < count && p + 4 <= end; i++) {
        int32_t len = (int32_t)read32(p);

        p += 4;
        if (len > 0 && type == SFMS_OID_UUID)
            items[i] = (char *)uuid_text(a, p);
        else
            items[i] = sfms_strndup(a, p, len > 0 ? (size_t)len : 0);
        p += len > 0 ? len : 0;
    }
    return count;
}

const char *
sfms_cell_text(sfms_arena *a, const PGresult *res, int row, int column)
{
    if (PQgetisnull(res, row, column))
        return NULL;
    if (PQfformat(res, column) == 0)
        return PQgetvalue(res, row, column);
    return sfms_binary_text(
        a, PQftype(res, column), PQgetvalue(res, row, column), PQgetlength(res, row, column));
}
