/* exchange.h -- the nouns of this service. */
#ifndef SFMS_EXCHANGE_H
#define SFMS_EXCHANGE_H

#include "rpc/server.h"

extern const sfms_noun exchange_imports;
extern const sfms_noun exchange_events;
extern const sfms_noun exchange_operations;
extern const sfms_noun exchange_bulk;

#endif
