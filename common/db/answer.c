/* answer.c -- what the answers of the statements mean. Why there is no row to answer is in explain.c. */
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "db/engine.h"
#include "db/row.h"

sfms_status
sfms_pack_single(const sfms_engine *e, sfms_call *call, const PGresult *result, sfms_buf *out)
{
    const char *version = sfms_cell_text(call->arena, result, 0, PQfnumber(result, "version"));

    sfms_row_pack(out, call->contract, e->message, result, 0);
    call->version = strtoull(version, NULL, 10);
    return SFMS_OK;
}

static sfms_status
finish_get(const sfms_engine *e, sfms_call *call, const Pb__GetRequest *request, const PGresult *result,
    sfms_buf *out)
{
    sfms_pack_single(e, call, result, out);
    call->more = request->names || request->access;
    return request->names ? sfms_names_add(e, call, out) : SFMS_OK;
}

sfms_status
sfms_engine_finish(
    const sfms_engine *e, sfms_call *call, ProtobufCMessage *request, PGresult *result, sfms_buf *out)
{
    bool found = PQntuples(result) > 0;

    switch (call->method->rule->verb) {
    case PB__VERB__GET:
        return found ? finish_get(e, call, sfms_request_get(e, call, request), result, out)
                     : sfms_fail(call, &sfms_not_found);
    case PB__VERB__BATCH_GET:
        sfms_rows_pack(out, call->contract, sfms_message_resource_field(call->method->output), result,
            PQntuples(result));
        return ((const Pb__BatchGetRequest *)request)->names ? sfms_names_add(e, call, out) : SFMS_OK;
    case PB__VERB__LIST:
        return sfms_list_finish(e, call, (const Pb__ListRequest *)request, result, out);
    case PB__VERB__SHARE:
    case PB__VERB__UNSHARE:
    case PB__VERB__ACCESS:
        return sfms_sharing_finish(e, call, request, result, out);
    case PB__VERB__AGGREGATE:
        return sfms_aggregate_finish(e, call, (const Pb__AggregateRequest *)request, result, out);
    case PB__VERB__CREATE:
        if (!found)
            return sfms_explain_create(e, call, sfms_request_resource(e, call, request), out);
        call->created = true;
        return sfms_pack_single(e, call, result, out);
    case PB__VERB__UPSERT:
        if (!found)
            return sfms_explain_upsert(e, call, request, out);
        call->created = sfms_cell_text(call->arena, result, 0, PQfnumber(result, "created_"))[0] == 't';
        return sfms_pack_single(e, call, result, out);
    case PB__VERB__UPDATE:
    case PB__VERB__DELETE:
    case PB__VERB__UNDELETE:
        return found ? sfms_pack_single(e, call, result, out) : sfms_explain_change(e, call, request, out);
    default:
        SFMS_WRONG("a method without a verb in the engine");
    }
}
