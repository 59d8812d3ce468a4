/* head.c -- the headers of a request. */
#include "head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    size_t offset;
} kept[] = {
    {"Accept-Encoding", offsetof(head, accept_encoding)},
    {"Accept-Language", offsetof(head, accept_language)},
    {"Authorization", offsetof(head, authorization)},
    {"Content-Encoding", offsetof(head, content_encoding)},
    {"Content-Length", offsetof(head, content_length)},
    {"Content-Type", offsetof(head, content_type)},
    {"Cookie", offsetof(head, cookie)},
    {"Expect", offsetof(head, expect)},
    {"Forwarded", offsetof(head, forwarded)},
    {"Idempotency-Key", offsetof(head, idempotency_key)},
    {"Host", offsetof(head, host)},
    {"If-Match", offsetof(head, if_match)},
    {"If-None-Match", offsetof(head, if_none_match)},
    {"Last-Event-ID", offsetof(head, last_event_id)},
    {"Origin", offsetof(head, origin)},
    {"Traceparent", offsetof(head, traceparent)},
    {"Transfer-Encoding", offsetof(head, transfer_encoding)},
    {"User-Agent", offsetof(head, user_agent)},
    {"X-Forwarded-For", offsetof(head, forwarded_for)},
    {"X-Request-Id", offsetof(head, request_id)},
};

/* Given twice, these could be read in two ways. */
static bool
is_framing(const head *h, const char *const *place)
{
    return place == &h->content_length || place == &h->transfer_encoding || place == &h->host;
}

static bool
is_condition(const head *h, const char *const *place)
{
    return place == &h->if_match || place == &h->if_none_match;
}

void
head_take(head *h, const char *name, const char *value)
{
    if (name[strcspn(name, " \t")] != '\0') /* "Content-Length : 5" would be no length to us */
        h->broken = true;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if ((kept[i].name[0] | 0x20) == (name[0] | 0x20) && strcasecmp(kept[i].name, name) == 0) {
            const char **place = (const char **)((char *)h + kept[i].offset);
            if (*place != NULL && is_framing(h, place))
                h->broken = true;
            /* Two lists of tags cannot be told apart from one here: that is no condition that could be looked at. */
            *place = *place != NULL && is_condition(h, place) ? "" : value;
            return;
        }
    }
}

bool
head_is_sound(const head *h, const char *version)
{
    if (h->broken || (h->host == NULL && strcmp(version, "HTTP/1.1") == 0))
        return false;
    if (h->transfer_encoding == NULL)
        return true;
    return h->content_length == NULL && strcasecmp(h->transfer_encoding, "chunked") == 0;
}

bool
head_has_body(const head *h, uint64_t *ret_len)
{
    *ret_len = h->content_length == NULL ? 0 : strtoull(h->content_length, NULL, 10);
    return *ret_len > 0 || h->transfer_encoding != NULL;
}

const char *
head_bearer(const char *authorization)
{
    if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    const char *token = authorization + 7 + strspn(authorization + 7, " ");
    return *token != '\0' ? token : NULL;
}

/* The version in a tag of ours, 0 for a tag of any other kind; NULL if there is no tag at p, else what follows it. A proxy that
 * compresses weakens tags; a version is exact all the same. */
static const char *
read_tag(const char *p, uint64_t *ret_version)
{
    char *end;

    if (strncmp(p, "W/", 2) == 0)
        p += 2;
    const char *close = *p == '"' ? strchr(p + 1, '"') : NULL;
    if (close == NULL)
        return NULL;
    *ret_version = 0;
    errno = 0;
    uint64_t version = strtoull(p + 1, &end, 10);
    if (p[1] >= '1' && p[1] <= '9' && end == close && errno == 0 && version <= INT64_MAX)
        *ret_version = version;
    return close + 1;
}

head_match
head_if_match(const char *if_match, uint64_t versions[HEAD_TAGS_MAX], unsigned *ret_n)
{
    unsigned tags = 0;

    *ret_n = 0;
    if (if_match == NULL)
        return HEAD_NO_CONDITION;
    if (strcmp(if_match, "*") == 0)
        return HEAD_ANY_VERSION;
    for (const char *p = if_match; *p != '\0'; tags++) {
        uint64_t version;
        p = read_tag(p, &version);
        if (p == NULL || tags == HEAD_TAGS_MAX)
            return HEAD_NO_TAG;
        if (version != 0)
            versions[(*ret_n)++] = version;
        p += strspn(p, " \t");
        if (*p == '\0')
            continue;
        if (*p != ',')
            return HEAD_NO_TAG;
        p += strspn(p, ", \t"); /* a list may have empty elements: RFC 9110, 5.6.1 */
    }
    return *ret_n > 0 ? HEAD_SOME_VERSIONS : tags > 0 ? HEAD_NO_VERSION : HEAD_NO_TAG;
}

bool
head_is_printable(const char *text, size_t max)
{
    size_t n = 0;

    for (; text[n] != '\0'; n++) {
        if (n == max || text[n] <= ' ' || text[n] > '~')
            return false;
    }
    return n > 0;
}

bool
head_is_json(const char *content_type)
{
    if (content_type == NULL)
        return true;
    size_t n = strcspn(content_type, "; \t");
    if (n == 0)
        return true;
    return (n == 16 && strncasecmp(content_type, "application/json", 16) == 0) ||
           (n > 5 && strncasecmp(content_type + n - 5, "+json", 5) == 0);
}
