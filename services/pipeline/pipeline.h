/* pipeline.h -- the nouns of this service; each is one file. */
#ifndef SFMS_PIPELINE_H
#define SFMS_PIPELINE_H

#include "proto/place.h"
#include "rpc/server.h"
#include "sfms/pipeline/v1/deals.pb-c.h"

extern const sfms_noun pipeline_stages;
extern const sfms_noun pipeline_deals;
extern const sfms_noun pipeline_moves;
extern const sfms_noun pipeline_history;

/* pipeline_requirement_find resolves what a stage requires of a deal, "amount" or "customFields.budget" (proto names do too);
 * false if deals have no such field, or one that no one fills. */
bool pipeline_requirement_find(const sfms_call *call, const char *text, sfms_place *ret);

#endif
