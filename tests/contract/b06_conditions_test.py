"""If-Match and If-None-Match at every write: looked at, or refused; never passed over."""
import uuid

import pytest

from lib.contract import contract


def methods(wanted):
    def mark(function):
        function.wanted = wanted
        return function
    return mark


CHANGES = ("UPDATE", "UPSERT", "DELETE", "UNDELETE")


def is_write(method):
    return method.route.verb != "GET"


def takes_if_match(method):
    return method.verb in CHANGES or method.rule.conditional


def record_of(method, walk):
    """The id of a record that the method is about, and its version; None where the address names none."""
    if not any(v.split(".")[-1] == "id" for v in method.route.variables):
        return None, None
    collection = method.route.collection
    id = walk.records.id(collection)
    if not contract().standard(collection, "GET"):
        return id, None
    return id, walk.org.api.get(f"{contract().address(collection)}/{id}").ok()["version"]


@methods(is_write)
def test_a_condition_that_does_not_hold(method, walk, api):
    id, version = record_of(method, walk)
    for header in ({"If-Match": '"99999"'}, {"If-Match": '"x", W/"99998"'}, {"If-Match": '"9223372036854775808"'},
                   {"If-None-Match": '"1"'}, {"If-None-Match": '*, "1"'}, {"If-Match": "no tag"}, {"If-Match": '"1", *'},
                   {"If-Match": ""}):
        answer = walk.call(api, method, id, headers=header)
        assert answer.status in (400, 412), str(answer)
        answer.problem()
        assert answer.status == 400 or takes_if_match(method)
        assert method.route.collection == "imports" or record_of(method, walk) == (id, version), "nothing has changed"


@methods(lambda m: is_write(m) and not takes_if_match(m))
def test_a_condition_that_is_not_looked_at_is_refused(method, walk, api):
    id, _ = record_of(method, walk)
    for value in ("*", '"1"'):
        problem = walk.call(api, method, id, headers={"If-Match": value}).fails(400, "CONDITION_NOT_TAKEN")
        assert "If-Match" in problem["detail"]


@methods(lambda m: is_write(m) and m.verb not in ("CREATE", "UPSERT"))
def test_none_may_be_there_is_for_what_makes_records(method, walk, api):
    id, _ = record_of(method, walk)
    walk.call(api, method, id, headers={"If-None-Match": "*"}).fails(400, "CONDITION_NOT_TAKEN")


@methods(lambda m: m.verb in CHANGES and m.verb != "UPSERT" and m.route.variables)
def test_one_of_several_versions_will_do(method, walk, api):
    made = walk.org.make.create(method.route.collection) if contract().standard(method.route.collection, "CREATE") \
        else {"id": walk.records.id(method.route.collection)}
    if method.verb == "UNDELETE":
        api.delete(f"{contract().address(method.route.collection)}/{made['id']}").ok()
    body = {} if method.verb == "UNDELETE" else None if method.verb == "DELETE" else walk.body(method)
    version = int(api.get(f"{contract().address(method.route.collection)}/{made['id']}").ok()["version"])
    call = lambda value: api.call(method.route.verb, walk.path(method, made["id"]), json=body, headers={"If-Match": value})
    call(f'"{version + 1}"').fails(412, "VERSION_MISMATCH")
    call(f'"{version + 1}", "{version + 2}"').fails(412, "VERSION_MISMATCH")
    call(f'"{version + 1}", W/"{version}"').ok(200)
    if method.verb == "UPDATE":
        call("*").ok(200)


@methods(lambda m: m.verb == "CREATE")
def test_a_create_if_none_is_there(method, walk, api):
    body = {**walk.body(method), "id": str(uuid.uuid4())}
    made = api.post(method.route.path, json=body, headers={"If-None-Match": "*"}).ok(201)
    problem = api.post(method.route.path, json=body, headers={"If-None-Match": "*"}).fails(412, "THERE_ALREADY")
    assert problem["existingId"] == made["id"]


@methods(lambda m: m.verb == "GET")
def test_a_read_looks_at_both(method, walk, api):
    if contract().standard(method.route.collection, "CREATE") is None:
        pytest.skip("made by the system, which may change it meanwhile")
    id = walk.org.make.create(method.route.collection)["id"]
    answer = walk.call(api, method, id)
    tag = answer.etag
    assert walk.call(api, method, id, headers={"If-None-Match": f'"0", {tag}'}).status == 304
    assert walk.call(api, method, id, headers={"If-None-Match": "*"}).status == 304
    walk.call(api, method, id, headers={"If-Match": f'"0", {tag}'}).ok(200)
    walk.call(api, method, id, headers={"If-Match": '"0"'}).fails(412, "VERSION_MISMATCH")


def test_a_move_looks_at_the_version(org, api):
    deal = api.post("/v1/deals", json={"name": "Guarded"}).ok()
    stages = [s["id"] for s in api.all("/v1/stages") if s["processId"] == deal["processId"] and s["outcome"] == "WON"]
    api.post(f"/v1/deals/{deal['id']}:move", json={"stageId": stages[0]}, headers={"If-Match": '"7", "8"'}).fails(
        412, "VERSION_MISMATCH")
    moved = api.post(f"/v1/deals/{deal['id']}:move", json={"stageId": stages[0]}, headers={"If-Match": '"1", "8"'}).ok()
    assert moved["stageId"] == stages[0]
