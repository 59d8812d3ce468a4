/* no_gnutls.c -- for processes that do not use GnuTLS. libpq brings libldap, and that brings GnuTLS, which makes itself
 * ready when it is loaded: 0.9 MB of each process. This is its own way of being told not to; whoever needs it after
 * all calls gnutls_global_init first. */
#include <gnutls/gnutls.h>

GNUTLS_SKIP_GLOBAL_INIT
