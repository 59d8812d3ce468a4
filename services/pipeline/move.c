/* move.c -- deals go from stage to stage, all or nothing. */
#include <string.h>

#include "db/row.h"
#include "pipeline.h"
#include "proto/place.h"
#include "sfms/pipeline/v1/stages.pb-c.h"

static const sfms_reason unmet = {"STAGE_REQUIREMENTS_UNMET", SFMS_FAILED_PRECONDITION,
    {"The stage \"%s\" needs fields that the deal does not have.", "商机缺少进入阶段“%s”所需的字段。"}};
static const sfms_reason no_such_stage = {"NO_SUCH_RECORD", SFMS_INVALID_ARGUMENT,
    {"must be a stage of the deal's process", "必须是商机所属销售流程的阶段"}};
static const sfms_reason not_closed = {"NOT_CLOSED", SFMS_INVALID_ARGUMENT,
    {"is only for a stage that closes the deal", "仅适用于关闭商机的阶段"}};
static const sfms_reason not_lost = {
    "NOT_LOST", SFMS_INVALID_ARGUMENT, {"is only for a stage in which deals are lost", "仅适用于输单阶段"}};

/* The deal stays as it is read here until the transaction ends. */
static sfms_status
lock_deal(sfms_call *call, const Pb__MoveDealRequest *request, Pb__Deal *deal)
{
    sfms_status status = sfms_one(call, deal,
        "SELECT {columns} FROM pipeline.deals WHERE org_id = $1 AND id = $2 AND delete_time IS NULL FOR "
        "UPDATE",
        SFMS_ARGS(call->principal->org_id, request->id));

    if (status != SFMS_OK)
        return status;
    if (!sfms_expects_version(call, deal->version))
        return sfms_fail(call, &sfms_version);
    return SFMS_OK;
}

static sfms_status
find_stage(sfms_call *call, const Pb__MoveDealRequest *request, const Pb__Deal *deal, Pb__Stage *stage)
{
    PGresult *rows;
    sfms_status status = sfms_query(call, &rows,
        "SELECT id, name, outcome, probability, required_fields FROM pipeline.stages"
        " WHERE org_id = $1 AND id = $2 AND process_id = $3 AND delete_time IS NULL",
        SFMS_ARGS(call->principal->org_id, request->stage_id, deal->process_id));

    if (status != SFMS_OK)
        return status;
    if (PQntuples(rows) == 1) {
        sfms_row_read(call->arena, call->contract, rows, 0, &stage->base);
        return SFMS_OK;
    }
    sfms_violate(call, "stage_id", &no_such_stage);
    return sfms_fail(call, &sfms_bad_fields);
}

/* Whether the arguments fit the stage. */
static sfms_status
check_arguments(sfms_call *call, const Pb__MoveDealRequest *request, const Pb__Stage *stage)
{
    if (request->close_date[0] != '\0' && stage->outcome == PB__OUTCOME__OPEN)
        sfms_violate(call, "close_date", &not_closed);
    if (request->lost_reason[0] != '\0' && stage->outcome != PB__OUTCOME__LOST)
        sfms_violate(call, "lost_reason", &not_lost);
    return sfms_violations(call) == SFMS_OK ? SFMS_OK : sfms_fail(call, &sfms_bad_fields);
}

/* Whether the deal has what the stage requires, with what the request brings; all that is missing is
 * said, by its JSON name, as most fields of a deal are none of the request. */
static sfms_status
check_requirements(
    sfms_call *call, const Pb__MoveDealRequest *request, const Pb__Deal *deal, const Pb__Stage *stage)
{
    Pb__Deal then = *deal;
    bool missing = false;

    if (request->amount[0] != '\0')
        then.amount = request->amount;
    if (request->lost_reason[0] != '\0')
        then.lost_reason = request->lost_reason;
    if (stage->outcome != PB__OUTCOME__OPEN)
        then.close_date = "today"; /* the move sets one if none is given */
    for (size_t i = 0; i < stage->n_required_fields; i++) {
        sfms_place place;

        /* A field that the contract no longer has is not asked for. */
        if (!sfms_place_to_fill(call, sfms_contract_message(call->contract, deal->base.descriptor),
                stage->required_fields[i], &place) ||
            sfms_place_filled(&place, &then.base))
            continue;
        sfms_violate(call, sfms_place_json(call->arena, &place), &sfms_required);
        missing = true;
    }
    return missing ? sfms_fail(call, &unmet, stage->name) : SFMS_OK;
}

/* Process, probability, dates and history follow by trigger. What is won stays won on its day from one won
 * stage to another, and lost likewise. */
static sfms_status
write_move(sfms_call *call, const Pb__MoveDealRequest *request, const Pb__Deal *deal, const Pb__Stage *stage,
    Pb__Deal *out)
{
    const char *same_day = stage->outcome == deal->outcome ? deal->close_date : "";
    const char *close_date = request->close_date[0] != '\0' ? request->close_date : same_day;

    return sfms_one(call, out,
        "UPDATE pipeline.deals SET stage_id = $3, close_date = nullif($4, '')::date,"
        "       lost_reason = coalesce(nullif($5, ''), lost_reason),"
        "       amount = coalesce(nullif($6, '')::numeric, amount)"
        " WHERE org_id = $1 AND id = $2 RETURNING {columns}",
        SFMS_ARGS(call->principal->org_id, request->id, request->stage_id, close_date, request->lost_reason,
            request->amount));
}

/* Does all of it, so that everything that could refuse it has spoken, and takes it back. */
static sfms_status
try_move(sfms_call *call, const Pb__MoveDealRequest *request, const Pb__Deal *deal, const Pb__Stage *stage,
    Pb__Deal *out)
{
    sfms_status status = sfms_exec(call, NULL, "SAVEPOINT trial", SFMS_NO_ARGS);

    if (status != SFMS_OK)
        return status;
    status = write_move(call, request, deal, stage, out);
    if (status != SFMS_OK)
        return status;
    out->version = deal->version;
    out->update_time = deal->update_time;
    return sfms_exec(call, NULL, "ROLLBACK TO SAVEPOINT trial", SFMS_NO_ARGS);
}

static sfms_status
move_deal(sfms_call *call, const void *in, void *out)
{
    const Pb__MoveDealRequest *request = in;
    Pb__Deal *moved = out;
    Pb__Deal deal = PB__DEAL__INIT;
    Pb__Stage stage = PB__STAGE__INIT;
    sfms_status status = lock_deal(call, request, &deal);

    if (status == SFMS_OK)
        status = find_stage(call, request, &deal, &stage);
    if (status == SFMS_OK)
        status = check_arguments(call, request, &stage);
    if (status != SFMS_OK)
        return status;
    call->version = deal.version;
    if (strcmp(deal.stage_id, stage.id) == 0) {
        *moved = deal;
        moved->probability = stage.probability;
        return SFMS_OK;
    }
    status = check_requirements(call, request, &deal, &stage);
    if (status != SFMS_OK)
        return status;
    if (request->validate_only)
        return try_move(call, request, &deal, &stage, moved);
    status = write_move(call, request, &deal, &stage, moved);
    call->version = moved->version;
    return status;
}

static const sfms_method_row methods[] = {
    {"sfms.pipeline.v1.Deals/MoveDeal", move_deal, .tx = true},
    {NULL},
};

const sfms_noun pipeline_moves = {.methods = methods};
