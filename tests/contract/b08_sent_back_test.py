"""A record can be sent back as it was read; what the service sets cannot be given another value."""
import uuid

import pytest

from lib.contract import contract, json_name

UPDATABLE = contract().collections("CREATE", "UPDATE", "GET")
each = pytest.mark.parametrize("collection", UPDATABLE)


def path(collection):
    return contract().standard(collection, "CREATE").route.path


def output_only(collection):
    return [f for f in contract().resources[collection].fields if contract().rule(f).output_only and not contract().rule(f).on_request]


def another(field, value):
    if field.message_type:
        return "2001-02-03T04:05:06Z"
    if field.enum_type:
        return [v.name for v in field.enum_type.values if v.number and v.name != value][0]
    if field.cpp_type == field.CPPTYPE_BOOL:
        return not value
    if field.cpp_type == field.CPPTYPE_STRING:
        return str(uuid.uuid4())
    return "18446744073709551615" if field.name == "version" else 7


@each
def test_as_it_was_read(collection, api, make):
    for body in (make.body(collection), make.body(collection, full=True)):
        key = {"externalId": uuid.uuid4().hex, "externalSource": "erp"}
        read = api.get(f"{path(collection)}/{api.post(path(collection), json={**body, **key}).ok(201)['id']}").ok()
        assert api.patch(f"{path(collection)}/{read['id']}", read).ok(200) == read, "and nothing has changed"
        if contract().standard(collection, "UPSERT"):
            assert api.post(f"{path(collection)}:upsert", json=read).ok(200) == read
        changed = api.patch(f"{path(collection)}/{read['id']}", {**read, "customFields": {"n": 5}}).ok(200)
        assert changed["version"] == str(int(read["version"]) + 1) and changed["customFields"]["n"] == 5


@each
def test_other_values_are_refused(collection, api, make):
    made = make.create(collection, externalId=uuid.uuid4().hex)
    for field in output_only(collection):
        name = json_name(field)
        body = {name: another(field, made[name]), "customFields": {"n": 5}}
        api.patch(f"{path(collection)}/{made['id']}", body).fails(400, "INVALID_FIELDS", f"/{name}", "OUTPUT_ONLY")
        if contract().standard(collection, "UPSERT"):
            api.post(f"{path(collection)}:upsert", json={**body, "externalId": made["externalId"]}).fails(
                400, "INVALID_FIELDS", f"/{name}", "OUTPUT_ONLY")
    for field in ("createTime", "version"):
        api.patch(f"{path(collection)}/{made['id']}", {field: None}).fails(400, "INVALID_FIELDS", f"/{field}", "OUTPUT_ONLY")
    assert api.get(f"{path(collection)}/{made['id']}").ok() == made, "nothing has changed"


@each
def test_a_copy_does_not_say_what_the_service_sets(collection, api, make):
    """Of a new record the service knows better: members that it sets are refused, also with the values of the original."""
    made = make.create(collection)
    copy = {**made, "id": str(uuid.uuid4())}
    told = {e["pointer"] for e in api.post(path(collection), json=copy).fails(400, "INVALID_FIELDS")["errors"]
            if e["reason"] == "OUTPUT_ONLY"}
    assert {"/version", "/createTime", "/updateTime"} <= told
    if contract().standard(collection, "UPSERT"):
        fresh = api.post(f"{path(collection)}:upsert", json={**copy, "externalId": uuid.uuid4().hex})
        assert {e["pointer"] for e in fresh.fails(400, "INVALID_FIELDS")["errors"] if e["reason"] == "OUTPUT_ONLY"} == told


@pytest.mark.parametrize("price", ["50000000000000000", "999999999999999999", "0.000001"])
def test_a_price_that_a_line_takes_from_its_product(price, api):
    """What is filled in is what could be given."""
    product = api.post("/v1/products", json={"name": "Dear", "unitPrice": price}).ok(201)
    deal = api.post("/v1/deals", json={"name": "Dear", "lineItems": [{"productId": product["id"]}]}).ok(201)
    assert deal["lineItems"][0]["unitPrice"] == price
    assert api.patch(f"/v1/deals/{deal['id']}", api.get(f"/v1/deals/{deal['id']}").ok()).ok(200) == deal
