/* keys.h -- the external keys of rows: which of them have been met. */
#ifndef SFMS_EXCHANGE_KEYS_H
#define SFMS_EXCHANGE_KEYS_H

#include "rows.h"

typedef struct import_keys import_keys;

/* import_keys_new makes an empty set that lives as long as the arena. */
import_keys *import_keys_new(sfms_arena *a);

/* import_keys_add adds the key of a row; false if it is there already. A row without a key has one of its own. */
bool import_keys_add(import_keys *keys, const import_row *row);

/* import_keys_has is true if a row with the same key has been added. */
bool import_keys_has(const import_keys *keys, const import_row *row);

#endif
