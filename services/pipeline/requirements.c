/* requirements.c -- which fields of a deal a stage may require. */
#include <string.h>

#include "pipeline.h"

bool
pipeline_requirement_find(const sfms_call *call, const char *text, sfms_place *ret)
{
    const sfms_message *deal = sfms_contract_message(call->contract, &pb__deal__descriptor);

    return sfms_place_find(call->arena, deal, text, strlen(text), ret) && ret->n == 1 &&
           sfms_field_is_open(ret->leaf) == (ret->key != NULL) && sfms_place_fillable(call, ret);
}
