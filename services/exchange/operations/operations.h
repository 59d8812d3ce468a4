/* operations.h -- jobs as who has started them sees them. */
#ifndef SFMS_EXCHANGE_OPERATIONS_H
#define SFMS_EXCHANGE_OPERATIONS_H

#include "proto/call.h"
#include "sfms/exchange/v1/operations.pb-c.h"

/* exchange_operation_load reads an operation; NOT_FOUND if there is none that the caller sees. */
sfms_status exchange_operation_load(sfms_call *call, const char *id, Pb__Operation *out);

#endif
