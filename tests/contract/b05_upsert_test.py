"""An upsert is an update where there is something, and a create where there is nothing: in every collection that has it."""
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.api import Api
from lib.contract import contract, json_name
from lib.records import run_import

UPSERTABLE = contract().collections("CREATE", "UPSERT", "DELETE")
each = pytest.mark.parametrize("collection", UPSERTABLE)


def path(collection):
    return contract().standard(collection, "CREATE").route.path


def upsert(api, collection, body, **more):
    return api.post(f"{path(collection)}:upsert", json=body, **more)


def fresh_key():
    return {"externalId": uuid.uuid4().hex, "externalSource": "erp"}


def without_trace(record, *fields):
    """What a write leaves alone: all but its own fields, and what every write moves on."""
    return {k: v for k, v in record.items() if k not in ("version", "updateTime") + fields}


def required(collection):
    return [f for f in contract().writable(contract().resources[collection]) if contract().rule(f).required]


@each
def test_a_part_changes_a_part(collection, api, make):
    key = fresh_key()
    made = upsert(api, collection, {**make.body(collection, full=True), **key}).ok(201)
    again = upsert(api, collection, {**key, "customFields": {"n": 2}}).ok(200)
    assert again["customFields"]["n"] == 2
    assert without_trace(again, "customFields") == without_trace(made, "customFields"), "nothing else has changed"
    assert api.get(f"{path(collection)}/{made['id']}").ok() == again


@each
def test_each_field_alone_changes_that_field(collection, api, make):
    """Also those that a new record must have: they are asked for only if there is no record."""
    key, body = fresh_key(), make.body(collection, full=True)
    stored = upsert(api, collection, {**body, **key}).ok(201)
    other = make.body(collection, full=True)
    for name in sorted(set(other) - {"relatedResource", "relatedId", "startTime", "endTime", "startDate", "visibility",
                                     "permissions", "dueTime", "currency"}):
        field = [f for f in contract().resources[collection].fields if json_name(f) == name][0]
        if contract().rule(field).immutable or other[name] == body[name]:
            continue
        changed = upsert(api, collection, {**key, name: other[name]}).ok(200)
        assert changed[name] == other[name] and changed["id"] == stored["id"], name


@each
def test_what_a_new_record_must_have_is_asked_of_a_new_one(collection, api, make):
    key = fresh_key()
    problem = upsert(api, collection, key)
    if not required(collection):
        problem.ok(201)
        return
    told = {e["pointer"] for e in problem.fails(400, "INVALID_FIELDS")["errors"] if e["reason"] == "REQUIRED"}
    assert told == {"/" + json_name(f) for f in required(collection)}
    upsert(api, collection, {**make.body(collection), **key}).ok(201)


@each
def test_what_is_deleted_stays_deleted(collection, api, make):
    """Whoever asks, by whatever door: 409 that says so, with the record's id."""
    key = fresh_key()
    body = {**make.body(collection), **key}
    made = upsert(api, collection, body).ok(201)
    gone = api.delete(f"{path(collection)}/{made['id']}").ok()
    for again in (body, {**key, "customFields": {"n": 1}}, {**body, "id": made["id"]}, {**body, "id": str(uuid.uuid4())}):
        problem = upsert(api, collection, again).fails(409, "DELETED_RECORD", "/externalId", "DELETED_RECORD")
        assert problem["existingId"] == made["id"]
    fresh = {**make.body(collection), **key}
    assert api.post(path(collection), json=fresh).fails(409, "DELETED_RECORD", "/externalId")["existingId"] == made["id"]
    keyed = api.post(path(collection), json=fresh, headers={"Idempotency-Key": uuid.uuid4().hex})
    assert keyed.fails(409, "DELETED_RECORD", "/externalId", "DELETED_RECORD")["existingId"] == made["id"]
    same_id = api.post(path(collection), json={**body, "id": made["id"]}).fails(409, "DELETED_RECORD")
    assert same_id["existingId"] == made["id"]
    other = make.create(collection)
    problem = api.patch(f"{path(collection)}/{other['id']}", key).fails(409, "DELETED_RECORD", "/externalId")
    assert problem["existingId"] == made["id"]
    (kept,) = [r for r in api.all(path(collection), showDeleted=True, filter=f'externalId = "{key["externalId"]}"')]
    assert kept == gone, "nothing has changed"
    api.post(f"{path(collection)}/{made['id']}:undelete").ok()
    assert upsert(api, collection, {**key, "customFields": {"n": 1}}).ok(200)["id"] == made["id"]


@each
def test_a_key_that_another_record_has(collection, api, make):
    key = fresh_key()
    first, second = make.create(collection, **key), make.create(collection, externalSource="erp")
    problem = api.patch(f"{path(collection)}/{second['id']}", {"externalId": key["externalId"]}).fails(
        409, "ALREADY_EXISTS", "/externalId", "TAKEN")
    assert problem["existingId"] == first["id"]


@each
def test_an_id_that_is_another_records(collection, api, make):
    key = fresh_key()
    made = upsert(api, collection, {**make.body(collection), **key}).ok(201)
    upsert(api, collection, {**key, "id": made["id"]}).ok(200)
    upsert(api, collection, {**key, "id": str(uuid.uuid4())}).fails(400, "INVALID_FIELDS", "/id", "IMMUTABLE")
    taken = upsert(api, collection, {**make.body(collection), **fresh_key(), "id": made["id"]}).fails(409, "ALREADY_EXISTS")
    assert taken["existingId"] == made["id"]


def another_value(field, value, make):
    if field.enum_type:
        return [v.name for v in field.enum_type.values if v.number and v.name != value][0]
    return make.value(field)


def fixed_fields(collection):
    return [f for f in contract().writable(contract().resources[collection]) if contract().rule(f).immutable and f.name != "id"]


@each
def test_what_cannot_change(collection, api, make):
    """Equal values pass; others are refused at their place, and nothing is changed."""
    key = fresh_key()
    body = {**make.body(collection), **key}
    made = upsert(api, collection, body).ok(201)
    for field in fixed_fields(collection):
        name = json_name(field)
        upsert(api, collection, {**key, name: made[name]}).ok(200)
        before = api.get(f"{path(collection)}/{made['id']}").ok()
        another = another_value(field, made[name], make)
        upsert(api, collection, {**key, name: another, "customFields": {"n": 9}}).fails(
            400, "INVALID_FIELDS", f"/{name}", "IMMUTABLE")
        assert api.get(f"{path(collection)}/{made['id']}").ok() == before


@each
def test_conditions(collection, api, make):
    key = fresh_key()
    body = {**make.body(collection), **key}
    upsert(api, collection, body, headers={"If-Match": "*"}).fails(412, "NONE_THERE")
    upsert(api, collection, body, headers={"If-Match": '"1"'}).fails(412, "NONE_THERE")
    made = upsert(api, collection, body, headers={"If-None-Match": "*"}).ok(201)
    change = {**key, "customFields": {"n": 7}}
    stale = f'"{int(made["version"]) + 40}"'
    for headers in ({"If-None-Match": "*"}, {"If-Match": stale}, {"If-Match": f'"x", {stale}'}, {"If-Match": '"x"'}):
        upsert(api, collection, change, headers=headers).fails(412)
    assert api.get(f"{path(collection)}/{made['id']}").ok() == made
    changed = upsert(api, collection, change, headers={"If-Match": f'{stale}, "{made["version"]}"'}).ok(200)
    upsert(api, collection, {**key, "customFields": {"n": 8}}, headers={"If-Match": "*"}).ok(200)
    assert changed["customFields"] == {"n": 7}


@each
def test_many_at_once_make_one(collection, org, api, make):
    """None is refused, and there is one record, as all of them have it."""
    fixed = {k: v for k, v in make.body(collection).items() if k in {json_name(f) for f in fixed_fields(collection)}}
    bodies = [{**make.body(collection), **fixed} for _ in range(8)]
    for _ in range(3):
        key = fresh_key()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda b: upsert(Api(org.base, api.token), collection, {**b, **key}), bodies))
        assert sorted(a.status for a in answers) == [200] * 7 + [201], "\n".join(map(str, answers))
        assert len({a.ok()["id"] for a in answers}) == 1
        (made,) = api.all(path(collection), filter=f'externalId = "{key["externalId"]}"')
        api.delete(f"{path(collection)}/{made['id']}").ok()     # names and codes are free for the next round


def test_an_import_says_what_is_deleted(api):
    """Not "skipped": there is nothing to be seen."""
    mapping = {"columns": {"id": {"field": "externalId"}, "n": {"field": "name"}}, "constants": {"externalSource": "gone"}}
    file = "id,n\n1,One\n2,Two\n"
    assert run_import(api, "accounts", file, mapping)["createdRows"] == "2"
    for account in api.all("/v1/accounts", filter='externalSource = "gone"'):
        api.delete(f"/v1/accounts/{account['id']}").ok()
    for mode in ("CREATE", "UPSERT"):
        done = run_import(api, "accounts", file, {**mapping, "mode": mode})
        assert (done["createdRows"], done["skippedRows"], done["updatedRows"], done["failedRows"]) == ("0", "0", "0", "2")
        assert "belongs to a deleted record" in api.get(f"/v1/imports/{done['id']}/errors").ok()
    assert api.all("/v1/accounts", filter='externalSource = "gone"') == []


def test_an_import_of_a_part(api):
    """Columns that the file does not have stay as they are; a row of a new key is refused for what it lacks."""
    mapping = {"columns": {"id": {"field": "externalId"}, "city": {"field": "city"}}, "constants": {"externalSource": "part"},
               "mode": "UPSERT"}
    made = api.post("/v1/accounts", json={"externalId": "p1", "externalSource": "part", "name": "Alpha"}).ok()
    done = run_import(api, "accounts", "id,city\np1,Bonn\np2,Ulm\n", mapping)
    assert (done["createdRows"], done["updatedRows"], done["failedRows"]) == ("0", "1", "1")
    assert "name: is required" in api.get(f"/v1/imports/{done['id']}/errors").ok()
    now = api.get(f"/v1/accounts/{made['id']}").ok()
    assert (now["name"], now["city"]) == ("Alpha", "Bonn")


def test_who_may_not_delete_brings_nothing_back(org, api):
    """A password of somebody who is gone opens nothing."""
    rep = org.person("Rep").api
    key = fresh_key()
    made = rep.post("/v1/accounts", json={**key, "name": "Theirs"}).ok()
    api.delete(f"/v1/accounts/{made['id']}").ok()
    rep.post(f"/v1/accounts/{made['id']}:undelete").fails(403, "NO_PERMISSION")
    upsert(rep, "accounts", {**key, "name": "Back"}).fails(409, "DELETED_RECORD", "/externalId", "DELETED_RECORD")
    org.new_role("Hirer", ["users.read", "users.write", "roles.read"])
    hirer = org.person("Hirer").api
    org.new_role("Nothing", [])
    user = api.post("/v1/users", json={**key, "displayName": "Gone", "email": "gone@example.com",
                                       "roleId": org.role("Nothing")}).ok()
    api.post(f"/v1/users/{user['id']}:setPassword", json={"password": "correct horse"}).ok()
    api.delete(f"/v1/users/{user['id']}").ok()
    upsert(hirer, "users", {**key, "displayName": "Back"}).fails(409, "DELETED_RECORD")
    Api(org.base).post("/v1/sessions", json={"email": "gone@example.com", "password": "correct horse"}).fails(401)


def test_the_same_key_of_somebody_elses_record(org, api):
    """Whoever does not see it cannot change it, nor make a second one."""
    key = fresh_key()
    api.post("/v1/accounts", json={**key, "name": "Of the administrator"}).ok()
    rep = org.person("Rep").api
    upsert(rep, "accounts", {**key, "name": "Mine"}).fails(403, "NOT_YOURS")
    assert "existingId" not in rep.post("/v1/accounts", json={**key, "name": "Mine"}).fails(
        409, "ALREADY_EXISTS", "/externalId", "TAKEN")
