"""Tasks, meetings, calls and notes; reminders that become notifications; what is overdue."""
import datetime
import time

import pytest

from lib.api import elements
from lib.org import Org
from lib.records import run_import
from lib.stack import wait_until


def now(seconds=0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def day(days=0):
    shanghai = datetime.timezone(datetime.timedelta(hours=8))
    return (datetime.datetime.now(shanghai) + datetime.timedelta(days=days)).strftime("%Y-%m-%d")


def notifications(api, record):
    return [n for n in api.all("/v1/notifications") if n["recordId"] == record]


def test_a_task_starts_open_and_normal(api):
    task = api.post("/v1/tasks", json={"subject": "Call back"}).ok(201)
    assert task["status"] == "OPEN" and task["priority"] == "NORMAL" and task["completeTime"] is None


def test_a_task_is_done(api):
    task = api.post("/v1/tasks", json={"subject": "Write offer"}).ok(201)
    done = api.patch(f"/v1/tasks/{task['id']}", {"status": "DONE"}).ok()
    assert done["completeTime"]
    again = api.patch(f"/v1/tasks/{task['id']}", {"status": "OPEN"}).ok()
    assert again["completeTime"] is None


@pytest.mark.parametrize("resource", ["accounts", "contacts", "leads", "deals"])
@pytest.mark.parametrize("kind", ["tasks", "meetings", "calls", "notes"])
def test_activities_on_any_record(kind, resource, api, make):
    record = make.create(resource)["id"]
    made = make.create(kind, relatedResource=resource, relatedId=record)
    assert (made["relatedResource"], made["relatedId"]) == (resource, record)
    found = api.all(f"/v1/{kind}", filter=f'relatedId = "{record}"')
    assert [a["id"] for a in found] == [made["id"]]


@pytest.mark.parametrize("resource", ["accounts", "contacts", "leads", "deals"])
@pytest.mark.parametrize("kind", ["tasks", "meetings", "calls", "notes"])
def test_what_is_deleted_gets_no_new_activities(kind, resource, api, make):
    record, gone = make.create(resource)["id"], make.create(resource)["id"]
    there = make.create(kind, relatedResource=resource, relatedId=record)["id"]
    api.delete(f"/v1/{resource}/{gone}").ok()
    body = make.body(kind, relatedResource=resource, relatedId=gone)
    api.post(f"/v1/{kind}", json=body).fails(400, "INVALID_FIELDS", "/relatedId", "DELETED_RECORD")
    api.patch(f"/v1/{kind}/{there}", {"relatedId": gone}).fails(400, "INVALID_FIELDS", "/relatedId", "DELETED_RECORD")
    api.delete(f"/v1/{resource}/{record}").ok()
    api.patch(f"/v1/{kind}/{there}", {"relatedId": record, "externalSource": "erp"}).ok()  # what it has, it keeps


@pytest.mark.parametrize("kind", ["tasks", "meetings", "calls", "notes"])
def test_the_related_record_must_be_there(kind, api, make, other_org):
    theirs = other_org.make.create("accounts")["id"]
    for id in ("01900000-0000-7000-8000-000000000000", theirs):
        body = make.body(kind, relatedResource="accounts", relatedId=id)
        api.post(f"/v1/{kind}", json=body).fails(400, "INVALID_FIELDS", "/relatedId")
    body = make.body(kind, relatedResource="nonsense", relatedId=theirs)
    api.post(f"/v1/{kind}", json=body).fails(400)
    if kind != "notes":
        mine = make.create("accounts")["id"]
        for given, missing in (({"relatedResource": "accounts"}, "/relatedId"), ({"relatedId": mine}, "/relatedResource")):
            api.post(f"/v1/{kind}", json=make.body(kind, **given)).fails(400, "INVALID_FIELDS", missing, "REQUIRED")


def test_a_meeting_does_not_end_before_it_begins(api, make):
    body = make.body("meetings", startTime="2026-12-01T10:00:00Z", endTime="2026-12-01T09:59:59Z")
    api.post("/v1/meetings", json=body).fails(400, "INVALID_FIELDS", "/endTime", "BEFORE_START")
    meeting = make.create("meetings")
    api.patch(f"/v1/meetings/{meeting['id']}", {"startTime": "2099-01-01T00:00:00Z"}).fails(
        400, "INVALID_FIELDS", "/endTime", "BEFORE_START")


def test_who_is_invited_sees_the_meeting(org, make):
    guest, other = org.person("Rep"), org.person("Rep")
    meeting = make.create("meetings", attendeeIds=[guest.id])
    guest.api.get(f"/v1/meetings/{meeting['id']}").ok()
    other.api.get(f"/v1/meetings/{meeting['id']}").fails(404)
    assert [m["id"] for m in guest.api.all("/v1/meetings")] == [meeting["id"]]


@pytest.mark.parametrize("collection", ["tasks", "meetings", "calls", "notes"])
def test_what_an_activity_is_not_about(collection, api, make):
    account = make.create("accounts")["id"]
    def about(resource, id):
        return api.post(f"/v1/{collection}", json=make.body(collection, relatedResource=resource, relatedId=id))
    problem = about("notes", make.create("notes")["id"]).fails(400, "INVALID_FIELDS", "/relatedResource", "BAD_VALUE")
    assert "activities" in problem["errors"][0]["detail"]
    about("nothing", account).fails(400, "INVALID_FIELDS", "/relatedResource", "NO_SUCH_COLLECTION")
    about("deals", account).fails(400, "INVALID_FIELDS", "/relatedId", "NO_SUCH_RECORD")
    task = about("tasks", make.create("tasks")["id"])
    task.ok(201) if collection == "notes" else task.fails(400, "INVALID_FIELDS", "/relatedResource", "BAD_VALUE")


def test_who_is_deleted_is_not_invited(org, api, make):
    """Who was invited before stays; who is disabled comes back."""
    gone, away, guest = org.person("Rep"), org.person("Rep"), org.person("Rep")
    before = make.create("meetings", attendeeIds=[gone.id], externalId="before", externalSource="calendar")
    api.delete(f"/v1/users/{gone.id}").ok()
    api.patch(f"/v1/users/{away.id}", {"disabled": True}).ok()
    make.create("meetings", attendeeIds=[away.id])
    other = make.create("meetings", attendeeIds=[guest.id])
    body = make.body("meetings", attendeeIds=[guest.id, gone.id])
    for refused in (api.post("/v1/meetings", json=body), api.post("/v1/meetings:upsert", json={**body, "externalId": "new"}),
                    api.patch(f"/v1/meetings/{other['id']}", {"attendeeIds": [guest.id, gone.id]})):
        refused.fails(400, "INVALID_FIELDS", "/attendeeIds", "DELETED_RECORD")
    done = run_import(api, "meetings", "subject,startTime,endTime,attendeeIds\n"
                                       f"M,2027-01-01T10:00:00Z,2027-01-01T11:00:00Z,{gone.id}\n")
    assert done["failedRows"] == "1"
    api.patch(f"/v1/meetings/{before['id']}", {"attendeeIds": [gone.id, guest.id], "subject": "As before"}).ok()
    again = api.post("/v1/meetings:upsert", json={k: before[k] for k in ("externalId", "externalSource", "attendeeIds")}).ok(200)
    assert again["attendeeIds"] == [gone.id]


def test_times_keep_their_moment(api, make):
    meeting = make.create("meetings", startTime="2026-12-01T16:00:00+08:00", endTime="2026-12-01T09:30:00.123456Z")
    assert (meeting["startTime"], meeting["endTime"]) == ("2026-12-01T08:00:00Z", "2026-12-01T09:30:00.123456Z")


def test_a_due_reminder_becomes_one_notification(org):
    rep = org.person("Rep")
    task = rep.api.post("/v1/tasks", json={"subject": "Remind me", "remindTime": now(1)}).ok(201)
    (found,) = wait_until("the notification", lambda: notifications(rep.api, task["id"]), 15)
    assert found["createTime"] >= task["remindTime"], "not before its time"
    assert found["title"] == "Remind me" and found["kind"] == "REMINDER" and found["resource"] == "tasks"
    assert found["readTime"] is None and found["remindTime"] == task["remindTime"]
    time.sleep(1.5)
    assert len(notifications(rep.api, task["id"])) == 1
    assert notifications(org.api, task["id"]) == [], "it is the owner's alone"


def test_a_meeting_reminds_too(org, make):
    meeting = make.create("meetings", remindTime=now())
    wait_until("the notification", lambda: notifications(org.api, meeting["id"]), 15)


def test_what_is_done_or_gone_or_later_does_not_remind(org, stack):
    api = org.person("Rep").api
    def task(time):
        return api.post("/v1/tasks", json={"subject": "Quiet", "remindTime": time}).ok(201)["id"]
    done, later, gone, cleared = quiet = [task(now(3600)) for _ in range(4)]
    jobs = [id for id, in stack.sql("SELECT id FROM app.jobs WHERE payload->>'recordId' = ANY (%s)", quiet)]
    assert len(jobs) == 4
    api.patch(f"/v1/tasks/{done}", {"status": "DONE"}).ok()
    api.patch(f"/v1/tasks/{later}", {"remindTime": now(7200)}).ok()
    org.api.delete(f"/v1/tasks/{gone}").ok()
    api.patch(f"/v1/tasks/{cleared}", {"remindTime": None}).ok()
    # The hour passes at once.
    stack.sql("UPDATE app.jobs SET run_at = now() WHERE id = ANY (%s::uuid[])", jobs)
    signal = task(now())
    wait_until("another task's notification", lambda: notifications(api, signal), 15)
    assert [n["recordId"] for n in api.all("/v1/notifications")] == [signal]


def test_notifications_are_read(org):
    rep, other = org.person("Rep"), org.person("Rep")
    for i in range(3):
        rep.api.post("/v1/tasks", json={"subject": f"Task {i}", "remindTime": now(-3600 + i)}).ok(201)
    found = wait_until("three notifications", lambda: (lambda n: n if len(n) == 3 else None)(
        rep.api.all("/v1/notifications")), 20)
    assert [n["id"] for n in found] == sorted((n["id"] for n in found), reverse=True), "the newest first"
    assert len(rep.api.all("/v1/notifications", pageSize=2)) == 3
    address = f"/v1/notifications/{found[0]['id']}:read"
    read = rep.api.post(address).ok(200)
    assert read["readTime"] and rep.api.post(address).ok(200)["readTime"] == read["readTime"]
    assert {n["id"] for n in rep.api.all("/v1/notifications", unreadOnly=True)} == {n["id"] for n in found[1:]}
    other.api.post(address).fails(404, "NOT_FOUND")


def test_overdue(org):
    rep = org.person("Rep")
    def task(**more):
        return rep.api.post("/v1/tasks", json={"subject": "Due", **more}).ok(201)["id"]
    yesterday, long_ago = task(dueDate=day(-1)), task(dueDate=day(-30))
    task(dueDate=day(0)), task(dueDate=day(1)), task()
    task(dueDate=day(-2), status="DONE"), task(dueDate=day(-2), status="CANCELLED")
    assert [t["id"] for t in rep.api.all("/v1/tasks:overdue")] == [long_ago, yesterday]
    assert [t["id"] for t in rep.api.all("/v1/tasks:overdue", pageSize=1)] == [long_ago, yesterday]
    assert [t["id"] for t in org.api.all("/v1/tasks:overdue", ownerId=rep.id)] == [long_ago, yesterday]
    assert org.person("Rep").api.all("/v1/tasks:overdue") == []


def test_overdue_is_by_the_users_own_day(stack):
    """In Kiritimati (UTC+14) tomorrow begins 26 hours before it does in Pago Pago (UTC-11, with 25 between)."""
    here = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=-11))).strftime("%Y-%m-%d")
    early, late = Org(stack, time_zone="Pacific/Kiritimati"), Org(stack, time_zone="Pacific/Pago_Pago")
    for org in (early, late):
        org.api.post("/v1/tasks", json={"subject": "Due today in Pago Pago", "dueDate": here}).ok(201)
    assert len(early.api.all("/v1/tasks:overdue")) == 1
    assert len(late.api.all("/v1/tasks:overdue")) == 0


def test_a_due_time_needs_a_day(api):
    api.post("/v1/tasks", json={"subject": "x", "dueTime": "09:30"}).fails(400, "INVALID_FIELDS", "/dueTime", "NO_DUE_DATE")
    task = api.post("/v1/tasks", json={"subject": "x", "dueTime": "09:30", "dueDate": "2026-12-01"}).ok(201)
    api.patch(f"/v1/tasks/{task['id']}", {"dueDate": None}).fails(400, "INVALID_FIELDS", "/dueTime", "NO_DUE_DATE")
    api.patch(f"/v1/tasks/{task['id']}", {"dueDate": None, "dueTime": None}).ok()
    api.post("/v1/tasks", json={"subject": "x", "dueTime": "24:00", "dueDate": "2026-12-01"}).fails(
        400, "INVALID_FIELDS", "/dueTime")


def test_search_in_notes(api, make):
    note = make.create("notes", body="客户希望下周收到报价 (quote)")
    for text in ("报价", "QUOTE", "下周收到"):
        assert note["id"] in {n["id"] for n in elements(api.get("/v1/notes", search=text).ok())}
