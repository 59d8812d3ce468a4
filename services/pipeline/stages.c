/* stages.c -- the steps of a process. Contract: proto/sfms/pipeline/v1/stages.proto. */
#include "pipeline.h"
#include "sfms/pipeline/v1/stages.pb-c.h"

static const sfms_reason no_deal_field = {"NO_SUCH_FIELD", SFMS_INVALID_ARGUMENT,
    {"must name fields of a deal that people fill; \"%s\" is none", "“%s”不是商机中可填写的字段"}};

/* What a stage requires must be something that a deal can have. Stored in one spelling. */
static sfms_status
check_stage(sfms_call *call, ProtobufCMessage *message, const Google__Protobuf__FieldMask *mask)
{
    Pb__Stage *stage = (Pb__Stage *)message;

    (void)mask;
    for (size_t i = 0; i < stage->n_required_fields; i++) {
        sfms_place place;

        if (pipeline_requirement_find(call, stage->required_fields[i], &place))
            stage->required_fields[i] = (char *)sfms_place_json(call->arena, &place);
        else
            sfms_violate_field(call, sfms_printf(call->arena, "required_fields[%zu]", i), &no_deal_field,
                stage->required_fields[i]);
    }
    if (sfms_violations(call) != SFMS_OK)
        return sfms_fail(call, &sfms_bad_fields);
    return SFMS_OK;
}

static const sfms_resource stages = {
    .message = &pb__stage__descriptor,
    .check = check_stage,
};

const sfms_noun pipeline_stages = {.resource = &stages};
