"""What everybody may change of himself, and no more."""
import pytest

from lib.org import Org


@pytest.fixture(scope="module")
def house(stack):
    class House:
        org = Org(stack, country="CN")
        rep = org.person("Rep", name="Yue")
    return House


def test_a_seller_changes_himself(house):
    me = house.rep.api.patch("/v1/me", {"displayName": "林悦", "locale": "zh-CN", "timeZone": "Asia/Urumqi", "phone": "138 0013 8000",
                                        "jobTitle": "Key account manager"}).ok()
    assert me["user"]["displayName"] == "林悦" and me["user"]["phone"] == "+8613800138000"
    assert (me["locale"], me["timeZone"], me["user"]["jobTitle"]) == ("zh-CN", "Asia/Urumqi", "Key account manager")
    assert house.rep.api.get("/v1/me").ok() == me
    assert house.org.api.get(f"/v1/users/{house.rep.id}").ok() == me["user"]
    me = house.rep.api.patch("/v1/me", {"timeZone": None, "phone": None}).ok()
    assert me["user"]["timeZone"] is None and me["timeZone"] == "Asia/Shanghai" and me["user"]["phone"] is None


@pytest.mark.parametrize("body", [{"roleId": "x"}, {"teamId": "x"}, {"disabled": True}, {"email": "a@example.com"}, {"visibility": "ORG"}])
def test_not_what_others_decide(house, body):
    before = house.rep.api.get("/v1/me").ok()
    house.rep.api.patch("/v1/me", body).fails(400, "INVALID_FIELDS", f"/{list(body)[0]}", "UNKNOWN_FIELD")
    assert house.rep.api.get("/v1/me").ok() == before


@pytest.mark.parametrize("body, pointer, reason", [
    ({"displayName": None}, "/displayName", "REQUIRED"), ({"displayName": ""}, "/displayName", "REQUIRED"),
    ({"timeZone": "Mars/Phobos"}, "/timeZone", "BAD_FORMAT"), ({"locale": "!"}, "/locale", "BAD_FORMAT"),
    ({"phone": "call me"}, "/phone", "BAD_FORMAT"), ({"preferences": 5}, "/preferences", "WRONG_TYPE"),
    ({"preferences": {"long": "x" * 20000}}, "/preferences", "TOO_LONG")])
def test_what_is_wrong_is_said(house, body, pointer, reason):
    house.rep.api.patch("/v1/me", body).fails(400, None, pointer, reason)


def test_preferences_are_kept_key_by_key(house):
    api = house.org.person("Rep").api
    assert api.get("/v1/me").ok()["preferences"] is None
    api.patch("/v1/me", {"preferences": {"deals.columns": ["name", "amount"], "theme": "dark"}}).ok()
    me = api.patch("/v1/me", {"preferences": {"theme": "light", "start": {"page": 1}}}).ok()
    assert me["preferences"] == {"deals.columns": ["name", "amount"], "theme": "light", "start": {"page": 1}}
    assert api.patch("/v1/me", {"preferences": {"theme": None}}).ok()["preferences"] == {
        "deals.columns": ["name", "amount"], "start": {"page": 1}}
    assert api.patch("/v1/me", {"preferences": None}).ok()["preferences"] is None
    # The sum of many small changes is bounded, too.
    for i in range(2):
        answer = api.patch("/v1/me", {"preferences": {f"half{i}": "x" * 10000}})
    answer.fails(400, "INVALID_FIELDS", "/preferences", "TOO_LONG")


def test_only_if_nobody_else_has_changed_it(house):
    api = house.org.person("Rep").api
    first = api.get("/v1/me")
    assert first.etag == f'"{first.json()["user"]["version"]}"'
    api.patch("/v1/me", {"jobTitle": "One"}, headers={"If-Match": first.etag}).ok()
    api.patch("/v1/me", {"jobTitle": "Two"}, headers={"If-Match": first.etag}).fails(412)
    again = api.get("/v1/me")
    assert again.json()["user"]["jobTitle"] == "One" and again.etag != first.etag
    assert api.call("GET", "/v1/me", headers={"If-None-Match": again.etag}).status == 304


def test_what_changes_nothing_leaves_the_version(house):
    before = house.rep.api.get("/v1/me").ok()["user"]
    assert house.rep.api.patch("/v1/me", {"displayName": before["displayName"]}).ok()["user"] == before
    assert house.rep.api.patch("/v1/me", {}).ok()["user"] == before
