"""Groups and sums equal the rows of the list, in every collection, for everybody; and each group's filter lists its records."""
import random
from collections import Counter
from decimal import Decimal

import pytest

from lib.api import elements
from lib.contract import contract, json_name
from lib.org import Org

COLLECTIONS = contract().collections("AGGREGATE")
NUMBERS = ("DECIMAL", "MONEY")


def plain(field):
    """A field of one value that can be grouped by."""
    kind = field.message_type.full_name if field.message_type else ""
    rule = contract().rule(field)
    return (field.label != field.LABEL_REPEATED and not rule.secret and not rule.multiline
            and (not kind or kind.startswith("google.protobuf.") and kind.endswith("Value") and kind != "google.protobuf.Value")
            and field.type != field.TYPE_BYTES)


def is_number(field):
    if field.type == field.TYPE_STRING:
        return contract().format(field) in NUMBERS
    if field.message_type:
        return field.message_type.full_name.split(".")[-1] in ("DoubleValue", "Int64Value", "Int32Value")
    return field.type not in (field.TYPE_ENUM, field.TYPE_BOOL)


def key_of(value):
    """A value as a group's key has it."""
    if value is None or value == "" or str(value).endswith("_UNSPECIFIED"):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else repr(value)
    return str(value)


@pytest.fixture(scope="module")
def firm(stack):
    """An organisation with records in every collection, made by two people of different teams; and who looks at them."""
    org = Org(stack, time_zone="Asia/Shanghai")
    north, south = org.team("North"), org.team("South")
    ann, bob = org.person("Rep", north, "Ann"), org.person("Rep", south, "Bob")
    boss = org.person("Manager", name="Boss")
    org.api.patch(f"/v1/teams/{north}", json={"managerId": boss.id}).ok()
    for collection in contract().collections("CREATE"):
        for _ in range(2):
            org.make.create(collection, full=True)
            org.make.create(collection)
    for person, n in ((ann, 3), (bob, 2)):
        for i in range(n):
            account = person.api.post("/v1/accounts", json={"name": f"客户 {i % 2}", "city": ["长沙", "", 'O"Brien\\'][i % 3],
                                                            "customFields": {"tier": ["gold", "银"][i % 2], "n": i}}).ok()
            person.api.post("/v1/deals", json={"name": f"Deal {i}", "accountId": account["id"], "amount": f"{i}.5",
                                               "expectedCloseDate": f"2026-0{1 + 3 * i}-15"}).ok()
    return {"admin": org.api, "boss": boss.api, "ann": ann.api, "bob": bob.api}


def rows_of(api, collection, **more):
    return [row for page in api.pages(f"/v1/{collection}:aggregate", **more) for row in page["rows"]]


def lists(api, collection):
    answer = api.get(f"/v1/{collection}", pageSize=1)
    return answer.status != 403


@pytest.mark.parametrize("who", ["admin", "boss", "ann", "bob"])
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_groups_are_the_rows_of_the_list(collection, who, firm):
    api = firm[who]
    if not lists(api, collection):
        api.get(f"/v1/{collection}:aggregate").fails(403, "NO_PERMISSION")
        return
    listed = api.all(f"/v1/{collection}", pageSize=200)
    total, = rows_of(api, collection)
    assert total["count"] == str(len(listed)) and total["keys"] == {}
    for field in filter(plain, contract().resources[collection].fields):
        name = json_name(field)
        counts = Counter(key_of(record[name]) for record in listed)
        if is_number(field):
            counts = Counter(key_of(record[name] and str(Decimal(str(record[name])).normalize() + 0)) if record[name] is not None
                             else "" for record in listed)
        rows = rows_of(api, collection, groupBy=name, skipEmpty=True)
        got = {row["keys"][name]: int(row["count"]) for row in rows}
        if is_number(field):
            got = {k and key_of(str(Decimal(k).normalize() + 0)): n for k, n in got.items()}
        assert got == counts, name


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_filter_of_a_group_lists_its_records(collection, firm):
    api = firm["admin"]
    for field in filter(plain, contract().resources[collection].fields):
        name = json_name(field)
        for row in rows_of(api, collection, groupBy=name)[:6]:
            listed = api.all(f"/v1/{collection}", filter=row["filter"])
            assert len(listed) == int(row["count"]), (name, row)
            assert all(key_of(r[name]) == row["keys"][name] or is_number(field) for r in listed), (name, row)


@pytest.mark.parametrize("who", ["admin", "ann"])
def test_sums_are_those_of_the_rows(who, firm):
    api = firm[who]
    deals = api.all("/v1/deals")
    amounts = [Decimal(d["amount"]) for d in deals if d["amount"] is not None]
    row, = rows_of(api, "deals", measures="count,sum(amount),min(amount),max(amount),avg(amount),countDistinct(stageId),"
                                          "min(createTime),max(expectedCloseDate),avg(probability)")
    values = row["values"]
    assert Decimal(values["sum(amount)"]) == sum(amounts)
    assert Decimal(values["min(amount)"]) == min(amounts) and Decimal(values["max(amount)"]) == max(amounts)
    assert abs(Decimal(values["avg(amount)"]) - sum(amounts) / len(amounts)) <= Decimal("0.005")
    assert values["countDistinct(stageId)"] == str(len({d["stageId"] for d in deals}))
    assert values["min(createTime)"] == min(d["createTime"] for d in deals)
    assert values["max(expectedCloseDate)"] == max(d["expectedCloseDate"] for d in deals if d["expectedCloseDate"])
    assert abs(float(values["avg(probability)"]) - sum(d["probability"] for d in deals) / len(deals)) < 0.001


CONDITIONS = ["amount > 1", "amount = null", 'name:"Deal"', "outcome = OPEN", "expectedCloseDate >= 2026-02-01",
              "createTime > 2020-01-01", "NOT probability > 50"]
GROUPINGS = ["stageId", "outcome", "ownerId", "month(expectedCloseDate)", "quarter(expectedCloseDate)", "day(createTime)",
             "amountFollowsItems", "currency", "week(expectedCloseDate)"]


@pytest.mark.parametrize("seed", range(12))
def test_any_filter_and_groups_add_up_to_the_list(seed, firm):
    dice = random.Random(seed)
    api = firm[dice.choice(sorted(firm))]
    joint = dice.choice([" AND ", " OR "])
    text = joint.join(dice.sample(CONDITIONS, dice.randint(1, 3)))
    groups = dice.sample(GROUPINGS, dice.randint(1, 3))
    listed = api.all("/v1/deals", filter=text)
    rows = rows_of(api, "deals", filter=text, groupBy=",".join(groups), measures="sum(amount)",
                   pageSize=dice.choice([1, 3, 1000]), orderBy=dice.choice(["", "count desc", "sum(amount) desc", groups[0]]))
    assert sum(int(row["count"]) for row in rows) == len(listed)
    assert sum(Decimal(row["values"]["sum(amount)"]) for row in rows) == sum(
        Decimal(d["amount"]) for d in listed if d["amount"] is not None)
    assert len({tuple(sorted(row["keys"].items())) for row in rows}) == len(rows)
    for row in dice.sample(rows, min(4, len(rows))):
        assert len(api.all("/v1/deals", filter=row["filter"])) == int(row["count"]), row


def test_custom_fields(firm):
    api = firm["admin"]
    accounts = api.all("/v1/accounts")
    counts = Counter(key_of((a["customFields"] or {}).get("tier")) for a in accounts)
    rows = rows_of(api, "accounts", groupBy="customFields.tier", measures="sum(customFields.n)")
    assert {row["keys"]["customFields.tier"]: int(row["count"]) for row in rows} == counts
    assert sum(Decimal(row["values"]["sum(customFields.n)"]) for row in rows) == sum(
        Decimal(str((a["customFields"] or {})["n"])) for a in accounts if isinstance((a["customFields"] or {}).get("n"), (int, float)))
    for row in rows:
        assert len(api.all("/v1/accounts", filter=row["filter"])) == int(row["count"])


def test_what_has_no_record_is_said(firm):
    api = firm["ann"]
    months = [row["keys"]["month(expectedCloseDate)"] for row in
              rows_of(api, "deals", groupBy="month(expectedCloseDate)", filter="expectedCloseDate != null")]
    assert months == [f"2026-0{m}-01" for m in range(1, 8)]
    row = next(r for r in rows_of(api, "deals", groupBy="month(expectedCloseDate)") if r["keys"]["month(expectedCloseDate)"]
               == "2026-02-01")
    assert row["count"] == "0" and row["names"] == {"month(expectedCloseDate)": "February 2026"}
    assert {r["keys"]["outcome"] for r in rows_of(api, "deals", groupBy="outcome")} == {"OPEN", "WON", "LOST"}
    assert next(r for r in rows_of(api, "deals", groupBy="outcome"))["names"] == {"outcome": "Open"}
    chinese = api.call("GET", "/v1/deals:aggregate", params={"groupBy": "month(expectedCloseDate)"},
                       headers={"Accept-Language": "zh-CN"}).ok()
    assert chinese["rows"][0]["names"] == {"month(expectedCloseDate)": "2026年1月"}


def test_a_group_without_a_value_has_a_name(firm):
    rows = rows_of(firm["ann"], "accounts", groupBy="city")
    assert [(r["keys"]["city"], r["names"]["city"]) for r in rows][-1] == ("", "(none)")


@pytest.mark.parametrize("arguments, parameter", [
    ({"groupBy": "nothing"}, "groupBy"), ({"groupBy": "lineItems"}, "groupBy"), ({"groupBy": "description"}, "groupBy"),
    ({"groupBy": "month(name)"}, "groupBy"), ({"groupBy": "moth(createTime)"}, "groupBy"), ({"groupBy": "createTime"}, "groupBy"),
    ({"groupBy": "stageId,stageId"}, "groupBy"), ({"groupBy": "stageId,ownerId,outcome,name"}, "groupBy"),
    ({"groupBy": ","}, "groupBy"), ({"groupBy": "month("}, "groupBy"), ({"groupBy": "month()"}, "groupBy"),
    ({"measures": "sum(name)"}, "measures"), ({"measures": "sum(createTime)"}, "measures"), ({"measures": "sum"}, "measures"),
    ({"measures": "median(amount)"}, "measures"), ({"measures": "sum(amount),sum(amount)"}, "measures"),
    ({"measures": "sum(amount); DROP TABLE"}, "measures")])
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_what_cannot_be_grouped_or_measured_is_told(arguments, parameter, locale, firm):
    answer = firm["admin"].call("GET", "/v1/deals:aggregate", params=arguments, headers={"Accept-Language": locale})
    problem = answer.fails(400, "INVALID_FIELDS")
    assert [e["parameter"] for e in problem["errors"]] == [parameter]


def test_an_order_by_what_is_not_asked_for_is_refused(firm):
    answer = firm["admin"].get("/v1/deals:aggregate", groupBy="stageId", orderBy="sum(amount) desc")
    assert "count, stageId" in answer.fails(400, "BAD_ORDER")["detail"]
    firm["admin"].get("/v1/deals:aggregate", groupBy="stageId", pageToken="x").fails(400, "BAD_PAGE_TOKEN")


def test_arguments_may_come_in_a_body(firm):
    api = firm["admin"]
    arguments = {"groupBy": "stageId", "measures": "sum(amount)", "filter": " OR ".join(f'name = "{"客" * 100}{i}"' for i in range(30))}
    assert api.post("/v1/deals:aggregate", json=arguments).ok()["rows"] == []
    arguments["filter"] = "outcome = OPEN"
    assert api.post("/v1/deals:aggregate", json=arguments).ok() == api.get("/v1/deals:aggregate", **arguments).ok()
