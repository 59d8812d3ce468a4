/*
 * id.h -- UUIDs of version 7 (RFC 9562): sorted by the time they were made.
 */
#ifndef SFMS_CORE_ID_H
#define SFMS_CORE_ID_H

#include <stdbool.h>

enum { SFMS_ID_SIZE = 37 };

/* sfms_id_make writes a new id in lower case and a NUL. Ids of one thread never go back. */
void sfms_id_make(char out[SFMS_ID_SIZE]);

/* sfms_id_valid is true for 8-4-4-4-12 hexadecimal digits of any version and case. */
bool sfms_id_valid(const char *text);

#endif
