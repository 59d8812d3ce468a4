"""Changes of many records at once: each as if it were made alone, row by row, and taken back."""
import uuid

import pytest

from lib.org import Org
from lib.stack import wait_until


@pytest.fixture(scope="module")
def firm(stack):
    return Org(stack)


def wait(api, operation):
    def ended():
        now = api.post(f"/v1/operations/{operation['id']}:wait", json={}).ok()
        return now if now["done"] else None
    return wait_until("the operation ends", ended, 90)


def bulk(api, collection, **body):
    """Starts a change and waits for its end; answers the operation."""
    return wait(api, api.post(f"/v1/{collection}:bulkUpdate", json=body).ok()["operation"])


def rows(api, operation, **params):
    return api.all(f"/v1/operations/{operation['id']}/rows", **params)


def accounts(api, n, **fields):
    """So many accounts that only this test knows; answers the city that they have in common and their ids."""
    city = f"City {uuid.uuid4().hex[:8]}"
    return city, [api.post("/v1/accounts", json={"name": f"Account {i}", "city": city, **fields}).ok(201)["id"] for i in range(n)]


def test_records_that_a_filter_finds_are_changed(firm):
    api = firm.api
    city, ids = accounts(api, 7, industry="IT")
    operation = bulk(api, "accounts", filter=f'city = "{city}" OR city = "nowhere"', set={"industry": "Retail", "website": None})
    assert (operation["kind"], operation["state"], operation["result"]) == ("bulk_update", "DONE", {"changed": 7, "refused": 0})
    assert {api.get(f"/v1/accounts/{id}").ok()["industry"] for id in ids} == {"Retail"}
    assert [r["recordId"] for r in rows(api, operation)] == sorted(ids)
    assert [e["cause"] for e in api.get(f"/v1/accounts/{ids[0]}/history").ok()["events"]] == [operation["id"], None]


def test_a_change_that_takes_records_out_of_the_filter(firm):
    """Each comes up once, though the filter finds fewer with every chunk."""
    api = firm.api
    city, ids = accounts(api, 3)
    for start in range(0, 450, 150):
        api.call("POST", "/v1/imports", params={"resource": "accounts"}, headers={"Content-Type": "text/csv"},
                 data=("name,city\n" + "".join(f"Row {i},{city}\n" for i in range(start, start + 150))).encode()).ok(201)
    wait_until("all are there", lambda: api.get("/v1/accounts", filter=f'city = "{city}"', countTotal=True).ok()["totalSize"] == "453", 60)
    operation = bulk(api, "accounts", filter=f'city = "{city}"', set={"city": f"{city} moved"})
    assert operation["result"] == {"changed": 453, "refused": 0}
    assert len({r["recordId"] for r in rows(api, operation)}) == 453


def test_records_that_are_named_and_some_are_refused(firm):
    api = firm.api
    _, ids = accounts(api, 2)
    operation = bulk(api, "accounts", ids=[ids[0], str(uuid.uuid4()), ids[1]], set={"employeeCount": 3})
    assert operation["result"] == {"changed": 2, "refused": 1}
    assert [r["code"] for r in rows(api, operation)] == ["", "NOT_FOUND", ""]
    (refused,) = rows(api, operation, refusedOnly=True)
    assert refused["number"] == "2" and refused["detail"] == "There is no such record."


def test_an_owner_is_given(firm):
    api, ann = firm.api, firm.person()
    _, ids = accounts(api, 2)
    assert bulk(api, "accounts", ids=ids, set={"ownerId": ann.id})["result"]["changed"] == 2
    assert {a["id"] for a in ann.api.all("/v1/accounts")} >= set(ids)


def test_records_are_deleted_and_come_back(firm):
    api = firm.api
    city, ids = accounts(api, 3)
    operation = bulk(api, "accounts", filter=f'city = "{city}"', delete=True)
    assert operation["result"] == {"changed": 3, "refused": 0}
    assert api.all("/v1/accounts", filter=f'city = "{city}"') == []
    undone = wait(api, api.post(f"/v1/operations/{operation['id']}:undo", json={}).ok())
    assert undone["result"] == {"changed": 3, "refused": 0}
    assert {a["id"] for a in api.all("/v1/accounts", filter=f'city = "{city}"')} == set(ids)


def test_a_change_is_taken_back_where_nobody_has_changed_it_since(firm):
    api = firm.api
    city, ids = accounts(api, 4, industry="IT", customFields={"tier": "gold", "n": 1})
    operation = bulk(api, "accounts", filter=f'city = "{city}"', set={"industry": None, "customFields": {"tier": "silver"}})
    api.patch(f"/v1/accounts/{ids[1]}", {"industry": "Banking"}).ok()
    api.patch(f"/v1/accounts/{ids[2]}", {"website": "https://a.example"}).ok()
    undone = wait(api, api.post(f"/v1/operations/{operation['id']}:undo", json={}).ok())
    assert undone["result"] == {"changed": 3, "refused": 1}
    (refused,) = rows(api, undone, refusedOnly=True)
    assert (refused["recordId"], refused["code"], refused["detail"]) == (ids[1], "CHANGED_SINCE", "It has been changed since: industry.")
    now = [api.get(f"/v1/accounts/{id}").ok() for id in ids]
    assert [a["industry"] for a in now] == ["IT", "Banking", "IT", "IT"]
    assert [a["customFields"] for a in now] == [{"tier": t, "n": 1} for t in ("gold", "silver", "gold", "gold")]
    assert now[2]["website"] == "https://a.example"


def test_an_import_is_taken_back(firm):
    from lib.records import run_import
    api = firm.api
    done = run_import(api, "accounts", "name,city\nTaken back 1,X\nTaken back 2,X\n")
    undone = wait(api, api.post(f"/v1/operations/{done['id']}:undo", json={}).ok())
    assert undone["result"] == {"changed": 2, "refused": 0}
    assert api.all("/v1/accounts", search="Taken back") == []


def test_validate_only_counts_and_shows(stack, firm):
    api = firm.api
    city, ids = accounts(api, 7)
    before = stack.sql("SELECT count(*) FROM app.jobs")
    answer = api.post("/v1/accounts:bulkUpdate", json={"filter": f'city = "{city}"', "set": {"city": "B"}, "validateOnly": True}).ok()
    assert (answer["totalCount"], answer["totalIsEstimate"], answer["operation"]) == ("7", False, None)
    assert [s["id"] for s in answer["sample"]] == sorted(ids)[:5] and answer["sample"][0]["city"] == city
    answer = api.post("/v1/accounts:bulkUpdate", json={"ids": ids[:2], "delete": True, "validateOnly": True}).ok()
    assert answer["totalCount"] == "2" and len(answer["sample"]) == 2
    assert stack.sql("SELECT count(*) FROM app.jobs") == before


@pytest.mark.parametrize("body, pointer, reason", [
    ({"set": {"city": "A"}}, "/filter", "ONE_OF_TWO"),
    ({"filter": "version > 0", "ids": [str(uuid.UUID(int=1))], "set": {"city": "A"}}, "/filter", "ONE_OF_TWO"),
    ({"filter": "version > 0"}, "/set", "ONE_OF_TWO"),
    ({"filter": "version > 0", "set": {"city": "A"}, "delete": True}, "/set", "ONE_OF_TWO"),
    ({"filter": "version > 0", "set": {}}, "/set", "EMPTY"),
    ({"filter": "version > 0", "set": {"colour": "A"}}, "/set/colour", "UNKNOWN_FIELD"),
    ({"filter": "version > 0", "set": {"employeeCount": "many"}}, "/set/employeeCount", None),
    ({"filter": "version > 0", "set": {"name": None}}, "/set/name", "REQUIRED"),
    ({"ids": ["x"], "set": {"city": "A"}}, "/ids/0", "BAD_FORMAT"),
])
def test_bad_requests(body, pointer, reason, firm):
    problem = firm.api.post("/v1/accounts:bulkUpdate", json=body).fails(400, pointer=pointer, reason=reason)
    assert all(e["detail"] for e in problem["errors"])


def test_who_may_and_what(firm):
    seller = firm.person("Rep").api
    body = {"filter": "version > 0", "set": {"city": "A"}}
    seller.post("/v1/accounts:bulkUpdate", json=body).fails(403, "NO_PERMISSION")
    firm.new_role("Bulk", ["bulk.write", "accounts.read"])
    half = firm.person("Bulk").api
    assert "accounts.write" in half.post("/v1/accounts:bulkUpdate", json=body).fails(403, "NO_PERMISSION")["detail"]
    firm.api.post("/v1/nothing:bulkUpdate", json=body).fails(400, reason="NO_COLLECTION")
    firm.api.post("/v1/accounts:bulkUpdate", json={**body, "filter": "city ~ 1"}).fails(400, "BAD_FILTER")
    firm.api.post(f"/v1/operations/{uuid.uuid4()}:undo", json={}).fails(404)
    firm.api.get(f"/v1/operations/{uuid.uuid4()}/rows").fails(404)


def test_rights_are_looked_up_again_as_it_goes_on(stack, firm):
    """Whoever loses the right while it waits changes nothing."""
    firm.new_role("Shrinks", ["bulk.write", "accounts.read", "accounts.write"])
    ann = firm.person("Shrinks")
    city, ids = accounts(firm.api, 2)
    operation = ann.api.post("/v1/accounts:bulkUpdate", json={"filter": f'city = "{city}"', "set": {"city": "B"}},
                             headers={"Idempotency-Key": uuid.uuid4().hex}).ok()["operation"]
    wait(ann.api, operation)
    role = firm.role("Shrinks")
    firm.api.patch(f"/v1/roles/{role}", {"permissions": ["bulk.write", "accounts.read"]}).ok()
    stack.sql("DELETE FROM exchange.operation_rows WHERE operation_id = %s", operation["id"])
    stack.sql("UPDATE app.jobs SET state = 'PENDING', end_time = NULL, attempt = 0, payload = jsonb_set(payload, '{filter}', %s)"
              " WHERE id = %s", f'"city = \\"B\\""', operation["id"])
    again = wait(ann.api, operation)
    assert again["state"] == "FAILED" and again["error"]["code"] == "NO_PERMISSION" and again["error"]["status"] == 403
