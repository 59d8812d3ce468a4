"""Imports: files as other programs write them. What can be read without doubt is read, the rest is refused with its row."""
import csv
import io
import itertools
import json
import re

import pytest

from lib.api import CHINESE
from lib.org import Org
from lib.records import finish_import, run_import, start_import
from lib.stack import wait_until


def upload(api, data, content_type="text/csv", mapping=None, resource="accounts", language="en", **params):
    if mapping:
        params["mapping"] = json.dumps(mapping, ensure_ascii=False)
    return api.call("POST", "/v1/imports", params={"resource": resource, **params}, data=data,
                    headers={"Content-Type": content_type, "Accept-Language": language})


def names(api):
    return sorted((a["name"], a["city"]) for a in api.all("/v1/accounts"))


# ---- encodings

@pytest.mark.parametrize("charset, taken, name, city", [
    ("windows-1252", "windows-1252", "Müller GmbH", "Zürich"), ("ISO-8859-1", "windows-1252", "Müller GmbH", "Zürich"),
    ("iso-8859-15", "ISO-8859-15", "Œuvre €", "Orléans"), ("windows-1250", "windows-1250", "Škoda Plzeň", "Praha"),
    ("windows-1251", "windows-1251", "Ромашка", "Москва"), ("KOI8-R", "KOI8-R", "Ромашка", "Москва"),
    ("big5", "Big5", "顯卡", "臺北"), ("gb2312", "GB18030", "云帆科技", "长沙"), ("GBK", "GB18030", "朱镕基", "长沙"),
    ("gb18030", "GB18030", "𠀀㐀", "长沙"), ("shift_jis", "Shift_JIS", "東京タワー", "東京"), ("euc-jp", "EUC-JP", "東京タワー", "東京"),
    ("euc-kr", "EUC-KR", "삼성", "서울"), ("utf-8", "UTF-8", "云帆 é 😀", "長沙"), ("utf-16le", "UTF-16LE", "云帆 é 😀", "長沙"),
    ("utf-16be", "UTF-16BE", "云帆 é 😀", "長沙"), ("utf-16", "UTF-16LE", "云帆 é 😀", "長沙")])
def test_what_is_declared_is_used(charset, taken, name, city, stack):
    """Of the media type, also in quotes; of a parameter; of a part of a form."""
    api = Org(stack).api
    data = f"name,city\r\n{name},{city}\r\n".encode(charset)
    for answer in (upload(api, data, f'text/csv; header=present; charset="{charset}"'), upload(api, data, charset=charset)):
        done = finish_import(api, answer.ok())
        assert (done["state"], done["encoding"], done["createdRows"]) == ("DONE", taken, "1")
    boundary = "a-boundary-that-is-nowhere-else"
    form = (f'--{boundary}\r\nContent-Disposition: form-data; name="resource"\r\n\r\naccounts\r\n--{boundary}\r\n'
            f'Content-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv; charset={charset}\r\n\r\n')
    answer = api.call("POST", "/v1/imports", data=form.encode() + data + f"\r\n--{boundary}--\r\n".encode(),
                      headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert finish_import(api, answer.ok())["encoding"] == taken
    assert names(api) == [(name, city)] * 3


@pytest.mark.parametrize("charset, data, says", [
    ("klingon", b"name\nA\n", "klingon"), ("utf-7", b"name\nA\n", "utf-7"), ("utf-16", "name\nA\n".encode("utf-16-le"), "utf-16"),
    ("utf-8", b"name\nA\ncaf\xe9\n", "UTF-8 text in row 2 (line 3 "), ("us-ascii", b"name\ncaf\xe9\n", "row 1 (line 2 "),
    ("windows-1252", b"name\n\n\nA\n\x81\n", "row 2 (line 5 "), ("big5", b"name\n\xff\xff\n", "row 1 (line 2 "),
    ("utf-16le", "name\nA\n".encode("utf-16-le") + b"\x00\xd8a\x00", "row 2 (line 3 "),
    ("windows-1252", b"\xef\xbb\xbfname\nA\n", "byte order mark"), ("utf-8", "name\nA\n".encode("utf-16"), "byte order mark")])
def test_what_is_declared_and_not_so_is_refused(charset, data, says, api):
    problem = upload(api, data, f"text/csv; charset={charset}").fails(400)
    (error,) = problem["errors"]
    assert error["reason"] == "BAD_ENCODING" and says in error["detail"], problem
    (error,) = upload(api, data, f"text/csv; charset={charset}", language="zh-CN").fails(400)["errors"]
    assert CHINESE.search(error["detail"])


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("rows, place", [
    ("云帆科技,ok\r\n星河集团,caf".encode() + b"\xe9s\r\n", "row 2 (line 3 "), ("Müller,ok\nA,caf".encode() + b"\xe9s\n", "row 2 (line 3 "),
    (b'\xe9\n"\xe4\xba\x91\n\xe5\xb8\x86",x\n', "row 1 (line 2 "), ("云帆,x\n".encode() + "星".encode()[:2], "row 2 (line 3 ")])
def test_damaged_utf8_is_never_something_else(mark, rows, place, api):
    problem = upload(api, mark + b"name,description\r\n" + rows).fails(400)
    (error,) = problem["errors"]
    assert error["reason"] == "BAD_ENCODING" and place in error["detail"], problem


@pytest.mark.parametrize("encoding, text", [
    ("windows-1252", "name,city\nMüller GmbH,Zürich\n"), ("windows-1251", "name,city\nООО Ромашка,Нижний Новгород\n"),
    ("shift_jis", "name,city\n東京タワー株式会社,東京\n"), ("big5", "name,city\n顯卡有限公司,臺北\n"), ("utf-16-le", "name,city\nA,B\n")])
def test_a_guess_that_leaves_a_doubt_is_none(encoding, text, api):
    (error,) = upload(api, text.encode(encoding)).fails(400)["errors"]
    assert error["reason"] == "BAD_ENCODING", error


def test_chinese_without_a_declaration(stack):
    api = Org(stack).api
    done = run_import(api, "accounts", "名称,城市\r\n云帆科技有限公司,长沙\r\n朱镕鑫,北京\r\n".encode("gb18030"),
                      {"columns": {"名称": {"field": "name"}, "城市": {"field": "city"}}})
    assert (done["encoding"], done["createdRows"]) == ("GB18030", "2")
    assert names(api) == [("云帆科技有限公司", "长沙"), ("朱镕鑫", "北京")]


# ---- what stands around the rows

@pytest.mark.parametrize("text", [
    "sep=;\nname;city\nAlpha;Bonn\nBeta;\n", "sep=,\r\nname,city\r\nAlpha,Bonn\r\nBeta,\r\n", '\ufeff"sep=;"\nname;city\nAlpha;Bonn\nBeta;\n',
    "\ufeffSEP=|\nname|city\nAlpha|Bonn\nBeta|\n", "sep=\t\nname\tcity\nAlpha\tBonn\nBeta\n", "sep=^\n\nname^city\nAlpha^Bonn\nBeta\n",
    "\nname;city\nAlpha;Bonn\nBeta;\n", "\r\n  \r\n,,,\r\nname,city\r\nAlpha,Bonn\r\nBeta,\r\n",
    "name,city\nAlpha,Bonn\nBeta", "name,city,\nAlpha,Bonn,\nBeta,,\n", "name,city\nAlpha,Bonn,,,\nBeta,\n",
    "name,,city\nAlpha,,Bonn\nBeta,\n", "name|city\nAlpha|Bonn\nBeta|\n", "name\tcity\rAlpha\tBonn\rBeta\r",
    '"name" , "city"\n"Alpha","Bonn"\nBeta,\n', "name\u00a0,\u3000city\nAlpha\u00a0,\u3000Bonn\nBeta,\u00a0\n",
    'name,city\n" Alpha ","Bonn "\n"Beta"," "\n'])
def test_what_spreadsheets_put_around_the_rows(text, stack):
    api = Org(stack).api
    done = run_import(api, "accounts", text)
    assert (done["totalRows"], done["createdRows"], done["failedRows"]) == ("2", "2", "0")
    assert names(api) == [("Alpha", "Bonn"), ("Beta", "")]


@pytest.mark.parametrize("text", ["name;Umsatz, EUR\nAlpha;1,5\n", "Umsatz, EUR;name\n1,5;Alpha\n",
                                  "name\tUmsatz, EUR\nAlpha\t1,5\n", 'name,"Umsatz, EUR"\nAlpha,"1,5"\n'])
def test_the_mapping_decides_where_the_header_does_not(text, stack):
    api = Org(stack).api
    done = run_import(api, "accounts", text, {"columns": {
        "name": {"field": "name"}, "Umsatz, EUR": {"field": "annualRevenue", "numberFormat": "1234,5"}}})
    assert done["createdRows"] == "1"
    (account,) = api.all("/v1/accounts")
    assert (account["name"], account["annualRevenue"]) == ("Alpha", "1.5")


@pytest.mark.parametrize("text", ["name,city\nA,B,C\n", "name,city\nA,B,,C\n", "name,city,\nA,B,C\n", "name,,city\nA,C,B\n"])
def test_a_filled_cell_without_a_column_is_an_error(text, api):
    done = run_import(api, "accounts", text)
    assert (done["createdRows"], done["failedRows"]) == ("0", "1")
    refused = api.call("GET", f"/v1/imports/{done['id']}/errors").response.content.decode()
    assert "without a name is filled" in refused and re.search(r"\bC\b", refused), "and the cell comes back"


def test_a_column_twice(api):
    (error,) = upload(api, b"name,city,name\nA,B,C\n", mapping={"columns": {"name": {"field": "name"}}}).fails(400)["errors"]
    assert error["reason"] == "COLUMN_TWICE" and "columns 1 and 3" in error["detail"]
    (error,) = upload(api, b"a,b\nA,B\n", mapping={"columns": {"a": {"field": "name"}, "b": {"field": "name"}}}).fails(400)["errors"]
    assert error["reason"] == "FIELD_TWICE" and '"a"' in error["detail"]


# ---- keys, deleted records, and rights that end

def refused(api, done):
    """The refused rows: header, then rows."""
    return list(csv.reader(io.StringIO(api.call("GET", f"/v1/imports/{done['id']}/errors").response.content.decode("utf-8-sig"))))


KEYED = {"columns": {"id": {"field": "externalId"}, "name": {"field": "name"}}}


@pytest.mark.parametrize("rows", [2, 256, 600])
def test_the_last_row_of_a_key_wins(rows, api):
    """Within what travels together, and across it."""
    lines = "".join(f"K{rows},v{i}\nother{rows}-{i},x\n" for i in range(rows))
    done = run_import(api, "accounts", "id,name\n" + lines, {**KEYED, "mode": "UPSERT"})
    assert (done["createdRows"], done["updatedRows"]) == (str(rows + 1), str(rows - 1))
    (account,) = api.all("/v1/accounts", filter=f'externalId = "K{rows}"')
    assert account["name"] == f"v{rows - 1}"
    done = run_import(api, "accounts", f"id,name\nC{rows},first\n" + f"C{rows},later\n" * rows, KEYED)
    assert (done["createdRows"], done["skippedRows"]) == ("1", str(rows))
    (account,) = api.all("/v1/accounts", filter=f'externalId = "C{rows}"')
    assert account["name"] == "first"


def test_a_row_that_waits_holds_back_the_later_ones_of_its_key(api):
    mapping = {"columns": {**KEYED["columns"], "parent": {"field": "parentId", "lookup": "accounts.name"}}, "mode": "UPSERT"}
    done = run_import(api, "accounts", "id,name,parent\nW1,waits,Parent of W\nW1,comes last,\nW2,Parent of W,\n", mapping)
    assert (done["createdRows"], done["updatedRows"], done["failedRows"]) == ("2", "1", "0")
    (account,) = api.all("/v1/accounts", filter='externalId = "W1"')
    assert account["name"] == "comes last" and account["parentId"], "both rows, in their order"


@pytest.mark.parametrize("cell", ["1.23457E+11", "1,23457E+11", "1E+15", "1.2e+20", "-1.5E+12"])
@pytest.mark.parametrize("field", ["externalId", "phone", "name", "city"])
def test_keys_that_a_spreadsheet_has_rounded(field, cell, api):
    columns = {"key": {"field": field}} if field == "name" else {"key": {"field": field}, "name": {"field": "name"}}
    text = f'key,name\n"{cell}",Rounded {field}\n' * 1 + f'"{cell}",Rounded {field}\n'
    done = run_import(api, "accounts", text, {"columns": columns})
    assert (done["createdRows"], done["failedRows"]) == ("0", "2")
    assert all("lost digits" in row[-1] and row[0] in (cell, "'" + cell) for row in refused(api, done)[1:])


@pytest.mark.parametrize("mode", ["CREATE", "UPSERT"])
def test_what_was_deleted_is_not_there_already(mode, api):
    text = f"id,name\ndel-{mode}-1,One\ndel-{mode}-2,Two\n"
    assert run_import(api, "accounts", text, {**KEYED, "mode": mode})["createdRows"] == "2"
    for account in api.all("/v1/accounts", filter=f'externalId = "del-{mode}-1" OR externalId = "del-{mode}-2"'):
        api.call("DELETE", f"/v1/accounts/{account['id']}").ok()
    for _ in range(2):
        done = run_import(api, "accounts", text, {**KEYED, "mode": mode})
        assert (done["createdRows"], done["skippedRows"], done["failedRows"]) == ("0", "0", "2")
        assert all("deleted" in row[-1] for row in refused(api, done)[1:])


@pytest.mark.parametrize("end", ["disabled", "deleted", "demoted"])
def test_an_import_ends_with_its_users_rights(end, stack):
    org = Org(stack)
    manager = org.person("Manager")
    operation = start_import(manager.api, "accounts", "name\n" + "".join(f"Row {i}\n" for i in range(60000)))
    path = f"/v1/imports/{operation['id']}"
    wait_until("the first rows", lambda: org.api.get(path).ok()["createdRows"] != "0")
    if end == "deleted":
        org.api.call("DELETE", f"/v1/users/{manager.id}").ok()
    else:
        viewer = next(r["id"] for r in org.api.all("/v1/roles") if r["name"] == "Viewer")
        org.api.patch(f"/v1/users/{manager.id}", json={"disabled": True} if end == "disabled" else {"roleId": viewer}).ok()
    done = finish_import(org.api, operation, 20)
    made = org.api.get("/v1/accounts", countTotal=True, pageSize=1).ok()["totalSize"]
    assert done["state"] == "FAILED" and done["error"] and 0 < int(done["createdRows"]) < 60000, done
    assert made == done["createdRows"] or int(made) > 10000, "what is done stays, and is reported"


# ---- values

def import_one(api, resource, field, cell, **rule):
    """Imports one record whose field is the cell. Answers the record, None if the row was refused."""
    number = next(COUNTER)
    columns = {"v": {"field": field, **rule}, "k": {"field": "externalId"}}
    required = {"accounts": {"name": "Spelled"}, "contacts": {"name": "Spelled"}, "deals": {"name": "Spelled"},
                "tasks": {"subject": "Spelled"}, "stages": {"name": f"Spelled {number}"}, "leads": {"name": "Spelled"}}[resource]
    quoted = cell.replace('"', '""')
    done = run_import(api, resource, f'v,k\n"{quoted}",spelled-{number}\n',
                      {"columns": columns, "constants": {k: v for k, v in required.items() if k != field}})
    found = api.all(f"/v1/{resource}", filter=f'externalId = "spelled-{number}"')
    assert done["createdRows"] == str(len(found)) and done["failedRows"] == str(1 - len(found))
    return found[0] if found else None


COUNTER = itertools.count(1)


@pytest.mark.parametrize("resource, field, cell, rule, value", [
    ("accounts", "employeeCount", "12.0", {}, 12), ("accounts", "employeeCount", "12.00", {}, 12), ("accounts", "employeeCount", "12.5", {}, None),
    ("accounts", "employeeCount", "1,200", {}, None), ("accounts", "employeeCount", "1,200", {"numberFormat": "1,234.5"}, 1200),
    ("accounts", "employeeCount", "１２", {}, 12), ("accounts", "employeeCount", " 12 ", {}, 12), ("accounts", "employeeCount", "1E3", {}, None),
    ("deals", "amount", "(1,234.50)", {"numberFormat": "1,234.5"}, None), ("accounts", "annualRevenue", "1\u00a0234,5", {"numberFormat": "1 234,5"}, "1234.5"),
    ("accounts", "annualRevenue", "1\u202f234,5", {"numberFormat": "1 234,5"}, "1234.5"),
    ("accounts", "annualRevenue", "1\u2009234,5", {"numberFormat": "1 234,5"}, "1234.5"), ("accounts", "annualRevenue", "１２．５", {}, "12.5"),
    ("accounts", "annualRevenue", "12.5000000000", {}, "12.5"), ("accounts", "annualRevenue", "+5", {}, "5"),
    ("accounts", "annualRevenue", ".5", {}, "0.5"), ("accounts", "employeeCount", "12.", {}, 12),
    ("accounts", "annualRevenue", "1’234.50", {"numberFormat": "1'234.5"}, "1234.5"), ("accounts", "annualRevenue", "$5", {}, None), ("accounts", "annualRevenue", "1,5", {}, None),
    ("accounts", "website", "www.example.com", {}, "https://www.example.com"), ("accounts", "website", "example.com/a?b=c", {}, "https://example.com/a?b=c"),
    ("accounts", "website", "http://example.com", {}, "http://example.com"), ("accounts", "website", "n/a", {}, None),
    ("accounts", "website", "12.5", {}, None), ("accounts", "website", "ann@example.com", {}, None),
    ("deals", "expectedCloseDate", "45231.604", {"dateFormat": "%N"}, "2023-11-01"), ("deals", "expectedCloseDate", "3 Sept 2025", {"dateFormat": "%d %b %Y"}, "2025-09-03"),
    ("deals", "expectedCloseDate", "2026/3/1", {}, "2026-03-01"), ("deals", "expectedCloseDate", "2026年3月1日", {}, "2026-03-01"),
    ("deals", "expectedCloseDate", "20260301", {}, "2026-03-01"), ("deals", "expectedCloseDate", "2026-03-01 00:00:00", {}, "2026-03-01"),
    ("deals", "expectedCloseDate", "3/1/2026", {}, None), ("deals", "expectedCloseDate", "2026-02-30", {}, None),
    ("deals", "expectedCloseDate", "2026-03-01T00:00:00Z", {}, None),
    ("tasks", "remindTime", "2026-03-01 10:00", {}, "2026-03-01T02:00:00Z"), ("tasks", "remindTime", "2026-03-01T10:00:00", {}, "2026-03-01T02:00:00Z"),
    ("tasks", "remindTime", "2026-03-01T10:00:00+0000", {}, "2026-03-01T10:00:00Z"),
    ("tasks", "remindTime", "2026-03-01T10:00:00.000+0800", {}, "2026-03-01T02:00:00Z"), ("tasks", "remindTime", "2026/3/1 9:05", {}, "2026-03-01T01:05:00Z"),
    ("tasks", "remindTime", "2026-03-01 10:00:00 UTC", {}, "2026-03-01T10:00:00Z"), ("tasks", "remindTime", "2026-03-01", {}, None),
    ("tasks", "remindTime", "01.03.2026 10:00", {"dateFormat": "%d.%m.%Y %H:%M"}, "2026-03-01T02:00:00Z"),
    ("tasks", "remindTime", "3/1/2026 1:30 PM", {"dateFormat": "%m/%d/%Y %I:%M %p"}, "2026-03-01T05:30:00Z"),
    ("tasks", "remindTime", "2026-03-01 10:00 PM", {}, "2026-03-01T14:00:00Z"), ("tasks", "remindTime", "2026/3/1 12:30:05 am", {}, "2026-02-28T16:30:05Z"),
    ("tasks", "remindTime", "2026/3/1 下午 3:05", {}, "2026-03-01T07:05:00Z"), ("tasks", "remindTime", "2026年3月1日 上午9:05:00", {}, "2026-03-01T01:05:00Z"),
    ("tasks", "remindTime", "2026-03-01 13:00 PM", {}, None), ("tasks", "remindTime", "２０２６-０３-０１　１０：００", {}, "2026-03-01T02:00:00Z"),
    ("tasks", "remindTime", "2026/3/1 下午3:05", {"dateFormat": "%Y/%m/%d %p%I:%M"}, "2026-03-01T07:05:00Z"),
    ("deals", "expectedCloseDate", "２０２６/３/１", {}, "2026-03-01"), ("deals", "expectedCloseDate", "０３．０９．２０２５", {"dateFormat": "%d.%m.%Y"}, "2025-09-03"),
    ("tasks", "priority", "ＨＩＧＨ", {}, "HIGH"),
    ("tasks", "remindTime", "45231.5", {"dateFormat": "%N"}, "2023-11-01T04:00:00Z"), ("tasks", "remindTime", "1.3.2026", {"dateFormat": "%d.%m.%Y"}, "2026-02-28T16:00:00Z"),
    ("tasks", "priority", "high", {}, "HIGH"), ("tasks", "priority", "High", {}, "HIGH"), ("tasks", "priority", "very high", {}, None),
    ("contacts", "phone", "13800138000.0", {}, "+8613800138000")])
def test_values_as_programs_write_them(resource, field, cell, rule, value, shanghai):
    record = import_one(shanghai, resource, field, cell, **rule)
    assert (record or {field: None})[field] == value


@pytest.fixture(scope="module")
def shanghai(stack):
    org = Org(stack)
    me = org.api.get("/v1/me").ok()
    id = (me.get("user") or me)["id"]
    org.api.patch(f"/v1/users/{id}", json={"timeZone": "Asia/Shanghai"}).ok()
    return org.api


@pytest.mark.parametrize("cell, moment", [
    ("2026-06-01 10:00", "2026-06-01T08:00:00Z"), ("2026-01-01 10:00", "2026-01-01T09:00:00Z"), ("2026-03-29 02:30", None),
    ("2026-10-25 02:30", None), ("2026-10-25 02:30 +0100", "2026-10-25T01:30:00Z")])
def test_an_hour_that_is_twice_or_not_at_all(cell, moment, stack):
    """Where clocks are changed. Only what has one reading is read."""
    org = Org(stack)
    me = org.api.get("/v1/me").ok()
    org.api.patch(f"/v1/users/{(me.get('user') or me)['id']}", json={"timeZone": "Europe/Berlin"}).ok()
    record = import_one(org.api, "tasks", "remindTime", cell)
    assert (record or {"remindTime": None})["remindTime"] == moment


# ---- custom fields

def test_custom_fields(api):
    mapping = {"columns": {"id": {"field": "externalId"}, "name": {"field": "name"}, "budget": {"field": "customFields.budget"},
                           "key": {"field": "customFields.key:TEXT"}, "vip": {"field": "customFields.vip:BOOLEAN"},
                           "sum": {"field": "customFields.sum:NUMBER", "numberFormat": "1.234,5"},
                           "day": {"field": "customFields.day", "dateFormat": "%d.%m.%Y"}},
               "constants": {"customFields.source": "list", "customFields.year": "2026", "customFields.tag:TEXT": "1"}, "mode": "UPSERT"}
    api.post("/v1/accounts", json={"name": "There", "externalId": "cf-1", "customFields": {"mine": "stays", "budget": 7}}).ok(201)
    text = ("id;name;budget;key;vip;sum;day\ncf-1;There;1500;0042;jein;1.234,50;03.09.2025\ncf-2;Two;12.50;42;是;;\n"
            "cf-3;Three;007;1;WAHR;5;\ncf-4;Four;9007199254740993;2;0;;\ncf-5;Five;TRUE;3;maybe;;\ncf-6;Six;1;4;1;many;\n")
    done = run_import(api, "accounts", text, mapping)
    assert (done["createdRows"], done["updatedRows"], done["failedRows"]) == ("3", "0", "3")
    text = text.replace(";jein;", ";yes;").replace(";maybe;", ";no;")
    done = run_import(api, "accounts", text, mapping)
    assert (done["createdRows"], done["updatedRows"], done["failedRows"]) == ("1", "4", "1")
    found = {a["externalId"]: a["customFields"] for a in api.all("/v1/accounts", filter='externalId:"cf-"')}
    both = {"source": "list", "year": 2026, "tag": "1"}
    assert found["cf-1"] == {"mine": "stays", "budget": 1500, "key": "0042", "vip": True, "sum": 1234.5, "day": "2025-09-03", **both}
    assert found["cf-2"] == {"budget": 12.5, "key": "42", "vip": True, **both}
    assert found["cf-3"] == {"budget": "007", "key": "1", "vip": True, "sum": 5, **both}
    assert found["cf-4"] == {"budget": "9007199254740993", "key": "2", "vip": False, **both}
    assert found["cf-5"] == {"budget": True, "key": "3", "vip": False, **both}
    assert {a["externalId"] for a in api.all("/v1/accounts", filter='customFields.budget >= 1000 AND externalId:"cf-"')} == {"cf-1"}


@pytest.mark.parametrize("mapping, where", [
    ({"columns": {"name": {"field": "name:TEXT"}}}, "mapping.columns.name.field"),
    ({"columns": {"name": {"field": "name"}, "b": {"field": "customFields"}}}, "mapping.columns.b.field"),
    ({"columns": {"name": {"field": "name"}, "b": {"field": "customFields."}}}, "mapping.columns.b.field")])
def test_bad_mappings_of_custom_fields(mapping, where, api):
    upload(api, b"name,b\nA,1\n", mapping=mapping).fails(400, "INVALID_FIELDS", where)


# ---- look-ups, and formulas

@pytest.mark.parametrize("name, spelled", [
    ("云帆（湖南）", "云帆(湖南)"), ("Café Un SA", "Cafe\u0301 Un SA"), ("Café Deux SA", "CAFÉ DEUX SA"), ("Café Trois SA", "Café Trois SA "),
    ("Café Quatre SA", "Café Quatre SA\u00a0"), ("Straße Ltd", "STRASSE LTD"), ("Two  Blanks", "two blanks"), ("ＡＢＣ Full", "abc full")])
def test_a_look_up_finds_what_people_take_for_the_same(name, spelled, api):
    id = api.post("/v1/accounts", json={"name": name}).ok(201)["id"]
    api.post("/v1/accounts", json={"name": f"{name} and more"}).ok(201)
    mapping = {"columns": {"n": {"field": "name"}, "a": {"field": "accountId", "lookup": "accounts.name"}}}
    done = run_import(api, "contacts", f'n,a\nOf {name},"{spelled}"\n', mapping)
    assert done["createdRows"] == "1"
    (contact,) = api.all("/v1/contacts", filter=f'name = "Of {name}"')
    assert contact["accountId"] == id


def test_an_exact_name_goes_first_and_two_are_an_error(api):
    ids = [api.post("/v1/accounts", json={"name": name}).ok(201)["id"] for name in ("Exact Co", "EXACT CO")]
    mapping = {"columns": {"n": {"field": "name"}, "a": {"field": "accountId", "lookup": "accounts.name"}}}
    done = run_import(api, "contacts", "n,a\nFirst,Exact Co\nSecond,EXACT CO\nThird,exact co\n", mapping)
    assert (done["createdRows"], done["failedRows"]) == ("2", "1")
    found = {c["name"]: c["accountId"] for c in api.all("/v1/contacts", filter='name = "First" OR name = "Second"')}
    assert [found["First"], found["Second"]] == ids
    assert "More than one" in refused(api, done)[1][-1]


def test_a_name_among_many_that_have_it_in_them(api):
    """More than a page of them: what is looked for is found, and what is not there is missing."""
    run_import(api, "accounts", "name\n" + "".join(f"Crowd {n}\n" for n in range(250)) + "Ｃrowd\nTwice crowd\nTwice CROWD\n")
    (only,) = [a["id"] for a in api.all("/v1/accounts", filter='name =~ "crowd"')]
    mapping = {"columns": {"n": {"field": "name"}, "a": {"field": "accountId", "lookup": "accounts.name"}}}
    done = run_import(api, "contacts", "n,a\nA,CROWD\nB,crowd x\nC,TWICE crowd\n", mapping)
    assert (done["createdRows"], done["failedRows"]) == ("1", "2")
    assert [c["accountId"] for c in api.all("/v1/contacts", filter='name = "A"')] == [only]
    assert ["No accounts record" in refused(api, done)[1][-1], "More than one" in refused(api, done)[2][-1]] == [True, True]


def test_formulas_come_back_harmless_and_as_they_were(api):
    cells = ['=HYPERLINK("http://evil.example")', "@SUM(1)", "+86 138 0013 8000", "-2+3", "'quoted", "-5", "plain"]
    text = io.StringIO()
    csv.writer(text).writerows([["name", "description", "foundedYear"]] + [[c, c, "soon"] for c in cells])
    done = run_import(api, "accounts", text.getvalue())
    rows = refused(api, done)
    assert [r[0] for r in rows[1:]] == ["'" + c for c in cells[:5]] + cells[5:]
    assert [re.search(r"\(row (\d+)\)$", r[-1])[1] for r in rows[1:]] == [str(i + 1) for i in range(len(cells))]
    answer = lambda done: api.call("GET", f"/v1/imports/{done['id']}/errors").response.content
    again = run_import(api, "accounts", answer(done))
    assert [r[:2] for r in refused(api, again)] == [r[:2] for r in rows], "and no more apostrophes"
    done = run_import(api, "accounts", answer(again).replace(b"soon", b"1999"))
    assert done["createdRows"] == str(len(cells))
    assert {a["description"] for a in api.all("/v1/accounts", filter="foundedYear = 1999")} == set(cells)


def test_a_look_up_in_another_spelling_where_nothing_can_be_searched(api):
    stages = api.all("/v1/stages")
    mapping = {"columns": {"n": {"field": "name"}, "s": {"field": "stageId", "lookup": "stages.name",
                                                         "filter": f'processId = "{stages[0]["processId"]}"'}}}
    done = run_import(api, "deals", f"n,s\nStage spelled,{stages[0]['name'].upper()}\nNo stage,{'x' * 300}\n", mapping)
    assert (done["createdRows"], done["failedRows"]) == ("1", "1")
    (deal,) = api.all("/v1/deals", filter='name = "Stage spelled"')
    assert deal["stageId"] == stages[0]["id"]
