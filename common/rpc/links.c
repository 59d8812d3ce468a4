/* links.c -- the links of a process, by the name of the service at the other end. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "rpc/link.h"

typedef struct {
    char *service;
    char *urls;
    sfms_link *link; /* NULL until it is opened */
} entry;

struct sfms_links {
    sfms_wire_keys keys;
    pthread_mutex_t lock; /* for opening */
    size_t n;
    entry *entries;
};

/* Reads "name=url[|url]" of n bytes. */
static void
add_entry(sfms_links *links, const char *text, size_t n)
{
    const char *equals = memchr(text, '=', n);
    entry *e;

    if (equals == NULL || equals == text || equals + 1 == text + n)
        sfms_die("SFMS_SERVICES: \"%.*s\" is not name=url", (int)n, text);
    links->entries = realloc(links->entries, (links->n + 1) * sizeof(*links->entries));
    if (links->entries == NULL)
        sfms_die("out of memory");
    for (const char *url = equals + 1; url <= text + n;) {
        size_t left = (size_t)(text + n - url), len = strcspn(url, "|");

        sfms_address_check(url, len < left ? len : left, &links->keys.tls);
        url += len + 1;
    }
    e = &links->entries[links->n++];
    e->service = strndup(text, (size_t)(equals - text));
    e->urls = strndup(equals + 1, n - (size_t)(equals + 1 - text));
    e->link = NULL;
    if (e->service == NULL || e->urls == NULL)
        sfms_die("out of memory");
}

sfms_links *
sfms_links_open_lazy(const char *list, const sfms_wire_keys *keys)
{
    sfms_links *links = calloc(1, sizeof(*links));

    if (links == NULL)
        sfms_die("out of memory");
    links->keys = *keys;
    pthread_mutex_init(&links->lock, NULL);
    /* As sfms_config_lookup reads it: entries end with a comma or a line, and blanks around them mean nothing. */
    for (list += strspn(list, ", \t\n"); *list != '\0'; list += strspn(list, ", \t\n")) {
        size_t n = strcspn(list, ",\n"), used = n;

        while (list[used - 1] == ' ' || list[used - 1] == '\t')
            used--;
        add_entry(links, list, used);
        list += n;
    }
    return links;
}

static sfms_link *
opened(sfms_links *links, entry *e)
{
    sfms_link *link;

    pthread_mutex_lock(&links->lock);
    if (e->link == NULL)
        e->link = sfms_link_open(e->service, e->urls, &links->keys);
    link = e->link;
    pthread_mutex_unlock(&links->lock);
    return link;
}

sfms_links *
sfms_links_open(const char *list, const sfms_wire_keys *keys)
{
    sfms_links *links = sfms_links_open_lazy(list, keys);

    for (size_t i = 0; i < links->n; i++)
        opened(links, &links->entries[i]);
    return links;
}

void
sfms_links_close(sfms_links *links, int timeout_ms)
{
    if (links == NULL)
        return;
    for (size_t i = 0; i < links->n; i++) {
        sfms_link_close(links->entries[i].link, timeout_ms);
        free(links->entries[i].service);
        free(links->entries[i].urls);
    }
    pthread_mutex_destroy(&links->lock);
    free(links->entries);
    free(links);
}

sfms_link *
sfms_links_find(sfms_links *links, const char *service)
{
    for (size_t i = 0; i < links->n; i++) {
        if (strcmp(links->entries[i].service, service) == 0)
            return opened(links, &links->entries[i]);
    }
    return NULL;
}

void
sfms_links_each(sfms_links *links, void (*fn)(void *arg, const char *service, sfms_link *link), void *arg)
{
    for (size_t i = 0; i < links->n; i++)
        fn(arg, links->entries[i].service, opened(links, &links->entries[i]));
}
