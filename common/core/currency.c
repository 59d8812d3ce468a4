/* currency.c -- the currencies of ISO 4217. */
#include "core/currency.h"

#include <stdlib.h>
#include <string.h>

#define CURRENCY(code, digits, country) {#code, digits, country},
const sfms_currency sfms_currencies[] = {
#include "core/currencies.def"
    {"", 0, ""},
};
#undef CURRENCY

enum { CURRENCIES = sizeof(sfms_currencies) / sizeof(sfms_currencies[0]) - 1 };

static int
compare(const void *code, const void *currency)
{
    return strcmp(code, ((const sfms_currency *)currency)->code);
}

const sfms_currency *
sfms_currency_find(const char *code)
{
    return bsearch(code, sfms_currencies, CURRENCIES, sizeof(sfms_currencies[0]), compare);
}
