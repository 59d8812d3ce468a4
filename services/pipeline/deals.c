/* deals.c -- chances to sell. Contract: proto/sfms/pipeline/v1/deals.proto. Stages change in move.c. */
#include <string.h>

#include "pipeline.h"

const sfms_reason pipeline_before_start = {
    "BEFORE_START", SFMS_INVALID_ARGUMENT, {"must not be before the start date, %s", "不能早于开始日期 %s"}};

/* Days in the form YYYY-MM-DD compare as text. */
static sfms_status
check_deal(sfms_call *call, ProtobufCMessage *message, const Google__Protobuf__FieldMask *mask)
{
    const Pb__Deal *deal = (const Pb__Deal *)message;

    if (deal->close_date[0] == '\0' || deal->start_date[0] == '\0' ||
        strcmp(deal->close_date, deal->start_date) >= 0)
        return SFMS_OK;
    sfms_violate(
        call, mask != NULL ? "deal.close_date" : "close_date", &pipeline_before_start, deal->start_date);
    return sfms_fail(call, &sfms_bad_fields);
}

static const sfms_resource deals = {
    .message = &pb__deal__descriptor,
    .table = "pipeline.deals",
    .orders =
        "name amount expected_close_date close_date start_date stage_enter_time create_time update_time",
    .check = check_deal,
};

const sfms_noun pipeline_deals = {.resource = &deals};
