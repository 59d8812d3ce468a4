/*
 * status.h -- how a call ends: gRPC's codes, and the reasons that people and programs read.
 */
#ifndef SFMS_CORE_STATUS_H
#define SFMS_CORE_STATUS_H

#include <stdbool.h>

/* The seventeen codes of google.rpc.Code, with their numbers. status.def has names, HTTP statuses and titles. */
typedef enum {
#define STATUS(name, number, http, title_en, title_zh) SFMS_##name = (number),
#include "core/status.def"
#undef STATUS
} sfms_status;

typedef enum { SFMS_LOCALE_EN, SFMS_LOCALE_ZH, SFMS_LOCALES } sfms_locale;

/* A reason is one way to fail: a stable name for programs and a sentence for people in each language.
 * The sentences are printf formats that take the same arguments; use %1$s where the order differs. */
typedef struct {
    const char *name; /* UPPER_SNAKE, part of the contract */
    sfms_status status;
    const char *text[SFMS_LOCALES];
} sfms_reason;

/* Reasons that any service may give; services define their own beside the handler that gives them. */
#define REASON(symbol, name, status, en, zh) extern const sfms_reason sfms_##symbol;
#include "core/reasons.def"
#undef REASON

/* sfms_status_name answers "NOT_FOUND" and the like; "UNKNOWN" for a number that is none. */
const char *sfms_status_name(sfms_status status);

/* sfms_status_http answers the HTTP status for a code: 200, 404, ... */
int sfms_status_http(sfms_status status);

/* sfms_status_title answers a short text that is the same for all errors of a code. */
const char *sfms_status_title(sfms_status status, sfms_locale locale);

/* sfms_locale_parse reads an Accept-Language header or a language tag; English if it names no language that we have.
 * Quality values are honoured. */
sfms_locale sfms_locale_parse(const char *accept_language);

/* sfms_locale_name answers "en" or "zh-CN". */
const char *sfms_locale_name(sfms_locale locale);

#endif
