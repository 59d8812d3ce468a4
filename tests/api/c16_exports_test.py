"""Lists as files: CSV for spreadsheets, and a JSON document a line."""
import csv
import gzip
import io
import json
import uuid

import pytest

from lib.api import Api, elements
from lib.contract import contract
from lib.org import Org


def export(api, collection, **params):
    """The answer of an export, with its body as bytes."""
    answer = api.call("GET", f"/v1/{collection}:export", params=params, stream=True)
    answer.data = answer.response.content
    return answer


def lines(api, collection, **params):
    answer = export(api, collection, format="ndjson", **params)
    assert answer.status == 200, answer
    return [json.loads(line) for line in answer.data.decode().split("\n")[:-1]]


def rows(api, collection, **params):
    answer = export(api, collection, **params)
    assert answer.status == 200, answer
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


@pytest.fixture(scope="module")
def filled(stack):
    """An organisation with accounts on more than two pages of an export."""
    org = Org(stack)
    org.api.post("/v1/accounts:batchCreate", json={
        "requests": [{"name": f"Company {n:04}", "city": "上海" if n % 2 else "Berlin"} for n in range(600)]}).ok()
    org.api.post("/v1/accounts:batchCreate", json={"requests": [{"name": f"Firma {n:04}"} for n in range(500)]}).ok()
    return org


def test_a_line_is_what_the_list_answers(filled):
    listed = filled.api.all("/v1/accounts", pageSize=200)
    assert len(listed) == 1100 and lines(filled.api, "accounts") == listed


def test_each_record_has_a_row(filled):
    answer = export(filled.api, "accounts")
    assert answer.headers["Content-Type"].startswith("text/csv; charset=utf-8")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="accounts.csv"'
    assert answer.data.count(b"\r\n") == 1101 and not answer.data.startswith(b"\xef\xbb\xbf")
    listed = filled.api.all("/v1/accounts", pageSize=200)
    found = rows(filled.api, "accounts")
    assert [r["id"] for r in found] == [a["id"] for a in listed]
    assert [(r["name"], r["city"]) for r in found] == [(a["name"], a["city"] or "") for a in listed]
    assert found[0]["createTime"] == listed[0]["createTime"][:19].replace("T", " ")


def test_part_of_it(filled):
    found = lines(filled.api, "accounts", filter='city = "上海"', readMask="name,city", orderBy="createTime desc")
    assert len(found) == 300 and found[0] == {"name": "Company 0599", "city": "上海"}
    assert list(rows(filled.api, "accounts", filter='city = "Berlin"', readMask="name,city")[0]) == ["name", "city"]
    assert lines(filled.api, "accounts", filter='name = "nobody"') == []
    assert rows(filled.api, "accounts", filter='name = "nobody"') == []
    assert len(lines(filled.api, "accounts", search="company 000")) == 10


def test_gzip(filled):
    plain = export(filled.api, "accounts").data
    raw = filled.api.http.get(filled.api.base + "/v1/accounts:export", headers={"Accept-Encoding": "gzip"}, stream=True)
    assert raw.headers["Content-Encoding"] == "gzip" and raw.headers["Transfer-Encoding"] == "chunked"
    packed = raw.raw.read(decode_content=False)
    assert gzip.decompress(packed) == plain and len(packed) < len(plain) / 3


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1+1", "=HYPERLINK(\"http://x\",\"y\")"])
def test_a_text_is_no_formula(api, text):
    made = api.post("/v1/notes", json={"body": text, "relatedResource": "accounts", "relatedId": _account(api)}).ok(201)
    row = next(r for r in rows(api, "notes") if r["id"] == made["id"])
    assert row["body"] == "'" + made["body"] == "'" + text
    assert next(r for r in lines(api, "notes") if r["id"] == made["id"])["body"] == text


def _account(api):
    return api.post("/v1/accounts", json={"name": f"Acme {uuid.uuid4()}"}).ok(201)["id"]


def test_what_csv_must_quote(api):
    name = 'Smith, "Sons"; & Co'
    made = api.post("/v1/accounts", json={"name": name, "description": "one\ntwo"}).ok(201)
    row = next(r for r in rows(api, "accounts") if r["id"] == made["id"])
    assert row["name"] == name and row["description"] == "one\ntwo"


def test_digits_stay(api):
    made = api.post("/v1/deals", json={"name": "Big", "accountId": _account(api), "amount": "123456789012345678.25",
                                       "customFields": {"exact": "0.1"}}).ok(201)
    row = next(r for r in rows(api, "deals") if r["id"] == made["id"])
    assert row["amount"] == "123456789012345678.25" and row["customFields.exact"] == "0.1"


def test_a_negative_number_is_a_number(api):
    made = api.post("/v1/accounts", json={"name": "Minus", "customFields": {"n": -5, "words": "-5"}}).ok(201)
    row = next(r for r in rows(api, "accounts") if r["id"] == made["id"])
    assert row["customFields.n"] == "-5" and row["customFields.words"] == "'-5"


def test_bom_and_labels(api):
    assert export(api, "accounts", bom=True).data.startswith(b"\xef\xbb\xbfid,")
    answer = api.call("GET", "/v1/accounts:export", params={"labels": True, "readMask": "name,city"},
                      headers={"Accept-Language": "zh-CN"}, stream=True)
    labels = {f["name"]: f["label"] for c in api.get("/v1/meta").ok()["collections"] if c["name"] == "accounts" for f in c["fields"]}
    assert answer.response.content.decode().split("\r\n")[0] == ",".join(labels[n]["zh"] for n in ("name", "city"))


@pytest.mark.parametrize("method", [m for m in contract().routed if m.verb == "LIST"], ids=lambda m: m.name)
def test_every_list_can_be_exported(method, api):
    """The same records, whichever form they are taken in."""
    collection = method.route.path[len("/v1/"):]
    if "{" in collection:
        pytest.skip("below a parent")
    listed = api.all(method.route.path, pageSize=200)
    n = len(listed)     # to export is itself told in one of the lists
    assert lines(api, collection)[:n] == listed
    assert [r["id"] for r in rows(api, collection)][:n] == [r["id"] for r in listed]
    head = api.call("HEAD", f"/v1/{collection}:export")
    assert head.status == 200 and head.headers["Content-Type"].startswith("text/csv") and head.text == ""


def test_who_may(stack, org):
    seller = org.person("Rep")
    assert seller.api.get("/v1/accounts").status == 200
    answer = seller.api.get("/v1/accounts:export")
    assert "accounts.export" in answer.fails(403, "NO_PERMISSION")["detail"]
    Api(stack.base).get("/v1/accounts:export").fails(401, "NO_TOKEN")
    role = org.new_role("Exporter", ["accounts.read", "accounts.write", "accounts.export"], visibility="OWN")
    person = org.person(role["name"])
    mine = person.api.post("/v1/accounts", json={"name": "Mine"}).ok(201)
    assert [a["id"] for a in lines(person.api, "accounts")] == [mine["id"]]


def test_no_more_than_the_role_lets_out(org):
    """It may read all and take out what is his own."""
    role = org.api.post("/v1/roles", json={"name": "Half", "visibility": "ORG",
                                           "permissions": ["accounts.read", "accounts.write", "accounts.export"],
                                           "access": [{"collection": "accounts", "read": "ORG", "write": "OWN", "export": "OWN"}]}).ok(201)
    person = org.person(role["name"])
    org.api.post("/v1/accounts", json={"name": "Somebody's"}).ok(201)
    mine = person.api.post("/v1/accounts", json={"name": "Mine"}).ok(201)
    assert len(person.api.all("/v1/accounts")) > 1
    assert [a["id"] for a in lines(person.api, "accounts")] == [mine["id"]]


def test_it_is_told_in_the_security_log(org):
    before = len([e for e in org.api.all("/v1/auditEvents") if e["action"] == "DATA_EXPORTED"])
    seller = org.person("Rep")
    export(org.api, "contacts", format="ndjson")
    seller.api.get("/v1/contacts:export").fails(403)
    told = [e for e in org.api.all("/v1/auditEvents") if e["action"] == "DATA_EXPORTED"]
    assert len(told) == before + 2 and {e["resource"] for e in told[-2:]} == {"contacts"}
    assert {(e["actorId"], e["result"]) for e in told} >= {(org.admin.id, "OK"), (seller.id, "NO_PERMISSION")}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_what_is_wrong_is_said_before_it_begins(api, language):
    def ask(path="/v1/accounts:export", **params):
        return api.call("GET", path, params=params, headers={"Accept-Language": language})
    ask(format="xlsx").fails(400, "INVALID_FIELDS", pointer="format")
    ask(orderBy="name").fails(400, "BAD_EXPORT_ORDER")
    ask(filter="nothing = 1").fails(400, "BAD_FILTER")
    ask(readMask="nothing").fails(400)
    ask(colour="blue").fails(400, "INVALID_FIELDS", pointer="colour", reason="UNKNOWN_FIELD")
    for name in ("format", "bom", "labels"):
        ask("/v1/accounts", **{name: "csv" if name == "format" else True}).fails(400, "INVALID_FIELDS", pointer=name, reason="BAD_VALUE")
    api.call("POST", "/v1/accounts:export", json={}).fails(405, "METHOD_NOT_ALLOWED")
