"""Analytics on a few deals that can be added up by hand."""
import datetime
import types

import pytest

from lib.api import Api
from lib.org import Org, log_in

# (owner, won?, amount, start, close, product, account)
CLOSED = [
    ("ann", "WON", "1000", "2026-01-01", "2026-01-11", "gtx", "acme"),
    ("ann", "WON", "500.25", "2026-01-15", "2026-02-14", "mg", "acme"),
    ("ann", "LOST", "9999", "2026-01-01", "2026-03-31", "gtx", "bolt"),
    ("bob", "WON", "2000", "2026-04-01", "2026-04-02", "gtx", "bolt"),
    ("bob", "LOST", "1", "2026-02-01", "2026-02-02", None, None),
    ("bob", "LOST", None, "2026-02-01", "2026-03-01", None, None),
]


@pytest.fixture(scope="module")
def firm(stack):
    org = Org(stack, time_zone="Asia/Shanghai", locale="en")
    f = types.SimpleNamespace(org=org, api=org.api)
    f.manager = org.person("Manager", name="Mia")
    f.team = org.team("Team", manager=f.manager.id)
    f.sub = org.team("Sub team", parent=f.team)
    f.people = {"ann": org.person("Rep", f.team, "Ann"), "bob": org.person("Rep", f.sub, "Bob")}
    f.process = org.api.post("/v1/processes", json={"name": "Short", "isDefault": True}).ok(201)["id"]
    def stage(position, name, **more):
        return org.api.post("/v1/stages", json={"processId": f.process, "name": name, "position": position, **more}).ok(201)["id"]
    f.stages = {"NEW": stage(1, "New", probability=20), "OFFER": stage(2, "Offer", probability=50),
                "WON": stage(3, "Won", outcome="WON"), "LOST": stage(4, "Lost", outcome="LOST")}
    f.products = {n: org.api.post("/v1/products", json={"name": n.upper(), "unitPrice": "100"}).ok(201)["id"]
                  for n in ("gtx", "mg")}
    f.accounts = {n: org.api.post("/v1/accounts", json={"name": n.title()}).ok(201)["id"] for n in ("acme", "bolt")}
    for owner, outcome, amount, start, close, product, account in CLOSED:
        body = {"name": "Deal", "ownerId": f.people[owner].id, "stageId": f.stages[outcome], "startDate": start,
                "closeDate": close}
        if amount:
            body["amount"] = amount
        if product:
            body["lineItems"] = [{"productId": f.products[product]}]
        if account:
            body["accountId"] = f.accounts[account]
        org.api.post("/v1/deals", json=body).ok(201)
    gone = org.api.post("/v1/deals", json={"name": "Deleted", "stageId": f.stages["WON"], "amount": "77777",
                                           "startDate": "2026-01-01", "closeDate": "2026-01-02"}).ok(201)
    org.api.delete(f"/v1/deals/{gone['id']}").ok()
    return f


YEAR = {"from": "2026-01-01", "to": "2026-12-31"}


def performance(api, group_by, **params):
    return api.get("/v1/analytics/performance", groupBy=group_by, **{**YEAR, **params}).ok(200)


def numbers(row):
    return (float(row["wonAmount"]), row["wonCount"], row["lostCount"])


def test_total(firm):
    answer = performance(firm.api, "owner")
    total = answer["total"]
    assert total["wonAmount"] == "3500.25" and total["wonCount"] == 3 and total["lostCount"] == 3
    assert total["closedCount"] == 6 and total["winRate"] == 0.5
    assert float(total["averageDealAmount"]) == pytest.approx(3500.25 / 3, abs=0.01)
    assert total["averageCycleDays"] == pytest.approx((10 + 30 + 1) / 3)
    assert answer["currency"] == "CNY" and (answer["from"], answer["to"]) == ("2026-01-01", "2026-12-31")


def test_by_owner(firm):
    rows = performance(firm.api, "owner")["rows"]
    assert [r["name"] for r in rows] == ["Bob", "Ann"], "by won amount"
    assert [r["key"] for r in rows] == [firm.people["bob"].id, firm.people["ann"].id]
    assert [numbers(r) for r in rows] == [(2000, 1, 2), (1500.25, 2, 1)]
    ann = rows[1]
    assert ann["winRate"] == pytest.approx(2 / 3) and ann["averageCycleDays"] == 20
    assert float(ann["averageDealAmount"]) == pytest.approx(750.125, abs=0.01)


def test_by_team(firm):
    rows = {r["name"]: numbers(r) for r in performance(firm.api, "team")["rows"]}
    assert rows == {"Sub team": (2000, 1, 2), "Team": (1500.25, 2, 1)}


def test_by_product(firm):
    rows = {r["key"]: numbers(r) for r in performance(firm.api, "product")["rows"]}
    assert rows == {firm.products["gtx"]: (3000, 2, 1), firm.products["mg"]: (500.25, 1, 0), "": (0, 0, 2)}


def test_by_account(firm):
    rows = {r["key"]: (r["name"], *numbers(r)) for r in performance(firm.api, "account")["rows"]}
    assert rows[firm.accounts["acme"]] == ("Acme", 1500.25, 2, 0) and rows[firm.accounts["bolt"]] == ("Bolt", 2000, 1, 1)
    assert rows[""][1:] == (0, 0, 2)


def test_by_month_and_quarter(firm):
    rows = [(r["key"], *numbers(r)) for r in performance(firm.api, "month")["rows"]]
    assert rows == [("2026-01", 1000, 1, 0), ("2026-02", 500.25, 1, 1), ("2026-03", 0, 0, 2), ("2026-04", 2000, 1, 0)]
    rows = [(r["key"], *numbers(r)) for r in performance(firm.api, "quarter")["rows"]]
    assert rows == [("2026-Q1", 1500.25, 2, 3), ("2026-Q2", 2000, 1, 0)]


def test_the_period_has_both_its_ends(firm):
    assert performance(firm.api, "owner", **{"from": "2026-01-11", "to": "2026-02-14"})["total"]["wonAmount"] == "1500.25"
    assert performance(firm.api, "owner", **{"from": "2026-01-12", "to": "2026-02-13"})["total"]["wonCount"] == 0


def test_a_deal_with_two_products_counts_in_both(firm):
    org = Org(firm.org.stack)
    a, b = (org.api.post("/v1/products", json={"name": n, "unitPrice": p}).ok(201)["id"] for n, p in (("A", "30"), ("B", "10")))
    won = [s for s in org.api.all("/v1/stages") if s["outcome"] == "WON"][0]["id"]
    org.api.post("/v1/deals", json={"name": "Two", "stageId": won, "amount": "100", "startDate": "2026-01-01",
                                    "closeDate": "2026-01-02", "lineItems": [{"productId": a}, {"productId": b}]}).ok(201)
    answer = performance(org.api, "product")
    assert {r["key"]: numbers(r) for r in answer["rows"]} == {a: (75, 1, 0), b: (25, 1, 0)}
    assert numbers(answer["total"]) == (100, 1, 0)


def test_filters(firm):
    assert performance(firm.api, "owner", ownerId=firm.people["ann"].id)["total"]["wonAmount"] == "1500.25"
    assert performance(firm.api, "owner", teamId=firm.sub)["total"]["wonAmount"] == "2000"
    assert performance(firm.api, "owner", teamId=firm.team)["total"]["wonAmount"] == "3500.25"
    assert performance(firm.api, "owner", processId=firm.process)["total"]["wonCount"] == 3
    (other,) = [p for p in firm.api.all("/v1/processes") if p["id"] != firm.process]
    assert performance(firm.api, "owner", processId=other["id"])["total"]["wonCount"] == 0


def test_everybody_gets_the_numbers_of_what_he_sees(firm):
    assert performance(firm.people["ann"].api, "owner")["total"]["wonAmount"] == "1500.25"
    assert performance(firm.people["bob"].api, "product")["total"]["wonAmount"] == "2000"
    assert performance(firm.manager.api, "team")["total"]["wonAmount"] == "3500.25"
    assert performance(firm.org.person("Rep").api, "month")["rows"] == []


def test_an_empty_period(firm):
    answer = performance(firm.api, "quarter", **{"from": "2020-01-01", "to": "2020-12-31"})
    total = answer["total"]
    assert answer["rows"] == [] and numbers(total) == (0, 0, 0)
    # Not 0: who lost everything has a win rate of 0, who closed nothing has none.
    assert total["winRate"] is total["averageDealAmount"] is total["averageCycleDays"] is None


def test_bad_arguments(firm):
    def get(**params):
        return firm.api.get("/v1/analytics/performance", **{**YEAR, **params})
    problem = get(groupBy="colour").fails(400, "INVALID_FIELDS", "groupBy", "UNKNOWN_VALUE")
    assert problem["errors"][0]["detail"] == "must be one of owner, team, product, account, month, quarter"
    get(**{"from": "yesterday"}).fails(400, "INVALID_FIELDS", "from", "BAD_FORMAT")
    get(**{"from": "2027-01-01"}).fails(400)
    get(**{"from": "0001-01-01", "to": "9999-12-31"}).fails(400, "INVALID_FIELDS", "to", "OUT_OF_RANGE")
    firm.api.get("/v1/analytics/forecast", **{"from": "9999-12-31"}).fails(400, "INVALID_FIELDS", "from", "OUT_OF_RANGE")
    get(ownerId="x").fails(400, "INVALID_FIELDS", "ownerId")


def test_forecast(firm):
    """Weighted by stage; overdue and undated apart; lost deals nowhere."""
    shanghai = datetime.timezone(datetime.timedelta(hours=8))
    today = datetime.datetime.now(shanghai).date()
    first = today.replace(day=1)
    def months_on(n):
        return datetime.date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 28)
    org = Org(firm.org.stack, time_zone="Asia/Shanghai")
    stages = {s["probability"]: s["id"] for s in org.api.all("/v1/stages") if s["outcome"] == "OPEN"}
    low, high = stages[10], stages[50]
    for amount, stage, close in (("100", low, months_on(1)), ("200", high, months_on(1)), ("40", high, months_on(2)),
                                 ("1000", high, today - datetime.timedelta(days=1)), ("500", low, None),
                                 (None, low, months_on(2)), ("7", low, months_on(20))):
        body = {"name": "Open", "stageId": stage}
        if amount:
            body["amount"] = amount
        if close:
            body["expectedCloseDate"] = close.isoformat()
        org.api.post("/v1/deals", json=body).ok(201)
    lost = [s for s in org.api.all("/v1/stages") if s["outcome"] == "LOST"][0]["id"]
    org.api.post("/v1/deals", json={"name": "Lost", "stageId": lost, "amount": "5555",
                                    "expectedCloseDate": months_on(1).isoformat()}).ok(201)
    forecast = org.api.get("/v1/analytics/forecast").ok(200)
    assert len(forecast["rows"]) == 12 and forecast["rows"][0]["month"] == f"{first:%Y-%m}"
    one, two = forecast["rows"][1], forecast["rows"][2]
    assert (one["month"], one["dealCount"]) == (f"{months_on(1):%Y-%m}", 2)
    assert (float(one["openAmount"]), float(one["weightedAmount"])) == (300, 110)
    assert (two["dealCount"], float(two["openAmount"]), float(two["weightedAmount"])) == (2, 40, 20)
    def sums(name):
        return (forecast[name]["dealCount"], float(forecast[name]["openAmount"]), float(forecast[name]["weightedAmount"]))
    assert sums("overdue") == (1, 1000, 500) and sums("undated") == (1, 500, 50) and sums("later") == (1, 7, 0.7)
    assert sums("earlier") == (0, 0, 0)
    assert sum(r["dealCount"] for r in forecast["rows"]) == 4


def test_funnel(firm):
    org = Org(firm.org.stack, locale="en")
    process = org.api.post("/v1/processes", json={"name": "Funnel", "isDefault": True}).ok(201)["id"]
    ids = [org.api.post("/v1/stages", json={"processId": process, "name": n, "position": i, **more}).ok(201)["id"]
           for i, (n, more) in enumerate([("New", {}), ("Offer", {}), ("Won", {"outcome": "WON"}), ("Lost", {"outcome": "LOST"})])]
    new, offer, won, lost = ids
    def deal(amount, *stages):
        id = org.api.post("/v1/deals", json={"name": "Deal", "amount": amount, "stageId": new, "startDate": "2026-01-01"}).ok(201)["id"]
        for stage in stages:
            org.api.post(f"/v1/deals/{id}:move", json={"stageId": stage}).ok()
    deal("1"), deal("2", offer), deal("4", offer, won), deal("8", won), deal("16", offer, lost), deal("32", offer, new)
    funnel = org.api.get("/v1/analytics/funnel", **YEAR).ok(200)
    assert funnel["processId"] == process and funnel["dealCount"] == 6 and float(funnel["amount"]) == 63
    rows = {s["name"]: s for s in funnel["stages"]}
    assert [s["name"] for s in funnel["stages"]] == ["New", "Offer", "Won", "Lost"]
    def reached(name):
        s = rows[name]
        return s["reachedCount"], float(s["reachedAmount"]), s["currentCount"], float(s["currentAmount"])
    assert reached("New") == (6, 63, 2, 33)
    assert reached("Offer") == (4, 54, 1, 2)
    assert reached("Won") == (2, 12, 2, 12) and reached("Lost") == (1, 16, 1, 16)
    assert (rows["Offer"]["closedCount"], rows["Offer"]["wonCount"], rows["Offer"]["conversionToWon"]) == (2, 1, 0.5)
    assert rows["New"]["conversionToWon"] == pytest.approx(2 / 3)


def test_a_deal_that_was_won_once_counts_as_what_it_is_now(firm):
    org = Org(firm.org.stack, locale="en")
    stages = {s["outcome"]: s["id"] for s in org.api.all("/v1/stages")}
    deal = org.api.post("/v1/deals", json={"name": "Back", "amount": "100", "expectedCloseDate": "2999-01-01"}).ok(201)["id"]
    def after(outcome, **more):
        org.api.post(f"/v1/deals/{deal}:move", json={"stageId": stages[outcome], **more}).ok()
        total = org.api.get("/v1/analytics/performance").ok()["total"]
        won, = (s for s in org.api.get("/v1/analytics/funnel").ok()["stages"] if s["outcome"] == "WON")
        return numbers(total), org.api.get("/v1/analytics/forecast").ok()["later"]["dealCount"], \
            (won["reachedCount"], won["currentCount"], won["closedCount"], won["conversionToWon"])
    assert after("WON") == ((100, 1, 0), 0, (1, 1, 1, 1))
    assert after("OPEN") == ((0, 0, 0), 1, (1, 0, 0, None))
    assert after("LOST", lostReason="Price") == ((0, 0, 1), 0, (1, 0, 1, 0))


def test_a_day_is_that_of_the_callers_time_zone(firm):
    org = Org(firm.org.stack, time_zone="Asia/Shanghai")
    late, early = (datetime.timezone(datetime.timedelta(hours=h)) for h in (-12, 14))
    def overdue(zone):
        org.api.patch(f"/v1/users/{org.admin.id}", json={"timeZone": zone}).ok()
        api = Api(org.base, log_in(org.base, org.admin.email)["accessToken"])
        return api.get("/v1/analytics/forecast").ok()["overdue"]["dealCount"]
    # Where the day begins first it is at least one day later than where it begins last, at any time.
    assert datetime.datetime.now(late).date() < datetime.datetime.now(early).date()
    org.api.post("/v1/deals", json={"name": "Due", "expectedCloseDate": f"{datetime.datetime.now(late):%Y-%m-%d}"}).ok(201)
    assert (overdue("Etc/GMT+12"), overdue("Pacific/Kiritimati")) == (0, 1)


def test_dashboard_agrees_with_its_parts(firm):
    period = {"from": "2026-04-01", "to": "2026-06-30"}
    board = firm.api.get("/v1/analytics/dashboard", **period).ok(200)
    assert (board["previousFrom"], board["previousTo"]) == ("2026-01-01", "2026-03-31")
    assert board["total"] == performance(firm.api, "owner", **period)["total"]
    before = {"from": "2026-01-01", "to": "2026-03-31"}
    assert board["previous"] == performance(firm.api, "owner", **before)["total"]
    assert [r["name"] for r in board["topSellers"]] == ["Bob"]
    assert board["change"]["wonCount"] == pytest.approx(-50)
    assert board["change"]["wonAmount"] == pytest.approx((2000 - 1500.25) / 1500.25 * 100)
    assert board["funnel"] == firm.api.get("/v1/analytics/funnel", **period).ok()
    assert board["forecast"] == firm.api.get("/v1/analytics/forecast").ok()


def test_a_period_with_nothing_closed_has_no_rates_to_compare(firm):
    change = firm.api.get("/v1/analytics/dashboard", **{"from": "2026-07-01", "to": "2026-09-30"}).ok()["change"]
    assert change["wonCount"] == change["wonAmount"] == -100
    assert change["winRate"] is change["averageDealAmount"] is change["averageCycleDays"] is None


def test_a_dashboard_without_a_period_before(firm):
    board = firm.api.get("/v1/analytics/dashboard", **{"from": "2026-01-01", "to": "2026-03-31"}).ok(200)
    assert board["previous"]["wonCount"] == 0
    assert board["change"]["wonAmount"] is None and board["change"]["winRate"] is None
