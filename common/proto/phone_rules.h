/*
 * phone_rules.h -- the numbering rules of all countries, from libphonenumber, which is C++.
 *
 * They are a library of their own, sfms_phone.so, that a process loads when it sees its first number: linked into all, it
 * would cost each 6 MB of memory. Inside common/proto/phone.c only.
 */
#ifndef SFMS_PROTO_PHONE_RULES_H
#define SFMS_PROTO_PHONE_RULES_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SFMS_PHONE_SIZE = 24 }; /* of a normal form without extension, with its NUL */

/* sfms_phone_rules brings a number, digits with or without "+" before them, to its form. false if the rules do not allow it.
 * A number without "+" is one of the country's, as it is dialled there, and must be valid; so must any if certain is true. */
typedef bool
sfms_phone_rules_fn(const char *number, const char *country, bool certain, char ret[SFMS_PHONE_SIZE]);
__attribute__((visibility("default"))) sfms_phone_rules_fn sfms_phone_rules;

#ifdef __cplusplus
}
#endif

#endif
