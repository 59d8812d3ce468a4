/*
 * formats.h -- texts with a format: is it one, and what is its normal form?
 */
#ifndef SFMS_PROTO_FORMATS_H
#define SFMS_PROTO_FORMATS_H

#include "proto/call.h"
#include "sfms/api/v1/annotations.pb-c.h"

/* sfms_format_normal answers the normal form of a text that is not empty: text itself if it is that already, otherwise a
 * copy in the call's arena; NULL if the text does not have the format. Texts of no format are their own normal form. What is
 * right for an amount or a phone number depends on the caller's organisation. */
const char *sfms_format_normal(const sfms_call *call, Pb__Format format, const char *text);

/* sfms_format_name says what the format asks for, e.g. "a date such as 2026-11-23", in the caller's language. */
const char *sfms_format_name(const sfms_call *call, Pb__Format format);

/* sfms_format_is_number is true for the formats that are compared and ordered as numbers. */
bool sfms_format_is_number(Pb__Format format);

#endif
