/*
 * currency.h -- the currencies of ISO 4217: how many decimals an amount of each has, and whose it is.
 *
 * The table, currencies.def, is the only place that knows: `sfmsctl migrate` copies it to app.currencies for SQL.
 */
#ifndef SFMS_CORE_CURRENCY_H
#define SFMS_CORE_CURRENCY_H

typedef struct {
    char code[4];
    int digits;      /* after the point: 0 for yen, 3 for dinars */
    char country[3]; /* whose it is, in ISO 3166-1; "" where it is that of several */
} sfms_currency;

/* sfms_currencies is in the order of the codes and ends with one whose code is "". */
extern const sfms_currency sfms_currencies[];

/* sfms_currency_find answers the currency of a code in capital letters; NULL if there is none. */
const sfms_currency *sfms_currency_find(const char *code);

#endif
