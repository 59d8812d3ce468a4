/* position.h -- pages of handwritten lists: their size, and sealed texts that say where to go on. */
#ifndef SFMS_RPC_POSITION_H
#define SFMS_RPC_POSITION_H

#include "proto/call.h"

enum { SFMS_POSITION_PARTS = 2 };

/* sfms_page_size cuts the size that was asked to what a page may have. */
int sfms_page_size(int32_t asked);

/* sfms_position_seal makes a token of two texts (page tokens, cursors). list names the list and those
 * of its arguments that may not change from page to page. Only the same organisation can open it. */
char *sfms_position_seal(sfms_call *call, const char *list, const char *first, const char *second);

/* sfms_position_open reads what sfms_position_seal made for the same list into ret; an empty
 * token leaves ret as it is. Fails the call with bad_page_token. */
sfms_status sfms_position_open(
    sfms_call *call, const char *list, const char *token, const char *ret[SFMS_POSITION_PARTS]);

#endif
