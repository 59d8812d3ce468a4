"""Telephone numbers, by the country of the organisation."""
import pytest

from lib.contract import contract, json_name
from lib.org import Org
from lib.records import run_import

CHINA = {"0731-88886666": "+8673188886666", "400-820-8820": "+864008208820", "95588": "95588", "12306": "12306",
         "0731-88886666 转 8001": "+8673188886666;ext=8001", "０７３１－８８８８６６６６": "+8673188886666",
         "138 0013 8000": "+8613800138000", "+1 415 555 0142": "+14155550142"}
STATES = {"1-415-555-0142": "+14155550142", "1 (800) 555-0199": "+18005550199", "(415) 555-0142": "+14155550142",
          "+86 731 8888 6666": "+8673188886666"}


@pytest.fixture(scope="module")
def china(stack):
    return Org(stack)


@pytest.fixture(scope="module")
def states(stack):
    return Org(stack, currency="USD", time_zone="America/New_York", country="US")


@pytest.fixture(scope="module")
def nowhere(stack):
    return Org(stack, currency="USD", time_zone="America/New_York")


def phone_fields():
    for collection, message in contract().resources.items():
        for field in contract().writable(message):
            if contract().format(field) == "PHONE":
                yield collection, json_name(field)


def doors(org, collection, name, text):
    """The number as each door stores it; None where it is refused, at its pointer and with words that ask for +."""
    api, key = org.api, f"{name} {text}"
    def seen(answer):
        if answer.status < 300:
            return answer.ok()[name]
        error, = answer.fails(400, "INVALID_FIELDS", f"/{name}", "BAD_FORMAT")["errors"]
        assert "with + and its country code" in error["detail"]
        return None
    create, update, upsert = (contract().standard(collection, v).route for v in ("CREATE", "UPDATE", "UPSERT"))
    yield seen(api.post(create.path, json=org.make.body(collection, **{name: text})))
    yield seen(api.patch(update.fill(org.make.create(collection)["id"]), json={name: text}))
    yield seen(api.post(upsert.path, json=org.make.body(collection, **{name: text}, externalId=key)))
    body = {k: v for k, v in org.make.body(collection, **{name: text}, externalId=f"file {key}").items() if isinstance(v, str)}
    ended = run_import(api, collection, ",".join(body) + "\n" + ",".join(body.values()) + "\n",
                       {"columns": {k: {"field": k} for k in body}})
    assert int(ended["createdRows"]) + int(ended["failedRows"]) == 1
    made = [r for r in api.all(create.path) if r["externalId"] == body["externalId"]]
    yield made[0][name] if made else None


@pytest.mark.parametrize("collection, name", phone_fields())
def test_every_door_reads_a_number_alike(china, states, collection, name):
    for org, numbers in ((china, CHINA), (states, STATES)):
        for text, normal in numbers.items():
            assert list(doors(org, collection, name, text)) == [normal] * 4, text


@pytest.mark.parametrize("collection, name", phone_fields())
def test_every_door_refuses_what_may_be_anothers(china, states, nowhere, collection, name):
    for org, texts in ((china, ["1-415-555-0142", "(415) 555-0142", "88886666"]), (states, ["138 0013 8000", "0731-88886666", "12345"]),
                       (nowhere, ["1-415-555-0142", "13800138000", "95588", "12345"])):
        for text in texts:
            assert list(doors(org, collection, name, text)) == [None] * 4, text


def test_a_refusal_asks_for_the_country_code(states):
    problem = states.api.post("/v1/accounts", json={"name": "A", "phone": "138 0013 8000"},
                              headers={"Accept-Language": "zh-CN"}).fails(400, "INVALID_FIELDS", "/phone", "BAD_FORMAT")
    assert "带 + 和国家代码的电话号码" in problem["errors"][0]["detail"] and "US" in problem["errors"][0]["detail"]


def test_the_country_of_an_organisation(stack, china, states, nowhere):
    def country(org):
        me = org.api.get("/v1/me").ok()["country"]
        assert me == org.api.get(f"/v1/orgs/{org.id}").ok()["country"]
        return me
    assert (country(china), country(states), country(nowhere)) == ("CN", "US", None)
    assert country(Org(stack, currency="JPY")) == "JP"                              # whose the currency is
    assert country(Org(stack, currency="EUR", time_zone="Europe/Berlin")) is None   # that of many
    assert country(Org(stack, currency="USD", time_zone="Asia/Shanghai")) == "CN"
    assert country(Org(stack, currency="CNY", country="hk")) == "HK"


def test_the_country_may_be_said_later(stack):
    org = Org(stack, currency="EUR")
    org.api.patch(f"/v1/orgs/{org.id}", json={"country": "Germany"}).fails(400, "INVALID_FIELDS", "/country", "BAD_FORMAT")
    org.api.patch(f"/v1/orgs/{org.id}", json={"country": "de"}).ok()
    fresh = org.person("Admin").api # who signs in now hears of it at once
    assert fresh.post("/v1/accounts", json={"name": "A", "phone": "089 1234567"}).ok(201)["phone"] == "+49891234567"


def test_search_finds_a_number_however_it_is_written(china):
    made = china.api.post("/v1/accounts", json={"name": "Land line", "phone": "0731-8765 4321 转 8001"}).ok(201)["id"]
    service = china.api.post("/v1/accounts", json={"name": "Service", "phone": "400-123-8765"}).ok(201)["id"]
    def found(text):
        return [r["id"] for r in china.api.all("/v1/accounts", search=text)]
    for text in ("0731-87654321", "0731 8765 4321", "87654321", "8765-4321", "+86 731 8765 4321"):
        assert found(text) == [made], text
    assert found("400 123 8765") == found("4001238765") == [service]


def test_what_is_stored_stays(china):
    """Numbers that an earlier version took are read, and sent back, as they are."""
    made = china.api.post("/v1/accounts", json={"name": "Old", "phone": "+8613800138000"}).ok(201)
    china.stack.sql("UPDATE customers.accounts SET phone = '+8614155550142' WHERE id = %s", made["id"])
    read = china.api.get(f"/v1/accounts/{made['id']}").ok()
    assert read["phone"] == "+8614155550142"
    assert china.api.patch(f"/v1/accounts/{made['id']}", json={"phone": read["phone"]}).ok()["phone"] == read["phone"]
