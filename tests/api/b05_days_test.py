"""Days belong to somebody: what is filled in where people are days apart, and reminders that go with what they remind of."""
import datetime

import pytest

from lib.api import elements
from lib.contract import contract, json_name
from lib.org import Org, log_in
from lib.records import run_import
from lib.stack import wait_until

ZONES = ["Pacific/Kiritimati", "Asia/Shanghai", "UTC", "America/St_Johns", "Pacific/Pago_Pago"]
WEEK = datetime.timedelta(days=7)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def written(time):
    return time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def soon(seconds=0):
    return written(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds))


@pytest.fixture(scope="module")
def world(stack):
    """An organisation with a manager in each zone, by zone."""
    org = Org(stack)
    org.won, org.lost = (next(s["id"] for s in org.api.all("/v1/stages") if s["outcome"] == o) for o in ("WON", "LOST"))
    org.new = min((s for s in org.api.all("/v1/stages") if s["outcome"] == "OPEN"), key=lambda s: s["position"])["id"]
    org.by_zone = {}
    for zone in ZONES:
        person = org.person("Admin")
        person.api.patch(f"/v1/users/{person.id}", {"timeZone": zone}).ok()
        org.by_zone[zone] = org._person(person.id, person.email)
    return org


# ---- what is filled in ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("west", ZONES)
@pytest.mark.parametrize("east", ZONES)
def test_what_one_begins_another_closes(east, west, world):
    """Each closes what the other has begun, and no date is given."""
    one, two = world.by_zone[east].api, world.by_zone[west].api
    deal = one.post("/v1/deals", json={"name": "D"}).ok(201)
    today = two.post("/v1/deals", json={"name": "Today"}).ok(201)["startDate"]
    moved = two.post(f"/v1/deals/{deal['id']}:move", json={"stageId": world.won}).ok()
    assert moved["closeDate"] == max(today, deal["startDate"])
    lost = one.post(f"/v1/deals/{deal['id']}:move", json={"stageId": world.lost, "lostReason": "Price"}).ok()
    assert lost["closeDate"] >= lost["startDate"]
    visits = two.get(f"/v1/deals/{deal['id']}/stageHistory").ok()["visits"]
    assert all(v["leaveTime"] is None or moment(v["enterTime"]) <= moment(v["leaveTime"]) for v in visits)


@pytest.mark.parametrize("zone", ZONES)
def test_a_deal_that_is_made_closed_has_dates_that_agree(zone, world):
    api = world.by_zone[zone].api
    tomorrow = world.by_zone["Pacific/Kiritimati"].api.post("/v1/deals", json={"name": "Now"}).ok(201)["startDate"]
    for given in ({}, {"startDate": tomorrow}, {"startDate": "2098-01-01"}, {"closeDate": "2001-01-01"}, {"closeDate": "2099-01-01"}):
        for address in ("/v1/deals", "/v1/deals:upsert"):
            key = {"externalId": f"{zone} {given}", "externalSource": "days"} if "upsert" in address else {}
            made = api.post(address, json={"name": "Old", "stageId": world.won, **given, **key}).ok(201)
            assert made["startDate"] <= made["closeDate"] and made["closeDate"] == given.get("closeDate", made["closeDate"])
    done = run_import(api, "deals", f"name,stageId,startDate\nImported {zone},{world.won},{tomorrow}\n")
    assert (done["state"], done["createdRows"]) == ("DONE", "1"), done


def test_dates_that_people_give_are_held_against_each_other(world):
    api = world.by_zone["Pacific/Pago_Pago"].api
    deal = world.by_zone["Pacific/Kiritimati"].api.post("/v1/deals", json={"name": "D"}).ok(201)
    api.post(f"/v1/deals/{deal['id']}:move", json={"stageId": world.won, "closeDate": "2001-01-01"}).fails(
        400, "INVALID_FIELDS", "/closeDate", "BEFORE_START")
    given = {"name": "D", "stageId": world.won, "startDate": "2099-01-01"}
    api.post("/v1/deals", json={**given, "closeDate": "2098-12-31"}).fails(400, "INVALID_FIELDS", "/closeDate", "BEFORE_START")


def test_a_close_date_that_nobody_gave_is_not_before_a_start_to_come(world):
    api = world.by_zone["Pacific/Pago_Pago"].api
    later = api.post("/v1/deals", json={"name": "D", "startDate": "2099-01-01"}).ok(201)
    moved = api.post(f"/v1/deals/{later['id']}:move", json={"stageId": world.won}).ok()
    made = api.post("/v1/deals", json={"name": "D", "stageId": world.won, "startDate": "2099-01-01"}).ok(201)
    assert moved["closeDate"] == made["closeDate"] == "2099-01-01"


# ---- reminders that go with what they remind of -----------------------------------------------------------------------

def put_off(api, kind, record, how, more, change):
    """Changes the record by one of the doors."""
    if how == "PATCH":
        return api.patch(f"/v1/{kind}/{record['id']}", {**change, **more}).ok()
    body = {"externalId": record["externalId"], "externalSource": "days", "subject": record["subject"], **change, **more}
    if how == "upsert":
        return api.post(f"/v1/{kind}:upsert", json=body).ok()
    columns = list(body)
    csv = ",".join(columns) + "\n" + ",".join(body[c] for c in columns) + "\n"
    done = run_import(api, kind, csv, {"mode": "UPSERT", "columns": {c: {"field": c} for c in columns}})
    assert (done["state"], done["updatedRows"]) == ("DONE", "1"), api.get(f"/v1/imports/{done['id']}/errors").text
    return api.get(f"/v1/{kind}/{record['id']}").ok()


@pytest.mark.parametrize("how", ["PATCH", "upsert", "import"])
@pytest.mark.parametrize("by", [WEEK, -WEEK, datetime.timedelta(minutes=90)], ids=str)
def test_a_meeting_takes_its_reminder_along(by, how, world):
    api = world.api
    start = moment("2027-03-27T09:00:00Z")
    meeting = api.post("/v1/meetings", json={"subject": "M", "startTime": written(start), "endTime": written(start),
                                             "remindTime": written(start - datetime.timedelta(minutes=10)),
                                             "externalId": f"m {by.total_seconds()} {how}", "externalSource": "days"}).ok(201)
    change = {"startTime": written(start + by), "endTime": written(start + by)}
    moved = put_off(api, "meetings", meeting, how, {}, change)
    assert moment(moved["startTime"]) - moment(moved["remindTime"]) == datetime.timedelta(minutes=10)
    given = put_off(api, "meetings", meeting, how, {"remindTime": "2027-01-01T00:00:00Z"},
                    {"startTime": written(start), "endTime": written(start)})
    assert given["remindTime"] == "2027-01-01T00:00:00Z"
    jobs = world.stack.sql("SELECT run_at FROM app.jobs WHERE payload->>'recordId' = %s AND state = 'PENDING'", meeting["id"])
    assert [j[0] for j in jobs] == [moment("2027-01-01T00:00:00Z")], "one reminder, at the last of these times"


def test_a_meeting_that_keeps_its_start_keeps_its_reminder(api):
    meeting = api.post("/v1/meetings", json={"subject": "M", "startTime": "2027-03-01T09:00:00Z", "endTime": "2027-03-01T10:00:00Z",
                                             "remindTime": "2027-03-01T08:00:00Z"}).ok(201)
    longer = api.patch(f"/v1/meetings/{meeting['id']}", {"endTime": "2027-03-01T11:00:00Z"}).ok()
    assert longer["remindTime"] == meeting["remindTime"]
    none = api.patch(f"/v1/meetings/{meeting['id']}", {"startTime": "2027-03-01T08:00:00Z", "remindTime": None}).ok()
    assert none["remindTime"] is None
    # The years that there are bound it.
    far = api.patch(f"/v1/meetings/{meeting['id']}", {"remindTime": "2028-01-01T00:00:00Z"}).ok()
    far = api.patch(f"/v1/meetings/{far['id']}", {"startTime": "9999-12-31T00:00:00Z", "endTime": "9999-12-31T00:00:00Z"}).ok()
    assert far["remindTime"].startswith("9999-12-31T23:59:59")


@pytest.mark.parametrize("how", ["PATCH", "upsert", "import"])
def test_a_task_takes_its_reminder_along_at_the_same_time_of_day(how, stack):
    """Over the night in which Berlin puts its clocks forward."""
    api = Org(stack, time_zone="Europe/Berlin").api
    task = api.post("/v1/tasks", json={"subject": "T", "dueDate": "2027-03-27", "remindTime": "2027-03-26T08:00:00Z",
                                       "externalId": "t " + how, "externalSource": "days"}).ok(201)
    moved = put_off(api, "tasks", task, how, {}, {"dueDate": "2027-04-03"})
    assert moved["remindTime"] == "2027-04-02T07:00:00Z", "nine in the morning, as before"
    given = put_off(api, "tasks", task, how, {"remindTime": "2027-01-01T00:00:00Z"}, {"dueDate": "2027-04-04"})
    assert given["remindTime"] == "2027-01-01T00:00:00Z"


def test_a_tasks_time_of_day_moves_its_reminder(api):
    task = api.post("/v1/tasks", json={"subject": "T", "dueDate": "2027-03-01", "dueTime": "15:00",
                                       "remindTime": "2027-03-01T06:00:00Z"}).ok(201)
    later = api.patch(f"/v1/tasks/{task['id']}", {"dueTime": "16:30"}).ok()
    assert later["remindTime"] == "2027-03-01T07:30:00Z"
    without = api.patch(f"/v1/tasks/{task['id']}", {"dueTime": None}).ok()
    assert without["remindTime"] == later["remindTime"], "a day without a time says nothing about the distance"


# ---- reminders that wait ----------------------------------------------------------------------------------------------

def reminded(person, record):
    return [n for n in person.api.all("/v1/notifications") if n["recordId"] == record and n["kind"] != "RECORD_GIVEN"]


def parked(world, record):
    """Whether the reminder of the record has been put aside, as its owner cannot sign in."""
    return world.stack.sql("SELECT 1 FROM app.jobs WHERE payload->>'recordId' = %s AND state = 'PENDING'"
                           " AND run_at = 'infinity'", record)


def due_now(world, record):
    """The hour passes at once."""
    world.stack.sql("UPDATE app.jobs SET run_at = now() WHERE payload->>'recordId' = %s AND state = 'PENDING'", record)


AWAY = {"disabled": (lambda api, user: api.patch(f"/v1/users/{user}", {"disabled": True}).ok(),
                     lambda api, user: api.patch(f"/v1/users/{user}", {"disabled": False}).ok()),
        "deleted": (lambda api, user: api.delete(f"/v1/users/{user}").ok(),
                    lambda api, user: api.post(f"/v1/users/{user}:undelete").ok())}


def reminder_of_one_who_is_away(world, kind, how):
    """A record whose reminder is due while its owner is disabled or deleted, and the owner."""
    rep = world.person("Rep")
    body = world.make.body(kind, ownerId=rep.id, remindTime=soon(3600))
    record = world.api.post(f"/v1/{kind}", json=body).ok(201)["id"]
    AWAY[how][0](world.api, rep.id)
    due_now(world, record)
    wait_until("the reminder to be put aside", lambda: parked(world, record), 20)
    return rep, record


@pytest.mark.parametrize("kind", ["tasks", "meetings"])
@pytest.mark.parametrize("how", sorted(AWAY))
def test_a_reminder_waits_for_who_is_away(how, kind, world):
    rep, record = reminder_of_one_who_is_away(world, kind, how)
    AWAY[how][1](world.api, rep.id)
    back = world._person(rep.id, rep.email)
    wait_until("the reminder", lambda: reminded(back, record), 20)
    assert len(reminded(back, record)) == 1


@pytest.mark.parametrize("kind", ["tasks", "meetings"])
def test_a_reminder_goes_to_whom_the_record_is_handed(kind, world):
    rep, record = reminder_of_one_who_is_away(world, kind, "disabled")
    heir = world.person("Rep")
    world.api.patch(f"/v1/{kind}/{record}", {"ownerId": heir.id}).ok()
    due_now(world, record)
    wait_until("the reminder", lambda: reminded(heir, record), 20)
    assert not parked(world, record)


@pytest.mark.parametrize("kind", ["tasks", "meetings"])
def test_what_is_deleted_and_comes_back_reminds_again(kind, world):
    rep, record = reminder_of_one_who_is_away(world, kind, "disabled")
    world.api.delete(f"/v1/{kind}/{record}").ok()
    AWAY["disabled"][1](world.api, rep.id)
    world.api.post(f"/v1/{kind}/{record}:undelete").ok()
    due_now(world, record)
    back = world._person(rep.id, rep.email)
    wait_until("the reminder", lambda: reminded(back, record), 20)


# ---- a setting of a stage ---------------------------------------------------------------------------------------------

def test_the_probability_of_a_stage_is_no_change_of_its_deals(world):
    api = world.by_zone["UTC"].api
    stage = api.post("/v1/stages", json={"name": "Set", "probability": 10, "position": 1,
                                         "processId": api.get(f"/v1/stages/{world.new}").ok()["processId"]}).ok(201)["id"]
    answer = api.post("/v1/deals", json={"name": "P", "stageId": stage, "amount": "1000"})
    deal, etag = answer.ok(201), answer.etag
    api.patch(f"/v1/stages/{stage}", {"probability": 35}).ok()
    now = api.get(f"/v1/deals/{deal['id']}").ok()
    assert now == {**deal, "probability": 35}
    assert len(api.get(f"/v1/deals/{deal['id']}/history").ok()["events"]) == 1
    for text, found in (("probability = 35", True), ("probability > 34.5", True), ("probability != 35", False),
                        ("probability = 10", False), ("NOT probability < 36", False)):
        ids = [d["id"] for d in api.all("/v1/deals", filter=f'stageId = "{stage}" AND {text}', readMask="id,probability")]
        assert (deal["id"] in ids) == found, text
    assert elements(api.get("/v1/deals:batchGet", ids=deal["id"]).ok())[0]["probability"] == 35
    assert api.post(f"/v1/deals/{deal['id']}:move", json={"stageId": stage}).ok()["probability"] == 35
    changed = api.patch(f"/v1/deals/{deal['id']}", {"nextStep": "Call"}, headers={"If-Match": etag}).ok()
    assert changed["probability"] == 35 and changed["version"] == "2"
    undated = api.get("/v1/analytics/forecast").ok()["undated"]
    api.patch(f"/v1/stages/{stage}", {"probability": 45}).ok()
    later = api.get("/v1/analytics/forecast").ok()["undated"]
    assert float(later["weightedAmount"]) - float(undated["weightedAmount"]) == 100
