"""Amounts have the decimals of the organisation's currency, and parts add up to their whole."""
import random
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

import pytest

from lib.org import Org

DIGITS = {"JPY": 0, "CNY": 2, "KWD": 3}
YEAR = {"from": "2026-01-01", "to": "2026-12-31"}


@pytest.fixture(scope="module", params=DIGITS)
def firm(request, stack):
    """An organisation of each currency, to try things in."""
    org = Org(stack, currency=request.param)
    org.currency, org.digits = request.param, DIGITS[request.param]
    org.stages = {s["outcome"]: s["id"] for s in org.api.all("/v1/stages")}
    return org


@pytest.fixture(scope="module")
def yen(stack):
    return Org(stack, currency="JPY")


@pytest.fixture(scope="module")
def dinar(stack):
    return Org(stack, currency="KWD")


def product(org, price=None):
    return org.make.create("products", **({"unitPrice": price} if price else {}))["id"]


def deal(org, *items, **more):
    return org.api.post("/v1/deals", json={"name": "Deal", "lineItems": list(items), **more}).ok(201)


def won(org, *items, day="2026-05-05", **more):
    stage, = (s["id"] for s in org.api.all("/v1/stages") if s["outcome"] == "WON")
    return deal(org, *items, stageId=stage, startDate="2026-01-01", closeDate=day, **more)


def performance(api, **more):
    return api.get("/v1/analytics/performance", **{**YEAR, **more}).ok()


# ---- what is computed -----------------------------------------------------------------------------------------------


def test_a_line_item_is_paid_in_whole_yen(yen):
    made = deal(yen, {"productId": product(yen, "100"), "discountPercent": "33.335"})
    assert (made["amount"], made["lineItems"][0]["amount"]) == ("67", "67")


@pytest.mark.parametrize("price, item, amount", [
    ("0.005", {}, "0.005"), ("1.234", {"quantity": "3"}, "3.702"), ("1.234", {"discountPercent": "90"}, "0.123"),
    ("0.0035", {"quantity": "1"}, "0.004"), ("0.0005", {}, "0.001"), ("0.0004", {}, "0")])
def test_a_line_item_is_paid_in_fils(dinar, price, item, amount):
    assert deal(dinar, {"productId": product(dinar, price), **item})["amount"] == amount


def test_an_average_has_the_decimals_of_the_currency(stack):
    org = Org(stack, currency="JPY")
    for amount in ("100", "100", "101"):
        won(org, amount=amount)
    assert performance(org.api)["total"]["averageDealAmount"] == "100"
    org = Org(stack, currency="KWD")
    won(org, amount="0.005")
    assert performance(org.api)["total"]["averageDealAmount"] == "0.005"


def test_a_weighted_amount_has_the_decimals_of_the_currency(stack):
    org = Org(stack, currency="JPY")
    stage = next(s["id"] for s in org.api.all("/v1/stages") if s["outcome"] == "OPEN")
    org.api.patch(f"/v1/stages/{stage}", json={"probability": 33}).ok()
    deal(org, amount="1000001", stageId=stage)
    assert org.api.get("/v1/analytics/forecast").ok()["undated"]["weightedAmount"] == "330000"
    # Each deal's is rounded, so that the sum is that of what a list of the deals shows.
    deal(org, amount="2", stageId=stage), deal(org, amount="2", stageId=stage)
    assert org.api.get("/v1/analytics/forecast").ok()["undated"]["weightedAmount"] == "330002"


# ---- what is refused ------------------------------------------------------------------------------------------------


def test_an_amount_that_cannot_be_paid_is_refused(yen):
    problem = yen.api.post("/v1/deals", json={"name": "D", "amount": "12.34"}).fails(400, "INVALID_FIELDS", "/amount", "BAD_FORMAT")
    assert "0 after the point, as in JPY" in problem["errors"][0]["detail"]
    problem = yen.api.post("/v1/deals", json={"name": "D", "amount": "12.34"}, headers={"Accept-Language": "zh-CN"}).fails(
        400, "INVALID_FIELDS", "/amount", "BAD_FORMAT")
    assert "小数部分最多 0 位：JPY" in problem["errors"][0]["detail"]
    made = yen.api.post("/v1/deals", json={"name": "D", "amount": "12.00"}).ok(201)
    assert made["amount"] == "12"
    yen.api.patch(f"/v1/deals/{made['id']}", json={"amount": "0.5"}).fails(400, "INVALID_FIELDS", "/amount", "BAD_FORMAT")


def test_a_price_of_one_unit_may_be_finer(yen):
    assert deal(yen, {"productId": product(yen, "0.35"), "quantity": "1000"})["amount"] == "350"


# ---- parts of a whole -----------------------------------------------------------------------------------------------


def test_three_thirds_are_one(stack):
    org = Org(stack, currency="CNY")
    won(org, *({"productId": product(org, "1")} for _ in range(3)), amount="100")
    answer = performance(org.api, groupBy="product")
    assert [r["wonAmount"] for r in answer["rows"]] == ["33.34", "33.33", "33.33"]
    assert answer["total"]["wonAmount"] == "100"


def parts(total, weights, digits):
    """The amount shared out by largest remainder, in Python: of equal remainders, the first gets more."""
    units = int(total.scaleb(digits))
    if not any(weights):
        weights = [Decimal(1)] * len(weights)
    cut = [divmod(units * w, sum(weights)) for w in weights]
    whole = [int(q.to_integral_value(ROUND_FLOOR)) for q, _ in cut]
    for i in sorted(range(len(cut)), key=lambda i: (-cut[i][1], i))[:units - sum(whole)]:
        whole[i] += 1
    return [Decimal(w).scaleb(-digits) for w in whole]


def rounded(number, digits):
    return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def random_deals(org, dice, n):
    """Random won and open deals with their line items; answers them as the server has them."""
    ids = [product(org, str(Decimal(dice.randint(0, 10 ** 6)).scaleb(-dice.randint(0, 6)))) for _ in range(6)]
    def item():
        return {"productId": dice.choice(ids), "quantity": str(dice.choice([0, 1, 1, 2, 3, 7])),
                "discountPercent": str(dice.choice([0, 0, 100, Decimal("33.335"), 7]))}
    def amount():
        return str(Decimal(dice.choice([0, 1, 2, 10, 100, dice.randint(0, 10 ** 9), 10 ** 15 + 1])).scaleb(-org.digits))
    deals = []
    for k in range(n):
        given = {"amount": amount()} if dice.random() < 0.7 else {}
        items = [item() for _ in range(dice.choice([0, 1, 2, 3, 5, 9]))]
        if k % 3 == 2:
            deals.append(deal(org, *items, stageId=org.stages["OPEN"], **given))
        else:
            deals.append(won(org, *items, day=f"2026-{dice.randint(1, 12):02}-15", **given))
    return deals


def test_rows_add_up_to_their_total(firm):
    """Whatever is sold and however it is shared out; to the last unit, and as Python's decimals have it."""
    dice = random.Random(7)
    open_stage = next(s for s in firm.api.all("/v1/stages") if s["id"] == firm.stages["OPEN"])
    firm.api.patch(f"/v1/stages/{open_stage['id']}", json={"probability": 33.3}).ok()
    deals = random_deals(firm, dice, 60)
    closed = [d for d in deals if d["outcome"] == "WON"]
    total = sum(Decimal(d["amount"] or 0) for d in closed)
    for by in ("owner", "team", "product", "account", "month", "quarter"):
        answer = performance(firm.api, groupBy=by)
        assert Decimal(answer["total"]["wonAmount"]) == total
        assert sum(Decimal(r["wonAmount"]) for r in answer["rows"]) == total, by
        for row in answer["rows"] + [answer["total"]]:
            assert Decimal(row["averageDealAmount"]) == rounded(Decimal(row["wonAmount"]) / row["wonCount"], firm.digits)
    shares = {}
    for d in closed:
        lines = {}
        for i in d["lineItems"]:
            lines.setdefault(i["productId"], []).append(Decimal(i["amount"]))
        zero = not any(sum(a) for a in lines.values())
        weights = [Decimal(len(a)) if zero else sum(a) for a in lines.values()] or [Decimal(1)]
        for key, part in zip(list(lines) or [""], parts(Decimal(d["amount"] or 0), weights, firm.digits)):
            shares[key] = shares.get(key, 0) + part
    rows = performance(firm.api, groupBy="product")["rows"]
    assert {r["key"] or "": Decimal(r["wonAmount"]) for r in rows} == shares

    weighted = sum(rounded(Decimal(d["amount"] or 0) * Decimal("0.333"), firm.digits) for d in deals if d["outcome"] == "OPEN")
    forecast = firm.api.get("/v1/analytics/forecast").ok()
    assert Decimal(forecast["undated"]["weightedAmount"]) == weighted
    for d in deals:
        lines = [rounded(Decimal(i["quantity"]) * Decimal(i["unitPrice"]) * (1 - Decimal(i["discountPercent"]) / 100), firm.digits)
                 for i in d["lineItems"]]
        assert [Decimal(i["amount"]) for i in d["lineItems"]] == lines
        if d["amountFollowsItems"] and lines:
            assert Decimal(d["amount"]) == sum(lines)


def test_a_forecast_by_owner_adds_up(firm):
    """The same deals give the same sum, however they are asked for."""
    others = [firm.person("Rep") for _ in range(3)]
    for person in others:
        for amount in ("1", "2", "5", "1001"):
            deal(firm, amount=amount, stageId=firm.stages["OPEN"], ownerId=person.id)
    def weighted(**scope):
        return Decimal(firm.api.get("/v1/analytics/forecast", **scope).ok()["undated"]["weightedAmount"])
    assert sum(weighted(ownerId=u) for u in [firm.admin.id] + [p.id for p in others]) == weighted()


def test_the_reference_table_is_the_programs(stack):
    known = dict(stack.sql("SELECT code, digits FROM app.currencies"))
    assert len(known) > 150
    assert (known["JPY"], known["KWD"], known["CNY"], known["MGA"]) == (0, 3, 2, 2)
