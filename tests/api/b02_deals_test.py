"""Sales processes and deals: moving through stages, what a stage requires, line items, stage history."""
import concurrent.futures
import types

import pytest

from lib.org import Org


@pytest.fixture(scope="module")
def shop(stack):
    """A process with five stages: New, Offer (needs amount, expectedCloseDate, lineItems, a custom field), Won, Lost."""
    org = Org(stack, time_zone="Asia/Shanghai", locale="en")
    s = types.SimpleNamespace(org=org, api=org.api)
    s.process = s.api.post("/v1/processes", json={"name": "Big deals"}).ok(201)["id"]
    def stage(position, name, **more):
        return s.api.post("/v1/stages", json={"processId": s.process, "name": name, "position": position, **more}).ok(201)["id"]
    s.new = stage(1, "New", probability=10)
    s.offer = stage(2, "Offer", probability=50, requiredFields=["amount", "expectedCloseDate", "lineItems",
                                                                "customFields.budget", "contactId"])
    s.won = stage(3, "Won", outcome="WON", requiredFields=["amount"])
    s.lost = stage(4, "Lost", outcome="LOST", requiredFields=["lostReason"])
    s.product = s.api.post("/v1/products", json={"name": "GTX", "unitPrice": "550"}).ok(201)["id"]
    return s


@pytest.fixture
def deal(shop):
    return shop.api.post("/v1/deals", json={"name": "Renewal", "stageId": shop.new}).ok(201)


def move(shop, deal, stage, **more):
    return shop.api.post(f"/v1/deals/{deal['id']}:move", json={"stageId": stage, **more})


def get(shop, deal):
    return shop.api.get(f"/v1/deals/{deal['id']}").ok()


def test_a_new_deal_takes_what_its_stage_says(shop, deal):
    assert deal["processId"] == shop.process and deal["probability"] == 10 and deal["outcome"] == "OPEN"
    assert deal["closeDate"] is None and deal["startDate"] and deal["currency"] == "CNY"


def test_a_deal_without_a_stage_starts_in_the_default_process(shop):
    made = shop.api.post("/v1/deals", json={"name": "No stage"}).ok(201)
    (default,) = [p for p in shop.api.all("/v1/processes") if p["isDefault"]]
    stages = sorted((s for s in shop.api.all("/v1/stages") if s["processId"] == default["id"]), key=lambda s: s["position"])
    assert made["stageId"] == stages[0]["id"]


def test_a_move_says_all_that_is_unmet(shop, deal):
    problem = move(shop, deal, shop.offer).fails(400, "STAGE_REQUIREMENTS_UNMET")
    assert {e["pointer"] for e in problem["errors"]} == {"/amount", "/expectedCloseDate", "/lineItems",
                                                         "/customFields/budget", "/contactId"}
    assert all(e["detail"] for e in problem["errors"])
    assert get(shop, deal) == deal, "nothing has changed"


def test_a_move_when_all_is_met(shop, deal):
    contact = shop.api.post("/v1/contacts", json={"name": "Li Na"}).ok(201)["id"]
    shop.api.patch(f"/v1/deals/{deal['id']}", {"amount": "1000", "expectedCloseDate": "2027-01-31", "contactId": contact,
                                               "customFields": {"budget": 5}, "lineItems": [{"productId": shop.product}]}).ok()
    moved = move(shop, deal, shop.offer).ok(200)
    assert moved["stageId"] == shop.offer and moved["probability"] == 50 and moved["outcome"] == "OPEN"
    assert get(shop, deal) == moved


def test_a_move_may_bring_what_is_needed(shop, deal):
    move(shop, deal, shop.won).fails(400, "STAGE_REQUIREMENTS_UNMET", "/amount")
    won = move(shop, deal, shop.won, amount="250.50", closeDate=deal["startDate"]).ok()
    assert won["outcome"] == "WON" and won["amount"] == "250.5" and won["closeDate"] == deal["startDate"]
    assert won["probability"] == 100


def test_a_move_to_lost_wants_a_reason(shop, deal):
    move(shop, deal, shop.lost).fails(400, "STAGE_REQUIREMENTS_UNMET", "/lostReason")
    lost = move(shop, deal, shop.lost, lostReason="Price").ok()
    assert lost["outcome"] == "LOST" and lost["lostReason"] == "Price" and lost["closeDate"] and lost["probability"] == 0


def test_validate_only_changes_nothing(shop, deal):
    would = move(shop, deal, shop.won, amount="99", validateOnly=True).ok()
    assert would["stageId"] == shop.won and would["outcome"] == "WON"
    assert get(shop, deal) == deal
    move(shop, deal, shop.offer, validateOnly=True).fails(400, "STAGE_REQUIREMENTS_UNMET")


def test_a_closed_deal_may_be_opened_again(shop, deal):
    move(shop, deal, shop.lost, lostReason="Price").ok()
    again = move(shop, deal, shop.new).ok()
    assert again["outcome"] == "OPEN" and again["closeDate"] is None and not again["lostReason"]


def test_moving_to_where_it_is_changes_nothing(shop, deal):
    assert move(shop, deal, shop.new).ok()["stageId"] == shop.new
    assert len(shop.api.get(f"/v1/deals/{deal['id']}/stageHistory").ok()["visits"]) == 1


def test_a_move_into_another_process_is_refused(shop, deal):
    other = [s for s in shop.api.all("/v1/stages") if s["processId"] != shop.process][0]["id"]
    answer = move(shop, deal, other)
    answer.fails(400)
    assert get(shop, deal) == deal


def test_bad_moves(shop, deal):
    move(shop, deal, "01900000-0000-7000-8000-000000000000").fails(400, None, "/stageId")
    move(shop, deal, shop.won, amount="1", closeDate="2000-01-01").fails(400)
    move(shop, deal, shop.new, closeDate="2026-01-01").fails(400)
    move(shop, deal, shop.won, amount="1", lostReason="x").fails(400)
    assert get(shop, deal) == deal


def test_the_stage_is_changed_by_a_move_alone(shop, deal):
    shop.api.patch(f"/v1/deals/{deal['id']}", {"stageId": shop.won}).fails(400, "INVALID_FIELDS", "/stageId", "IMMUTABLE")
    same = shop.api.patch(f"/v1/deals/{deal['id']}", {"stageId": shop.new, "name": "New name"}).ok()
    assert same["name"] == "New name", "what was read may be sent back"


def test_if_match_on_a_move(shop, deal):
    address = f"/v1/deals/{deal['id']}"
    tag = shop.api.get(address).etag
    shop.api.patch(address, {"nextStep": "x"}).ok()
    shop.api.post(f"{address}:move", json={"stageId": shop.won, "amount": "1"}, headers={"If-Match": tag}).fails(
        412, "VERSION_MISMATCH")


def test_stage_history(shop, deal):
    move(shop, deal, shop.won, amount="5").ok()
    move(shop, deal, shop.new).ok()
    visits = shop.api.get(f"/v1/deals/{deal['id']}/stageHistory").ok()["visits"]
    assert [v["stageId"] for v in visits] == [shop.new, shop.won, shop.new]
    assert [v["stageName"] for v in visits] == ["New", "Won", "New"]
    for before, after in zip(visits, visits[1:]):
        assert before["leaveTime"] == after["enterTime"] and int(before["durationSeconds"]) >= 0
    assert visits[-1]["leaveTime"] is None and all(v["actorId"] == shop.org.admin.id for v in visits)


def test_moves_at_once_make_a_history_without_gaps(shop, deal):
    """A move that waits for another one has begun before that one ended; its stay begins after it all the same."""
    stages = [shop.new, shop.lost]
    def there_and_back(n):
        return [move(shop, deal, stages[(n + i) % 2], **({"lostReason": "x"} if (n + i) % 2 else {})) for i in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for answers in pool.map(there_and_back, range(8)):
            assert all(a.status == 200 for a in answers)
    visits = shop.api.get(f"/v1/deals/{deal['id']}/stageHistory").ok()["visits"]
    assert len(visits) > 2
    for before, after in zip(visits, visits[1:]):
        assert before["enterTime"] <= before["leaveTime"] == after["enterTime"]
        assert int(before["durationSeconds"]) >= 0


def test_history_of_a_deal_that_came_in_closed(shop):
    made = shop.api.post("/v1/deals", json={"name": "Old", "stageId": shop.won, "startDate": "2020-01-01",
                                            "closeDate": "2020-01-31", "amount": "7"}).ok(201)
    assert made["outcome"] == "WON" and made["closeDate"] == "2020-01-31"
    visits = shop.api.get(f"/v1/deals/{made['id']}/stageHistory").ok()["visits"]
    assert [v["stageId"] for v in visits] == [shop.offer, shop.won]
    assert int(visits[0]["durationSeconds"]) == 30 * 86400
    assert visits[1]["enterTime"].startswith("2020-01-30T16:00"), "midnight in Shanghai"


def test_what_was_won_and_is_lost_is_lost_today(shop):
    won = {"name": "Fell through", "stageId": shop.won, "startDate": "2020-01-01", "closeDate": "2020-01-31", "amount": "7"}
    today = shop.api.post("/v1/deals", json={"name": "Today"}).ok(201)["startDate"]
    made = shop.api.post("/v1/deals", json=won).ok(201)
    assert move(shop, made, shop.lost, lostReason="Cancelled", validateOnly=True).ok()["closeDate"] == today
    assert move(shop, made, shop.lost, lostReason="Cancelled").ok()["closeDate"] == today
    made = shop.api.post("/v1/deals", json=won).ok(201)
    assert move(shop, made, shop.lost, lostReason="Cancelled", closeDate="2020-02-29").ok()["closeDate"] == "2020-02-29"


def test_what_is_won_stays_won_on_its_day(shop):
    paid = shop.api.post("/v1/stages", json={"processId": shop.process, "name": "Paid", "position": 5, "outcome": "WON"}).ok(201)
    made = shop.api.post("/v1/deals", json={"name": "Paid", "stageId": shop.won, "startDate": "2020-01-01",
                                            "closeDate": "2020-01-31", "amount": "7"}).ok(201)
    assert move(shop, made, paid["id"]).ok()["closeDate"] == "2020-01-31"


def test_dates_must_make_sense(shop):
    body = {"name": "Backwards", "stageId": shop.won, "startDate": "2020-02-01", "closeDate": "2020-01-31"}
    shop.api.post("/v1/deals", json=body).fails(400, "INVALID_FIELDS", "/closeDate")
    shop.api.post("/v1/deals", json={"name": "Open", "stageId": shop.new, "closeDate": "2020-01-31"}).fails(
        400, "INVALID_FIELDS", "/closeDate")


def test_a_bad_date_says_what_is_wrong(shop, deal):
    address = f"/v1/deals/{deal['id']}"
    shop.api.patch(address, {"closeDate": "2026-01-31"}).fails(400, "INVALID_FIELDS", "/closeDate", "NOT_CLOSED")
    shop.api.patch(address, {"startDate": "2099-01-01", "amount": "1"}).ok()
    problem = move(shop, deal, shop.won, closeDate="2098-12-31").fails(400, "INVALID_FIELDS", "/closeDate", "BEFORE_START")
    assert "2099-01-01" in problem["errors"][0]["detail"]
    shop.api.patch(address, {"startDate": "2020-01-01"}).ok()
    move(shop, deal, shop.won, closeDate="2020-01-31").ok()
    shop.api.patch(address, {"closeDate": None}).fails(400, "INVALID_FIELDS", "/closeDate", "REQUIRED")
    shop.api.patch(address, {"closeDate": "2019-12-31"}).fails(400, "INVALID_FIELDS", "/closeDate", "BEFORE_START")
    problem = shop.api.patch(address, {"startDate": "2020-02-01"}).fails(400, "INVALID_FIELDS", "/startDate", "AFTER_CLOSE")
    assert "2020-01-31" in problem["errors"][0]["detail"]


# ---- line items and amounts --------------------------------------------------------------------------------------------


def test_the_amount_follows_the_line_items(shop):
    made = shop.api.post("/v1/deals", json={"name": "Items", "lineItems": [
        {"productId": shop.product, "quantity": "3"},
        {"productId": shop.product, "unitPrice": "10.01", "discountPercent": "50", "quantity": "3"}]}).ok(201)
    first, second = made["lineItems"]
    assert (first["name"], first["unitPrice"], first["quantity"], first["amount"]) == ("GTX", "550", "3", "1650")
    assert second["amount"] in ("15.02", "15.01"), "rounded to cents"
    assert made["amountFollowsItems"] is True
    assert float(made["amount"]) == pytest.approx(1650 + float(second["amount"]))
    changed = shop.api.patch(f"/v1/deals/{made['id']}", {"lineItems": [{"productId": shop.product}]}).ok()
    assert changed["amount"] == "550"
    fixed = shop.api.patch(f"/v1/deals/{made['id']}", {"amount": "500"}).ok()
    assert fixed["amount"] == "500" and fixed["amountFollowsItems"] is False
    kept = shop.api.patch(f"/v1/deals/{made['id']}", {"lineItems": []}).ok()
    assert kept["amount"] == "500" and kept["lineItems"] == []
    again = shop.api.patch(f"/v1/deals/{made['id']}", {"lineItems": [{"productId": shop.product}], "amount": None}).ok()
    assert again["amount"] == "550" and again["amountFollowsItems"] is True


def test_a_deal_can_be_sent_back_as_it_was_read(shop):
    made = shop.api.post("/v1/deals", json={"name": "Back", "amount": "0.1", "lineItems": [{"productId": shop.product}]}).ok()
    from lib.contract import contract, json_name
    writable = {json_name(f) for f in contract().writable(contract().resources["deals"])}
    back = shop.api.patch(f"/v1/deals/{made['id']}", {k: v for k, v in made.items() if k in writable}).ok()
    assert {k: v for k, v in back.items() if k not in ("version", "updateTime")} == \
           {k: v for k, v in made.items() if k not in ("version", "updateTime")}


def test_bad_line_items(shop):
    def post(item):
        return shop.api.post("/v1/deals", json={"name": "Bad", "lineItems": [{"productId": shop.product}, item]})
    post({}).fails(400, "INVALID_FIELDS", "/lineItems/1/productId", "REQUIRED")
    post({"productId": "01900000-0000-7000-8000-000000000000"}).fails(400, "INVALID_FIELDS", "/lineItems/1/productId",
                                                                       "NO_SUCH_RECORD")
    post({"productId": shop.product, "quantity": "-1"}).fails(400, "INVALID_FIELDS", "/lineItems/1/quantity")
    post({"productId": shop.product, "discountPercent": "101"}).fails(400, "INVALID_FIELDS", "/lineItems/1/discountPercent")
    post({"productId": shop.product, "colour": "red"}).fails(400, "INVALID_FIELDS", "/lineItems/1/colour", "UNKNOWN_FIELD")
    post({"productId": shop.product, "quantity": True}).fails(400, "INVALID_FIELDS", "/lineItems/1/quantity", "WRONG_TYPE")


def test_line_items_that_no_amount_can_hold(shop):
    item = {"productId": shop.product, "quantity": "1000000000", "unitPrice": "1000000000"}
    shop.api.post("/v1/deals", json={"name": "Typo", "lineItems": [item]}).fails(
        400, "INVALID_FIELDS", "/lineItems", "OUT_OF_RANGE")
    shop.api.post("/v1/deals", json={"name": "Large", "lineItems": [{**item, "quantity": "999999999"}]}).ok(201)


@pytest.mark.parametrize("given, stored", [("10", "10"), ("10.00", "10"), ("0", "0"), ("0.01", "0.01"),
                                           ("123456789012345678", "123456789012345678"), ("007", "7"), ("1.10", "1.1"), (12, "12"), (1.5, "1.5")])
def test_amounts_are_exact(given, stored, shop):
    made = shop.api.post("/v1/deals", json={"name": "Exact", "amount": given}).ok(201)
    assert made["amount"] == stored
    assert get(shop, made)["amount"] == stored


@pytest.mark.parametrize("given", ["", "1e3", "0.0000001", "1234567890123456789", "1,5", "NaN", "1 2", "-1", True,
                                   0.30000000000000004, 1e300])
def test_amounts_that_are_none(given, shop):
    answer = shop.api.post("/v1/deals", json={"name": "Bad", "amount": given})
    if given == "":
        assert answer.ok(201)["amount"] is None
    else:
        answer.fails(400, "INVALID_FIELDS", "/amount")


def test_another_currency_is_refused(shop):
    for what in ("deals", "products"):
        shop.api.post(f"/v1/{what}", json={"name": "Dollars", "currency": "USD"}).fails(400, None, "/currency", "OTHER_CURRENCY")
        made = shop.org.make.create(what)
        shop.api.patch(f"/v1/{what}/{made['id']}", json={"currency": "USD"}).fails(400, None, "/currency", "OTHER_CURRENCY")


def test_the_currency_of_the_organisation_stays(shop):
    org = f"/v1/orgs/{shop.org.id}"
    shop.api.patch(org, json={"currency": "USD"}).fails(400, "INVALID_FIELDS", "/currency", "IMMUTABLE")
    assert shop.api.patch(org, json={"currency": "CNY", "name": "Renamed"}).ok()["name"] == "Renamed"


# ---- processes and stages ------------------------------------------------------------------------------------------------


def test_one_default_process(stack):
    api = Org(stack).api
    (old,) = [p for p in api.all("/v1/processes") if p["isDefault"]]
    new = api.post("/v1/processes", json={"name": "Another", "isDefault": True}).ok(201)
    assert [p["id"] for p in api.all("/v1/processes") if p["isDefault"]] == [new["id"]] != [old["id"]]


def test_a_stage_in_use_cannot_be_deleted(shop, deal):
    shop.api.delete(f"/v1/stages/{shop.new}").fails(400, "IN_USE")
    shop.api.delete(f"/v1/processes/{shop.process}").fails(400, "IN_USE")


def test_what_is_deleted_gets_nothing_new(shop):
    api = shop.api
    account, contact = (api.post(f"/v1/{c}", json={"name": "Gone"}).ok(201)["id"] for c in ("accounts", "contacts"))
    kept = api.post("/v1/deals", json={"name": "Kept", "accountId": account, "contactId": contact}).ok(201)
    for address in (f"/v1/accounts/{account}", f"/v1/contacts/{contact}"):
        api.delete(address).ok()
    for field, id in (("accountId", account), ("contactId", contact)):
        api.post("/v1/deals", json={"name": "New", field: id}).fails(400, "INVALID_FIELDS", f"/{field}", "DELETED_RECORD")
        other = api.post("/v1/deals", json={"name": "Other"}).ok(201)
        api.patch(f"/v1/deals/{other['id']}", {field: id}).fails(400, "INVALID_FIELDS", f"/{field}", "DELETED_RECORD")
    back = api.patch(f"/v1/deals/{kept['id']}", {"name": "Still", "accountId": account, "contactId": contact}).ok()
    assert (back["accountId"], back["contactId"]) == (account, contact), "what it has, it keeps"


def test_an_upsert_finds_the_deal_as_it_is(shop):
    """What the deal has, it keeps; what is asked of a new deal is not asked of one that is there."""
    api, key = shop.api, {"externalId": "d-1", "externalSource": "erp"}
    account, contact = (api.post(f"/v1/{c}", json={"name": "Gone"}).ok(201)["id"] for c in ("accounts", "contacts"))
    products = [api.post("/v1/products", json={"name": n, "unitPrice": "5"}).ok(201)["id"] for n in ("Old", "Gone")]
    body = {**key, "name": "Synchronised", "accountId": account, "contactId": contact,
            "lineItems": [{"productId": id} for id in products]}
    made = api.post("/v1/deals:upsert", json=body).ok(201)
    for address in (f"/v1/accounts/{account}", f"/v1/contacts/{contact}", f"/v1/products/{products[1]}"):
        api.delete(address).ok()
    api.patch(f"/v1/products/{products[0]}", {"discontinued": True}).ok()
    again = api.post("/v1/deals:upsert", json={**body, "name": "Again"}).ok(200)
    assert (again["id"], again["name"], again["accountId"], again["amount"]) == (made["id"], "Again", account, "10")
    api.post("/v1/deals:upsert", json={**body, "externalSource": "shop"}).fails(400, "INVALID_FIELDS")
    api.post("/v1/deals:upsert", json={**key, "name": "Open", "closeDate": "2026-01-31"}).fails(
        400, "INVALID_FIELDS", "/closeDate", "NOT_CLOSED")
    api.patch(f"/v1/deals/{made['id']}", {"startDate": "2026-01-01"}).ok()
    won = [s["id"] for s in api.all("/v1/stages") if s["processId"] == made["processId"] and s["outcome"] == "WON"][0]
    move(shop, made, won).ok()
    closed = api.post("/v1/deals:upsert", json={**key, "name": "Closed", "closeDate": "2026-01-31"}).ok(200)
    assert (closed["stageId"], closed["closeDate"]) == (won, "2026-01-31")


def test_nothing_comes_back_without_what_it_stands_in(shop):
    api = shop.api
    process = api.post("/v1/processes", json={"name": "Short-lived"}).ok(201)["id"]
    stage = api.post("/v1/stages", json={"processId": process, "name": "Only"}).ok(201)["id"]
    deal = api.post("/v1/deals", json={"name": "Gone first", "stageId": stage}).ok(201)["id"]
    for address in (f"/v1/deals/{deal}", f"/v1/processes/{process}"):
        api.delete(address).ok()
    api.post(f"/v1/deals/{deal}:undelete").fails(400, "DELETED_RECORD")
    api.post(f"/v1/stages/{stage}:undelete").fails(400, "DELETED_RECORD")
    api.post("/v1/stages", json={"processId": process, "name": "More"}).fails(400, "INVALID_FIELDS", "/processId",
                                                                              "DELETED_RECORD")
    for address in (f"/v1/processes/{process}", f"/v1/deals/{deal}"):
        api.post(f"{address}:undelete").ok()
    assert api.get(f"/v1/stages/{stage}").ok()["deleteTime"] is None, "the stage has come back with its process"


def test_a_changed_probability_reaches_the_deals(shop, deal):
    shop.api.patch(f"/v1/stages/{shop.new}", {"probability": 20}).ok()
    assert get(shop, deal)["probability"] == 20
    shop.api.patch(f"/v1/stages/{shop.new}", {"probability": 10}).ok()


def test_stage_names_are_unique_in_a_process(shop):
    answer = shop.api.post("/v1/stages", json={"processId": shop.process, "name": "Won", "position": 9})
    answer.fails(409)


def test_a_stage_cannot_require_what_a_deal_does_not_have(shop):
    shop.api.post("/v1/stages", json={"processId": shop.process, "name": "Odd", "requiredFields": ["noSuchField"]}).fails(
        400, "INVALID_FIELDS", "/requiredFields/0")


def test_a_discontinued_product_is_not_sold(shop):
    product = shop.api.post("/v1/products", json={"name": "Old", "discontinued": True}).ok(201)["id"]
    shop.api.post("/v1/deals", json={"name": "Late", "lineItems": [{"productId": product}]}).fails(
        400, None, "/lineItems/0/productId")


def test_product_codes_are_unique(shop):
    shop.api.post("/v1/products", json={"name": "A", "code": "X-1"}).ok(201)
    shop.api.post("/v1/products", json={"name": "B", "code": "X-1"}).fails(409)
