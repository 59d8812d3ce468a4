/* position.h -- pages of handwritten lists: their size, and sealed texts that say where to go on. */
#ifndef SFMS_ACTIVITIES_POSITION_H
#define SFMS_ACTIVITIES_POSITION_H

#include "proto/call.h"

enum { ACTIVITIES_POSITION_PARTS = 2 };

/* activities_page_size cuts the size that was asked to what a page may have. */
int activities_page_size(int32_t asked);

/* activities_position_seal makes a token of two texts (page tokens, cursors). list names the list and those
 * of its arguments that may not change from page to page. Only the same organisation can open it. */
char *activities_position_seal(sfms_call *call, const char *list, const char *first, const char *second);

/* activities_position_open reads what activities_position_seal made for the same list into ret; an empty
 * token leaves ret as it is. Fails the call with bad_page_token. */
sfms_status activities_position_open(
    sfms_call *call, const char *list, const char *token, const char *ret[ACTIVITIES_POSITION_PARTS]);

#endif
