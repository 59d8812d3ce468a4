/*
 * formats.h -- texts with a format: is it one, and what is its normal form?
 */
#ifndef SFMS_PROTO_FORMATS_H
#define SFMS_PROTO_FORMATS_H

#include "core/arena.h"
#include "core/status.h"
#include "sfms/api/v1/annotations.pb-c.h"

/* sfms_format_normal answers the normal form of a text that is not empty: text itself if it is that already, otherwise a
 * copy; NULL if the text does not have the format. Texts of no format are their own normal form. */
const char *sfms_format_normal(sfms_arena *a, Pb__Format format, const char *text);

/* sfms_format_name says what the format asks for, e.g. "a date such as 2026-11-23". */
const char *sfms_format_name(Pb__Format format, sfms_locale locale);

#endif
