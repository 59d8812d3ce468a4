"""Lists: order, pages over ties and nulls, search, counts."""
import pytest

from lib.api import elements
from lib.contract import contract

CITIES = ["上海市", "长沙", None, "Berlin", "São Paulo", "北京", None]


@pytest.fixture(scope="module")
def accounts(api):
    """40 accounts: names with many ties, amounts of revenue with nulls among them."""
    made = []
    for i in range(40):
        body = {"name": f"Company {i % 5}", "city": CITIES[i % len(CITIES)], "employeeCount": i % 3}
        if i % 4:
            body["annualRevenue"] = str(i % 7 * 1000)
        made.append(api.post("/v1/accounts", json=body).ok(201))
    return made


@pytest.mark.parametrize("size", [1, 7, 40, 200])
@pytest.mark.parametrize("order", ["name", "name desc", "name,createTime desc", "createTime", "id desc"])
def test_pages_of_any_size_are_the_whole_list(order, size, api, accounts):
    whole = [a["id"] for a in elements(api.get("/v1/accounts", orderBy=order, pageSize=200).ok())]
    pages = list(api.pages("/v1/accounts", orderBy=order, pageSize=size))
    assert [a["id"] for page in pages for a in elements(page)] == whole
    assert sorted(whole) == sorted(a["id"] for a in accounts)
    assert all(len(elements(page)) == size for page in pages[:-1])


def test_order(api, accounts):
    up = [a["name"] for a in api.all("/v1/accounts", orderBy="name", pageSize=9)]
    assert up == sorted(up)
    down = [a["name"] for a in api.all("/v1/accounts", orderBy="name desc", pageSize=9)]
    assert down == sorted(down, reverse=True)
    both = [(a["name"], a["createTime"]) for a in api.all("/v1/accounts", orderBy="name desc,create_time", pageSize=9)]
    assert both == sorted(sorted(both, key=lambda p: p[1]), key=lambda p: p[0], reverse=True)


@pytest.fixture(scope="module")
def deals(api):
    """24 deals: amounts and dates with ties and nulls."""
    made = []
    for i in range(24):
        body = {"name": f"Deal {i}"}
        if i % 3:
            body["amount"] = str(i % 5 * 100)
        if i % 4:
            body["expectedCloseDate"] = f"2027-0{1 + i % 6}-15"
        made.append(api.post("/v1/deals", json=body).ok(201))
    return made


@pytest.mark.parametrize("size", [1, 5, 100])
@pytest.mark.parametrize("order", ["amount", "amount desc", "expectedCloseDate", "expectedCloseDate desc,amount",
                                   "amount desc,expectedCloseDate desc"])
def test_pages_over_nulls(order, size, api, deals):
    """Nulls are at one end, whole, and no page loses or repeats a row there."""
    listed = api.all("/v1/deals", orderBy=order, pageSize=size)
    assert len(listed) == len(deals) and len({d["id"] for d in listed}) == len(deals)
    first = order.split(",")[0].split()[0]
    values = [d[first] for d in listed]
    filled = [v for v in values if v is not None]
    nulls = len(values) - len(filled)
    assert nulls and (values[:nulls] == [None] * nulls or values[-nulls:] == [None] * nulls), values
    ordered = sorted(filled, key=(lambda v: float(v)) if first == "amount" else None, reverse=" desc" in order.split(",")[0])
    assert filled == ordered


def test_a_token_fits_only_its_own_list(api, accounts):
    token = api.get("/v1/accounts", orderBy="name", pageSize=3).ok()["nextPageToken"]
    api.get("/v1/accounts", orderBy="name", pageSize=5, pageToken=token).ok()
    api.get("/v1/accounts", orderBy="name desc", pageSize=3, pageToken=token).fails(400, "BAD_PAGE_TOKEN")
    api.get("/v1/accounts", orderBy="name", filter="name:x", pageToken=token).fails(400, "BAD_PAGE_TOKEN")
    api.get("/v1/accounts", orderBy="name", search="Com", pageToken=token).fails(400, "BAD_PAGE_TOKEN")
    api.get("/v1/accounts", orderBy="name", showDeleted=True, pageToken=token).fails(400, "BAD_PAGE_TOKEN")
    api.get("/v1/deals", orderBy="amount", pageToken=token).fails(400, "BAD_PAGE_TOKEN")
    api.get("/v1/accounts", orderBy="name", pageToken=token[:-2] + "xx").fails(400, "BAD_PAGE_TOKEN")


def test_another_tenant_cannot_use_a_token(api, accounts, other_org):
    token = api.get("/v1/accounts", pageSize=3).ok()["nextPageToken"]
    answer = other_org.api.get("/v1/accounts", pageSize=3, pageToken=token)
    assert answer.status == 400 or elements(answer.ok()) == []


def test_rows_that_come_in_between_pages_do_no_harm(api, accounts):
    pages = api.pages("/v1/accounts", orderBy="name", pageSize=10, filter='city = "Berlin"' + ' OR city = "长沙"')
    seen = [a["id"] for a in elements(next(pages))]
    api.post("/v1/accounts", json={"name": "Aaa first of all", "city": "Wuhan"}).ok(201)
    for page in pages:
        seen += [a["id"] for a in elements(page)]
    assert len(seen) == len(set(seen))


def test_page_size_is_cut(api, deals):
    assert len(elements(api.get("/v1/deals").ok())) == 24
    assert len(elements(api.get("/v1/deals", pageSize=1000000).ok())) == 24
    assert len(elements(api.get("/v1/deals", pageSize=0).ok())) == 24
    page = api.get("/v1/deals", pageSize=24).ok()
    assert not page["nextPageToken"], "a full last page is the last"


def test_total_size_only_when_asked(api, deals):
    assert api.get("/v1/deals", pageSize=2).ok()["totalSize"] is None
    page = api.get("/v1/deals", pageSize=2, countTotal=True, filter="amount:*").ok()
    assert page["totalSize"] == str(sum(1 for d in deals if d["amount"] is not None))
    assert page["totalIsEstimate"] is False


@pytest.mark.parametrize("text, expected", [
    ("长沙", {"长沙智能"}), ("智能", {"长沙智能", "上海智能科技"}), ("海", {"上海智能科技"}), ("上海智能", {"上海智能科技"}),
    ("acme", {"ACME Ｈｏｌｄｉｎｇ"}), ("holding", {"ACME Ｈｏｌｄｉｎｇ"}), ("ＡＣ", {"ACME Ｈｏｌｄｉｎｇ"}),
    ("100%", {"100% Cotton_Co"}), ("n_C", {"100% Cotton_Co"}), ("%", {"100% Cotton_Co"}), ("_", {"100% Cotton_Co"}),
    ("\\", set()), ("'", {"O'Neill"}), ("nowhere", set()), ("智 能", set()), ("😀", {"😀 Smile"}),
])
def test_search(text, expected, other_org):
    api = other_org.api
    if not api.get("/v1/accounts", pageSize=1, filter='externalSource = "search"').ok()["accounts"]:
        for i, name in enumerate(["长沙智能", "上海智能科技", "ACME Ｈｏｌｄｉｎｇ", "100% Cotton_Co", "O'Neill", "😀 Smile"]):
            api.post("/v1/accounts", json={"name": name, "externalSource": "search", "externalId": str(i)}).ok(201)
    found = {a["name"] for a in api.all("/v1/accounts", search=text, filter='externalSource = "search"')}
    assert found == expected


def test_search_looks_at_what_the_contract_says(api, org):
    made = api.post("/v1/accounts", json={"name": "Quince", "phone": "+8675512345678", "website": "https://quince.example",
                                          "city": "深圳"}).ok(201)
    for text in ("uinc", "755123", "quince.ex", "深圳"):
        assert made["id"] in {a["id"] for a in api.all("/v1/accounts", search=text)}, text


@pytest.mark.parametrize("text", ["75587654321", "755 8765-4321", "+86 755-8765 4321", "+86 (755) 8765.4321", "(0755) 8765 4321",
                                  "075587654321", "0086 755 87654321", "8765-", " 4321"])
def test_a_number_is_found_however_it_is_divided(text, api):
    made = api.post("/v1/accounts:upsert", json={"name": "Numbers 4-3", "externalId": "numbers", "phone": "+86 0755 8765 4321"}).ok()
    assert made["phone"] == "+8675587654321"
    assert made["id"] in {a["id"] for a in api.all("/v1/accounts", search=text)}
    assert made["id"] in {a["id"] for a in api.all("/v1/accounts", search="numbers 4-3")}
    assert made["id"] not in {a["id"] for a in api.all("/v1/accounts", search="numbers-4")}, "only between digits"


def test_phone_is_normal(api):
    made = api.post("/v1/accounts", json={"name": "Phones", "phone": "138 0013-8000"}).ok(201)
    assert made["phone"] == "+8613800138000"
    made = api.post("/v1/accounts", json={"name": "Phones", "phone": "+49 (30) 901-820"}).ok(201)
    assert made["phone"] == "+4930901820"
    api.post("/v1/accounts", json={"name": "Phones", "phone": "54321"}).fails(400, "INVALID_FIELDS", "/phone", "BAD_FORMAT")


FILTERS = [
    ("employeeCount > 5", 3), ("employeeCount >= 5", 4), ("employeeCount != 5", 6), ("employeeCount <= 2", 3),
    ('name = "B"', 1), ("name = B", 1), ("name:b", 1), ("name > C", 4), ('city = "杭州"', 2), ("city:*", 3),
    ("NOT city:*", 4), ("-city:*", 4), ("city = null", 4), ("city != null", 3), ("annualRevenue = 10", 1),
    ("annualRevenue = 10.00", 1), ("annualRevenue > 9.5", 2), ('customFields.tier = "gold"', 2),
    ('customFields.tier = "gold" AND (city = "杭州" OR name = "G")', 2),
    ('(name = "A" OR name = "B") AND NOT employeeCount = 0', 1), ('name = "A" OR name = "B" OR name = "C"', 3),
    ('name = "A" employeeCount = 0', 1), ("createTime > 2020-01-01", 7), ('createTime > "2020-01-01T00:00:00+08:00"', 7),
    ("deleteTime:*", 0), ("version = 1", 7), ("NOT (NOT name = A)", 1), ("annual_revenue < -1", 0),
]


@pytest.fixture(scope="module")
def filtered(stack):
    from lib.org import Org
    api = Org(stack).api
    for i, name in enumerate("ABCDEFG"):
        body = {"name": name, "employeeCount": [0, 1, 2, 5, 6, 7, 8][i]}
        if i in (1, 6):
            body["city"] = "杭州"
        if i == 2:
            body["city"] = "Hangzhou"
        if i in (0, 1):
            body["annualRevenue"] = ["9.99", "10"][i]
        if i in (1, 6):
            body["customFields"] = {"tier": "gold"}
        api.post("/v1/accounts", json=body).ok(201)
    return api


@pytest.mark.parametrize("text, count", FILTERS)
def test_filters(text, count, filtered):
    found = filtered.all("/v1/accounts", filter=text)
    assert len(found) == count, [a["name"] for a in found]


LISTS = [m for m in contract().routed if m.verb == "LIST"]


@pytest.mark.parametrize("method", LISTS, ids=lambda m: m.name)
def test_every_list_takes_its_arguments_in_a_body_too(method, api):
    """The same answer, the same pages, the same refusals, whichever door is taken."""
    get, search = method.route, next(r for r in method.routes if r.path.endswith(":search"))
    assert (search.verb, search.path) == ("POST", f"{get.path}:search")
    arguments = {"pageSize": 1, "orderBy": "createTime desc", "showDeleted": True, "countTotal": True, "readMask": "id,version",
                 "filter": "version > 0"}
    page = api.get(get.path, **arguments).ok()
    found = api.post(search.path, json=arguments).ok(200)
    assert {**found, "nextPageToken": ""} == {**page, "nextPageToken": ""}
    if page["nextPageToken"]:           # each token is sealed anew, and good for both
        by_body = api.post(search.path, json={**arguments, "pageToken": page["nextPageToken"]}).ok()
        assert elements(by_body) == elements(api.get(get.path, **arguments, pageToken=found["nextPageToken"]).ok())
    assert elements(api.post(search.path).ok()) == elements(api.get(get.path).ok())
    long = 'id = "00000000-0000-7000-8000-000000000001" OR version = 1 OR ' + " " * 4000 + "version > 1"
    assert elements(api.post(search.path, json={"filter": long, "readMask": "id"}).ok()) == elements(api.get(get.path, readMask="id").ok())
    api.post(search.path, json={"filter": long + " " * 100 + "OR version = 3"}).fails(400, "INVALID_FIELDS", "/filter", "TOO_LONG")
    api.post(search.path, json={"filters": "x"}).fails(400, "INVALID_FIELDS", "/filters", "UNKNOWN_FIELD")
    api.post(search.path + "?pageSize=1").fails(400, "INVALID_FIELDS", None, "UNKNOWN_FIELD")
    api.post(search.path, json={"filter": "version >"}).fails(400, "BAD_FILTER")


def test_a_search_changes_nothing_for_its_key(api):
    """It may carry an Idempotency-Key as all that is sent by POST, and is answered anew each time."""
    for n in range(2):
        api.post("/v1/leads", json={"name": f"Anew {n}"}).ok(201)
        found = api.post("/v1/leads:search", json={"search": "Anew"}, headers={"Idempotency-Key": "same"})
        assert len(elements(found.ok())) == n + 1 and "Idempotency-Replayed" not in found.headers


def test_a_filter_of_all_characters_that_the_document_allows(api, accounts):
    text = 'name = "' + "云" * 4087 + '"'
    assert len(text) == 4096
    for page in (api.get("/v1/accounts", filter=text), api.post("/v1/accounts:search", json={"filter": text})):
        assert elements(page.ok()) == []
