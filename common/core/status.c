/* status.c -- the tables behind status.h. */
#include "core/status.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REASON(symbol, name, status, en, zh)                                                                 \
    const sfms_reason sfms_##symbol = {name, SFMS_##status, {en, zh}};
#include "core/reasons.def"
#undef REASON

static const struct {
    const char *name;
    int http;
    const char *title[SFMS_LOCALES];
} statuses[] = {
#define STATUS(name, number, http, title_en, title_zh) [number] = {#name, http, {title_en, title_zh}},
#include "core/status.def"
#undef STATUS
};

enum { N_STATUSES = sizeof statuses / sizeof statuses[0] };

static int
known(sfms_status status)
{
    return (unsigned)status < N_STATUSES ? (int)status : SFMS_UNKNOWN;
}

const char *
sfms_status_name(sfms_status status)
{
    return statuses[known(status)].name;
}

int
sfms_status_http(sfms_status status)
{
    return statuses[known(status)].http;
}

const char *
sfms_status_title(sfms_status status, sfms_locale locale)
{
    return statuses[known(status)].title[locale == SFMS_LOCALE_ZH ? SFMS_LOCALE_ZH : SFMS_LOCALE_EN];
}

/* quality reads the weight of one entry, "zh-CN;q=0.8", in thousandths. What is malformed weighs nothing. */
static int
quality(const char *entry, size_t n)
{
    const char *semicolon = memchr(entry, ';', n);
    const char *end = entry + n;

    if (semicolon == NULL)
        return 1000;
    const char *p = semicolon + 1;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (end - p < 3 || (*p != 'q' && *p != 'Q') || p[1] != '=' || (p[2] != '0' && p[2] != '1'))
        return 0;
    int weight = (p[2] - '0') * 1000;
    p += 3;
    if (p < end && *p == '.') {
        int unit = 100;

        for (p++; p < end && *p >= '0' && *p <= '9' && unit > 0; p++) {
            weight += (*p - '0') * unit;
            unit /= 10;
        }
    }
    return weight > 1000 ? 1000 : weight;
}

/* names is true if a language range is the language or one of its variants. */
static bool
names(const char *range, size_t n, const char *language)
{
    size_t len = strlen(language);

    if (n < len || strncasecmp(range, language, len) != 0)
        return false;
    return n == len || strchr("-_;. \t", range[len]) != NULL;
}

sfms_locale
sfms_locale_parse(const char *accept_language)
{
    sfms_locale best = SFMS_LOCALE_EN;
    int best_weight = 0;

    for (const char *p = accept_language; p != NULL && *p != '\0';) {
        p += strspn(p, ", \t");
        size_t n = strcspn(p, ",");
        int weight = quality(p, n);

        if (weight > best_weight && (names(p, n, "zh") || names(p, n, "en"))) {
            best = names(p, n, "zh") ? SFMS_LOCALE_ZH : SFMS_LOCALE_EN;
            best_weight = weight;
        }
        p += n;
    }
    return best;
}

const char *
sfms_locale_name(sfms_locale locale)
{
    return locale == SFMS_LOCALE_ZH ? "zh-CN" : "en";
}
