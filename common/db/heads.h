/*
 * heads.h -- which organisations' logs of events have grown.
 *
 * One thread with one connection, and only while somebody wants to know. While little is written it sleeps until PostgreSQL
 * notifies it; notifying takes a lock that all commits share, so while much is written it asks for none and looks a few
 * times a second instead, as behind a pooler, through which no notification comes. Told is what readers can read: what lies
 * below the mark.
 */
#ifndef SFMS_DB_HEADS_H
#define SFMS_DB_HEADS_H

#include "db/db.h"

typedef struct sfms_heads sfms_heads;

/* Tells the organisations whose logs have grown since the last time; none, at first, if any log may have. Runs on the thread
 * of the watch. */
typedef void sfms_moved(void *arg, size_t n, const char *const *org_ids);

/* sfms_heads_start starts the thread. wanted is asked, on it, whether somebody still wants to know; after it has said no,
 * sfms_heads_want wakes the thread. */
sfms_heads *
sfms_heads_start(const sfms_db_config *config, sfms_moved *moved, bool (*wanted)(void *arg), void *arg);
void sfms_heads_want(sfms_heads *h);
void sfms_heads_stop(sfms_heads *h);

#endif
