"""The event log: every change of every record, read by a cursor, and as the history of one record."""
import threading
import time

import pytest

from lib.contract import contract
from lib.org import Org
from lib.stack import wait_until


def read(api, after=None, **params):
    """All events after a cursor, and the cursor to go on with."""
    events = []
    while True:
        page = api.get("/v1/events", **({"after": after} if after else {}), **params).ok()
        events += page["events"]
        after = page["cursor"]
        if not page["more"]:
            return events, after


def settled(api, count, after=None, **params):
    """Events after a cursor, when there are at least this many: a reader stops below transactions still under way."""
    return wait_until(f"{count} events", lambda: (lambda r: r if len(r[0]) >= count else None)(
        read(api, after, **params)), 10)


def changes(event):
    return {c["field"]: (c["before"], c["after"]) for c in event["changes"]}


@pytest.fixture(scope="module")
def fresh(stack):
    return Org(stack)


def test_what_happens_to_a_record_is_told(fresh):
    api = fresh.api
    _, cursor = read(api)
    made = api.post("/v1/accounts", json={"name": "Acme", "employeeCount": 5}).ok(201)
    address = f"/v1/accounts/{made['id']}"
    api.patch(address, {"name": "Acme 公司", "city": "上海"}).ok()
    api.delete(address).ok()
    api.post(f"{address}:undelete").ok()
    events, _ = settled(api, 4, cursor, resource="accounts")
    assert [e["action"] for e in events] == ["CREATED", "UPDATED", "DELETED", "UNDELETED"]
    assert {e["recordId"] for e in events} == {made["id"]} and {e["actorId"] for e in events} == {fresh.admin.id}
    created, updated = changes(events[0]), changes(events[1])
    assert created["name"] == (None, "Acme") and created["employeeCount"] == (None, 5)
    assert updated["name"] == ("Acme", "Acme 公司") and updated["city"] == (None, "上海")
    assert "employeeCount" not in updated and "searchText" not in updated
    assert all(e["eventTime"].endswith("Z") and e["id"] for e in events)


def test_the_same_event_is_the_same_whenever_it_is_read(fresh):
    first, _ = read(fresh.api)
    second, _ = read(fresh.api, pageSize=3)
    assert [e["id"] for e in first] == [e["id"] for e in second] and len({e["id"] for e in first}) == len(first)


def test_a_cursor_with_nothing_new(fresh):
    _, cursor = read(fresh.api)
    time.sleep(0.1)
    events, again = read(fresh.api, cursor)
    assert events == [] and again


def test_bad_cursors(fresh):
    for cursor in ("junk", "A" * 50, "../x"):
        fresh.api.get("/v1/events", after=cursor).fails(400)


@pytest.mark.parametrize("collection", contract().collections("CREATE"))
def test_every_resource_is_logged(collection, fresh):
    _, cursor = read(fresh.api)
    made = fresh.make.create(collection)
    events, _ = wait_until("the event", lambda: (lambda r: r if any(e["recordId"] == made["id"] for e in r[0]) else None)(
        read(fresh.api, cursor, resource=collection)), 10)
    (event,) = [e for e in events if e["recordId"] == made["id"]]
    assert event["action"] == "CREATED" and event["resource"] == collection
    history = fresh.api.get(f"/v1/{collection}/{made['id']}/history").ok()["events"]
    assert [e["id"] for e in history] == [event["id"]]


def test_history_pages(fresh):
    account = fresh.api.post("/v1/accounts", json={"name": "Many changes"}).ok(201)
    address = f"/v1/accounts/{account['id']}"
    for i in range(7):
        fresh.api.patch(address, {"employeeCount": i + 1}).ok()
    newest = fresh.api.all(f"{address}/history", pageSize=3)
    assert len(newest) == 8 and newest[-1]["action"] == "CREATED"
    assert [changes(e)["employeeCount"][1] for e in newest[:-1]] == [7, 6, 5, 4, 3, 2, 1]
    oldest = fresh.api.all(f"{address}/history", pageSize=3, oldestFirst=True)
    assert [e["id"] for e in oldest] == [e["id"] for e in newest][::-1]


def test_history_of_what_is_not_there(fresh, other_org):
    theirs = other_org.make.create("accounts")["id"]
    for address in (f"/v1/accounts/{theirs}", "/v1/accounts/01900000-0000-7000-8000-000000000000", f"/v1/nothings/{theirs}"):
        fresh.api.get(f"{address}/history").fails(404)


def test_a_feed_of_what_is_no_collection(fresh):
    for resource in ("nothings", "Accounts", "events"):
        fresh.api.get("/v1/events", resource=resource).fails(400, "INVALID_FIELDS", "resource", "NO_SUCH_COLLECTION")


def test_history_needs_the_records_permission(fresh):
    fresh.new_role("Reader of events", ["events.read"])
    person = fresh.person("Reader of events")
    account = fresh.make.create("accounts")
    person.api.get(f"/v1/accounts/{account['id']}/history").fails(403, "NO_PERMISSION")
    events, _ = read(person.api)
    assert [e for e in events if e["resource"] == "accounts"] == [], "the feed asks for the collection's permission too"


def test_a_history_goes_on_over_a_change_of_owner(fresh):
    a, b = fresh.person("Rep"), fresh.person("Rep")
    account = a.api.post("/v1/accounts", json={"name": "Handed over"}).ok(201)
    address = f"/v1/accounts/{account['id']}"
    fresh.api.patch(address, {"ownerId": b.id}).ok()
    a.api.get(f"{address}/history").fails(404, "NOT_FOUND")
    history = b.api.get(f"{address}/history", oldestFirst=True).ok()["events"]
    assert [e["action"] for e in history] == ["CREATED", "UPDATED"]
    assert changes(history[1])["ownerId"] == (a.id, b.id)


def test_no_secret_is_in_an_event(fresh):
    person = fresh.person("Rep")
    events, _ = settled(fresh.api, 1, resource="users")
    fields = {c["field"].lower() for e in events for c in e["changes"]}
    assert not [f for f in fields if "password" in f or "secret" in f or "hash" in f]
    assert person.id in {e["recordId"] for e in events}


def test_no_event_is_skipped_while_others_write(fresh):
    """A reader who follows the feed during 200 concurrent writes sees each exactly once."""
    api = fresh.api
    _, cursor = read(api)
    made, lock = [], threading.Lock()

    def write(n):
        from lib.api import Api
        own = Api(fresh.base, api.token)
        for i in range(25):
            id = own.post("/v1/accounts", json={"name": f"Writer {n} {i}"}).ok(201)["id"]
            with lock:
                made.append(id)

    writers = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for w in writers:
        w.start()
    seen = []
    end = time.monotonic() + 60
    while time.monotonic() < end and (any(w.is_alive() for w in writers) or len(seen) < len(made)):
        events, cursor = read(api, cursor, resource="accounts", pageSize=20)
        seen += [e["recordId"] for e in events]
    for w in writers:
        w.join()
    assert len(made) == 200
    assert sorted(seen) == sorted(made)
