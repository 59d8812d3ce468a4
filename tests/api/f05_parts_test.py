"""Parts: records that belong to another one, below its address. The contact methods of accounts."""
import uuid

import pytest

from lib.org import Org


@pytest.fixture(scope="module")
def house(stack):
    class House:
        org = Org(stack)
        api = org.api
        manager = org.person("Manager")
        team = org.team("North", manager=manager.id)
        ann, bob = org.person("Rep", team), org.person("Rep")
    return House


@pytest.fixture
def account(house):
    return house.ann.api.post("/v1/accounts", json={"name": "云帆科技"}).ok(201)["id"]


def test_as_many_as_there_are(house, account):
    api, path = house.ann.api, f"/v1/accounts/{account}/contactMethods"
    assert api.get(path).ok()["contactMethods"] == []
    answer = api.post(path, json={"kind": "PHONE", "value": "0731-88886666", "label": "采购", "isPrimary": True})
    phone = answer.ok(201)
    assert phone["accountId"] == account and phone["version"] == "1" and answer.etag == '"1"'
    assert answer.headers["Location"] == f"{path}/{phone['id']}"
    mail = api.post(path, json={"kind": "EMAIL", "value": "buy@example.com", "accountId": account}).ok(201)
    assert [m["id"] for m in api.get(path).ok()["contactMethods"]] == [phone["id"], mail["id"]]
    assert [m["value"] for m in api.get(path, filter="kind = EMAIL").ok()["contactMethods"]] == ["buy@example.com"]
    assert api.post(f"{path}:search", json={"filter": "kind = PHONE", "countTotal": True}).ok()["totalSize"] == "1"
    assert api.get(f"{path}/{phone['id']}").ok() == phone
    assert [m["id"] for m in api.get(f"{path}:batchGet", ids=mail["id"]).ok()["contactMethods"]] == [mail["id"]]
    rows = api.get(f"{path}:aggregate", groupBy="kind", skipEmpty=True).ok()["rows"]
    assert {r["keys"]["kind"]: r["count"] for r in rows} == {"PHONE": "1", "EMAIL": "1"}


def test_changed_only_if_nobody_else_has(house, account):
    path = f"/v1/accounts/{account}/contactMethods"
    one = house.api.post(path, json={"kind": "FAX", "value": "1"}).ok(201)
    mine = f"{path}/{one['id']}"
    house.api.patch(mine, {"value": "2"}, headers={"If-Match": '"1"'}).ok()
    house.api.patch(mine, {"value": "3"}, headers={"If-Match": '"1"'}).fails(412, "VERSION_MISMATCH")
    assert house.api.patch(mine, {"value": "2"}).ok()["version"] == "2"
    read = house.api.get(mine).ok()
    assert house.api.patch(mine, read).ok() == read, "what was read can be sent back"
    house.api.delete(mine).ok()
    assert house.api.get(path).ok()["contactMethods"] == []
    assert house.api.get(path, showDeleted=True).ok()["contactMethods"][0]["deleteTime"]
    house.api.post(f"{mine}:undelete").ok()
    assert house.api.get(path).ok()["contactMethods"][0]["value"] == "2"


def test_below_its_own_record_only(house, account):
    other = house.ann.api.post("/v1/accounts", json={"name": "Other"}).ok(201)["id"]
    one = house.ann.api.post(f"/v1/accounts/{account}/contactMethods", json={"kind": "PHONE", "value": "1"}).ok(201)
    wrong = f"/v1/accounts/{other}/contactMethods/{one['id']}"
    house.ann.api.get(wrong).fails(404, "NOT_FOUND")
    house.ann.api.patch(wrong, {"value": "2"}).fails(404, "NOT_FOUND")
    house.api.delete(wrong).fails(404, "NOT_FOUND")
    house.api.post(f"{wrong}:undelete").fails(404, "NOT_FOUND")
    assert house.ann.api.get(f"/v1/accounts/{other}/contactMethods:batchGet", ids=one["id"]).ok()["contactMethods"] == []
    house.ann.api.patch(f"/v1/accounts/{account}/contactMethods/{one['id']}", {"accountId": other}).fails(400, None, "/accountId", "IMMUTABLE")
    house.ann.api.post(f"/v1/accounts/{account}/contactMethods", json={"kind": "PHONE", "value": "1", "accountId": other}).fails(
        400, None, "/accountId", "IMMUTABLE")


def test_no_other_address_takes_a_parent(house, account):
    house.api.get("/v1/deals", parent=account).fails(400, None, "parent", "UNKNOWN_FIELD")
    house.api.post("/v1/deals:search", json={"parent": account}).fails(400, None, "/parent", "UNKNOWN_FIELD")
    house.api.get(f"/v1/accounts/{account}", parent=account).fails(400, None, "parent", "UNKNOWN_FIELD")


def test_seen_and_changed_with_the_record(house, account):
    path = f"/v1/accounts/{account}/contactMethods"
    one = house.ann.api.post(path, json={"kind": "PHONE", "value": "secret"}).ok(201)
    assert house.manager.api.get(path).ok()["contactMethods"] == [one]
    house.bob.api.get(path).fails(404, "NOT_FOUND")
    house.bob.api.get(f"{path}/{one['id']}").fails(404, "NOT_FOUND")
    house.bob.api.patch(f"{path}/{one['id']}", {"value": "mine"}).fails(404, "NOT_FOUND")
    assert house.bob.api.post(path, json={"kind": "PHONE", "value": "1"}).status in (400, 403, 404)
    # Who gets the record gets its parts.
    house.api.patch(f"/v1/accounts/{account}", {"ownerId": house.bob.id}).ok()
    assert house.bob.api.get(path).ok()["contactMethods"] == [one]
    house.ann.api.get(path).fails(404, "NOT_FOUND")
    house.api.get(f"/v1/accounts/{uuid.uuid4()}/contactMethods").fails(404, "NOT_FOUND")


def test_a_deleted_record_gets_no_new_ones_and_keeps_what_it_has(house, account):
    path = f"/v1/accounts/{account}/contactMethods"
    one = house.ann.api.post(path, json={"kind": "PHONE", "value": "1"}).ok(201)
    house.api.delete(f"/v1/accounts/{account}").ok()
    house.api.post(path, json={"kind": "PHONE", "value": "2"}).fails(400, None, "accountId", "DELETED_RECORD")
    assert house.api.get(path).ok()["contactMethods"] == [one]
    house.api.post(f"/v1/accounts/{account}:undelete").ok()
    assert house.api.get(path).ok()["contactMethods"] == [one]


def test_names_and_access(house, account):
    path = f"/v1/accounts/{account}/contactMethods"
    house.ann.api.post(path, json={"kind": "PHONE", "value": "1"}).ok(201)
    page = house.ann.api.get(path, names=True, access=True).ok()
    assert page["names"] == {account: {"collection": "accounts", "name": "云帆科技", "deleted": False}}
    assert page["contactMethods"][0]["allowed"] == ["update", "delete"]


def test_events_are_seen_by_who_sees_the_record(house, account):
    cursors = {p.id: p.api.get("/v1/events", fromNow=True).ok()["cursor"] for p in (house.ann, house.bob)}
    path = f"/v1/accounts/{account}/contactMethods"
    one = house.ann.api.post(path, json={"kind": "PHONE", "value": "1"}).ok(201)
    house.ann.api.patch(f"{path}/{one['id']}", {"value": "2"}).ok()
    seen = [e for e in house.ann.api.get("/v1/events", after=cursors[house.ann.id]).ok()["events"] if e["recordId"] == one["id"]]
    assert [(e["resource"], e["action"]) for e in seen] == [("contactMethods", "CREATED"), ("contactMethods", "UPDATED")]
    assert not [e for e in house.bob.api.get("/v1/events", after=cursors[house.bob.id]).ok()["events"] if e["recordId"] == one["id"]]
    history = house.ann.api.get(f"/v1/contactMethods/{one['id']}/history").ok()["events"]
    assert [e["action"] for e in history] == ["UPDATED", "CREATED"]
    house.bob.api.get(f"/v1/contactMethods/{one['id']}/history").fails(404, "NOT_FOUND")


@pytest.mark.parametrize("body, pointer, reason", [
    ({"value": "1"}, "/kind", "REQUIRED"), ({"kind": "PHONE"}, "/value", "REQUIRED"), ({"kind": "PIGEON", "value": "1"}, "/kind", None),
    ({"kind": "PHONE", "value": "x" * 1001}, "/value", "TOO_LONG"), ({"kind": "PHONE", "value": "1", "colour": "red"}, "/colour", "UNKNOWN_FIELD")])
def test_what_is_wrong_is_said(house, account, body, pointer, reason):
    house.api.post(f"/v1/accounts/{account}/contactMethods", json=body).fails(400, "INVALID_FIELDS", pointer, reason)
