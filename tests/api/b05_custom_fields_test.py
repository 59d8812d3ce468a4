"""Custom fields: their keys are members like others, and several systems share them."""
import json

import pytest


@pytest.fixture
def account(api):
    return api.post("/v1/accounts", json={"name": "Shared", "customFields": {"erpRegion": "N", "size": 3}}).ok(201)


def at(record):
    return f"/v1/accounts/{record['id']}"


def test_two_integrations_on_one_record(api, account):
    assert api.patch(at(account), {"customFields": {"mailId": "x"}}).ok()["customFields"] == {
        "erpRegion": "N", "size": 3, "mailId": "x"}
    assert api.patch(at(account), {"customFields": {"size": None, "mailId": "y"}}).ok()["customFields"] == {
        "erpRegion": "N", "mailId": "y"}
    assert api.get(at(account)).ok()["customFields"] == {"erpRegion": "N", "mailId": "y"}


def test_nothing_and_null(api, account):
    same = api.patch(at(account), {"customFields": {}}).ok()
    assert same["customFields"] == account["customFields"] and same["version"] == account["version"]
    assert api.patch(at(account), {"customFields": None}).ok()["customFields"] is None
    assert api.patch(at(account), {"customFields": {"a": None}}).ok()["customFields"] is None
    assert api.patch(at(account), {"customFields": {"a": 1}}).ok()["customFields"] == {"a": 1}
    assert api.patch(at(account), {"customFields": {"a": None}}).ok()["customFields"] == {}


def test_a_new_record_has_no_null_keys(api):
    made = api.post("/v1/accounts", json={"name": "New", "customFields": {"a": None, "b": {"c": None}, "d": [None]}}).ok(201)
    assert made["customFields"] == {"b": {"c": None}, "d": [None]}


def test_the_value_of_a_key_is_written_whole(api, account):
    api.patch(at(account), {"customFields": {"o": {"x": 1, "y": 2}, "l": [1, 2]}}).ok()
    merged = api.patch(at(account), {"customFields": {"o": {"y": 3}, "l": [4]}}).ok()["customFields"]
    assert merged == {"erpRegion": "N", "size": 3, "o": {"y": 3}, "l": [4]}


@pytest.mark.parametrize("mask,body,expected", [
    ("customFields.erpRegion", {"erpRegion": "S", "size": 9}, {"erpRegion": "S", "size": 3}),
    ("custom_fields.erpRegion", {"erpRegion": "S", "size": 9}, {"erpRegion": "S", "size": 3}),
    ("customFields.erpRegion", {}, {"size": 3}),
    ("customFields.erpRegion", None, {"size": 3}),
    ("customFields.erpRegion,customFields.new", {"new": 1}, {"size": 3, "new": 1}),
    ("customFields.a.b", {"a.b": 1}, {"erpRegion": "N", "size": 3, "a.b": 1}),
    ("customFields.`a, b`,name", {"a, b": 1}, {"erpRegion": "N", "size": 3, "a, b": 1}),
    ("customFields", {"size": 4}, {"erpRegion": "N", "size": 4}),
    ("customFields,customFields.size", {"erpRegion": "S"}, {"erpRegion": "S", "size": 3}),
    ("customFields", None, None),
])
def test_a_mask_names_keys(mask, body, expected, api, account):
    answer = api.call("PATCH", at(account), json={"name": "Shared", "customFields": body}, params={"updateMask": mask}).ok()
    assert answer["customFields"] == expected


@pytest.mark.parametrize("mask", ["customFields.", "name.x", "customFieldsX.a", "ownerId.x"])
def test_masks_that_lead_nowhere(mask, api, account):
    api.call("PATCH", at(account), json={"name": "x"}, params={"updateMask": mask}).fails(400, None, "updateMask", "BAD_MASK")


def test_an_upsert_merges_too(api):
    body = {"externalId": "cf-1", "externalSource": "erp", "name": "Up"}
    api.post("/v1/accounts:upsert", json={**body, "customFields": {"a": 1, "b": 2}}).ok()
    assert api.post("/v1/accounts:upsert", json={**body, "customFields": {"b": None, "c": 3}}).ok()["customFields"] == {
        "a": 1, "c": 3}
    assert api.post("/v1/accounts:upsert", json=body).ok()["customFields"] == {"a": 1, "c": 3}


def test_if_match_holds_for_a_merge(api, account):
    api.patch(at(account), {"customFields": {"a": 1}}, headers={"If-Match": '"9"'}).fails(412)
    api.patch(at(account), {"customFields": {"a": 1}}, headers={"If-Match": f'"{account["version"]}"'}).ok()
    assert api.get(at(account)).ok()["customFields"] == {"erpRegion": "N", "size": 3, "a": 1}


def test_what_is_merged_stays_within_the_bound(api, account):
    """16 KiB of JSON as the API writes it, whether it comes at once or bit by bit."""
    room = 16384 - len(json.dumps({**account["customFields"], "a": "", "b": ""}, separators=(",", ":")))
    api.patch(at(account), {"customFields": {"a": "x" * 9000}}).ok()
    for language, words in (("en", "at most 16384"), ("zh-CN", "最多 16384")):
        problem = api.patch(at(account), {"customFields": {"b": "x" * (room - 9000 + 1)}}, headers={
            "Accept-Language": language}).fails(400, None, "/customFields", "TOO_LONG")
        assert words in problem["errors"][0]["detail"]
    api.patch(at(account), {"customFields": {"b": "x" * (room - 9000)}}).ok()
    api.patch(at(account), {"customFields": {"a": None, "c": "x" * 9000}}).ok()


def test_the_history_says_which_keys(api, account):
    api.patch(at(account), {"customFields": {"erpRegion": None, "size": 4, "new": [1]}}).ok()
    event = api.get(f"{at(account)}/history").ok()["events"][0]
    (change,) = event["changes"]
    assert change["field"] == "customFields" and change["keys"] == ["new", "size", "erpRegion"]
    assert (change["before"], change["after"]) == ({"erpRegion": "N", "size": 3}, {"size": 4, "new": [1]})
