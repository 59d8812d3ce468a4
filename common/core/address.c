/* address.c -- network addresses as text, as sockets and proxies write them. */
#include "core/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* What stands before the last four bytes of an IPv6 address that are an IPv4 address. */
static const unsigned char inside[][12] = {
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, /* mapped, RFC 4291 */
    {0, 0x64, 0xff, 0x9b},                      /* translated, RFC 6052 */
};

/* Takes blanks and quotes off both ends. */
static const char *
trimmed(const char *text, size_t *n)
{
    while (*n > 0 && strchr(" \t\"", text[*n - 1]) != NULL)
        (*n)--;
    while (*n > 0 && strchr(" \t\"", *text) != NULL) {
        text++;
        (*n)--;
    }
    return text;
}

/* Copies the address without brackets, port and zone; false if it is too long for one. */
static bool
bare(const char *text, size_t n, char ret[SFMS_ADDRESS_SIZE])
{
    const char *end;

    if (n > 0 && *text == '[') {
        text++;
        end = memchr(text, ']', n - 1);
        if (end == NULL)
            return false;
        n = (size_t)(end - text);
    } else {
        const char *colon = memchr(text, ':', n);

        if (colon != NULL && memchr(colon + 1, ':', (size_t)(text + n - colon - 1)) == NULL)
            n = (size_t)(colon - text); /* one colon: of a port */
    }
    end = memchr(text, '%', n);
    if (end != NULL)
        n = (size_t)(end - text);
    if (n >= SFMS_ADDRESS_SIZE)
        return false;
    memcpy(ret, text, n);
    ret[n] = '\0';
    return true;
}

bool
sfms_address_read(const char *text, size_t n, char ret[SFMS_ADDRESS_SIZE])
{
    char one[SFMS_ADDRESS_SIZE];
    unsigned char bytes[16];

    ret[0] = '\0';
    text = trimmed(text, &n);
    if (!bare(text, n, one))
        return false;
    if (inet_pton(AF_INET, one, bytes) == 1)
        return inet_ntop(AF_INET, bytes, ret, SFMS_ADDRESS_SIZE) != NULL;
    if (inet_pton(AF_INET6, one, bytes) != 1)
        return false;
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        if (memcmp(bytes, inside[i], sizeof *inside) == 0)
            return inet_ntop(AF_INET, bytes + sizeof *inside, ret, SFMS_ADDRESS_SIZE) != NULL;
    }
    return inet_ntop(AF_INET6, bytes, ret, SFMS_ADDRESS_SIZE) != NULL;
}

void
sfms_address_network(const char *address, char ret[SFMS_ADDRESS_SIZE])
{
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];

    if (inet_pton(AF_INET6, address, bytes) != 1) {
        snprintf(ret, SFMS_ADDRESS_SIZE, "%s", address);
        return;
    }
    memset(bytes + 8, 0, 8);
    snprintf(ret, SFMS_ADDRESS_SIZE, "%s/64", inet_ntop(AF_INET6, bytes, text, sizeof text));
}
