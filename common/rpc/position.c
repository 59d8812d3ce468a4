/* position.c -- pages of handwritten lists. */
#include "rpc/position.h"

#include <string.h>

#include "core/buf.h"
#include "core/limits.h"
#include "rpc/server.h"

int
sfms_page_size(int32_t asked)
{
    if (asked <= 0)
        return SFMS_PAGE_DEFAULT;
    return asked > SFMS_PAGE_MAX ? SFMS_PAGE_MAX : asked;
}

/* What is sealed: organisation, list and the two parts, each with its NUL. */
char *
sfms_position_seal(sfms_call *call, const char *list, const char *first, const char *second)
{
    const char *parts[] = {call->principal->org_id, list, first, second};
    sfms_buf b;

    sfms_buf_init(&b, call->arena, SFMS_URL_MAX);
    for (size_t i = 0; i < 4; i++)
        sfms_buf_mem(&b, parts[i], strlen(parts[i]) + 1);
    return sfms_ring_seal(call->arena, sfms_env()->token_ring, b.data, b.len);
}

sfms_status
sfms_position_open(sfms_call *call, const char *list, const char *token, const char *ret[SFMS_POSITION_PARTS])
{
    const char *parts[4];
    const char *data, *at;
    size_t len;

    if (token[0] == '\0')
        return SFMS_OK;
    data = sfms_ring_unseal(call->arena, sfms_env()->token_ring, token, &len);
    if (data == NULL)
        return sfms_fail(call, &sfms_bad_page_token);
    at = data;
    for (size_t i = 0; i < 4; i++) {
        const char *end = memchr(at, '\0', len - (size_t)(at - data));

        if (end == NULL)
            return sfms_fail(call, &sfms_bad_page_token);
        parts[i] = at;
        at = end + 1;
    }
    if (strcmp(parts[0], call->principal->org_id) != 0 || strcmp(parts[1], list) != 0)
        return sfms_fail(call, &sfms_bad_page_token);
    ret[0] = parts[2];
    ret[1] = parts[3];
    return SFMS_OK;
}
