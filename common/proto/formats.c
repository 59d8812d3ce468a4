/* formats.c -- texts with a format. */
#include "proto/formats.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unicode/uloc.h>

#include "core/currency.h"
#include "core/id.h"
#include "core/log.h"
#include "core/text.h"
#include "core/time.h"
#include "proto/phone.h"
#include "proto/validate.h"

enum {
    DECIMAL_WHOLE = 18,   /* digits before the point */
    DECIMAL_FRACTION = 6, /* digits after it */
    EMAIL_LOCAL_MAX = 64,
    EMAIL_MAX = 254,
    LABEL_MAX = 63, /* of a host name */
    TIME_ZONE_MAX = 64,
    LANGUAGE_MAX = 35,
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *
with_case(sfms_arena *a, const char *text, int (*change)(int))
{
    char *copy = sfms_strdup(a, text);

    for (char *p = copy; *p != '\0'; p++)
        if (is_letter(*p))
            *p = (char)change(*p);
    return copy;
}

bool
sfms_decimal_valid(const char *text)
{
    const char *p = text + (text[0] == '-' ? 1 : 0);
    size_t whole = strspn(p, "0123456789");

    if (whole == 0 || whole > DECIMAL_WHOLE)
        return false;
    if (p[whole] == '\0')
        return true;
    size_t fraction = strspn(p + whole + 1, "0123456789");
    return p[whole] == '.' && fraction > 0 && fraction <= DECIMAL_FRACTION && p[whole + 1 + fraction] == '\0';
}

/* normal_decimal takes away zeros that say nothing, and the sign of a zero. */
static const char *
normal_decimal(sfms_arena *a, const char *text)
{
    if (!sfms_decimal_valid(text))
        return NULL;

    bool negative = text[0] == '-';
    const char *p = text + (negative ? 1 : 0);
    while (p[0] == '0' && is_digit(p[1]))
        p++;
    size_t n = strlen(p);
    if (strchr(p, '.') != NULL) {
        while (p[n - 1] == '0')
            n--;
        if (p[n - 1] == '.')
            n--;
    }
    if (n == 1 && p[0] == '0')
        negative = false;
    return sfms_printf(a, "%s%.*s", negative ? "-" : "", (int)n, p);
}

static const char *
normal_currency(sfms_arena *a, const char *text)
{
    const sfms_currency *currency = sfms_currency_find(with_case(a, text, toupper));

    return currency != NULL ? currency->code : NULL;
}

static const char *
normal_country(sfms_arena *a, const char *text)
{
    const char *code = with_case(a, text, toupper);

    for (const char *const *known = uloc_getISOCountries(); *known != NULL; known++)
        if (strcmp(*known, code) == 0)
            return code;
    return NULL;
}

/* currency_of answers that of the caller's organisation; NULL if nobody is signed in. */
static const sfms_currency *
currency_of(const sfms_call *call)
{
    return call->principal != NULL ? sfms_currency_find(call->principal->currency) : NULL;
}

/* normal_money refuses what cannot be paid: decimals that the currency does not have. */
static const char *
normal_money(const sfms_call *call, const char *text)
{
    const char *normal = normal_decimal(call->arena, text);
    const sfms_currency *currency = currency_of(call);

    if (normal == NULL || currency == NULL)
        return normal;
    const char *point = strchr(normal, '.');
    return point == NULL || strlen(point + 1) <= (size_t)currency->digits ? normal : NULL;
}

/* host_length answers how many bytes of text are a host name: labels of letters, digits, hyphens and anything that is
 * not ASCII, with points between them. 0 if it does not begin with one. */
static size_t
host_length(const char *text)
{
    size_t n = 0;
    size_t label = 0;

    for (; text[n] != '\0'; n++) {
        bool plain = is_letter(text[n]) || is_digit(text[n]) || (unsigned char)text[n] >= 0x80;

        if (text[n] == '.') {
            if (label == 0 || text[n - 1] == '-')
                return 0;
            label = 0;
            continue;
        }
        if (!plain && (text[n] != '-' || label == 0))
            break;
        if (++label > LABEL_MAX)
            return 0;
    }
    return label == 0 || text[n - 1] == '-' ? 0 : n;
}

/* normal_email answers an address as it is compared: half width, and one case for all letters. */
static const char *
normal_email(sfms_arena *a, const char *typed)
{
    const char *text = sfms_text_lower(a, typed);
    const char *at = strrchr(text, '@');

    if (at == NULL || at == text || at - text > EMAIL_LOCAL_MAX || strlen(text) > EMAIL_MAX)
        return NULL;
    for (const char *p = text; p < at; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f || strchr("()<>[]:;,\"\\@", *p) != NULL)
            return NULL;
    if (text[0] == '.' || at[-1] == '.' || sfms_text_hides(typed))
        return NULL;
    size_t host = host_length(at + 1);
    if (host == 0 || at[1 + host] != '\0' || strchr(at + 1, '.') == NULL)
        return NULL;
    return text;
}

/* country_of answers that of the caller's organisation; "" if it is not known. */
static const char *
country_of(const sfms_call *call)
{
    return call->principal != NULL ? call->principal->country : "";
}

static const char *
normal_url(const char *text)
{
    size_t scheme = strncasecmp(text, "http://", 7) == 0 ? 7 : strncasecmp(text, "https://", 8) == 0 ? 8 : 0;

    if (scheme == 0)
        return NULL;
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f || strchr("\"<>\\^`{|}", *p) != NULL)
            return NULL;
    /* Host, port, path; no user and password in front of the host, as links with those deceive. */
    size_t host = host_length(text + scheme);
    const char *rest = text + scheme + host;
    if (rest[0] == ':') {
        size_t port = strspn(rest + 1, "0123456789");

        if (port == 0 || port > 5)
            return NULL;
        rest += 1 + port;
    }
    return host > 0 && (rest[0] == '\0' || strchr("/?#", rest[0]) != NULL) ? text : NULL;
}

/* normal_time_zone looks at the letters only; whether there is such a zone, the database knows. */
static const char *
normal_time_zone(const char *text)
{
    size_t n = strlen(text);

    if (!is_letter(text[0]) || n > TIME_ZONE_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!is_letter(text[i]) && !is_digit(text[i]) && strchr("_+/-", text[i]) == NULL)
            return NULL;
    return text;
}

static const char *
normal_language(const char *text)
{
    size_t letters = 0;

    while (is_letter(text[letters]))
        letters++;
    if (letters < 2 || letters > 8 || strlen(text) > LANGUAGE_MAX)
        return NULL;
    for (const char *p = text + letters; *p != '\0';) {
        size_t n = 1;

        if (*p != '-')
            return NULL;
        while (is_letter(p[n]) || is_digit(p[n]))
            n++;
        if (n < 2 || n > 9)
            return NULL;
        p += n;
    }
    return text;
}

static bool
is_time_of_day(const char *text)
{
    return strlen(text) == 5 && is_digit(text[0]) && is_digit(text[1]) && text[2] == ':' &&
           is_digit(text[3]) && is_digit(text[4]) && text[3] <= '5' &&
           (text[0] < '2' || (text[0] == '2' && text[1] <= '3'));
}

const char *
sfms_format_normal(const sfms_call *call, Pb__Format format, const char *text)
{
    sfms_arena *a = call->arena;

    switch ((int)format) {
    case PB__FORMAT__FORMAT_UNSPECIFIED:
        return text;
    case PB__FORMAT__UUID:
        return sfms_id_valid(text) ? with_case(a, text, tolower) : NULL;
    case PB__FORMAT__DATE:
        return sfms_date_valid(text) ? text : NULL;
    case PB__FORMAT__DECIMAL:
        return normal_decimal(a, text);
    case PB__FORMAT__CURRENCY:
        return normal_currency(a, text);
    case PB__FORMAT__EMAIL:
        return normal_email(a, text);
    case PB__FORMAT__PHONE:
        return sfms_phone_normal(a, country_of(call), text);
    case PB__FORMAT__URL:
        return normal_url(text);
    case PB__FORMAT__TIME_ZONE:
        return normal_time_zone(text);
    case PB__FORMAT__LANGUAGE:
        return normal_language(text);
    case PB__FORMAT__COUNTRY:
        return normal_country(a, text);
    case PB__FORMAT__MONEY:
        return normal_money(call, text);
    case PB__FORMAT__TIME_OF_DAY:
        return is_time_of_day(text) ? text : NULL;
    case PB__FORMAT__PERMISSION:
        return sfms_contract_permission(call->contract, text) != NULL ? text : NULL;
    }
    SFMS_WRONG("format not covered by sfms_format_normal");
}

bool
sfms_format_is_number(Pb__Format format)
{
    return format == PB__FORMAT__DECIMAL || format == PB__FORMAT__MONEY;
}

const char *
sfms_format_name(const sfms_call *call, Pb__Format format)
{
    static const char *const names[][SFMS_LOCALES] = {
        [PB__FORMAT__FORMAT_UNSPECIFIED] = {"text in UTF-8", "UTF-8 文本"},
        [PB__FORMAT__UUID] = {"a UUID", "UUID"},
        [PB__FORMAT__DATE] = {"a date such as 2026-11-23", "日期，例如 2026-11-23"},
        [PB__FORMAT__DECIMAL] = {"a decimal number with at most 18 digits before and 6 after the point",
            "十进制数，整数部分最多 18 位，小数部分最多 6 位"},
        [PB__FORMAT__CURRENCY] = {"an ISO 4217 currency code such as CNY", "ISO 4217 货币代码，例如 CNY"},
        [PB__FORMAT__EMAIL] = {"a mail address", "邮箱地址"},
        [PB__FORMAT__PHONE] = {"a phone number with + and its country code, such as +86 10 6552 9988",
            "带 + 和国家代码的电话号码，例如 +86 10 6552 9988"},
        [PB__FORMAT__URL] = {"an http or https address", "http 或 https 网址"},
        [PB__FORMAT__TIME_ZONE] = {"an IANA time zone such as Asia/Shanghai",
            "IANA 时区，例如 Asia/Shanghai"},
        [PB__FORMAT__LANGUAGE] = {"a language tag such as zh-CN", "语言标签，例如 zh-CN"},
        [PB__FORMAT__COUNTRY] = {"a country of ISO 3166-1 such as CN", "ISO 3166-1 国家或地区代码，例如 CN"},
        [PB__FORMAT__TIME_OF_DAY] = {"a time of day such as 14:30", "时刻，例如 14:30"},
        [PB__FORMAT__PERMISSION] = {"a permission such as deals.write", "权限，例如 deals.write"},
        [PB__FORMAT__MONEY] =
            {"an amount, a decimal number with at most 18 digits before and %d after the point%s%s",
                "金额，十进制数，整数部分最多 18 位，小数部分最多 %d 位%s%s"},
    };

    const char *name = names[format][call->locale];
    const sfms_currency *currency = currency_of(call);
    const char *country = country_of(call);
    bool chinese = call->locale == SFMS_LOCALE_ZH;

    if (format == PB__FORMAT__PHONE && country[0] != '\0')
        return sfms_printf(
            call->arena, "%s%s%s", name, chinese ? "，或有效的本国号码：" : ", or a valid one of ", country);
    if (format == PB__FORMAT__MONEY && currency == NULL)
        return sfms_printf(call->arena, name, DECIMAL_FRACTION, "", "");
    if (format == PB__FORMAT__MONEY)
        return sfms_printf(call->arena, name, currency->digits, chinese ? "：" : ", as in ", currency->code);
    return name;
}
