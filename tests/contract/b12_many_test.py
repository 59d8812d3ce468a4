"""Writes of many records: each as the method for one would do it, or all or none."""
import uuid

import pytest

from lib.contract import contract
from lib.org import Org

COLLECTIONS = contract().collections("BATCH_CREATE")


@pytest.fixture(scope="module")
def org(stack):
    return Org(stack)


def result_of(answer, i):
    """The record of result i."""
    result = answer["results"][i]
    assert result["problem"] is None, result
    return next(v for k, v in result.items() if k not in ("created", "problem"))


def test_every_collection_that_takes_one_takes_many():
    singles = {c for c in contract().collections("CREATE", "UPSERT")} - {"users", "teams", "roles", "processes", "stages", "fields"}
    assert singles - set(COLLECTIONS) == set(), "say why not"
    assert set(contract().collections("BATCH_UPDATE", "BATCH_UPSERT")) == set(COLLECTIONS)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_created_changed_and_upserted(collection, org):
    bodies = [org.make.body(collection, full=i % 2 == 0) for i in range(5)]
    made = org.api.post(f"/v1/{collection}:batchCreate", json={"requests": bodies}).ok(200)
    assert (made["succeededCount"], made["failedCount"]) == (5, 0)
    records = [result_of(made, i) for i in range(5)]
    assert all(r["created"] for r in made["results"])
    for record in records:
        assert org.api.get(f"/v1/{collection}/{record['id']}").ok() == record
    changes = [{"id": r["id"], "externalSource": "many", "externalId": uuid.uuid4().hex} for r in records]
    changed = org.api.post(f"/v1/{collection}:batchUpdate", json={"requests": changes}).ok()
    for i, change in enumerate(changes):
        got = result_of(changed, i)
        assert {k: got[k] for k in change} == change and got["version"] == str(int(records[i]["version"]) + 1)
        unchanged = {k: v for k, v in got.items() if k not in ("version", "updateTime", "externalId", "externalSource")}
        assert unchanged == {k: records[i][k] for k in unchanged}
    again = [{k: c[k] for k in ("externalId", "externalSource")} for c in changes]
    fresh = {**org.make.body(collection), "externalId": uuid.uuid4().hex}
    upserted = org.api.post(f"/v1/{collection}:batchUpsert", json={"requests": again + [fresh]}).ok()
    assert [r["created"] for r in upserted["results"]] == [False] * 5 + [True]
    assert [result_of(upserted, i)["id"] for i in range(5)] == [r["id"] for r in records]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_each_fails_alone(collection, org):
    good, taken = org.make.body(collection), {**org.make.body(collection), "id": org.make.create(collection)["id"]}
    bodies = [good, {**org.make.body(collection), "version": "7"}, taken, org.make.body(collection)]
    answer = org.api.post(f"/v1/{collection}:batchCreate", json={"requests": bodies}).ok()
    assert (answer["succeededCount"], answer["failedCount"]) == (2, 2)
    result_of(answer, 0), result_of(answer, 3)
    wrong, conflict = answer["results"][1]["problem"], answer["results"][2]["problem"]
    assert (wrong["status"], wrong["code"]) == (400, "INVALID_FIELDS")
    assert [(e["pointer"], e["reason"]) for e in wrong["errors"]] == [("/requests/1/version", "OUTPUT_ONLY")]
    assert (conflict["status"], conflict["code"], conflict["existingId"]) == (409, "ALREADY_EXISTS", taken["id"])


@pytest.mark.parametrize("key", [False, True])
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_all_or_none(collection, key, org):
    ids = [str(uuid.uuid4()) for _ in range(3)]
    bodies = [{**org.make.body(collection), "id": id} for id in ids]
    there = org.make.create(collection)["id"]
    headers = {"Idempotency-Key": uuid.uuid4().hex} if key else {}
    answer = org.api.post(f"/v1/{collection}:batchCreate", headers=headers, json={
        "atomic": True, "requests": bodies + [{**org.make.body(collection), "id": there}, {**bodies[0], "version": "1"}]})
    problem = answer.fails(400, "BATCH_REFUSED")
    assert [(e["pointer"], e["reason"]) for e in problem["errors"]] == [
        ("/requests/3", "ALREADY_EXISTS"), ("/requests/4/version", "OUTPUT_ONLY")]
    for id in ids:
        org.api.get(f"/v1/{collection}/{id}").fails(404, "NOT_FOUND")
    made = org.api.post(f"/v1/{collection}:batchCreate", headers=headers, json={"atomic": True, "requests": bodies}).ok()
    assert [result_of(made, i)["id"] for i in range(3)] == ids
    if key:
        replayed = org.api.post(f"/v1/{collection}:batchCreate", headers=headers, json={"atomic": True, "requests": bodies})
        assert replayed.ok() == made and replayed.headers["Idempotency-Replayed"] == "true"


def test_what_the_database_refuses_spoils_its_own_record_alone(org):
    account = org.make.create("accounts")
    bodies = [{"name": f"Deal {i}", "accountId": account["id"] if i % 3 else str(uuid.uuid4())} for i in range(30)]
    answer = org.api.post("/v1/deals:batchCreate", json={"requests": bodies}).ok()
    assert (answer["succeededCount"], answer["failedCount"]) == (20, 10)
    for i, result in enumerate(answer["results"]):
        if i % 3:
            assert result_of(answer, i)["name"] == f"Deal {i}"
        else:
            assert [(e["pointer"], e["reason"]) for e in result["problem"]["errors"]] == [
                (f"/requests/{i}/accountId", "NO_SUCH_RECORD")]
    answer = org.api.post("/v1/deals:batchCreate", json={"requests": bodies, "atomic": True})
    problem = answer.fails(400, "BATCH_REFUSED")
    assert [e["pointer"] for e in problem["errors"]] == [f"/requests/{i}/accountId" for i in range(0, 30, 3)]


def test_a_mask_says_what_changes(org):
    made = [org.make.create("accounts", full=True) for _ in range(2)]
    requests = [{"id": r["id"], "city": "长沙", "website": None} for r in made]
    changed = org.api.post("/v1/accounts:batchUpdate", json={"requests": requests, "updateMasks": ["city", "website"]}).ok()
    first, second = result_of(changed, 0), result_of(changed, 1)
    assert (first["city"], first["website"]) == ("长沙", made[0]["website"])
    assert (second["city"], second["website"]) == (made[1]["city"], None)
    org.api.post("/v1/accounts:batchUpdate", json={"requests": requests, "updateMasks": ["city"]}).fails(
        400, "INVALID_FIELDS", "/updateMasks")


def test_a_version_that_has_moved_on_is_refused_for_its_record(org):
    a, b = org.make.create("accounts"), org.make.create("accounts")
    org.api.patch(f"/v1/accounts/{b['id']}", json={"city": "上海"}).ok()
    requests = [{"id": r["id"], "version": r["version"], "industry": "x"} for r in (a, b)]
    answer = org.api.post("/v1/accounts:batchUpdate", json={"requests": requests}).ok()
    assert result_of(answer, 0)["industry"] == "x"
    assert answer["results"][1]["problem"]["errors"][0]["pointer"] == "/requests/1/version"


def test_one_record_twice_and_the_event_of_all(org):
    record = org.make.create("accounts")
    answer = org.api.post("/v1/accounts:batchUpdate", json={"requests": [
        {"id": record["id"], "city": "A"}, {"id": record["id"], "city": "B"}]}).ok()
    assert [result_of(answer, i)["city"] for i in range(2)] == ["A", "B"]
    assert org.api.get(f"/v1/accounts/{record['id']}").ok()["city"] == "B"


@pytest.mark.parametrize("body, pointer", [({}, "/requests"), ({"requests": []}, "/requests"),
                                           ({"requests": [{"name": "x"}] * 1001}, "/requests"),
                                           ({"requests": {}}, "/requests"), ({"requests": [7]}, "/requests/0"),
                                           ({"requests": [{"name": 7}]}, "/requests/0/name"),
                                           ({"requests": [{"nothing": 7}]}, "/requests/0/nothing")])
@pytest.mark.parametrize("verb", ["batchCreate", "batchUpdate", "batchUpsert"])
def test_bad_requests(verb, body, pointer, org):
    org.api.post(f"/v1/accounts:{verb}", json=body).fails(400, "INVALID_FIELDS", pointer)


def test_a_thousand(org):
    requests = [{"name": f"Company {i}", "externalId": str(i), "externalSource": "thousand"} for i in range(1000)]
    answer = org.api.post("/v1/accounts:batchUpsert", json={"requests": requests}).ok()
    assert (answer["succeededCount"], answer["failedCount"]) == (1000, 0)
    again = org.api.post("/v1/accounts:batchUpsert", json={"requests": requests}).ok()
    assert all(not r["created"] and r["account"] == answer["results"][i]["account"] for i, r in enumerate(again["results"]))
