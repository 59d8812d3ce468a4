/* activities.h -- the nouns of this service; each is one file. */
#ifndef SFMS_ACTIVITIES_H
#define SFMS_ACTIVITIES_H

#include "rpc/server.h"

extern const sfms_noun activities_tasks;
extern const sfms_noun activities_notifications;

#endif
