/* customers.h -- the nouns of this service; each is one file. */
#ifndef SFMS_CUSTOMERS_H
#define SFMS_CUSTOMERS_H

#include "rpc/server.h"

extern const sfms_noun customers_conversion;

#endif
