"""Operations: how far work is that goes on after the answer, as who started it sees it."""
import uuid

import pytest

from lib.org import Org
from lib.records import start_import
from lib.stack import wait_until


@pytest.fixture(scope="module")
def firm(stack):
    return Org(stack)


def wait(api, id):
    """Waits for the end as a client does: asking again until it is done."""
    return wait_until("the operation ends",
                      lambda: (lambda o: o if o["done"] else None)(api.post(f"/v1/operations/{id}:wait", json={}).ok()), 60)


def rows(n, start=0):
    return "name\n" + "".join(f"Row {i}\n" for i in range(start, start + n))


def test_an_import_is_an_operation(firm):
    seller = firm.person("Manager")
    id = start_import(seller.api, "accounts", rows(600))["id"]
    operation = wait(seller.api, id)
    assert (operation["kind"], operation["state"], operation["userId"]) == ("import", "DONE", seller.id)
    assert (operation["doneCount"], operation["totalCount"]) == ("600", "600")
    assert operation["error"] is None and operation["endTime"]
    assert seller.api.get(f"/v1/imports/{id}").ok()["state"] == "DONE"
    assert seller.api.get("/v1/operations").ok()["operations"][0] == operation


def test_operations_are_seen_by_who_started_them_and_by_administrators(firm, other_org):
    ann, bob = firm.person("Manager"), firm.person("Manager")
    id = start_import(ann.api, "accounts", rows(2))["id"]
    wait(ann.api, id)
    for stranger in (bob.api, other_org.api):
        for answer in (stranger.get(f"/v1/operations/{id}"), stranger.post(f"/v1/operations/{id}:cancel", json={}),
                       stranger.post(f"/v1/operations/{id}:wait", json={})):
            answer.fails(404, "NOT_FOUND")
        assert id not in [o["id"] for o in stranger.get("/v1/operations").ok()["operations"]]
    bob.api.get("/v1/operations:all").fails(403)
    assert firm.api.get(f"/v1/operations/{id}").ok()["userId"] == ann.id
    assert id in [o["id"] for o in firm.api.get("/v1/operations:all").ok()["operations"]]
    assert id not in [o["id"] for o in firm.api.get("/v1/operations").ok()["operations"]]


def test_pages_of_operations(firm):
    api = firm.person("Manager").api
    ids = [start_import(api, "accounts", rows(1, i))["id"] for i in range(5)]
    seen, token = [], ""
    while True:
        page = api.get("/v1/operations", pageSize=2, **({"pageToken": token} if token else {})).ok()
        seen += [o["id"] for o in page["operations"]]
        token = page["nextPageToken"]
        if not token:
            break
    assert seen == ids[::-1]
    api.get("/v1/operations", pageToken="none").fails(400, "BAD_PAGE_TOKEN")


def test_an_operation_is_cancelled(firm):
    api = firm.api
    id = start_import(api, "accounts", rows(20000))["id"]
    wait_until("it is under way", lambda: int(api.get(f"/v1/imports/{id}").ok()["createdRows"]) > 0, 60, 0.01)
    api.post(f"/v1/operations/{id}:cancel", json={}).ok()
    operation = wait(api, id)
    assert operation["state"] == "CANCELLED"
    assert operation["error"] == {"status": 499, "code": "CANCELLED", "detail": "It was cancelled.", "errors": []}
    assert api.get(f"/v1/imports/{id}").ok()["state"] == "CANCELLED"
    api.post(f"/v1/operations/{id}:cancel", json={}).ok()


def test_one_that_waits_is_cancelled_as_its_kind_is(stack, firm):
    """It is put where nobody takes it, as if all were busy."""
    api = firm.api
    id = start_import(api, "accounts", rows(20000))["id"]
    stack.sql("UPDATE app.jobs SET state = 'PENDING', attempt = attempt + 1, lease_until = NULL, run_at = now() + interval '1 hour'"
              " WHERE id = %s", id)
    assert api.get(f"/v1/operations/{id}").ok()["state"] == "PENDING"
    api.post(f"/v1/operations/{id}:cancel", json={}).ok()
    assert wait(api, id)["state"] == "CANCELLED"
    assert api.get(f"/v1/imports/{id}").ok()["state"] == "CANCELLED"


def test_what_has_ended_is_not_cancelled(firm):
    id = start_import(firm.api, "accounts", rows(1))["id"]
    wait(firm.api, id)
    firm.api.post(f"/v1/operations/{id}:cancel", json={}).fails(400, "OPERATION_ENDED")


def test_why_an_operation_failed(firm):
    """The uploader is disabled while the rows are brought in."""
    ann = firm.person("Manager")
    id = ann.api.call("POST", "/v1/imports", params={"resource": "accounts"}, data=rows(20000).encode(),
                      headers={"Content-Type": "text/csv", "Accept-Language": "zh-CN"}).ok(201)["id"]
    wait_until("it is under way", lambda: int(firm.api.get(f"/v1/operations/{id}").ok()["doneCount"] or 0) > 0, 60, 0.01)
    firm.api.patch(f"/v1/users/{ann.id}", {"disabled": True}).ok()
    operation = wait(firm.api, id)
    assert operation["state"] == "FAILED" and operation["error"]["code"] == "USER_GONE" and operation["error"]["status"] == 400
    assert operation["error"]["detail"] == "该任务所属用户已无法登录。"


def test_bad_requests(firm):
    firm.api.get(f"/v1/operations/{uuid.uuid4()}").fails(404, "NOT_FOUND")
    firm.api.get("/v1/operations/x").fails(400, reason="BAD_FORMAT")
    firm.api.post(f"/v1/operations/{uuid.uuid4()}:wait", json={"timeoutSeconds": 100}).fails(400, pointer="/timeoutSeconds")
