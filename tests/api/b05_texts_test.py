"""Two texts that people cannot tell apart are one, and what nobody can see is nothing."""
import pytest

from lib.api import Api
from lib.org import Org, PASSWORD, log_in
from lib.records import run_import


@pytest.fixture(scope="module")
def shop(stack):
    return Org(stack, locale="en")


def stages(api, outcome):
    return next(s["id"] for s in api.all("/v1/stages") if s["outcome"] == outcome)


@pytest.mark.parametrize("reason", ["", " ", "\u3000", "\t", "\u200b\ufeff"])
def test_a_reason_that_nobody_can_see_is_no_reason(shop, reason):
    lost = stages(shop.api, "LOST")
    deal = shop.make.create("deals")
    path = f"/v1/deals/{deal['id']}:move"
    shop.api.post(path, json={"stageId": lost, "lostReason": reason}).fails(400, "STAGE_REQUIREMENTS_UNMET", "/lostReason")
    assert shop.api.post(path, json={"stageId": lost, "lostReason": f" price {reason}"}).ok()["lostReason"] == "price"


def test_a_custom_field_that_nobody_can_see_is_empty(shop):
    process = shop.make.create("processes")["id"]
    first, last = (shop.make.create("stages", processId=process, requiredFields=fields)["id"]
                   for fields in ([], ["customFields.reason"]))
    deal = shop.make.create("deals", stageId=first, customFields={"reason": " \u3000"})
    shop.api.post(f"/v1/deals/{deal['id']}:move", json={"stageId": last}).fails(
        400, "STAGE_REQUIREMENTS_UNMET", "/customFields/reason")
    # Those that were stored before are nothing either.
    shop.stack.sql("UPDATE pipeline.deals SET custom_fields = '{\"reason\": \"\\u3000\"}' WHERE id = %s", deal["id"])
    shop.api.post(f"/v1/deals/{deal['id']}:move", json={"stageId": last}).fails(
        400, "STAGE_REQUIREMENTS_UNMET", "/customFields/reason")


def test_a_log_in_form_may_have_blanks_behind_the_address(shop):
    email = shop.admin.email
    for typed in (f"{email} ", f" {email.upper()}\u00a0", f"\u200b{email}\ufeff", email.replace("@", "＠")):
        assert log_in(shop.base, typed)["accessToken"]
    Api(shop.base).post("/v1/sessions", json={"email": email.replace("@", "\u200b@"), "password": PASSWORD}).fails(
        400, "INVALID_FIELDS", "/email", "BAD_FORMAT")


def test_a_user_s_address_in_capitals_of_any_script(shop):
    user = shop.make.create("users", email="ANN@MÜNCHEN.example")
    assert user["email"] == "ann@münchen.example"
    shop.api.post("/v1/users", json={"displayName": "Twin", "email": "ann@MÜNCHEN.EXAMPLE"}).fails(409, "ALREADY_EXISTS")
    shop.api.post(f"/v1/users/{user['id']}:setPassword", json={"password": PASSWORD}).ok()
    assert log_in(shop.base, "Ann@München.example")["accessToken"]


def test_an_import_with_blanks_in_quotes(shop):
    text = 'externalId,name,employeeCount\n42,Alpha,1\n"42 ","\u3000Alpha GmbH","\u00a012 "\n'
    done = run_import(shop.api, "accounts", text, {"mode": "UPSERT", "columns": {
        "externalId": {"field": "externalId"}, "name": {"field": "name"}, "employeeCount": {"field": "employeeCount"}}})
    assert (done["createdRows"], done["updatedRows"], done["failedRows"]) == ("1", "1", "0"), done
    (alpha,) = shop.api.all("/v1/accounts", filter='externalId = "42"')
    assert (alpha["name"], alpha["employeeCount"]) == ("Alpha GmbH", 12)
    done = run_import(shop.api, "contacts", 'name,email\n"Ann ","Ann@Example.com\u00a0"\nBob,b\u200bob@example.com\n')
    assert (done["createdRows"], done["failedRows"]) == ("1", "1"), done
    assert [c["email"] for c in shop.api.all("/v1/contacts", filter='name = "Ann"')] == ["ann@example.com"]


def test_what_is_asked_for_has_the_same_form(shop):
    shop.make.create("accounts", name="Café SA", city="长沙")
    for search in (" Café", "Cafe\u0301 ", "\u3000café\u200b"):
        assert [a["name"] for a in shop.api.all("/v1/accounts", search=search)] == ["Café SA"], search
    assert shop.api.all("/v1/accounts", search="\u3000") == shop.api.all("/v1/accounts")
