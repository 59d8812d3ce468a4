"""Imports: files as other programs write them. What can be read without doubt is read, the rest is refused with its row."""
import json
import re

import pytest

from lib.api import CHINESE
from lib.org import Org
from lib.records import finish_import, run_import


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
