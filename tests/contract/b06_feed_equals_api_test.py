"""The feed and the API agree to the letter: a copy made of events alone equals what GET answers, in every collection."""
import random

import pytest

from lib.contract import contract, json_name
from lib.copy import Copy
from lib.org import Org
from lib.records import run_import


@pytest.fixture(scope="module")
def fresh(stack):
    return Org(stack)


CUSTOM = [None, {}, {"a": 1.5, "x": "x"}, {"a": None, "b": [1, {"c": None}], "键": True}, {"b": {"n": -0.001}}, {"long": "x" * 500}]


def some_value(org, field, choose):
    """A value for the field: a fresh one, none, or the one that means none."""
    rule = contract().rule(field)
    if field.name == "custom_fields":
        return choose.choice(CUSTOM)
    if not rule.required and choose.random() < 0.4:
        text = field.cpp_type == field.CPPTYPE_STRING and field.label != field.LABEL_REPEATED
        return choose.choice(["", None]) if text else None
    if field.name == "line_items":
        return [{"productId": org.make.create("products")["id"], "quantity": choose.choice(["1", "2.50"])}
                for _ in range(choose.randint(0, 2))]
    return org.make.value(field, full=True)


def change(org, collection, id, choose):
    """One random write; whether it is refused is not of interest here."""
    address = f"/v1/{collection}/{id}"
    fields = [f for f in contract().writable(contract().resources[collection])
              if not contract().rule(f).immutable and f.name not in ("id", "permissions", "disabled", "role_id")]
    dice = choose.random()
    if dice < 0.1 and contract().standard(collection, "DELETE"):
        org.api.delete(address)
    elif dice < 0.3 and contract().standard(collection, "UNDELETE"):
        org.api.post(f"{address}:undelete")
    else:
        chosen = choose.sample(fields, choose.randint(1, min(4, len(fields))))
        org.api.patch(address, {json_name(f): some_value(org, f, choose) for f in chosen})


# Not the definitions of fields: what one of them requires, all that is written here would lack.
@pytest.mark.parametrize("collection", [c for c in contract().collections("UPDATE") if c not in ("fields", "settings")])
def test_a_copy_made_of_events_equals_the_source(collection, fresh):
    choose = random.Random(collection)
    made = [fresh.make.create(collection, full=i > 0, customFields=CUSTOM[i])["id"] for i in range(4)] \
        if contract().standard(collection, "CREATE") else [fresh.id]
    for id in made:
        for _ in range(12):
            change(fresh, collection, id, choose)
    last = fresh.api.post("/v1/accounts", json={"name": "last"}).ok(201)["id"]
    copy = Copy(fresh.api).settle(last)
    for id in made:
        source = fresh.api.get(f"/v1/{collection}/{id}").ok()
        assert copy.records[collection, id] == source


def test_an_empty_text_is_what_get_answers(api):
    made = api.post("/v1/accounts", json={"name": "Empty", "city": "Bonn", "website": "https://a.example"}).ok(201)
    api.patch(f"/v1/accounts/{made['id']}", {"city": "", "website": ""}).ok()
    event = api.get(f"/v1/accounts/{made['id']}/history").ok()["events"][0]
    assert {c["field"]: (c["before"], c["after"]) for c in event["changes"]} == {
        "city": ("Bonn", ""), "website": ("https://a.example", None)}
    assert event["version"] == "2" and event["eventTime"] == api.get(f"/v1/accounts/{made['id']}").ok()["updateTime"]


def test_deals_that_move(fresh):
    """Line items, stages and what triggers fill in."""
    product = fresh.make.create("products", unitPrice="10.5")["id"]
    deal = fresh.api.post("/v1/deals", json={"name": "D", "lineItems": [{"productId": product, "quantity": "2"}]}).ok(201)["id"]
    stages = {s["outcome"]: s["id"] for s in fresh.api.all("/v1/stages")}
    fresh.api.post(f"/v1/deals/{deal}:move", json={"stageId": stages["LOST"], "lostReason": "x"}).ok()
    fresh.api.post(f"/v1/deals/{deal}:move", json={"stageId": stages["OPEN"]}).ok()
    fresh.api.patch(f"/v1/deals/{deal}", {"lineItems": []}).ok()
    fresh.api.patch(f"/v1/deals/{deal}", {"lineItems": [{"productId": product, "discountPercent": "33.3"}]}).ok()
    last = fresh.api.post("/v1/accounts", json={"name": "last"}).ok(201)["id"]
    assert Copy(fresh.api).settle(last).records["deals", deal] == fresh.api.get(f"/v1/deals/{deal}").ok()


def test_imports(fresh):
    """Their progress is no event; where they end is."""
    done = run_import(fresh.api, "accounts", "name,employeeCount\nA,1\nB,x\n")
    last = fresh.api.post("/v1/accounts", json={"name": "last"}).ok(201)["id"]
    copy = Copy(fresh.api).settle(last).records["imports", done["id"]]
    assert copy == fresh.api.get(f"/v1/imports/{done['id']}").ok()
