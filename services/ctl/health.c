/* health.c -- how the services are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log.h"
#include "core/time.h"
#include "ctl.h"

enum { ASK_MS = 2000, PAUSE_MS = 50, WAIT_MAX = 3600 };

typedef struct {
    const sfms_method *check;
    sfms_arena *arena;
    bool print;
    int asked, well;
} round;

/* Asks one service. */
static void
ask(void *arg, const char *service, sfms_link *link)
{
    round *r = arg;
    sfms_link_call call = {.method = r->check, .deadline_us = sfms_mono_us() + ASK_MS * 1000L};
    Pb__Reply *reply = NULL;
    ProtobufCMessage *message = NULL;
    bool failed;

    call.request = "";
    sfms_link_wait(link, r->arena, 1, &call, &reply);
    failed = reply->status != NULL && reply->status->code != SFMS_OK;
    if (!failed)
        message = ctl_response(r->arena, r->check, reply);
    r->asked++;
    r->well += !failed;
    if (!r->print)
        return;
    if (failed)
        printf("%-12s %s\n", service, reply->status->message);
    else
        printf("%-12s well, version %s\n", service, ((const Pb__HealthStatus *)message)->version);
}

static bool
ask_all(sfms_links *links, const sfms_method *check, bool print)
{
    round r = {.check = check, .arena = sfms_arena_new(), .print = print};

    sfms_links_each(links, ask, &r);
    sfms_arena_free(r.arena);
    return r.asked > 0 && r.well == r.asked;
}

int
ctl_health(int argc, char **argv)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    const sfms_method *check = sfms_contract_method(sfms_contract_load(), "sfms.rpc.v1.Health/Check");
    long wait = 1; /* a link needs a moment to connect */
    int64_t until;
    sfms_links *links;
    bool well;

    if (argc == 3 && strcmp(argv[1], "--wait") == 0)
        wait = strtol(argv[2], NULL, 10);
    else if (argc != 1)
        ctl_usage("health");
    if (wait < 1 || wait > WAIT_MAX)
        sfms_die("--wait takes 1 to %d seconds", WAIT_MAX);
    links = ctl_links();
    until = sfms_mono_us() + wait * 1000000L;
    while (!ask_all(links, check, false) && sfms_mono_us() < until)
        nanosleep(&pause, NULL);
    well = ask_all(links, check, true);
    ctl_close(links, well ? 0 : 1);
    return well ? 0 : 1;
}
