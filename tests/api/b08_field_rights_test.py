"""Fields that a role hides, and fields that it does not let write: at every door."""
import json

import pytest

from lib.copy import Copy
from lib.org import Org


@pytest.fixture(scope="module")
def firm(stack):
    class Firm:
        org = Org(stack)
        api = org.api
        api.post("/v1/roles", json={
            "name": "Blind", "visibility": "ORG", "permissions": ["events.read"], "access": [
                {"collection": "deals", "read": "ORG", "write": "ORG", "hiddenFields": ["amount", "nextStep"],
                 "readOnlyFields": ["name", "expectedCloseDate"]}]}).ok(201)
        blind = org.person("Blind")
        deal = api.post("/v1/deals", json={"name": "Big one", "amount": "987654", "nextStep": "whisper",
                                           "expectedCloseDate": "2030-01-01"}).ok(201)
    return Firm


def test_a_hidden_field_is_in_no_answer(firm):
    api, at = firm.blind.api, f"/v1/deals/{firm.deal['id']}"
    answers = [api.get(at), api.get("/v1/deals"), api.get("/v1/deals:batchGet", ids=firm.deal["id"]), api.get(f"{at}/history"),
               api.get(at, readMask="id,amount,probability"), api.get("/v1/events", resource="deals"),
               api.patch(at, {"customFields": None})]
    for answer in answers:
        text = json.dumps(answer.ok())
        assert firm.deal["id"] in text and "987654" not in text and "whisper" not in text and '"amount"' not in text, text
    last = api.post("/v1/deals", json={"name": ""}).status
    assert last == 400
    event = Copy(api, "deals").follow().events[0]
    assert {"probability"} <= {c["field"] for c in event["changes"]} and "amount" not in {c["field"] for c in event["changes"]}


@pytest.mark.parametrize("query", [{"filter": "amount > 1"}, {"filter": 'nextStep:"wh"'}, {"orderBy": "amount"}])
def test_a_hidden_field_leads_nowhere(query, firm):
    firm.blind.api.get("/v1/deals", **query).fails(400)
    firm.api.get("/v1/deals", **query).ok()


def test_a_hidden_field_is_not_added_up(firm):
    firm.blind.api.get("/v1/deals:aggregate", measures="sum(amount)").fails(400)
    firm.blind.api.get("/v1/deals:aggregate", groupBy="nextStep").fails(400)


def test_what_cannot_be_written(firm):
    api, at = firm.blind.api, f"/v1/deals/{firm.deal['id']}"
    for body, field in [({"amount": "1"}, "/amount"), ({"amount": "987654"}, "/amount"), ({"name": "x"}, "/name"),
                        ({"expectedCloseDate": None}, "/expectedCloseDate")]:
        api.patch(at, body).fails(400, "INVALID_FIELDS", field, "READ_ONLY")
    api.post("/v1/deals", json={"name": "New"}).fails(400, "INVALID_FIELDS", "/name", "READ_ONLY")
    # As it was read it is sent back.
    read = api.get(at).ok()
    assert api.patch(at, {**read, "probability": read["probability"]}).ok()["name"] == "Big one"
    assert firm.api.get(at).ok()["amount"] == "987654"
    assert "角色" in api.patch(at, {"name": "x"}, headers={"Accept-Language": "zh-CN"}).json()["errors"][0]["detail"]


@pytest.mark.parametrize("field", ["nonsense", "id", "version", "searchText"])
def test_only_fields_that_there_are(field, firm):
    body = {"name": f"No {field}", "visibility": "OWN", "permissions": [], "access": [{"collection": "deals", "hiddenFields": [field]}]}
    firm.api.post("/v1/roles", json=body).fails(400, None, "/access/0/hiddenFields/0", "UNKNOWN_FIELD")
