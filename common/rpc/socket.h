/*
 * socket.h -- where processes meet: addresses, TLS, and what all nng sockets of ours have in common.
 *
 * An address is ipc:///path on one host, and tcp://host:port or tls+tcp://host:port between hosts. With TLS, who connects
 * asks for a certificate of the CA that names the host of the address; and shows its own, if it has one. Who listens shows
 * its own, and asks for one of the CA unless it is told not to.
 */
#ifndef SFMS_RPC_SOCKET_H
#define SFMS_RPC_SOCKET_H

#include <nng/nng.h>
#include <stddef.h>

#include "core/config.h"

/* What a process needs for tls+tcp. Texts are PEM, and "" where there is none. */
typedef struct {
    const char *ca, *cert, *key;
    int clients; /* who connects must show a certificate */
} sfms_tls;

/* The rows of a table of options that fill the texts of an sfms_tls, which is a member of the struct. */
/* clang-format off */
#define SFMS_TLS_OPTIONS(type, member) \
    {"SFMS_TLS_CA", SFMS_OPT_SECRET, offsetof(type, member.ca), "", "for tls+tcp: certificates of the CA, in PEM"}, \
    {"SFMS_TLS_CERT", SFMS_OPT_SECRET, offsetof(type, member.cert), "", "for tls+tcp: own certificate, in PEM"}, \
    {"SFMS_TLS_KEY", SFMS_OPT_SECRET, offsetof(type, member.key), "", "for tls+tcp: its private key, in PEM"}
/* clang-format on */

/* sfms_tls_check ends the process with a sentence if the texts are not what they should be. */
void sfms_tls_check(const sfms_tls *tls);

/* sfms_address_check ends the process with a sentence if an address (n characters) that the process may connect to is none,
 * or needs TLS that is not configured. */
void sfms_address_check(const char *url, size_t n, const sfms_tls *tls);

/* sfms_socket_options sets what both ends of a connection need; answers nng's error. */
int sfms_socket_options(nng_socket socket);

/* sfms_listen and sfms_dial use an address; both answer nng's error. sfms_dial connects in the background. */
int sfms_listen(nng_socket socket, const char *url, const sfms_tls *tls);
int sfms_dial(nng_socket socket, const char *url, const sfms_tls *tls);

/* sfms_hang_up ends a connection while the process goes on. If a message is just arriving when nng 1.5.2 closes a connection, the
 * thread that clears up after all connections hangs (see sendmsg in socket.c), and whoever can connect can bring that about.
 * So the connection is shut down behind nng's back, and nng closes it when it has read its end. With ipc all connections of
 * the other process are: each of ours has but one. */
void sfms_hang_up(nng_pipe pipe);

/* True for the nng of Debian 12, which needs nng_old.c. */
#define SFMS_NNG_OLD (NNG_MAJOR_VERSION == 1 && NNG_MINOR_VERSION < 10)

enum { SFMS_CLOSE_SECONDS = 8 }; /* to close all sockets of a process */

/* sfms_socket_deadline ends the process with a status unless it is called again with 0 within so many seconds. For the time in
 * which a process that has answered everything closes its sockets: nng 1.5.2 never returns from that if a message is just
 * arriving on one of them. */
void sfms_socket_deadline(unsigned seconds, int status);

/* sfms_socket_watch begins to look whether nng still clears up after connections, and ends the process within two seconds if it
 * does not, so that it is started again. For processes that live long; call it once. */
void sfms_socket_watch(void);

#endif
