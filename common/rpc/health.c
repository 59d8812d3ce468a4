/* health.c -- sfms.rpc.v1.Health: whether this process can work. Contract: proto/sfms/rpc/v1/envelope.proto. */
#include "rpc/serving.h"

static sfms_status
check(sfms_call *call, const void *in, void *out)
{
    Pb__HealthStatus *health = out;
    PGresult *result;
    sfms_status status = sfms_query(call, &result, "SELECT 1", SFMS_NO_ARGS);

    (void)in;
    if (status != SFMS_OK)
        return status;
    health->service = sfms_env()->service;
    health->database = true;
    health->version = SFMS_VERSION;
    sfms_server_report(call->arena, health);
    return SFMS_OK;
}

const sfms_method_row sfms_health_row = {"sfms.rpc.v1.Health/Check", check, false};
