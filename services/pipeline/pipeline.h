/* pipeline.h -- the nouns of this service; each is one file. */
#ifndef SFMS_PIPELINE_H
#define SFMS_PIPELINE_H

#include "rpc/server.h"
#include "sfms/pipeline/v1/deals.pb-c.h"

extern const sfms_noun pipeline_processes;
extern const sfms_noun pipeline_stages;
extern const sfms_noun pipeline_products;
extern const sfms_noun pipeline_deals;
extern const sfms_noun pipeline_moves;
extern const sfms_noun pipeline_history;

/* What a stage may require of a deal: a field by its JSON name, or one of the custom fields. */
typedef struct {
    const sfms_field *field;  /* of the message Deal */
    const char *custom_field; /* "budget" for customFields.budget; NULL if it is not about custom fields */
} pipeline_requirement;

/* pipeline_requirement_parse reads "amount" or "customFields.budget" (proto names do too); false if deals
 * have no such field, or one that no one fills. */
bool pipeline_requirement_parse(const sfms_contract *c, const char *text, pipeline_requirement *ret);

/* pipeline_requirement_met is true if the deal has something in the field. An amount of 0 is something. */
bool pipeline_requirement_met(const pipeline_requirement *r, const Pb__Deal *deal);

/* pipeline_requirement_text answers the requirement in JSON names, as it is written in a stage. */
const char *pipeline_requirement_text(sfms_arena *a, const pipeline_requirement *r);

#endif
