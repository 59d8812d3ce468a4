/* socket.c -- nng sockets: addresses, TLS. What nng 1.5.2 needs beyond that is in nng_old.c. */
#include "rpc/socket.h"

#include <nng/supplemental/tls/tls.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/log.h"

enum { NNG_HEADER_MAX = 64 }; /* what nng adds to a message */

int
sfms_socket_options(nng_socket socket)
{
    return nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, SFMS_MESSAGE_MAX + NNG_HEADER_MAX);
}

static int end_status;

static void
end_now(int signal_number)
{
    (void)signal_number;
    _exit(end_status);
}

void
sfms_socket_deadline(unsigned seconds, int status)
{
    end_status = status;
    (void)signal(SIGALRM, end_now);
    (void)alarm(seconds);
}

/* ---- addresses --------------------------------------------------------------------------------------- */

static bool
starts_with(const char *url, const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

static bool
over_tls(const char *url)
{
    return starts_with(url, "tls+tcp://");
}

static bool
over_tcp(const char *url)
{
    return over_tls(url) || starts_with(url, "tcp://");
}

void
sfms_address_check(const char *url, size_t n, const sfms_tls *tls)
{
    char text[256];
    nng_url *parsed;
    bool good;

    if (n == 0 || n >= sizeof(text))
        sfms_die("SFMS_SERVICES has an address that is empty or too long: \"%.*s\"", (int)n, url);
    memcpy(text, url, n);
    text[n] = '\0';
    if (!over_tcp(text) && !starts_with(text, "ipc://"))
        sfms_die(
            "SFMS_SERVICES: \"%s\" is no address; write ipc:///path, tcp://host:port or tls+tcp://host:port",
            text);
    if (nng_url_parse(&parsed, text) != 0)
        sfms_die("SFMS_SERVICES: \"%s\" is no address", text);
    good = !over_tcp(text) || (parsed->u_hostname[0] != '\0' && parsed->u_port[0] != '\0');
    nng_url_free(parsed);
    if (!good)
        sfms_die("SFMS_SERVICES: \"%s\" wants a host and a port", text);
    if (over_tls(text) && tls->ca[0] == '\0')
        sfms_die("SFMS_TLS_CA or SFMS_TLS_CA_FILE must be set: SFMS_SERVICES has %s", text);
}

/* ---- TLS --------------------------------------------------------------------------------------------- */

/* A configuration for one address; server is the name that the other's certificate must have, NULL if we are the server. */
static nng_tls_config *
make_config(const sfms_tls *tls, const char *server)
{
    nng_tls_config *config;
    bool ask = server != NULL || tls->clients != 0;

    if (nng_tls_config_alloc(&config, server != NULL ? NNG_TLS_MODE_CLIENT : NNG_TLS_MODE_SERVER) != 0)
        sfms_die("TLS cannot be used: this nng has been built without it");
    if (tls->ca[0] != '\0' && nng_tls_config_ca_chain(config, tls->ca, NULL) != 0)
        sfms_die("SFMS_TLS_CA, or the file that SFMS_TLS_CA_FILE names, has no certificate in PEM form");
    if (tls->cert[0] != '\0' && nng_tls_config_own_cert(config, tls->cert, tls->key, NULL) != 0)
        sfms_die(
            "SFMS_TLS_CERT and SFMS_TLS_KEY, or the files that SFMS_TLS_CERT_FILE and SFMS_TLS_KEY_FILE name,"
            " are no certificate and private key in PEM form");
    if (server != NULL && nng_tls_config_server_name(config, server) != 0)
        sfms_die("out of memory");
    nng_tls_config_auth_mode(config, ask ? NNG_TLS_AUTH_MODE_REQUIRED : NNG_TLS_AUTH_MODE_NONE);
    return config;
}

void
sfms_tls_check(const sfms_tls *tls)
{
    if ((tls->cert[0] != '\0') != (tls->key[0] != '\0'))
        sfms_die("SFMS_TLS_CERT and SFMS_TLS_KEY belong together; only SFMS_TLS_%s is set",
            tls->cert[0] != '\0' ? "CERT" : "KEY");
    if (tls->ca[0] != '\0' || tls->cert[0] != '\0')
        nng_tls_config_free(make_config(tls, "any"));
}

/* ---- listening and dialing --------------------------------------------------------------------------- */

static int
listen_with_tls(nng_listener listener, const char *url, const sfms_tls *tls)
{
    nng_tls_config *config;
    int rv;

    if (tls->cert[0] == '\0')
        sfms_die("SFMS_TLS_CERT and SFMS_TLS_KEY, or their _FILE, must be set to listen at %s", url);
    if (tls->clients != 0 && tls->ca[0] == '\0')
        sfms_die("SFMS_TLS_CA or SFMS_TLS_CA_FILE must be set, or SFMS_TLS_CLIENTS=0, to listen at %s", url);
    config = make_config(tls, NULL);
    rv = nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config);
    return rv;
}

/* A connection whose other host has gone without a word ends some day. */
int
sfms_listen(nng_socket socket, const char *url, const sfms_tls *tls)
{
    nng_listener listener;
    int rv = nng_listener_create(&listener, socket, url);

    if (rv == 0 && over_tcp(url))
        rv = nng_listener_set_bool(listener, NNG_OPT_TCP_KEEPALIVE, true);
    if (rv == 0 && over_tls(url))
        rv = listen_with_tls(listener, url, tls);
    return rv == 0 ? nng_listener_start(listener, 0) : rv;
}

/* nng 1.5.2 takes the name that the certificate must have from the address only if it makes the configuration itself. */
static int
dial_with_tls(nng_dialer dialer, const char *url, const sfms_tls *tls)
{
    nng_tls_config *config;
    nng_url *parsed;
    int rv = nng_url_parse(&parsed, url);

    if (rv != 0)
        return rv;
    config = make_config(tls, parsed->u_hostname);
    nng_url_free(parsed);
    rv = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config);
    return rv;
}

int
sfms_dial(nng_socket socket, const char *url, const sfms_tls *tls)
{
    nng_dialer dialer;
    int rv = nng_dialer_create(&dialer, socket, url);

    if (rv == 0 && over_tcp(url))
        rv = nng_dialer_set_bool(dialer, NNG_OPT_TCP_KEEPALIVE, true);
    if (rv == 0 && over_tls(url))
        rv = dial_with_tls(dialer, url, tls);
    return rv == 0 ? nng_dialer_start(dialer, NNG_FLAG_NONBLOCK) : rv;
}
