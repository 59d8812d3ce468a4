"""A file may have the fields of any collection as programs write them: every kind of field, in every collection, read as it is meant."""
import csv
import datetime
import io
import uuid

import pytest

from lib.contract import contract, json_name
from lib.org import Org
from lib.records import run_import

COLLECTIONS = [c for c in contract().collections("LIST", "CREATE") if c != "fields"]   # of which one value decides about others
ZONE = datetime.timezone(datetime.timedelta(hours=8))   # of the uploader, Asia/Shanghai


@pytest.fixture(scope="module")
def place(stack):
    return Org(stack, time_zone="Asia/Shanghai")


def wide(text):
    return "".join(chr(ord(c) + 0xfee0) if "!" <= c <= "~" else c for c in text)


def days(value):
    y, m, d = value.split("-")
    return [(f"{y}/{int(m)}/{int(d)}", {}), (f"{y}年{int(m)}月{int(d)}日", {}), (y + m + d, {}), (f"{value} 00:00:00", {}), (wide(value), {}),
            (f"{int(d)}.{int(m)}.{y}", {"dateFormat": "%d.%m.%Y"}),
            (str((datetime.date(int(y), int(m), int(d)) - datetime.date(1899, 12, 30)).days) + ".604", {"dateFormat": "%N"})]


def moments(value):
    there = datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).astimezone(ZONE)
    return [(there.strftime(form), {}) for form in ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.000+0800", "%Y-%m-%d %I:%M %p")] + [
        (value.replace("Z", "+0000"), {}), (wide(there.strftime("%Y-%m-%d %H:%M")), {}),
        (there.strftime("%d.%m.%Y %H:%M"), {"dateFormat": "%d.%m.%Y %H:%M"})]


def decimals(value):
    whole, _, rest = value.partition(".")
    return [(f" {value} ", {}), (f"+{value}", {}), (wide(value), {}), (f"{value}{'' if rest else '.'}00", {}),
            (f"{whole},{rest or 0}", {"numberFormat": "1.234,5"}), (f"{whole}.{rest or 0} 元", {"numberFormat": "1,234.5 元"}),
            (f"\u00a0{value}\u202f", {})]


TEXTS = {
    "DATE": days,
    "DECIMAL": decimals,
    "MONEY": decimals,
    "EMAIL": lambda v: [(v.upper(), {}), (f"{v} ", {}), (wide(v), {}), (f"\ufeff{v}\u00a0", {})],
    "PHONE": lambda v: [(f"{v[:3]} {v[3:6]}-{v[6:10]} {v[10:]}", {}), (v[3:], {}), (wide(v[3:]), {}), (f"{v[3:]}.0", {})],
    "URL": lambda v: [(v.removeprefix("https://"), {}), (f" {v}", {})],
    "CURRENCY": lambda v: [(v.lower(), {}), (f"{v} ", {})],
    "COUNTRY": lambda v: [(v.lower(), {})],
    "UUID": lambda v: [(v.upper(), {}), (f" {v} ", {})],
    "LANGUAGE": lambda v: [(f" {v}", {})],
    "TIME_ZONE": lambda v: [(f"{v} ", {})],
    "TIME_OF_DAY": lambda v: [(f" {v} ", {}), (wide(v), {}), (f"{v}:00", {}), (v.removeprefix("0"), {}), (f"{v} AM", {}), (f"上午{v}", {})],
    "FORMAT_UNSPECIFIED": lambda v: [(f"  {v}\u3000", {})],
}


def spellings(field, value):
    """Cells that mean this value, each with what the mapping says of its column; the first is how JSON has it."""
    kind = field.message_type.full_name if field.message_type else ""
    plain = [(str(value).lower() if isinstance(value, bool) else str(value), {})]
    if kind == "google.protobuf.Timestamp":
        return plain + moments(value)
    if field.cpp_type == field.CPPTYPE_STRING:
        return plain + TEXTS.get(contract().format(field), TEXTS["FORMAT_UNSPECIFIED"])(value)
    if field.cpp_type == field.CPPTYPE_BOOL:
        return plain + [(w, {}) for w in (("TRUE", "Yes", "1", "是", "ＴＲＵＥ", "wahr") if value else ("False", "NO", "0", "否", "off", "falsch"))]
    if field.cpp_type == field.CPPTYPE_ENUM:
        return plain + [(value.lower(), {}), (value.replace("_", " ").title(), {}), (value.replace("_", "-"), {}), (wide(value), {})]
    return plain + [(f"{value}.0", {}), (f"{value}.", {}), (wide(str(value)), {}), (f"+{value}", {}), (f"{value},0", {"numberFormat": "1.234,5"})]


def single_fields(collection):
    for field in contract().writable(contract().resources[collection]):
        kind = field.message_type.full_name if field.message_type else ""
        if field.label != field.LABEL_REPEATED and (not kind or kind == "google.protobuf.Timestamp" or kind.endswith("Value")):
            yield field


def written(place, collection, ways):
    """Makes one record for each way of writing its fields, all in one file; ways choose among the spellings of a field."""
    bodies, rows, columns = [], [], {}
    for way in ways:
        body = place.make.body(collection, full=True, externalId=uuid.uuid4().hex, externalSource="file")
        cells = {}
        for field in single_fields(collection):
            name = json_name(field)
            if name in body:
                cells[name], rule = way(spellings(field, body[name]))
                columns[name] = {"field": name, **rule}
        bodies.append(body)
        rows.append(cells)
    text = io.StringIO()
    csv.writer(text).writerows([list(columns)] + [[row[name] for name in columns] for row in rows])
    done = run_import(place.api, collection, text.getvalue(), {"columns": columns})
    assert done["createdRows"] == str(len(rows)), place.api.call("GET", f"/v1/imports/{done['id']}/errors").text
    defaults = 0
    for body in bodies:
        (made,) = place.api.all(f"/v1/{collection}", filter=f'externalId = "{body["externalId"]}"')
        expected = {name: body[name] for name in columns}
        if "isDefault" in expected:     # one of all is, that which was written last, whichever row that was
            expected["isDefault"] = made["isDefault"]
            defaults += made["isDefault"]
        assert {name: made[name] for name in columns} == expected
    assert defaults == ("isDefault" in columns)


def plainly(n):
    """The nth spelling of those of which the mapping need not say anything."""
    def choose(ways):
        plain = [way for way in ways if not way[1]]
        return plain[n % len(plain)]
    return choose


def by_format(n):
    def choose(ways):
        formatted = [way for way in ways if way[1]] or ways
        return formatted[n % len(formatted)]
    return choose


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_field_in_every_spelling(collection, place):
    written(place, collection, [plainly(n) for n in range(7)])
    for n in range(2):
        written(place, collection, [by_format(n)])


# What is no value of a field of this kind, however it is looked at.
NONE = {"DATE": ["1/3/2026", "2026-02-30", "soon", "45231"], "DECIMAL": ["1,234", "$5", "12-5", "1e3"], "MONEY": ["1,234", "$5", "1e3", "0.001"],
        "EMAIL": ["ann", "a@b@c.example", "a\u200bnn@example.com"], "PHONE": ["call me", "1.38001E+10", "88886666"], "URL": ["n/a", "12.5", "ftp://a.example"],
        "CURRENCY": ["RMBs", "¥"], "COUNTRY": ["China"], "UUID": ["1", "none"], "TIME_ZONE": ["Mars/Phobos"], "LANGUAGE": ["???"],
        "TIME_OF_DAY": ["25:00", "9", "13:00 PM", "09:30:15", "noon"]}


def no_values(field):
    kind = field.message_type.full_name if field.message_type else ""
    if kind == "google.protobuf.Timestamp":
        return ["soon", "2026-03-01", "1/3/2026 10:00", "2026-03-01 25:00", "2026-03-01 13:00 PM"]
    if field.cpp_type == field.CPPTYPE_STRING:
        return NONE.get(contract().format(field), [])
    if field.cpp_type == field.CPPTYPE_BOOL:
        return ["maybe", "2", "-"]
    if field.cpp_type == field.CPPTYPE_ENUM:
        return ["no such thing", "1"]
    return [*(["12.5"] if field.cpp_type != field.CPPTYPE_DOUBLE else []), "1,5", "many", "1e3", "99999999999999999999"]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_what_is_no_value_is_refused_by_its_column(collection, place):
    """One row for each, and none of them is stored as something else."""
    base = {k: v for k, v in place.make.body(collection).items() if isinstance(v, str)}
    fields = list(single_fields(collection))
    names = [json_name(f) for f in fields]
    rows, wrong = [], []
    for field, name in zip(fields, names):
        for cell in no_values(field):
            rows.append([cell if n == name else base.get(n, "") for n in names])
            wrong.append((name, cell))
    text = io.StringIO()
    csv.writer(text).writerows([names] + rows)
    done = run_import(place.api, collection, text.getvalue(), {"columns": {n: {"field": n} for n in names}})
    back = list(csv.reader(io.StringIO(place.api.call("GET", f"/v1/imports/{done['id']}/errors").response.content.decode("utf-8-sig"))))[1:]
    assert done["createdRows"] == "0" and len(back) == len(wrong), [w for w, r in zip(wrong, rows) if r not in [b[:-1] for b in back]]
    for (name, cell), row in zip(wrong, back):
        assert name in row[-1], (name, cell, row[-1])
