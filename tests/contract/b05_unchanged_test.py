"""A write that changes nothing: 200 with the record, and version, times and log as they were. In every collection."""
import pytest

from lib.contract import contract, json_name
from lib.records import run_import


def fixed(record):
    return {k: v for k, v in record.items()}


def events(api, collection, id):
    return [e["id"] for e in api.all(f"/v1/{collection}/{id}/history")]


def sendable(collection, record):
    """The members of a record as it was read that an update may bring."""
    return {json_name(f): record[json_name(f)] for f in contract().writable(contract().resources[collection])
            if json_name(f) in record and f.name not in ("id", "external_id", "external_source")}


@pytest.fixture(scope="module")
def records(org):
    """One record of each collection, with all that it can have."""
    made = {}

    def record(collection):
        if collection not in made:
            if contract().standard(collection, "CREATE"):
                more = {"externalId": f"same-{collection}"} if contract().standard(collection, "UPSERT") else {}
                made[collection] = org.make.create(collection, full=True, customFields={"n": 1.5, "o": {"a": [1]}}, **more)["id"]
            else:
                made[collection] = org.id
        return org.api.get(f"/v1/{collection}/{made[collection]}").ok()
    return record


@pytest.mark.parametrize("collection", [c for c in contract().collections("UPDATE") if c != "settings"])   # has no id
def test_patch_of_what_was_read(collection, records, api):
    before = records(collection)
    log = events(api, collection, before["id"])
    answer = api.patch(f"/v1/{collection}/{before['id']}", sendable(collection, before))
    assert answer.ok(200) == before and answer.etag == f'"{before["version"]}"'
    for field, value in sendable(collection, before).items():
        assert api.patch(f"/v1/{collection}/{before['id']}", {field: value}).ok(200) == before, field
    assert records(collection) == before and events(api, collection, before["id"]) == log


@pytest.mark.parametrize("collection", contract().collections("UPSERT"))
def test_the_same_upsert_again(collection, records, api):
    before = records(collection)
    log = events(api, collection, before["id"])
    body = {**sendable(collection, before), "externalId": before["externalId"]}
    answer = api.post(f"/v1/{collection}:upsert", json=body)
    assert answer.ok(200) == before
    assert events(api, collection, before["id"]) == log


def test_a_stale_condition_fails_all_the_same(api):
    made = api.post("/v1/accounts", json={"name": "Same"}).ok(201)
    address = f"/v1/accounts/{made['id']}"
    api.patch(address, {"city": "Bonn"}).ok()
    api.patch(address, {"city": "Bonn"}, headers={"If-Match": '"1"'}).fails(412, "VERSION_MISMATCH")
    assert api.patch(address, {"city": "Bonn"}, headers={"If-Match": '"2"'}).ok()["version"] == "2"


def test_values_that_are_equal(api):
    """Whatever way they are written."""
    made = api.post("/v1/deals", json={"name": "Equal", "amount": "12.50", "customFields": {"a": 1, "b": 2}}).ok(201)
    for body in ({"amount": "12.5"}, {"amount": 12.5}, {"customFields": {"b": 2.0}}, {"lostReason": ""}, {"lostReason": None}):
        answer = api.patch(f"/v1/deals/{made['id']}", body).ok()
        assert answer == made, body


def test_nothing_changes_a_row_after_its_last_trigger(stack):
    """Whether anything has changed is decided when all other triggers have had their say."""
    late = stack.sql("SELECT t.tgrelid::regclass::text, t.tgname FROM pg_trigger t JOIN pg_trigger z ON z.tgrelid = t.tgrelid"
                     " WHERE z.tgname = 'z_touch' AND NOT t.tgisinternal AND t.tgtype & 2 = 2 AND t.tgtype & 16 = 16"
                     " AND t.tgname > 'z_touch'")
    assert late == []
    without = stack.sql("SELECT name FROM app.resources r JOIN pg_class c ON c.oid = r.relation AND c.relkind <> 'v'"   # views have their tables'
                        " WHERE NOT EXISTS (SELECT 1 FROM pg_trigger"
                        " WHERE tgrelid = r.relation AND tgname = 'z_touch')")
    assert without == []


def test_generated_columns_are_known(stack):
    """The trigger is told of all of them: see app.touch_last."""
    for relation, told, there in stack.sql(
            "SELECT r.name, encode(t.tgargs, 'escape'), array(SELECT attname::text FROM pg_attribute WHERE attrelid = r.relation"
            " AND attgenerated <> '' AND attnum > 0 AND NOT attisdropped ORDER BY attnum)"
            " FROM app.resources r JOIN pg_trigger t ON t.tgrelid = r.relation AND t.tgname = 'z_touch'"):
        assert told.split("\\000")[:-1] == there, relation


def test_the_second_run_of_an_import(api):
    """Same rows, same records: counted as updated, and nothing has changed."""
    text = "key,name,city\n" + "".join(f"u{i},Name {i},Bonn\n" for i in range(20))
    mapping = {"mode": "UPSERT", "columns": {"key": {"field": "externalId"}, "name": {"field": "name"}, "city": {"field": "city"}}}
    first = run_import(api, "accounts", text, mapping)
    before = {r["id"]: r for r in api.all("/v1/accounts", filter='city = "Bonn" AND externalId:"u"')}
    assert first["createdRows"] == "20" and len(before) == 20
    again = run_import(api, "accounts", text, mapping)
    assert (again["updatedRows"], again["failedRows"]) == ("20", "0")
    assert {r["id"]: r for r in api.all("/v1/accounts", filter='city = "Bonn" AND externalId:"u"')} == before
    id = next(iter(before))
    assert [e["action"] for e in api.all(f"/v1/accounts/{id}/history")] == ["CREATED"]
