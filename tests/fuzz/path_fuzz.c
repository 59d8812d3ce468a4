/* path_fuzz.c -- request targets and headers are taken apart without harm, whatever they are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/address.h"
#include "gateway/head.c"
#include "gateway/path.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    const char *name, *value;
    char address[SFMS_ADDRESS_SIZE];
    path_parts parts;
    uint64_t versions[HEAD_TAGS_MAX];
    unsigned n;

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    (void)head_if_match(text, versions, &n);
    (void)head_is_json(text);
    (void)head_bearer(text);
    if (sfms_address_read(text, size, address))
        sfms_address_network(text, address);
    if (path_split(text, &parts)) {
        char *cursor = parts.query;
        while (path_query_next(&cursor, &name, &value) == 1)
            continue;
    }
    free(text);
    return 0;
}
