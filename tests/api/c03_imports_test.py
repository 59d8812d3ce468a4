"""Imports: mapping, look-ups, refused rows, and the second run that brings what was missing."""
import csv
import io
import json
import re

import pytest

from lib.api import CHINESE
from lib.org import Org
from lib.records import run_import, start_import
from lib.stack import wait_until


def counts(operation):
    return tuple(int(operation[k]) for k in ("totalRows", "createdRows", "updatedRows", "skippedRows", "failedRows"))


def errors(api, operation):
    """The refused rows: header, then rows."""
    answer = api.call("GET", f"/v1/imports/{operation['id']}/errors")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/csv"), str(answer)
    text = answer.response.content.decode("utf-8-sig")
    assert answer.response.content.startswith(b"\xef\xbb\xbf"), "a byte order mark, for spreadsheets"
    return list(csv.reader(io.StringIO(text)))


def test_columns_named_as_the_fields(api):
    done = run_import(api, "accounts", "name,city,employeeCount\nAcme,上海,12\n\"Quoted, \"\"Inc\"\"\",,\n")
    assert done["state"] == "DONE" and done["done"] and counts(done) == (2, 2, 0, 0, 0)
    (acme,) = api.all("/v1/accounts", filter='name = "Acme"')
    assert (acme["city"], acme["employeeCount"]) == ("上海", 12)
    (quoted,) = api.all("/v1/accounts", filter="name:Quoted")
    assert quoted["name"] == 'Quoted, "Inc"' and quoted["employeeCount"] == 0
    assert errors(api, done) == [["name", "city", "employeeCount", "error"]] or errors(api, done) == []


def test_a_mapping(api):
    mapping = {"columns": {"Company": {"field": "name"}, "Key": {"field": "externalId"},
                           "Revenue (m)": {"field": "annualRevenue", "scale": "1000000"},
                           "Sector": {"field": "industry", "values": {"technolgy": "technology"}},
                           "Staff": {"field": "employeeCount", "default": "7"}},
               "constants": {"externalSource": "old crm", "country": "CN"}}
    text = "Key,Company,Sector,Revenue (m),Staff,Ignored\nk1,Alpha,technolgy,1.25,3,x\nk2,Beta,retail,,,y\n"
    done = run_import(api, "accounts", text, mapping)
    assert counts(done) == (2, 2, 0, 0, 0)
    a, b = (api.all("/v1/accounts", filter=f'externalId = "{k}"')[0] for k in ("k1", "k2"))
    assert (a["name"], a["industry"], a["annualRevenue"], a["employeeCount"]) == ("Alpha", "technology", "1250000", 3)
    assert (b["industry"], b["annualRevenue"], b["employeeCount"], b["country"]) == ("retail", None, 7, "CN")
    assert a["externalSource"] == "old crm"


def test_numbers_and_dates_as_a_spreadsheet_writes_them(api):
    """They are read as the mapping says, and nothing is guessed."""
    mapping = {"columns": {"合同": {"field": "name"}, "金额": {"field": "amount", "numberFormat": "￥1,234.5"},
                           "预计": {"field": "expectedCloseDate", "dateFormat": "%N"}}}
    text = ('合同,金额,预计\n一,"￥1,234.50",45231\n二,"12,000",45292\n三,"1.234,50",45231\n'
            '四,"$5",45231\n五,1,2023-11-01\n')
    done = run_import(api, "deals", text, mapping)
    assert counts(done) == (5, 2, 0, 0, 3)
    deals = {d["name"]: (d["amount"], d["expectedCloseDate"]) for d in api.all("/v1/deals", filter='name = "一" OR name = "二"')}
    assert deals == {"一": ("1234.5", "2023-11-01"), "二": ("12000", "2024-01-01")}
    assert ["金额" in r[-1] or "预计" in r[-1] for r in errors(api, done)[1:]] == [True] * 3
    plain = run_import(api, "deals", '合同,金额\n六,"1,234"\n', {"columns": {"合同": {"field": "name"}, "金额": {"field": "amount"}}})
    assert counts(plain) == (1, 0, 0, 0, 1)


def test_a_second_run_makes_nothing_twice(api):
    mapping = {"columns": {"id": {"field": "externalId"}, "n": {"field": "name"}}, "constants": {"externalSource": "twice"}}
    assert counts(run_import(api, "accounts", "id,n\n1,One\n2,Two\n", mapping)) == (2, 2, 0, 0, 0)
    assert counts(run_import(api, "accounts", "id,n\n1,One\n2,Two\n3,Three\n", mapping)) == (3, 1, 0, 2, 0)
    again = run_import(api, "accounts", "id,n\n1,Uno\n4,Four\n", {**mapping, "mode": "UPSERT"})
    assert counts(again) == (2, 1, 1, 0, 0)
    names = {a["externalId"]: a["name"] for a in api.all("/v1/accounts", filter='externalSource = "twice"')}
    assert names == {"1": "Uno", "2": "Two", "3": "Three", "4": "Four"}


def test_a_key_twice_in_one_file(api):
    mapping = {"columns": {"id": {"field": "externalId"}, "n": {"field": "name"}}, "constants": {"externalSource": "same"}}
    done = run_import(api, "accounts", "id,n\n1,One\n1,Again\n", mapping)
    total, created, updated, skipped, failed = counts(done)
    assert (total, created) == (2, 1) and skipped + failed + updated == 1
    assert len(api.all("/v1/accounts", filter='externalSource = "same"')) == 1


def test_refused_rows_come_back_with_the_reason(api):
    mapping = {"columns": {"Company": {"field": "name"}, "Since": {"field": "foundedYear"}, "Web": {"field": "website"},
                           "Owner": {"field": "ownerId", "lookup": "users.displayName"}}}
    text = ("Web,Company,Since,Owner,Comment\n"
            "https://a.example,Good,1990,,fine\n"
            ",,1990,,no name\n"
            "nonsense,Bad web,1990,,\n"
            ",Bad year,nineteen,,\n"
            ",Bad owner,1990,Nobody At All,\"with \"\"quotes\"\", and comma\"\n")
    done = run_import(api, "accounts", text, mapping)
    assert done["state"] == "DONE" and counts(done) == (5, 1, 0, 0, 4)
    header, *rows = errors(api, done)
    assert header == ["Web", "Company", "Since", "Owner", "Comment", "error"]
    original = list(csv.reader(io.StringIO(text)))[2:]
    assert [r[:-1] for r in rows] == original, "the columns as they were uploaded"
    assert all(r[-1] for r in rows)
    for row, column, cell in zip(rows, ("Company", "Web", "Since", "Owner"), (None, None, "nineteen", "Nobody At All")):
        assert column in row[-1] or cell and cell in row[-1], f"the reason says where: {row}"


def test_reasons_are_in_the_uploaders_language(api):
    answer = api.call("POST", "/v1/imports", params={"resource": "accounts"}, data="name,foundedYear\nX,soon\n".encode(),
                      headers={"Content-Type": "text/csv", "Accept-Language": "zh-CN"})
    from lib.stack import wait_until
    id = answer.ok()["id"]
    done = wait_until("the import", lambda: (lambda o: o if o["done"] else None)(api.get(f"/v1/imports/{id}").ok()), 30)
    assert errors(api, done)[1][-1].startswith("foundedYear：") and CHINESE.search(errors(api, done)[1][-1])


@pytest.mark.parametrize("rule, where", [({"dateFormat": "%d"}, "dateFormat"), ({"scale": "2"}, "scale"), ({"scale": "x"}, "scale"),
                                         ({"numberFormat": "1,234.5"}, "numberFormat"), ({"numberFormat": "x"}, "numberFormat")])
def test_what_does_not_fit_a_column_is_said_by_its_name(rule, where, api):
    mapping = json.dumps({"columns": {"name": {"field": "name", **rule}}})
    answer = api.call("POST", "/v1/imports", params={"resource": "accounts", "mapping": mapping}, data="name\nX\n".encode(),
                      headers={"Content-Type": "text/csv", "Accept-Language": "zh-CN"})
    problem = answer.fails(400, "INVALID_FIELDS", f"mapping.columns.name.{where}")
    assert not any(re.search("[a-z]{3}", e["detail"]) for e in problem["errors"]), problem


def test_the_corrected_rows_can_be_sent_again(api):
    mapping = {"columns": {"id": {"field": "externalId"}, "n": {"field": "name"}, "y": {"field": "foundedYear"}},
               "constants": {"externalSource": "corrected"}}
    done = run_import(api, "accounts", "id,n,y\n1,One,1990\n2,Two,soon\n", mapping)
    header, row = errors(api, done)
    row[2] = "1991"
    again = run_import(api, "accounts", "\n".join(",".join(r) for r in (header, row)) + "\n", mapping)
    assert counts(again) == (1, 1, 0, 0, 0)
    assert len(api.all("/v1/accounts", filter='externalSource = "corrected"')) == 2


def test_refused_rows_can_be_sent_again_without_a_mapping(api):
    """As they came, with the column of reasons; also twice."""
    answer = lambda done: api.call("GET", f"/v1/imports/{done['id']}/errors").response.content
    done = run_import(api, "accounts", "name,foundedYear\nLate Ltd,soon\n")
    again = run_import(api, "accounts", answer(done).replace(b"soon", b"later"))
    assert counts(again) == (1, 0, 0, 0, 1)
    assert counts(run_import(api, "accounts", answer(again).replace(b"later", b"1991", 1))) == (1, 1, 0, 0, 0)
    (late,) = api.all("/v1/accounts", filter='name = "Late Ltd"')
    assert late["foundedYear"] == 1991


def test_a_look_up_minds_no_spelling_that_records_do_not_have(org, api):
    """Mail addresses are kept in lower case, phone numbers in E.164."""
    rep = org.person("Rep")
    email = api.get(f"/v1/users/{rep.id}").ok()["email"]
    api.post("/v1/contacts", json={"name": "Phone", "phone": "+8613800138999"}).ok(201)
    deals = {"columns": {"n": {"field": "name"}, "o": {"field": "ownerId", "lookup": "users.email"},
                         "c": {"field": "contactId", "lookup": "contacts.phone"}}}
    assert counts(run_import(api, "deals", f"n,o,c\nSpelled,{email.upper()},138 0013 8999\n", deals)) == (1, 1, 0, 0, 0)
    (deal,) = api.all("/v1/deals", filter='name = "Spelled"')
    assert deal["ownerId"] == rep.id and deal["contactId"]


def test_rows_may_refer_to_each_other(api):
    """A subsidiary may stand before its parent in the file."""
    mapping = {"columns": {"n": {"field": "name"}, "p": {"field": "parentId", "lookup": "accounts.name"}}}
    done = run_import(api, "accounts", "n,p\nChild A,Parent A\nParent A,Top A\nTop A,\nOrphan A,Nowhere A\n", mapping)
    assert counts(done) == (4, 3, 0, 0, 1)
    by_name = {a["name"]: a for a in api.all("/v1/accounts", filter='name:" A"')}
    assert by_name["Child A"]["parentId"] == by_name["Parent A"]["id"]
    assert by_name["Parent A"]["parentId"] == by_name["Top A"]["id"]


def test_an_ambiguous_look_up_is_refused(api):
    for _ in range(2):
        api.post("/v1/accounts", json={"name": "Twin"}).ok(201)
    mapping = {"columns": {"n": {"field": "name"}, "p": {"field": "parentId", "lookup": "accounts.name"}}}
    done = run_import(api, "accounts", "n,p\nChild of twin,Twin\n", mapping)
    assert counts(done) == (1, 0, 0, 0, 1)
    assert "Twin" in errors(api, done)[1][-1] or "p" in errors(api, done)[1][-1]


def test_a_look_up_sees_only_what_the_uploader_sees(org, api):
    org.new_role("Importing rep", ["imports.write", "imports.read", "accounts.read", "accounts.write"], "OWN")
    rep, other = org.person("Importing rep"), org.person("Rep")
    other.api.post("/v1/accounts", json={"name": "Secret Ltd"}).ok(201)
    mapping = {"columns": {"n": {"field": "name"}, "p": {"field": "parentId", "lookup": "accounts.name"}}}
    assert counts(run_import(rep.api, "accounts", "n,p\nMine,Secret Ltd\n", mapping)) == (1, 0, 0, 0, 1)


@pytest.mark.parametrize("encoded", [
    "name;city\r\n名字;城市\r\n".encode("utf-8-sig"), "name\tcity\n名字\t城市\n".encode("utf-16"),
    "name,city\n名字,城市\n".encode("gb18030"), "name,city\r\n名字,城市".encode(), "name,city\n\n名字,城市\n\n".encode(),
], ids=["semicolon, CRLF, BOM", "tab, UTF-16", "GB18030", "no last newline", "empty lines"])
def test_files_as_spreadsheets_write_them(encoded, stack):
    api = Org(stack).api
    done = run_import(api, "accounts", encoded)
    assert done["state"] == "DONE" and counts(done)[1] == 1 and counts(done)[4] == 0
    (account,) = api.all("/v1/accounts")
    assert (account["name"], account["city"]) == ("名字", "城市")


@pytest.mark.parametrize("data, why", [
    (b"", "empty"), (b"\n\n", "no header"), (b'name\n"never closed', "open quote"), (b"name\n\x00\x01\x02", "binary"),
    (b"name,name\na,b\n", "a column twice"), (b"nothing,known\n1,2\n", "no column is a field"),
])
def test_files_that_cannot_be_read(data, why, api):
    answer = api.call("POST", "/v1/imports", params={"resource": "accounts"}, data=data or b"\n",
                      headers={"Content-Type": "text/csv"})
    answer.fails(400)


@pytest.mark.parametrize("mapping", [
    "{", "[]", '{"columns": {"n": {"field": "noSuchField"}}}', '{"columns": {"absent": {"field": "name"}}}',
    '{"columns": {"n": {"field": "name", "lookup": "nothings.name"}}}', '{"columns": {"n": {"field": "createTime"}}}',
    '{"columns": {"n": {"field": "ownerId", "lookup": "users.noSuchField"}}}', '{"columns": {"n": {}}}',
    '{"columns": {"n": {"field": "ownerId", "lookup": "users.email", "filter": "id = "}}}', '{"mode": "SOMEHOW"}',
    '{"columns": {"n": {"field": "name"}}, "constants": {"noSuchField": "x"}}', '{"surprise": 1}',
    '{"columns": {"n": {"field": "name"}}, "mode": "UPSERT"}',
    '{"columns": {"n": {"field": "name", "numberFormat": "1,234.5"}}}',
])
def test_bad_mappings(mapping, api):
    answer = api.call("POST", "/v1/imports", params={"resource": "accounts", "mapping": mapping}, data=b"n\nx\n",
                      headers={"Content-Type": "text/csv"})
    answer.fails(400)


def test_bad_resources(api, nobody_imports):
    for resource in ("nothings", "imports", "orgs", ""):
        answer = api.call("POST", "/v1/imports", params={"resource": resource}, data=b"name\nx\n",
                          headers={"Content-Type": "text/csv"})
        assert answer.status in (400, 404), str(answer)
        answer.problem()
    answer = nobody_imports.call("POST", "/v1/imports", params={"resource": "accounts"}, data=b"name\nx\n",
                                 headers={"Content-Type": "text/csv"})
    answer.fails(403, "NO_PERMISSION")


@pytest.fixture
def nobody_imports(org):
    """May import, but not write accounts."""
    if "Importer" not in {r["name"] for r in org.api.all("/v1/roles")}:
        org.new_role("Importer", ["imports.write", "imports.read", "leads.write"])
    return org.person("Importer").api


def test_an_import_is_its_uploaders(org):
    a, b = org.person("Manager"), org.person("Rep")
    operation = start_import(a.api, "accounts", "name\nX\n")
    b.api.get(f"/v1/imports/{operation['id']}").fails(404, "NOT_FOUND")
    b.api.get(f"/v1/imports/{operation['id']}/errors").fails(404, "NOT_FOUND")


def cancel(api, operation):
    return api.post(f"/v1/imports/{operation['id']}:cancel", json={})


def test_an_import_is_cancelled(org, api):
    text = "name\n" + "".join(f"Cancelled number {i}\n" for i in range(100000))
    running, waiting = (start_import(api, "accounts", text) for _ in range(2))
    path = f"/v1/imports/{running['id']}"
    wait_until("the first rows", lambda: api.get(path).ok()["createdRows"] != "0")
    ended = cancel(api, waiting).ok()
    assert (ended["state"], ended["done"], counts(ended)) == ("CANCELLED", True, (100000, 0, 0, 0, 0))
    cancel(api, running).ok()
    ended = wait_until("its end", lambda: (lambda i: i if i["done"] else None)(api.get(path).ok()))
    assert (ended["state"], ended["error"]) == ("CANCELLED", "") and ended["endTime"]
    # What is in has been counted, and nothing follows.
    page = api.get("/v1/accounts", filter='name:"Cancelled number"', countTotal=True, pageSize=1).ok()
    assert 0 < int(ended["createdRows"]) < 100000 and page["totalSize"] == ended["createdRows"]
    assert cancel(api, running).ok() == ended, "twice does no harm"
    assert api.get(path + "/errors").ok().count("\n") == 1
    done = run_import(api, "accounts", "name\nAfter it\n")
    assert counts(done) == (1, 1, 0, 0, 0)
    problem = cancel(api, done).fails(400, "IMPORT_ENDED")
    assert problem["detail"] == "The import has ended already."
    cancel(org.person("Manager").api, running).fails(404, "NOT_FOUND")


def test_every_import_is_in_the_event_log(api):
    done = run_import(api, "leads", "name\nLead One\nLead Two\n")
    assert counts(done) == (2, 2, 0, 0, 0)
    lead = api.all("/v1/leads", filter='name = "Lead One"')[0]
    (event,) = api.get(f"/v1/leads/{lead['id']}/history").ok()["events"]
    assert event["action"] == "CREATED" and event["actorId"]


def test_what_an_import_writes_says_so(api):
    """Every event of its records has the import as its cause; what people write themselves has none."""
    id = run_import(api, "accounts", "name\nCaused 1\nCaused 2\n")["id"]
    for account in api.all("/v1/accounts", search="Caused"):
        assert [e["cause"] for e in api.get(f"/v1/accounts/{account['id']}/history").ok()["events"]] == [id]
        api.patch(f"/v1/accounts/{account['id']}", {"city": "Ulm"}).ok()
        assert [e["cause"] for e in api.get(f"/v1/accounts/{account['id']}/history").ok()["events"]] == [None, id]


def test_many_rows(api):
    text = "id,name\n" + "".join(f"{i},Company number {i}\n" for i in range(5000))
    mapping = {"columns": {"id": {"field": "externalId"}, "name": {"field": "name"}}, "constants": {"externalSource": "many"}}
    assert counts(run_import(api, "accounts", text, mapping)) == (5000, 5000, 0, 0, 0)
    assert counts(run_import(api, "accounts", text, mapping)) == (5000, 0, 0, 5000, 0)
    page = api.get("/v1/accounts", filter='externalSource = "many"', countTotal=True, pageSize=1).ok()
    assert page["totalSize"] == "5000"


def test_a_file_as_the_body(api):
    """At the collection's own address the file is the whole body."""
    answer = api.call("POST", "/v1/accounts:import", params={"mapping": '{"columns": {"Company": {"field": "name"}}}'},
                      data="Company\nAs the body\n".encode(), headers={"Content-Type": "text/csv"})
    assert answer.ok(201)["resource"] == "accounts" and answer.headers["Location"] == f"/v1/imports/{answer.json()['id']}"
    api.call("POST", "/v1/nothings:import", data=b"a\nb\n", headers={"Content-Type": "text/csv"}).fails(400, "INVALID_FIELDS", "resource")
