/*
 * phone.h -- telephone numbers: what people write, and the one form in which a number is stored.
 *
 * The form is E.164, "+8673188886666"; an extension is behind it as in RFC 3966, "+8673188886666;ext=8001". A service number that
 * is dialled inside its country only, and so has no such form, stays as it is dialled there: "95588".
 */
#ifndef SFMS_PROTO_PHONE_H
#define SFMS_PROTO_PHONE_H

#include "core/arena.h"

/* sfms_phone_normal answers the form of a number; NULL if the text is none. country is where the writer is (ISO 3166-1), ""
 * if that is not known: its rules are those of a number that does not begin with "+", and such a number must be a valid one of
 * that country. With "+" it is enough that it has the right length, as new ranges are opened faster than rules are
 * brought up to date. Full-width digits, dashes, blanks, brackets and "(0)" are read as people mean them. */
const char *sfms_phone_normal(sfms_arena *a, const char *country, const char *text);

#endif
