/*
 * address.h -- network addresses as text, as sockets and proxies write them.
 */
#ifndef SFMS_CORE_ADDRESS_H
#define SFMS_CORE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

enum { SFMS_ADDRESS_SIZE = 64 }; /* of a buffer for an address or a network */

/* sfms_address_read finds the address in n bytes of text: alone, in brackets or quotes, with a port or a zone. It is written
 * in its one form; an IPv4 address that travels inside IPv6 (::ffff:0:0/96, 64:ff9b::/96) as the IPv4 address that it is.
 * False, and "", if there is no address. */
bool sfms_address_read(const char *text, size_t n, char ret[SFMS_ADDRESS_SIZE]);

/* sfms_address_network writes whose an address is, for counting: an IPv4 address stands for itself, an IPv6 address for its
 * /64, as whoever has one has all of them. Text that is no address stays as it is, cut to the size. */
void sfms_address_network(const char *address, char ret[SFMS_ADDRESS_SIZE]);

#endif
