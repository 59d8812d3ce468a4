"""Records that are shared, who sees them and why, and roles that reach differently far from collection to collection."""
import datetime
import random

import pytest

from lib.api import CHINESE
from lib.copy import Copy
from lib.org import Org
from lib.stack import wait_until


@pytest.fixture(scope="module")
def firm(stack):
    class Firm:
        org = Org(stack)
        api = org.api
        boss = org.person("Manager", name="Boss")
        top = org.team("Sales", manager=boss.id)
        north, south = org.team("North", parent=top), org.team("South", parent=top)
        ann, bob = org.person("Rep", north, "Ann"), org.person("Rep", south, "Bob")
        carl = org.person("Rep", name="Carl")
    # That anything is shared at all is known to the lists within seconds.
    first = Firm.ann.api.post("/v1/accounts", json={"name": "First share"}).ok(201)["id"]
    Firm.ann.api.post(f"/v1/accounts/{first}:share", json={"userId": Firm.carl.id}).ok()
    wait_until("lists look for shares", lambda: [a["id"] for a in Firm.carl.api.all("/v1/accounts")] == [first])
    return Firm


@pytest.fixture
def account(firm):
    return firm.ann.api.post("/v1/accounts", json={"name": "Shared one", "city": "Bonn"}).ok(201)


def share(person, record, collection="accounts", **body):
    return person.api.post(f"/v1/{collection}/{record['id']}:share", json=body)


def unshare(person, record, collection="accounts", **body):
    return person.api.post(f"/v1/{collection}/{record['id']}:unshare", json=body)


def sees(person, record, collection="accounts"):
    """Whether he sees it, which every door answers alike."""
    api, id = person.api, record["id"]
    doors = {api.get(f"/v1/{collection}/{id}").status == 200, id in {r["id"] for r in api.all(f"/v1/{collection}")},
             id in {r["id"] for r in api.all(f"/v1/{collection}", orderBy="createTime desc", filter="version > 0", readMask="id")},
             api.get(f"/v1/{collection}", filter=f'id = "{id}"', countTotal=True).ok()["totalSize"] == "1",
             api.get(f"/v1/{collection}/{id}/history").status == 200}
    assert len(doors) == 1, doors
    return doors.pop()


def test_a_share_lets_read(firm, account):
    assert not sees(firm.bob, account)
    made = share(firm.ann, account, userId=firm.bob.id).ok()
    assert (made["userId"], made["level"], made["expireTime"], made["actorId"]) == (firm.bob.id, "READ", None, firm.ann.id)
    assert sees(firm.bob, account) and not sees(firm.carl, account)
    firm.bob.api.patch(f"/v1/accounts/{account['id']}", {"city": "Rome"}).fails(403, "NOT_YOURS")
    share(firm.bob, account, userId=firm.carl.id).fails(403, "NOT_YOURS")
    unshare(firm.ann, account, userId=firm.bob.id).ok()
    assert not sees(firm.bob, account)
    unshare(firm.ann, account, userId=firm.bob.id).fails(404, "NOT_SHARED")
    unshare(firm.bob, account, userId=firm.bob.id).fails(404, "NOT_FOUND")


def test_a_share_lets_write_and_no_more(firm, account):
    share(firm.ann, account, userId=firm.bob.id, level="WRITE").ok()
    at = f"/v1/accounts/{account['id']}"
    assert firm.bob.api.patch(at, {"city": "Rome"}).ok()["city"] == "Rome"
    firm.bob.api.patch(at, {"ownerId": firm.bob.id}).fails(403, "NOT_YOURS")
    share(firm.bob, account, userId=firm.carl.id).fails(403, "NOT_YOURS")
    unshare(firm.bob, account, userId=firm.bob.id).fails(403, "NOT_YOURS")
    firm.bob.api.delete(at).fails(403)
    share(firm.ann, account, userId=firm.bob.id, level="READ").ok()
    firm.bob.api.patch(at, {"city": "Oslo"}).fails(403, "NOT_YOURS")


def test_with_a_team_and_with_a_role(firm, account):
    share(firm.ann, account, teamId=firm.south).ok()
    assert sees(firm.bob, account) and not sees(firm.carl, account)
    unshare(firm.ann, account, teamId=firm.south).ok()
    share(firm.ann, account, teamId=firm.top).ok()
    assert sees(firm.bob, account) and sees(firm.boss, account) and not sees(firm.carl, account)
    unshare(firm.ann, account, teamId=firm.top).ok()
    share(firm.ann, account, roleId=firm.org.role("Rep")).ok()
    assert sees(firm.carl, account)
    unshare(firm.ann, account, roleId=firm.org.role("Rep")).ok()
    assert not sees(firm.carl, account)


def test_what_hangs_on_it_is_seen_with_it(firm, account):
    deal = firm.ann.api.post("/v1/deals", json={"name": "D", "accountId": account["id"]}).ok(201)
    note = firm.ann.api.post("/v1/notes", json={"body": "b", "relatedResource": "deals", "relatedId": deal["id"]}).ok(201)
    firm.bob.api.get(f"/v1/notes/{note['id']}").fails(404)
    share(firm.ann, deal, "deals", userId=firm.bob.id).ok()
    assert firm.bob.api.get(f"/v1/notes/{note['id']}").ok()["body"] == "b"
    assert note["id"] in {n["id"] for n in firm.bob.api.all("/v1/notes")}
    assert len(firm.bob.api.all(f"/v1/deals/{deal['id']}/stageHistory")) == 1
    reasons = firm.bob.api.get(f"/v1/notes/{note['id']}/access").ok()["reasons"]
    assert [r["reason"] for r in reasons] == ["ABOUT"]


def test_a_share_ends_in_time(firm, account):
    copy = Copy(firm.bob.api, "accounts").begin()
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
    share(firm.ann, account, userId=firm.bob.id, expireTime=end.isoformat()).ok()
    wait_until("the feed brings it", lambda: account["id"] in copy.follow().alive("accounts"))
    wait_until("it has gone", lambda: firm.bob.api.get(f"/v1/accounts/{account['id']}").status == 404)
    assert datetime.datetime.now(datetime.timezone.utc) >= end and not sees(firm.bob, account)
    wait_until("the feed says so", lambda: account["id"] not in copy.follow().alive("accounts"))
    assert copy.events[-1]["action"] == "OUT_OF_SIGHT" and copy.events[-1]["changes"] == []


@pytest.mark.parametrize("body, pointer, reason", [
    ({}, "/userId", "ONE_OF"), ({"userId": "U", "teamId": "U"}, "/userId", "ONE_OF"),
    ({"userId": "X"}, "/userId", "NO_SUCH_RECORD"), ({"teamId": "X"}, "/teamId", "NO_SUCH_RECORD"),
    ({"roleId": "X"}, "/roleId", "NO_SUCH_RECORD"), ({"userId": "U", "expireTime": "2020-01-01T00:00:00Z"}, "/expireTime", "IN_PAST"),
    ({"userId": "U", "level": "ALL"}, "/level", None), ({"userId": "me"}, "/userId", None)])
def test_what_cannot_be_shared(body, pointer, reason, firm, account):
    ids = {"U": firm.bob.id, "X": "01a00000-0000-7000-8000-000000000000"}
    answer = share(firm.ann, account, **{k: ids.get(v, v) for k, v in body.items()})
    answer.fails(400, None, pointer, reason)
    chinese = firm.ann.api.post(f"/v1/accounts/{account['id']}:share", json={k: ids.get(v, v) for k, v in body.items()},
                                headers={"Accept-Language": "zh-CN"})
    assert CHINESE.search(chinese.json()["errors"][0]["detail"]), str(chinese)


def test_who_sees_it_and_why(firm, account):
    share(firm.ann, account, userId=firm.carl.id, level="WRITE").ok()
    seen = firm.ann.api.get(f"/v1/accounts/{account['id']}/access").ok()
    assert (seen["userId"], seen["reads"], seen["writes"], seen["deletes"]) == (firm.ann.id, True, True, False)
    assert [r["reason"] for r in seen["reasons"]] == ["OWNER"]
    assert [(s["userId"], s["level"]) for s in seen["shares"]] == [(firm.carl.id, "WRITE")]
    why = {(v["displayName"], v["reason"], v["writes"]) for v in seen["viewers"]}
    assert why >= {("Ann", "OWNER", True), ("Boss", "TEAM_OF_OWNER", True), ("Carl", "SHARED", True)}
    assert not any(name == "Bob" for name, *_ in why) and seen["moreViewers"] is False
    # About others, administrators ask.
    firm.ann.api.get(f"/v1/accounts/{account['id']}/access", userId=firm.bob.id).fails(403, "NO_PERMISSION")
    bob = firm.api.get(f"/v1/accounts/{account['id']}/access", userId=firm.bob.id).ok()
    assert (bob["userId"], bob["reads"], bob["reasons"]) == (firm.bob.id, False, [])
    carl = firm.api.get(f"/v1/accounts/{account['id']}/access", userId=firm.carl.id).ok()
    assert (carl["reads"], carl["writes"], carl["deletes"]) == (True, True, False)
    firm.bob.api.get(f"/v1/accounts/{account['id']}/access").fails(404, "NOT_FOUND")


def test_access_tells_what_the_gate_does(firm):
    """For everybody, of records of everybody: who is told to see it sees it, and nobody else."""
    people = [firm.boss, firm.ann, firm.bob, firm.carl]
    for owner in people:
        record = owner.api.post("/v1/leads", json={"name": "L"}).ok(201)
        share(owner, record, "leads", teamId=firm.north).ok()
        told = firm.api.get(f"/v1/leads/{record['id']}/access").ok()
        for person in people:
            at = f"/v1/leads/{record['id']}"
            lines = [v for v in told["viewers"] if v["userId"] == person.id]
            assert bool(lines) == (person.api.get(at).status == 200), (owner.id, person.id)
            if lines:
                assert any(v["writes"] for v in lines) == (person.api.patch(at, {"city": "x"}).status == 200)


# ---- roles by collection ----------------------------------------------------------------------------------------------

def test_a_role_reaches_differently_far(firm):
    role = firm.api.post("/v1/roles", json={
        "name": "Mixed", "visibility": "OWN", "permissions": ["events.read"], "access": [
            {"collection": "accounts", "read": "ORG", "write": "OWN"},
            {"collection": "leads", "read": "TEAM", "write": "TEAM", "delete": "OWN"},
            {"collection": "deals", "read": "OWN", "write": "NONE"}]}).ok(201)
    assert {"accounts.read", "accounts.write", "leads.delete", "deals.read", "events.read"} <= set(role["permissions"])
    assert not {"accounts.delete", "deals.write"} & set(role["permissions"])
    dora = firm.org.person("Mixed", firm.south, "Dora")
    theirs = firm.ann.api.post("/v1/accounts", json={"name": "Ann's"}).ok(201)
    mine = dora.api.post("/v1/accounts", json={"name": "Mine"}).ok(201)
    assert dora.api.get(f"/v1/accounts/{theirs['id']}").ok() and sees(dora, theirs)
    dora.api.patch(f"/v1/accounts/{theirs['id']}", {"city": "x"}).fails(403, "NOT_YOURS")
    dora.api.patch(f"/v1/accounts/{mine['id']}", {"city": "x"}).ok()
    lead, other = (p.api.post("/v1/leads", json={"name": "L"}).ok(201) for p in (firm.bob, firm.ann))
    dora.api.patch(f"/v1/leads/{lead['id']}", {"city": "x"}).ok()
    dora.api.delete(f"/v1/leads/{lead['id']}").fails(403)
    dora.api.get(f"/v1/leads/{other['id']}").fails(404)
    dora.api.delete(f"/v1/leads/{dora.api.post('/v1/leads', json={'name': 'Own'}).ok(201)['id']}").ok()
    # The feed and the analytics reach as far as the lists.
    last = firm.ann.api.post("/v1/accounts", json={"name": "last"}).ok(201)["id"]
    copy = Copy(dora.api).settle(last)
    assert copy.alive("accounts") == {a["id"]: a for a in dora.api.all("/v1/accounts", pageSize=200)}
    assert copy.alive("leads") == {a["id"]: a for a in dora.api.all("/v1/leads", pageSize=200)}
    assert other["id"] not in str(copy.events)


def test_permissions_and_access_say_the_same(firm):
    made = firm.org.new_role("Short", ["accounts.read", "accounts.write"], "TEAM")
    at = f"/v1/roles/{made['id']}"
    changed = firm.api.patch(at, {"access": [{"collection": "accounts", "write": "NONE", "delete": "NONE"}]}).ok()
    assert changed["permissions"] == ["accounts.read"]
    changed = firm.api.patch(at, {"permissions": ["accounts.read", "accounts.write"]}).ok()
    assert changed["access"][0]["write"] != "NONE" and "accounts.write" in changed["permissions"]
    changed = firm.api.patch(at, {"access": [{"collection": "accounts", "read": "ORG", "write": "OWN"}]}).ok()
    changed = firm.api.patch(at, {"permissions": ["accounts.read"]}).ok()
    assert changed["access"][0]["write"] == "NONE" and changed["permissions"] == ["accounts.read"]


@pytest.mark.parametrize("access, pointer, reason", [
    ([{"collection": "accounts", "read": "OWN", "write": "TEAM"}], "/access/0/write", "REACHES_TOO_FAR"),
    ([{"collection": "accounts", "read": "TEAM", "write": "OWN", "delete": "TEAM"}], "/access/0/delete", "REACHES_TOO_FAR"),
    ([{"collection": "accounts", "read": "OWN", "write": "OWN", "delete": "OWN", "export": "ORG"}], "/access/0/export", "REACHES_TOO_FAR"),
    ([{"collection": "accounts", "read": "OWN"}, {"collection": "accounts", "read": "OWN"}], "/access/0/collection", "TWICE"),
    ([{"collection": "nonsense"}], "/access/0/collection", None), ([{"read": "OWN"}], "/access/0/collection", "REQUIRED")])
def test_roles_that_make_no_sense(access, pointer, reason, firm):
    body = {"name": "No sense", "visibility": "OWN", "permissions": [], "access": access}
    firm.api.post("/v1/roles", json=body).fails(400, None, pointer, reason)


# ---- the feed -----------------------------------------------------------------------------------------------------------

def test_copies_equal_fresh_lists_whatever_is_shared(firm):
    """Random changes of owners, shares, teams and roles; who follows the feed has what a fresh list shows, no more and no less."""
    choose = random.Random(11)
    people = [firm.boss, firm.ann, firm.bob, firm.carl]
    firm.org.new_role("Lone", ["accounts.read", "accounts.write", "leads.read", "leads.write", "events.read"], "TEAM")
    roles, teams = [firm.org.role("Rep"), firm.org.role("Lone")], [firm.north, firm.south, firm.top]
    copies = {p.id: Copy(p.api, "accounts", "leads").begin() for p in people}
    made = []
    for i in range(110):
        dice, admin = choose.random(), firm.api
        if dice < 0.2 or not made:
            collection = choose.choice(["accounts", "leads"])
            made.append((collection, admin.post(f"/v1/{collection}", json={
                "name": f"R{i}", "ownerId": choose.choice(people).id}).ok(201)["id"]))
        collection, id = choose.choice(made)
        at = f"/v1/{collection}/{id}"
        whom = choose.choice([{"userId": choose.choice(people).id}, {"teamId": choose.choice(teams)}, {"roleId": choose.choice(roles)}])
        if 0.2 <= dice < 0.4:
            admin.patch(at, {"ownerId": choose.choice(people).id}).ok()
        elif dice < 0.5:
            admin.patch(at, {"name": f"N{i}"}).ok()
        elif dice < 0.75:
            admin.post(f"{at}:share", json={**whom, "level": choose.choice(["READ", "WRITE"])}).ok()
        elif dice < 0.93:
            admin.post(f"{at}:unshare", json=whom)
        elif dice < 0.97:
            admin.patch(f"/v1/users/{choose.choice(people[1:]).id}", {"teamId": choose.choice(teams + [None])}).ok()
        else:
            admin.patch(f"/v1/users/{choose.choice(people[1:]).id}", {"roleId": choose.choice(roles)}).ok()
        if choose.random() < 0.15:
            choose.choice(list(copies.values())).follow(pageSize=choose.choice([3, 200]))
    for person in people:
        copy = copies[person.id]

        def agrees():
            copy.follow()
            fresh = {c: {r["id"]: r for r in person.api.all(f"/v1/{c}", pageSize=200)} for c in ("accounts", "leads")}
            return all(copy.alive(c) == fresh[c] for c in fresh)
        wait_until(f"the copy of {person.id} equals a fresh list", agrees)
