/* client.c -- at which network address a request begins. */
#include "client.h"

#include <stdatomic.h>
#include <string.h>

#include "core/address.h"
#include "core/log.h"

enum { NOT_SAID = -1, AGENT_MAX = 200 };

static bool
is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}

void
client_start(const gateway_config *config)
{
    if (config->trust_proxy == NOT_SAID && !is_loopback(config->host))
        sfms_log(SFMS_LOG_WARN,
            "SFMS_TRUST_PROXY is not set: all who come through a proxy have its address, and share what is "
            "counted by "
            "address; set it to the number of proxies in front, or to 0 if there is none");
}

/* Each proxy adds the address that it saw to the end of the list, so the last ones are known and all before are only said.
 * Answers the entry that the outermost of our proxies wrote; the first if there are fewer. */
static bool
entry_from_end(const char *list, int number, char ret[SFMS_ADDRESS_SIZE])
{
    const char *end = list + strlen(list), *start = end;

    for (;;) {
        while (start > list && start[-1] != ',')
            start--;
        if (--number <= 0 || start == list)
            return sfms_address_read(start, (size_t)(end - start), ret);
        end = --start;
    }
}

static void
warn_once(const request *r)
{
    static atomic_bool warned;

    if (atomic_load_explicit(&warned, memory_order_relaxed) || atomic_exchange(&warned, true))
        return;
    sfms_log(SFMS_LOG_WARN,
        "requests from %s carry %s, which is not trusted, so that all its clients share one address; if that "
        "is your "
        "proxy, set SFMS_TRUST_PROXY to the number of proxies in front",
        r->peer, r->head.forwarded_for != NULL ? "X-Forwarded-For" : "Forwarded");
}

/* What can be shown of it, at most AGENT_MAX characters. */
static const char *
agent_of(request *r)
{
    char *agent = sfms_strndup(r->call.arena, r->head.user_agent, strnlen(r->head.user_agent, AGENT_MAX));

    for (char *c = agent; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return agent;
}

void
client_find(request *r)
{
    int proxies = r->gw->config.trust_proxy;
    char address[SFMS_ADDRESS_SIZE];

    r->call.peer = r->peer;
    if (r->head.user_agent != NULL)
        r->call.agent = agent_of(r);
    if (proxies <= 0 && (r->head.forwarded_for != NULL || r->head.forwarded != NULL))
        warn_once(r);
    if (r->head.forwarded_for == NULL || !entry_from_end(r->head.forwarded_for, proxies, address))
        return;
    if (proxies > 0)
        r->call.peer = sfms_strdup(r->call.arena, address);
    else
        r->call.claimed = sfms_strdup(r->call.arena, address);
}
