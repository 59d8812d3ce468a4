/* pipeline.h -- the nouns of this service; each is one file. */
#ifndef SFMS_PIPELINE_H
#define SFMS_PIPELINE_H

#include "rpc/server.h"
#include "sfms/pipeline/v1/deals.pb-c.h"

extern const sfms_noun pipeline_moves;
extern const sfms_noun pipeline_history;

#endif
