"""Who follows the feed has what he may see, no more and no less, whatever becomes of owners, teams and roles."""
import json
import random

import pytest

from lib.copy import Copy
from lib.org import Org
from lib.stack import wait_until


@pytest.fixture(scope="module")
def house(stack):
    """Two teams below one manager, somebody alone, somebody who sees all."""
    class House:
        org = Org(stack)
        api = org.api
        manager = org.person("Manager")
        top = org.team("Sales", manager=manager.id)
        ann, bob = org.person("Rep", org.team("North", parent=top)), org.person("Rep", org.team("South", parent=top))
        carl = org.person("Rep")
        org.new_role("Analyst", [f"{c}.read" for c in ("accounts", "leads", "contacts", "deals", "events")], visibility="ORG")
        eve = org.person("Analyst")
        people = [manager, ann, bob, carl]
    return House


def last_event(house, owner):
    """Something that all who see the owner can wait for."""
    return house.api.post("/v1/accounts", json={"name": "last", "ownerId": owner}).ok(201)["id"]


def feed(house, person, after=None, until=None):
    copy = Copy(person.api)
    copy.after = after
    return copy.settle(until).events


def now(person):
    return person.api.get("/v1/events", fromNow=True).ok()["cursor"]


def test_from_now_on(house):
    before = house.api.post("/v1/accounts", json={"name": "before"}).ok(201)["id"]
    wait_until("it is in the feed", lambda: before in {e["recordId"] for e in Copy(house.api).follow().events})
    page = house.api.get("/v1/events", fromNow=True).ok()
    assert page["events"] == [] and page["cursor"] and page["more"] is False and page["sight"]
    after = house.api.post("/v1/accounts", json={"name": "after"}).ok(201)["id"]
    events = feed(house, house.org.admin, page["cursor"], after)
    assert [e["recordId"] for e in events] == [after]
    house.api.get("/v1/events", fromNow=True, after=page["cursor"]).fails(400, None, "fromNow", "BAD_VALUE")


def test_a_record_is_taken_away_and_given(house):
    ann, carl = house.ann, house.carl
    account = house.api.post("/v1/accounts", json={"name": "Secret one", "city": "Bonn", "ownerId": ann.id}).ok(201)
    id = account["id"]
    cursors = {p.id: now(p) for p in (ann, carl, house.manager, house.eve)}
    given = house.api.patch(f"/v1/accounts/{id}", {"ownerId": carl.id, "name": "Given"}).ok()
    house.api.patch(f"/v1/accounts/{id}", {"city": "Rome"}).ok()
    lasts = {p.id: last_event(house, p.id) for p in (ann, carl)}
    seen = {p.id: [e for e in feed(house, p, cursors[p.id], lasts.get(p.id) or lasts[ann.id]) if e["recordId"] == id]
            for p in (ann, carl, house.manager, house.eve)}
    # The former owner, and who sees his records, hear that it has gone, and nothing else.
    for person in (ann, house.manager):
        (gone,) = seen[person.id]
        assert {k: v for k, v in gone.items() if k not in ("id", "eventTime")} == {
            "actorId": None, "resource": "accounts", "recordId": id, "action": "OUT_OF_SIGHT", "changes": [], "version": "0",
                "cause": None}
    # The new one gets it as if it had been made, and not what it was before.
    made, changed = seen[carl.id]
    assert made["action"] == "CREATED" and made["version"] == "2"
    after = {c["field"]: c["after"] for c in made["changes"]}
    assert all(c["before"] is None for c in made["changes"])
    assert {**after, "id": id, "version": "2", "updateTime": made["eventTime"]} == given
    assert "Secret" not in json.dumps(seen[carl.id]) and changed["action"] == "UPDATED"
    # Who sees both sees a change.
    assert [e["action"] for e in seen[house.eve.id]] == ["UPDATED", "UPDATED"]
    assert {c["field"]: c["before"] for c in seen[house.eve.id][0]["changes"]} == {"ownerId": ann.id, "name": "Secret one"}
    # Who reads from the beginning sees nothing of what was before his time.
    assert "Secret one" not in json.dumps(Copy(carl.api).follow().events)
    ann.api.get(f"/v1/accounts/{id}").fails(404)
    history = carl.api.get(f"/v1/accounts/{id}/history").ok()["events"]
    assert "OUT_OF_SIGHT" not in [e["action"] for e in history] and len(history) == 3


def test_within_a_team_nothing_goes_out_of_sight(house):
    id = house.api.post("/v1/leads", json={"name": "L", "ownerId": house.ann.id}).ok(201)["id"]
    cursor = now(house.manager)
    house.api.patch(f"/v1/leads/{id}", {"ownerId": house.bob.id}).ok()
    events = [e for e in feed(house, house.manager, cursor, last_event(house, house.bob.id)) if e["recordId"] == id]
    assert [e["action"] for e in events] == ["UPDATED"]


def test_copies_equal_fresh_lists(house):
    """Random changes of owners and contents; each follows the feed in his own time."""
    choose = random.Random(7)
    collections = ("accounts", "leads", "contacts", "deals")
    copies = {p.id: Copy(p.api, *collections) for p in house.people + [house.eve]}
    for n, copy in enumerate(copies.values()):
        if n % 2:
            copy.begin()
    made = []
    for i in range(160):
        owner = choose.choice(house.people).id
        dice = choose.random()
        if dice < 0.3 or not made:
            collection = choose.choice(collections)
            made.append(f"/v1/{collection}/" + house.api.post(
                f"/v1/{collection}", json={"name": f"R{i}", "ownerId": owner}).ok(201)["id"])
        elif dice < 0.7:
            house.api.patch(choose.choice(made), {"ownerId": owner})
        elif dice < 0.9:
            house.api.patch(choose.choice(made), {"name": f"N{i}", "customFields": {f"k{i % 3}": i}})
        elif dice < 0.95:
            house.api.delete(choose.choice(made))
        else:
            house.api.post(f"{choose.choice(made)}:undelete")
        if choose.random() < 0.2:
            choose.choice(list(copies.values())).follow(pageSize=choose.choice([1, 7, 200]))
    lasts = {p.id: last_event(house, p.id) for p in house.people}
    for person in house.people + [house.eve]:
        copy = copies[person.id].settle(lasts.get(person.id, lasts[house.carl.id]))
        for collection in collections:
            fresh = {r["id"]: r for r in person.api.all(f"/v1/{collection}", pageSize=200)}
            assert copy.alive(collection) == fresh


@pytest.mark.parametrize("how", ["team", "role", "visibility", "tree", "permissions"])
def test_a_change_of_sight_is_marked(how, stack):
    """When what one may see changes as a whole, the answers carry another mark, and a copy that begins again is right."""
    org = Org(stack)
    north, south = org.team("North"), org.team("South")
    role = org.new_role("Seller", ["accounts.read", "events.read"], visibility="TEAM")["id"]
    ann, bob = org.person("Seller", north), org.person("Rep", south)
    id = org.api.post("/v1/accounts", json={"name": "Bob's", "ownerId": bob.id}).ok(201)["id"]
    own = org.api.post("/v1/accounts", json={"name": "Ann's", "ownerId": ann.id}).ok(201)["id"]
    copy = Copy(ann.api, "accounts").settle(own)
    assert set(copy.alive("accounts")) == {own}
    mark = copy.sight
    org.api.patch(f"/v1/accounts/{own}", {"city": "Bonn"}).ok()
    org.person("Rep", south)
    assert copy.follow().sight == mark
    if how == "team":
        org.api.patch(f"/v1/users/{ann.id}", {"teamId": south}).ok()
    elif how == "role":
        org.new_role("All", ["accounts.read", "events.read"], visibility="ORG")
        org.api.patch(f"/v1/users/{ann.id}", {"roleId": org.role("All")}).ok()
    elif how == "visibility":
        org.api.patch(f"/v1/roles/{role}", {"visibility": "ORG"}).ok()
    elif how == "tree":
        org.api.patch(f"/v1/teams/{south}", {"parentId": north}).ok()
    else:
        org.api.patch(f"/v1/roles/{role}", {"permissions": ["accounts.read", "leads.read", "events.read"]}).ok()
    wait_until("another mark", lambda: copy.follow().sight != mark)
    assert set(copy.alive("accounts")) == ({own} if how == "permissions" else {own, id})
    assert copy.alive("accounts") == {r["id"]: r for r in ann.api.all("/v1/accounts")}
