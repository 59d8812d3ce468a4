/* heads.c -- which organisations' logs of events have grown. See the migrations' app.watches for what writers do. */
#include "db/heads.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/id.h"
#include "core/log.h"
#include "core/time.h"
#include "db/connection.h"

enum {
    NUMBER_SIZE = 24,  /* of a transaction, as text */
    ANSWER_MS = 3000,  /* for the database to answer */
    RETRY_MS = 500,    /* after it could not be reached */
    GATHER_MS = 4,     /* after a notification: what comes together is told together */
    RENEW_MS = 5000,   /* writers notify for three times as long, so it is renewed in time */
    LINGER_MS = 10000, /* nobody wants to know for so long: the connection is closed */
    OPEN_MS = 20,      /* a look after this, while a transaction that has written is open */
    BUSY_MS = 50,      /* a look after this while much is written, */
    POOLED_MS = 100,   /* and behind a pooler; */
    BUSY_SHARE = 20,   /* but looking takes one part of so many of the time at most */
    MANY = 20,         /* notifications in a second are many; */
    QUIET_LOOKS = 20,  /* so many looks in a row that find nothing end that */
};

static const char armed_seconds[] = "15";

/* How the watch learns that something was written. */
typedef enum {
    ASLEEP, /* nobody wants to know */
    ARMED,  /* writers notify */
    BUSY,   /* it looks at intervals */
} mode;

struct sfms_heads {
    sfms_db_config config;
    sfms_moved *moved;
    bool (*wanted)(void *arg);
    void *arg;
    pthread_t thread;
    int wake; /* eventfd: somebody wants to know, or it is time to stop */
    atomic_bool stopping;

    PGconn *conn;
    mode mode;
    char id[SFMS_ID_SIZE];  /* of the row by which writers know */
    char last[NUMBER_SIZE]; /* all events before this number have been told; "" at first */
    char mark[NUMBER_SIZE]; /* below it all is complete, as of the last look */
    char open
        [NUMBER_SIZE];   /* the highest number that was notified, or from which on writers notify for sure */
    int64_t armed_us;    /* when that was said last */
    int64_t unwanted_us; /* since when nobody wants to know; 0 if somebody does */
    int64_t second_us;   /* in which notifications are counted */
    unsigned notifications, quiet_looks;
    int64_t look_cost_us;
};

/* ---- asking ------------------------------------------------------------------------------------------ */

static void
hang_up(sfms_heads *h)
{
    PQfinish(h->conn);
    h->conn = NULL;
    h->mode = ASLEEP;
}

/* Waits until the answer is there; false if that takes too long, or it is time to stop. */
static bool
answered(sfms_heads *h)
{
    int64_t until = sfms_mono_us() + ANSWER_MS * 1000LL;

    while (PQisBusy(h->conn)) {
        struct pollfd fd = {.fd = PQsocket(h->conn), .events = POLLIN};
        int64_t left_ms = (until - sfms_mono_us()) / 1000;

        if (left_ms <= 0 || atomic_load(&h->stopping) || (poll(&fd, 1, 100) < 0 && errno != EINTR))
            return false;
        if (fd.revents != 0 && PQconsumeInput(h->conn) != 1)
            return false;
    }
    return true;
}

/* Runs a statement of one row; NULL, and no connection any more, if it could not be. */
static PGresult *
run(sfms_heads *h, const char *sql, int n, const char *const *values)
{
    PGresult *result = NULL, *end;

    if (PQsendQueryParams(h->conn, sql, n, NULL, values, NULL, NULL, 0) == 1 && answered(h))
        result = PQgetResult(h->conn);
    if (PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK) {
        while ((end = PQgetResult(h->conn)) != NULL)
            PQclear(end);
        return result;
    }
    sfms_log(SFMS_LOG_WARN, "the log of events cannot be watched: %s",
        result != NULL ? PQresultErrorMessage(result) : "the database does not answer");
    PQclear(result);
    hang_up(h);
    return NULL;
}

static bool
connected(sfms_heads *h)
{
    PGresult *result;

    if (h->conn != NULL && PQstatus(h->conn) == CONNECTION_OK)
        return true;
    if (h->conn != NULL)
        hang_up(h);
    h->conn = sfms_connect(&h->config);
    if (PQstatus(h->conn) != CONNECTION_OK) {
        hang_up(h);
        return false;
    }
    result = run(h, "LISTEN sfms_events", SFMS_NO_ARGS);
    PQclear(result);
    return result != NULL;
}

/* ---- looking ----------------------------------------------------------------------------------------- */

static uint64_t
number(const char *text)
{
    return strtoull(text, NULL, 10);
}

static void
copy(char to[NUMBER_SIZE], const char *from)
{
    (void)snprintf(to, NUMBER_SIZE, "%s", from);
}

/* Tells what has been completed since the last look; false if there was nothing. */
static bool
look(sfms_heads *h)
{
    int64_t begin = sfms_mono_us();
    PGresult *result = run(h, "SELECT org_id, mark FROM app.heads($1::text::xid8)",
        SFMS_ARGS(h->last[0] != '\0' ? h->last : NULL));
    const char **orgs;
    int n = PQntuples(result);
    int found = 0;
    bool first = h->last[0] == '\0';

    if (result == NULL)
        return false;
    orgs = calloc((size_t)n + 1, sizeof(*orgs));
    if (orgs == NULL)
        sfms_die("out of memory");
    for (int i = 0; i < n; i++) {
        copy(h->mark, PQgetvalue(result, i, 1));
        if (!PQgetisnull(result, i, 0))
            orgs[found++] = PQgetvalue(result, i, 0);
    }
    memcpy(h->last, h->mark, sizeof(h->last));
    h->look_cost_us = sfms_mono_us() - begin;
    if (found > 0 || first)
        h->moved(h->arg, (size_t)found, orgs);
    free(orgs);
    PQclear(result);
    return found > 0;
}

/* ---- notifications ----------------------------------------------------------------------------------- */

/* Has writers notify. Those that are at it already may not have seen that: their numbers are below the one of this
 * transaction, and what they write is looked for until they have ended. */
static void
arm(sfms_heads *h)
{
    PGresult *result = run(h, "SELECT app.watch_events($1::uuid, $2::int)", SFMS_ARGS(h->id, armed_seconds));

    if (result == NULL)
        return;
    if (h->mode != ARMED)
        copy(h->open, PQgetvalue(result, 0, 0));
    h->mode = ARMED;
    h->armed_us = sfms_mono_us();
    h->notifications = 0;
    PQclear(result);
}

static void
disarm(sfms_heads *h, mode next)
{
    PGresult *result = run(h, "SELECT app.watch_events($1::uuid, 0)", SFMS_ARGS(h->id));

    if (result == NULL)
        return;
    PQclear(result);
    h->mode = next;
    h->quiet_looks = 0;
}

/* Reads what has been notified; false if nothing was. */
static bool
take_notifications(sfms_heads *h)
{
    int64_t now = sfms_mono_us();
    unsigned n = 0;

    if (PQconsumeInput(h->conn) != 1) {
        hang_up(h);
        return false;
    }
    for (PGnotify *one = PQnotifies(h->conn); one != NULL; one = PQnotifies(h->conn), n++) {
        if (number(one->extra) > number(h->open))
            copy(h->open, one->extra);
        PQfreemem(one);
    }
    if (now - h->second_us > 1000000) {
        h->second_us = now;
        h->notifications = 0;
    }
    h->notifications += n;
    return n > 0;
}

/* ---- the thread -------------------------------------------------------------------------------------- */

/* Waits for a notification, for somebody who wakes the thread, or for the time to pass. */
static void
rest(sfms_heads *h, int ms)
{
    struct pollfd fds[] = {
        {.fd = h->wake, .events = POLLIN},
        {.fd = h->conn != NULL ? PQsocket(h->conn) : -1, .events = POLLIN},
    };
    uint64_t count;

    (void)poll(fds, 2, ms);
    if ((fds[0].revents & POLLIN) != 0)
        (void)!read(h->wake, &count, sizeof(count));
}

static void
armed(sfms_heads *h)
{
    bool open = number(h->open) >= number(h->mark); /* somebody who has written, or may have, has not ended */
    int64_t renew_ms = RENEW_MS - (sfms_mono_us() - h->armed_us) / 1000;

    rest(h, open ? OPEN_MS : renew_ms > 0 ? (int)renew_ms : 0);
    if (take_notifications(h))
        poll(NULL, 0, GATHER_MS);
    if (h->conn != NULL && (open || number(h->open) >= number(h->mark)))
        look(h);
    if (h->conn != NULL && h->notifications > MANY)
        disarm(h, BUSY);
    else if (h->conn != NULL && sfms_mono_us() - h->armed_us >= RENEW_MS * 1000LL)
        arm(h);
}

static void
busy(sfms_heads *h)
{
    bool pooled = h->config.prepare == SFMS_PREPARE_NEVER;
    int64_t ms = h->look_cost_us * BUSY_SHARE / 1000, least = pooled ? POOLED_MS : BUSY_MS;

    rest(h, (int)(ms > least ? ms : least));
    (void)take_notifications(h);
    if (h->conn == NULL)
        return;
    h->quiet_looks = look(h) ? 0 : h->quiet_looks + 1;
    if (h->conn != NULL && h->quiet_looks > QUIET_LOOKS && !pooled)
        arm(h);
}

/* Whether somebody wants to know, or did until a moment ago. */
static bool
is_wanted(sfms_heads *h)
{
    int64_t now = sfms_mono_us();

    if (h->wanted(h->arg)) {
        h->unwanted_us = 0;
        return true;
    }
    if (h->unwanted_us == 0)
        h->unwanted_us = now;
    return now - h->unwanted_us < LINGER_MS * 1000LL;
}

static void *
watch(void *arg)
{
    sfms_heads *h = arg;

    while (!atomic_load(&h->stopping)) {
        if (h->mode == ASLEEP && !h->wanted(h->arg)) {
            rest(h, -1);
        } else if (!connected(h)) {
            rest(h, RETRY_MS);
        } else if (h->mode == ASLEEP) {
            look(h);
            if (h->conn != NULL && h->config.prepare == SFMS_PREPARE_NEVER)
                h->mode = BUSY;
            else if (h->conn != NULL)
                arm(h);
        } else if (!is_wanted(h)) {
            disarm(h, ASLEEP);
            hang_up(h);
        } else if (h->mode == ARMED) {
            armed(h);
        } else {
            busy(h);
        }
    }
    if (h->conn != NULL)
        hang_up(h);
    return NULL;
}

sfms_heads *
sfms_heads_start(const sfms_db_config *config, sfms_moved *moved, bool (*wanted)(void *arg), void *arg)
{
    sfms_heads *h = calloc(1, sizeof(*h));

    if (h == NULL)
        sfms_die("out of memory");
    h->config = *config;
    h->moved = moved;
    h->wanted = wanted;
    h->arg = arg;
    h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sfms_id_make(h->id);
    if (h->wake < 0 || pthread_create(&h->thread, NULL, watch, h) != 0)
        sfms_die("cannot start a thread");
    return h;
}

void
sfms_heads_want(sfms_heads *h)
{
    const uint64_t one = 1;

    (void)!write(h->wake, &one, sizeof(one));
}

void
sfms_heads_stop(sfms_heads *h)
{
    atomic_store(&h->stopping, true);
    sfms_heads_want(h);
    pthread_join(h->thread, NULL);
    (void)close(h->wake);
    free(h);
}
