"""The standard methods, on every resource that declares them."""
import uuid

import pytest

from lib.api import elements
from lib.contract import contract, json_name

CREATABLE = contract().collections("CREATE")


def path(collection):
    return contract().standard(collection, "CREATE").route.path


def fields(collection):
    return {json_name(f) for f in contract().resources[collection].fields
            if not contract().rule(f).secret and not contract().rule(f).on_request}


def has(collection, name):
    return name in contract().resources[collection].fields_by_name


each = pytest.mark.parametrize("collection", CREATABLE)


def with_verbs(*verbs):
    return pytest.mark.parametrize("collection", contract().collections("CREATE", *verbs))


@each
def test_create_and_get(collection, api, make):
    answer = api.post(path(collection), json=make.body(collection))
    made = answer.ok(201)
    assert set(made) == fields(collection), "every field is written"
    assert uuid.UUID(made["id"]).version == 7
    assert made["version"] == "1" and made["deleteTime"] is None
    assert made["createTime"] == made["updateTime"] and made["createTime"].endswith("Z")
    got = api.get(f"{path(collection)}/{made['id']}")
    assert got.ok(200) == made
    assert got.etag == answer.etag and got.etag


@each
def test_create_keeps_what_was_given(collection, api, make):
    body = make.body(collection, full=True, externalId=uuid.uuid4().hex, externalSource="erp",
                     customFields={"预算": "很高", "n": 1.5, "list": [1, None, {"a": True}]})
    made = api.post(path(collection), json=body).ok(201)
    assert {k: made[k] for k in body} == body
    assert api.get(f"{path(collection)}/{made['id']}").ok() == made


@each
def test_create_with_an_id_of_the_callers_makes_one(collection, api, make):
    body = make.body(collection, id=str(uuid.uuid4()))
    first = api.post(path(collection), json=body).ok(201)
    assert first["id"] == body["id"]
    again = api.post(path(collection), json=body)
    assert again.ok()["id"] == first["id"]
    assert again.ok()["version"] == first["version"]
    assert api.get(path(collection), filter=f'id = "{body["id"]}"', countTotal=True).ok()["totalSize"] == "1"


@each
def test_idempotency_key(collection, api, make):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = make.body(collection)
    first = api.post(path(collection), json=body, headers=key).ok(201)
    again = api.post(path(collection), json=body, headers=key)
    assert again.ok(201) == first, "the same answer"
    assert again.headers["Idempotency-Replayed"] == "true"
    other = {**body, "customFields": {"other": 1}}
    api.post(path(collection), json=other, headers=key).fails(422, "IDEMPOTENCY_KEY_REUSED")
    second = api.post(path(collection), json=make.body(collection), headers={"Idempotency-Key": uuid.uuid4().hex})
    assert second.ok(201)["id"] != first["id"] and "Idempotency-Replayed" not in second.headers


@with_verbs("BATCH_GET")
def test_batch_get(collection, api, make):
    a, b, c = (make.create(collection)["id"] for _ in range(3))
    missing = str(uuid.uuid4())
    found = elements(api.get(f"{path(collection)}:batchGet", ids=[c, missing, a, b]).ok())
    assert [r["id"] for r in found] == [c, a, b]
    found = elements(api.get(f"{path(collection)}:batchGet", ids=[b], readMask="id").ok())
    assert found == [{"id": b}]
    api.get(f"{path(collection)}:batchGet").fails(400, "INVALID_FIELDS")
    too_many = api.call("GET", f"{path(collection)}:batchGet", params={"ids": [missing] * 201})
    too_many.fails(400, "INVALID_FIELDS", None, "TOO_MANY_ITEMS")


@with_verbs("LIST")
def test_list(collection, api, make):
    made = [make.create(collection)["id"] for _ in range(3)]
    listed = [r["id"] for r in api.all(path(collection), pageSize=2)]
    assert [i for i in listed if i in made] == made, "by age, if no order is asked for"
    assert len(listed) == len(set(listed))
    page = api.get(path(collection), pageSize=1, countTotal=True).ok()
    assert page["totalSize"] == str(len(listed)) and page["totalIsEstimate"] is False
    newest = elements(api.get(path(collection), orderBy="id desc", pageSize=1).ok())
    assert newest[0]["id"] == max(listed)


@with_verbs("LIST")
def test_filter(collection, api, make):
    source = uuid.uuid4().hex[:12]
    made = [make.create(collection, externalSource=source, externalId=f"{source}-{i}")["id"] for i in range(3)]
    def ids(text):
        return sorted(r["id"] for r in api.all(path(collection), filter=text))
    assert ids(f'externalSource = "{source}"') == sorted(made)
    assert ids(f'external_source = "{source}"') == sorted(made)
    assert ids(f'externalSource = "{source}" AND NOT externalId = "{source}-1"') == sorted([made[0], made[2]])
    assert ids(f'externalId = "{source}-0" OR externalId = "{source}-2"') == sorted([made[0], made[2]])
    assert ids(f'externalSource:"{source[2:9].upper()}"') == sorted(made)
    assert ids(f'externalSource = "{source}" createTime > "2020-01-01T00:00:00Z" version = 1') == sorted(made)
    assert ids(f'externalSource = "{source}" createTime < "2020-01-01T00:00:00Z"') == []
    assert ids(f'externalSource = "{source}" AND deleteTime:*') == []


@with_verbs("LIST")
def test_filter_cannot_leave_its_quotes(collection, api):
    for text in ("' OR 1=1 --", "\" OR id:* --", "\\", "%", "_", "'; DROP TABLE x; --", "$1", "字\u0000"[:1]):
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        assert api.all(path(collection), filter=f'externalId = "{quoted}"') == []


@with_verbs("LIST")
def test_read_mask(collection, api, make):
    made = make.create(collection)
    got = api.get(f"{path(collection)}/{made['id']}", readMask="id,create_time,customFields").ok()
    assert got == {"id": made["id"], "createTime": made["createTime"], "customFields": made["customFields"]}
    listed = elements(api.get(path(collection), readMask="version", filter=f'id = "{made["id"]}"').ok())
    assert listed == [{"version": made["version"]}]


@with_verbs("UPDATE")
def test_update_writes_only_what_is_given(collection, api, make):
    made = make.create(collection, externalId=uuid.uuid4().hex, externalSource="erp")
    answer = api.patch(f"{path(collection)}/{made['id']}", {"customFields": {"a": 1}})
    changed = answer.ok(200)
    assert changed["customFields"] == {"a": 1} and changed["version"] == "2"
    assert changed["updateTime"] > made["updateTime"]
    same = set(made) - {"customFields", "version", "updateTime"}
    assert {k: changed[k] for k in same} == {k: made[k] for k in same}
    cleared = api.patch(f"{path(collection)}/{made['id']}", {"customFields": None, "externalSource": None}).ok()
    assert cleared["customFields"] is None and not cleared["externalSource"]
    assert cleared["externalId"] == made["externalId"]
    assert api.get(f"{path(collection)}/{made['id']}").ok() == cleared


@with_verbs("UPDATE")
def test_update_cannot_clear_what_is_required(collection, api, make):
    required = [json_name(f) for f in contract().writable(contract().resources[collection])
                if contract().rule(f).required and not contract().rule(f).immutable]
    if not required:
        pytest.skip("nothing is required")
    made = make.create(collection)
    for name in required:
        api.patch(f"{path(collection)}/{made['id']}", {name: None}).fails(400, "INVALID_FIELDS", f"/{name}", "REQUIRED")


@with_verbs("UPDATE")
def test_update_cannot_change_id_or_times(collection, api, make):
    made = make.create(collection)
    api.patch(f"{path(collection)}/{made['id']}", {"createTime": "2020-01-01T00:00:00Z"}).fails(
        400, "INVALID_FIELDS", "/createTime", "OUTPUT_ONLY")
    answer = api.patch(f"{path(collection)}/{made['id']}", {"id": str(uuid.uuid4())})
    answer.fails(400)
    assert api.get(f"{path(collection)}/{made['id']}").ok() == made


@with_verbs("UPDATE")
def test_if_match(collection, api, make):
    made = make.create(collection)
    address = f"{path(collection)}/{made['id']}"
    tag = api.get(address).etag
    api.patch(address, {"customFields": {"n": 1}}, headers={"If-Match": tag}).ok(200)
    api.patch(address, {"customFields": {"n": 2}}, headers={"If-Match": tag}).fails(412, "VERSION_MISMATCH")
    assert api.get(address).ok()["customFields"] == {"n": 1}
    api.patch(address, {"customFields": {"n": 3}}, headers={"If-Match": "*"}).ok(200)
    api.patch(address, {"customFields": {"n": 4}}, headers={"If-Match": '"another"'}).fails(412, "VERSION_MISMATCH")
    api.patch(address, {"customFields": {"n": 4}}, headers={"If-Match": tag.strip('"')}).fails(400, "BAD_IF_MATCH")
    missing = f"{path(collection)}/{uuid.uuid4()}"
    api.patch(missing, {"customFields": {"n": 1}}, headers={"If-Match": tag}).fails(404, "NOT_FOUND")


@each
def test_if_none_match(collection, api, make):
    made = make.create(collection)
    address = f"{path(collection)}/{made['id']}"
    tag = api.get(address).etag
    unchanged = api.call("GET", address, headers={"If-None-Match": tag})
    assert unchanged.status == 304 and unchanged.text == "" and unchanged.etag == tag
    assert api.call("GET", address, headers={"If-None-Match": f'"999", {tag}'}).status == 304
    assert api.call("GET", address, headers={"If-None-Match": '"999"'}).status == 200


@with_verbs("DELETE", "UNDELETE")
def test_delete_and_undelete(collection, api, make):
    made = make.create(collection)
    address = f"{path(collection)}/{made['id']}"
    only = f'id = "{made["id"]}"'
    gone = api.delete(address).ok(200)
    assert gone["deleteTime"] and gone["id"] == made["id"]
    assert api.all(path(collection), filter=only) == []
    assert [r["id"] for r in api.all(path(collection), filter=only, showDeleted=True)] == [made["id"]]
    api.patch(address, {"customFields": {"a": 1}}).fails(404, "NOT_FOUND")
    back = api.post(f"{address}:undelete").ok(200)
    assert back["deleteTime"] is None
    assert [r["id"] for r in api.all(path(collection), filter=only)] == [made["id"]]
    tag = api.get(address).etag
    api.patch(address, {"customFields": {"a": 1}}).ok()
    api.delete(address, headers={"If-Match": tag}).fails(412, "VERSION_MISMATCH")


@with_verbs("UPSERT")
def test_upsert(collection, api, make):
    body = make.body(collection, externalId=uuid.uuid4().hex, externalSource="erp")
    first = api.post(f"{path(collection)}:upsert", json=body).ok(201)
    again = api.post(f"{path(collection)}:upsert", json={**body, "customFields": {"n": 2}}).ok(200)
    assert again["id"] == first["id"] and again["customFields"] == {"n": 2}
    partly = api.post(f"{path(collection)}:upsert", json={k: body[k] for k in ("externalId", "externalSource")}
                      | {"customFields": {"n": 3}})
    if partly.status == 200:
        assert {k: v for k, v in partly.ok().items() if k not in ("customFields", "version", "updateTime")} == \
               {k: v for k, v in again.items() if k not in ("customFields", "version", "updateTime")}
    else:
        partly.fails(400, "INVALID_FIELDS", None, "REQUIRED")
    other = api.post(f"{path(collection)}:upsert", json={**make.body(collection), "externalId": body["externalId"],
                                                         "externalSource": "crm"}).ok(201)
    assert other["id"] != first["id"], "another source is another key"
    body.pop("externalId")
    api.post(f"{path(collection)}:upsert", json=body).fails(400, "INVALID_FIELDS", "/externalId", "REQUIRED")


@each
def test_external_id_is_unique(collection, api, make):
    key = {"externalId": uuid.uuid4().hex, "externalSource": "erp"}
    first = make.create(collection, **key)
    again = api.post(path(collection), json=make.body(collection, **key))
    problem = again.fails(409, "ALREADY_EXISTS", "/externalId", "TAKEN")
    assert problem["existingId"] == first["id"]
    make.create(collection, **{**key, "externalSource": "other"})


@pytest.mark.parametrize("collection", [c for c in CREATABLE if has(c, "owner_id")])
def test_owner(collection, api, make, org):
    assert make.create(collection)["ownerId"] == org.admin.id, "the creator, if no other is given"
    rep = org.person("Rep")
    made = make.create(collection, ownerId=rep.id)
    assert made["ownerId"] == rep.id
    body = make.body(collection, ownerId=str(uuid.uuid4()))
    api.post(path(collection), json=body).fails(400, "INVALID_FIELDS", "/ownerId", "NO_SUCH_RECORD")


@each
def test_references_must_exist(collection, api, make):
    for field in contract().writable(contract().resources[collection]):
        if not contract().rule(field).references or field.label == field.LABEL_REPEATED or field.name == "id":
            continue
        body = make.body(collection, **{json_name(field): str(uuid.uuid4())})
        api.post(path(collection), json=body).fails(400, None, f"/{json_name(field)}")
