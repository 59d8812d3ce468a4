"""What one sees and may not change: 403, with whose it is, at every door; and whom records may be given to."""
import uuid

import pytest

from lib.contract import contract

ACTIVITIES = [c for c in contract().collections("CREATE", "UPDATE", "UPSERT", "DELETE", "UNDELETE")
              if "related_id" in contract().resources[c].fields_by_name]
OWNED = [c for c in contract().collections("CREATE", "UPDATE", "UPSERT")
         if "owner_id" in contract().resources[c].fields_by_name]


@pytest.fixture(scope="module")
def seller(org):
    """Sees his own records and what hangs on them; may do anything with what he may change."""
    kinds = [f"{c}.{right}" for c in ACTIVITIES + ["accounts"] for right in ("read", "write", "delete")]
    org.new_role("Seller", kinds, visibility="OWN")
    return org.person("Seller", name="Seller Wang")


@pytest.mark.parametrize("collection", ACTIVITIES)
def test_seen_but_not_ones_own(collection, org, api, make, seller):
    api.patch(f"/v1/users/{org.admin.id}", {"displayName": "Director Li"}).ok()
    account = seller.api.post("/v1/accounts", json={"name": "His"}).ok()
    about = {"relatedResource": "accounts", "relatedId": account["id"], "externalId": uuid.uuid4().hex}
    theirs = make.create(collection, **about)
    assert seller.api.get(f"/v1/{collection}/{theirs['id']}").ok()["ownerId"] == org.admin.id
    gone = make.create(collection, **{**about, "externalId": uuid.uuid4().hex})
    gone = api.delete(f"/v1/{collection}/{gone['id']}").ok()
    change = {"customFields": {"n": 1}}
    calls = [lambda **m: seller.api.patch(f"/v1/{collection}/{theirs['id']}", change, **m),
             lambda **m: seller.api.patch(f"/v1/{collection}/{theirs['id']}", {}, **m),
             lambda **m: seller.api.delete(f"/v1/{collection}/{theirs['id']}", **m),
             lambda **m: seller.api.post(f"/v1/{collection}/{gone['id']}:undelete", **m),
             lambda **m: seller.api.post(f"/v1/{collection}:upsert", json={"externalId": theirs["externalId"], **change}, **m)]
    for call in calls:
        for headers in ({}, {"If-Match": f'"{theirs["version"]}"'}, {"If-Match": "*"}):
            assert "Director Li" in call(headers=headers).fails(403, "NOT_YOURS")["detail"]
        assert "Director Li" in call(headers={"Accept-Language": "zh-CN"}).fails(403, "NOT_YOURS")["detail"]
    assert api.get(f"/v1/{collection}/{theirs['id']}").ok() == theirs


# What has an end, and is over: it may be brought in for those who are not there any more.
PAST = {"deals": lambda org: {"stageId": won_stage(org)}, "tasks": lambda org: {"status": "DONE"},
        "meetings": lambda org: {"startTime": "2020-01-01T08:00:00Z", "endTime": "2020-01-01T09:00:00Z"},
        "calls": lambda org: {"callTime": "2020-01-01T08:00:00Z"}, "notes": lambda org: {},
        "leads": lambda org: {"status": "UNQUALIFIED"}}
COMING = {"calls": {"callTime": "2090-01-01T08:00:00Z"},
          "meetings": {"startTime": "2090-01-01T08:00:00Z", "endTime": "2090-01-01T09:00:00Z"}}


def won_stage(org):
    return [s["id"] for s in org.api.all("/v1/stages") if s["outcome"] == "WON"][0]


@pytest.fixture(scope="module")
def disabled(org, api):
    user = api.post("/v1/users", json={"displayName": "Away", "email": "away@example.com", "roleId": org.role("Rep")}).ok()
    api.patch(f"/v1/users/{user['id']}", {"disabled": True}).ok()
    return user["id"]


@pytest.mark.parametrize("collection", OWNED)
def test_what_is_open_is_not_given_to_somebody_disabled(collection, org, api, make, disabled):
    key = {"externalId": uuid.uuid4().hex}
    body = {**make.body(collection), **COMING.get(collection, {}), "ownerId": disabled}
    mine = api.post(f"/v1/{collection}", json={**body, **key, "ownerId": org.admin.id}).ok(201)
    if collection == "notes":
        api.post("/v1/notes", json=body).ok(201)
        return
    for answer in (api.post(f"/v1/{collection}", json=body),
                   api.patch(f"/v1/{collection}/{mine['id']}", {"ownerId": disabled}),
                   api.post(f"/v1/{collection}:upsert", json={**key, "ownerId": disabled}),
                   api.post(f"/v1/{collection}:upsert", json={**body, "externalId": uuid.uuid4().hex})):
        answer.fails(400, "INVALID_FIELDS", "/ownerId", "DISABLED_USER")


@pytest.mark.parametrize("collection", sorted(PAST))
def test_history_may_be_theirs(collection, org, api, make, disabled):
    body = {**make.body(collection), **PAST[collection](org), "ownerId": disabled}
    made = api.post(f"/v1/{collection}", json=body).ok(201)
    api.patch(f"/v1/{collection}/{made['id']}", {"customFields": {"n": 1}}).ok()


def test_what_one_had_before_one_was_disabled(org, api):
    """It stays, can be changed, and is given to somebody else."""
    person = org.person("Rep")
    mine = person.api.post("/v1/accounts", json={"name": "Theirs"}).ok()
    api.patch(f"/v1/users/{person.id}", {"disabled": True}).ok()
    api.patch(f"/v1/accounts/{mine['id']}", {"city": "长沙"}).ok()
    api.patch(f"/v1/accounts/{mine['id']}", api.get(f"/v1/accounts/{mine['id']}").ok()).ok()
    api.patch(f"/v1/accounts/{mine['id']}", {"ownerId": org.admin.id}).ok()
    api.patch(f"/v1/accounts/{mine['id']}", {"ownerId": person.id}).fails(400, "INVALID_FIELDS", "/ownerId", "DISABLED_USER")
