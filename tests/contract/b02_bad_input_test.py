"""Every method: bodies and arguments that are not right."""
import http.client
import json
import re

import pytest

from lib.api import CHINESE, Answer
from lib.contract import contract, json_name, methods


def takes_json(method):
    return method.body_message is not None


def takes_body(method):
    return bool(method.route.body)


def longest_body(method):
    """Bytes that the contract allows."""
    return method.rule.max_body or (8 << 10 if method.rule.public or not method.route.body else 1 << 20)


@methods(takes_json)
def test_junk_body(method, walk, api):
    for junk in (b'{"name": ', b"\xff\xfe{}", b"{} trailing", b"nul\x00l", b'{"a":1,"a":2}'):
        answer = walk.call(api, method, data=junk, json=None)
        assert answer.status == 400, f"{junk!r}: {answer}"
        answer.problem()
    walk.call(api, method, data=b'{"name": ', json=None).fails(400, "BAD_JSON")


@methods(takes_json)
def test_a_body_that_is_no_object(method, walk, api):
    for body in (b"[]", b'"text"', b"12", b"null"):
        answer = walk.call(api, method, data=body, json=None)
        assert answer.status == 400, f"{body!r}: {answer}"
        answer.problem()


@methods(takes_json)
def test_a_body_that_is_nested_too_deeply(method, walk, api):
    walk.call(api, method, data=b'{"customFields":' + b'{"a":' * 40 + b"1" + b"}" * 41, json=None).fails(400, "TOO_DEEP")
    walk.call(api, method, data=b"[" * min(100000, longest_body(method)), json=None).fails(400)


@methods(takes_json)
def test_wrong_media_type(method, walk, api):
    walk.call(api, method, data=b"a=b", json=None, headers={"Content-Type": "application/x-www-form-urlencoded"}).fails(
        415, "UNSUPPORTED_MEDIA_TYPE")


@methods(takes_json)
def test_unknown_field(method, walk, api):
    body = {**walk.body(method), "noSuchField": 1}
    walk.call(api, method, json=body).fails(400, "INVALID_FIELDS", "/noSuchField", "UNKNOWN_FIELD")
    chinese = walk.call(api, method, json=body, headers={"Accept-Language": "zh"}).fails(400, "INVALID_FIELDS")
    assert CHINESE.search(chinese["errors"][0]["detail"])


def _wrong(field):
    """A JSON value that the field cannot be. (A decimal may be a number that loses nothing.)"""
    if field.label == field.LABEL_REPEATED:
        return 5
    if contract().format(field) in ("DECIMAL", "MONEY"):
        return False
    return {field.CPPTYPE_STRING: 12, field.CPPTYPE_BOOL: "yes", field.CPPTYPE_ENUM: "NO_SUCH_VALUE",
            field.CPPTYPE_MESSAGE: 5}.get(field.cpp_type, "abc")


@methods(lambda m: takes_json(m) and len(m.body_message.fields) > len(m.route.variables))
def test_wrong_type_of_every_field(method, walk, api):
    in_path = {v.split(".")[-1] for v in method.route.variables}
    fields = [f for f in contract().writable(method.body_message) if f.name not in in_path
              and not (f.message_type and f.message_type.full_name == "google.protobuf.Value")]   # takes anything
    body = {json_name(f): _wrong(f) for f in fields}
    problem = walk.call(api, method, json=body).fails(400, "INVALID_FIELDS")
    pointers = {e.get("pointer") for e in problem["errors"]}
    missing = {"/" + json_name(f) for f in fields} - pointers
    assert not missing, f"all that is wrong is said at once; missing: {missing}\n{problem}"


@methods(lambda m: m.verb == "CREATE")
def test_missing_required_fields(method, walk, api):
    above = method.route.path.split("/")[2] if method.route.variables else None    # which the address says
    required = [json_name(f) for f in contract().writable(method.body_message) if contract().rule(f).required
                and not (above and contract().rule(f).references == above)]
    if not required:
        pytest.skip("nothing is required")
    problem = walk.call(api, method, json={}).fails(400, "INVALID_FIELDS")
    assert {"/" + name for name in required} <= {e["pointer"] for e in problem["errors"] if e["reason"] == "REQUIRED"}


@methods(lambda m: m.verb == "CREATE")
def test_output_only_fields_are_refused(method, walk, api):
    body = {**walk.body(method), "createTime": "2020-01-01T00:00:00Z"}
    walk.call(api, method, json=body).fails(400, "INVALID_FIELDS", "/createTime", "OUTPUT_ONLY")


FORMATS = {"UUID": "not-a-uuid", "DATE": "2026-02-30", "DECIMAL": "1e5", "MONEY": "1e5",
           "CURRENCY": "money", "COUNTRY": "China", "EMAIL": "no at sign",
           "PHONE": "call me", "URL": "javascript:alert(1)", "TIME_ZONE": "Mars/Base", "LANGUAGE": "not a language!"}


@methods(lambda m: m.verb == "CREATE")
def test_every_format_is_checked(method, walk, api):
    fields = {json_name(f): contract().format(f) for f in contract().writable(method.body_message)
              if contract().format(f) in FORMATS}
    lists = {json_name(f) for f in method.body_message.fields if f.label == f.LABEL_REPEATED}
    bad = {name: [FORMATS[form]] if name in lists else FORMATS[form] for name, form in fields.items()}
    body = {k: v for k, v in walk.body(method).items() if k not in bad}
    problem = walk.call(api, method, json={**body, **bad}).fails(400, "INVALID_FIELDS")
    told = {e["pointer"] for e in problem["errors"]}
    for name in bad:
        pointer = f"/{name}/0" if name in lists else f"/{name}"
        if pointer not in told:     # only the service knows, and it looks when all else is right
            alone = {**walk.body(method), name: bad[name]}
            for language, words in (("en", "must be"), ("zh-CN", "格式应为")):
                problem = walk.call(api, method, json=alone, headers={"Accept-Language": language}).fails(
                    400, "INVALID_FIELDS", pointer, "BAD_FORMAT")
                assert words in problem["errors"][0]["detail"]


@methods(lambda m: m.verb == "CREATE")
def test_texts_are_bounded(method, walk, api):
    fields = {json_name(f): contract().rule(f).max_length or 255 for f in contract().writable(method.body_message)
              if f.cpp_type == f.CPPTYPE_STRING and f.label != f.LABEL_REPEATED
              and contract().format(f) == "FORMAT_UNSPECIFIED"}
    body = {**walk.body(method), **{name: "长" * (limit + 1) for name, limit in fields.items()}}
    problem = walk.call(api, method, json=body).fails(400, "INVALID_FIELDS")
    missing = {"/" + n for n in fields} - {e["pointer"] for e in problem["errors"] if e["reason"] == "TOO_LONG"}
    assert not missing, f"{missing} are not bounded"


@methods(lambda m: takes_json(m) and m.body_message.fields)
def test_a_text_with_nul_is_named(method, walk, api):
    """JSON has U+0000 and PostgreSQL's text has not: said in words of its own, where it stands, at every door."""
    for field in method.body_message.fields:
        if field.cpp_type != field.CPPTYPE_STRING and field.name != "custom_fields":
            continue
        name, listed = json_name(field), field.label == field.LABEL_REPEATED
        value = ["a", "a\0b"] if listed else {"k": ["\0"]} if field.name == "custom_fields" else "a\0b"
        pointer = f"/{name}" + ("/1" if listed else "/k/0" if field.name == "custom_fields" else "")
        for language, words in (("en", "U+0000, which no text here can hold"), ("zh-CN", "文本中不能保存该字符")):
            problem = walk.call(api, method, json={name: value}, headers={"Accept-Language": language}).fails(400, "INVALID_FIELDS")
            assert [(e.get("pointer"), e["reason"]) for e in problem["errors"]] == [(pointer, "NUL_CHARACTER")], problem
            assert words in problem["errors"][0]["detail"]


@methods(lambda m: m.routes)
def test_body_too_large(method, walk, api, stack):
    """Whether the length is announced or the body is just sent and sent; of strangers, and where it says nothing, at 8 KiB."""
    limit = longest_body(method)
    _send(stack.port, method, walk, api, limit + 1, chunked=False).fails(413, "BODY_TOO_LARGE")
    _send(stack.port, method, walk, api, limit + 1, chunked=True).fails(413, "BODY_TOO_LARGE")


class _Raw:
    """Looks like a response of requests, as far as Answer needs it."""

    def __init__(self, response):
        self.status_code, self.headers = response.status, dict(response.getheaders())
        self.text = response.read().decode()
        self.request = type("Request", (), {"method": "", "url": "", "body": None})

    def json(self):
        return json.loads(self.text)


def _send(port, method, walk, api, total, chunked):
    """Sends a body of total bytes, or as much of it as the server takes, and answers what it says."""
    http_ = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    http_.putrequest(method.route.verb, walk.path(method) + ("?resource=accounts" if takes_body(method) and not takes_json(method) else ""))
    headers = {"Content-Type": "application/json" if takes_json(method) else "text/csv",
               "Authorization": f"Bearer {api.token}",
               **({"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(total)})}
    for name, value in headers.items():
        http_.putheader(name, value)
    http_.endheaders()
    try:
        for sent in range(0, total, 1 << 16):
            piece = b"x" * min(1 << 16, total - sent)
            http_.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            http_.send(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass
    try:
        return Answer(_Raw(http_.getresponse()))
    finally:
        http_.close()


# ---- arguments -------------------------------------------------------------------------------------------------------


@methods(lambda m: m.has_field("page_token"))
def test_bad_page_token(method, walk, api):
    for token in ("junk", "AAAA", "A" * 200, "../..", "%00"):
        answer = api.call("GET", walk.path(method, walk.records.id("accounts")), params={"pageToken": token})
        answer.fails(400, "BAD_PAGE_TOKEN")


@methods(lambda m: m.verb == "LIST")
def test_filter_errors_have_a_position(method, walk, api):
    cases = {"id = ": 5, "id ==": 5, "noSuchField = 1": 1, "(id:*": 6, 'id = "open': 6, "AND": 1, "id = 1)": 7,
             "id:* AND id:* OR id:*": None, "createTime > yesterday": None, "🙂": 1}
    for text, position in cases.items():
        answer = api.call("GET", method.route.path, params={"filter": text})
        problem = answer.fails(400, "BAD_FILTER")
        assert any(c.isdigit() for c in problem["detail"]), f"{text}: {answer}"
        chinese = api.call("GET", method.route.path, params={"filter": text}, headers={"Accept-Language": "zh-CN"})
        assert CHINESE.search(chinese.fails(400, "BAD_FILTER")["detail"])
        if position:
            found = int("".join(c for c in problem["detail"].split("character ")[1].split(":")[0] if c.isdigit()))
            assert abs(found - position) <= 1, f"{text!r} is wrong at {position}: {problem['detail']}"


@methods(lambda m: m.verb == "LIST")
def test_mixed_and_and_or_are_explained(method, walk, api):
    problem = api.get(method.route.path, filter="id:* AND version > 0 OR id:*").fails(400, "BAD_FILTER")
    assert "bracket" in problem["detail"] or "parenthes" in problem["detail"], problem["detail"]
    api.get(method.route.path, filter="id:* AND (version > 0 OR id:*)").ok()


@methods(lambda m: m.verb == "LIST")
def test_bad_order_and_mask(method, walk, api):
    path = walk.org.make.filled(method.route.path)
    api.get(path, orderBy="noSuchField").fails(400, "BAD_ORDER")
    api.get(path, orderBy="id sideways").fails(400, "BAD_ORDER")
    api.get(path, orderBy="id; DROP TABLE x").fails(400, "BAD_ORDER")
    (resource,) = [f.message_type for f in method.output.fields if f.message_type is not None
                   and f.label == f.LABEL_REPEATED and not f.message_type.GetOptions().map_entry]
    for field in resource.fields:
        for order in (json_name(field), f"{field.name} desc"):
            answer = api.get(path, orderBy=order)
            if contract().rule(field).sortable:
                answer.ok()
            else:
                assert "id, createTime, updateTime" in answer.fails(400, "BAD_ORDER")["detail"]
    api.get(path, readMask="id,noSuchField").fails(400, "INVALID_FIELDS", "readMask", "BAD_MASK")


@methods(lambda m: m.route.verb == "GET")
def test_unknown_and_wrong_arguments(method, walk, api):
    path = walk.path(method, walk.records.id(method.route.collection)
                     if any(v.endswith("id") for v in method.route.variables) and "resource" not in method.route.variables
                     else walk.records.id("accounts"))
    api.call("GET", path, params={"noSuchArgument": 1}).fails(400, "INVALID_FIELDS", "noSuchArgument", "UNKNOWN_FIELD")
    if method.has_field("page_size"):
        for text in ("many", "1.5", "-1", "99999999999999999999", ""):
            answer = api.call("GET", path, params={"pageSize": text})
            answer.fails(400, "INVALID_FIELDS", "pageSize")


@methods(lambda m: any(v.split(".")[-1] == "id" for v in m.route.variables))
def test_ids_that_are_none(method, walk, api):
    for text in ("1", "not-a-uuid", "00000000-0000-0000-0000-00000000000g", "%27%20OR%201%3D1--", "%00"):
        answer = walk.call(api, method, text)
        assert answer.status in (400, 404), str(answer)
        answer.problem()


@methods(lambda m: any(v.split(".")[-1] == "id" for v in m.route.variables))
def test_ids_of_nothing(method, walk, api):
    walk.call(api, method, "01900000-0000-7000-8000-000000000000").fails(404, "NOT_FOUND")


# ---- addresses -------------------------------------------------------------------------------------------------------


def test_unknown_routes(api, guest):
    for path in ("/", "/v1", "/v1/", "/v1/nosuchthings", "/v1/accounts/x/y/z", "/v2/accounts", "/v1/accounts:explode",
                 "/v1/accounts/", "/V1/accounts", "/v1/accounts/01900000-0000-7000-8000-000000000000:explode",
                 "/../etc/passwd", "/v1/%2e%2e/etc", "//", "/v1//accounts"):
        for caller in (api, guest):
            answer = caller.call("GET", path)
            answer.fails(404, "NO_SUCH_ROUTE")
    chinese = api.call("GET", "/v1/nosuchthings", headers={"Accept-Language": "zh-CN"}).fails(404, "NO_SUCH_ROUTE")
    assert CHINESE.search(chinese["detail"])


def _verbs_by_shape():
    found = {}
    for m in contract().routed:
        for route in m.routes:
            found.setdefault(route.shape, set()).add(route.verb)
    return found


@pytest.mark.parametrize("shape", sorted(_verbs_by_shape()))
def test_wrong_verb(shape, api):
    allowed = _verbs_by_shape()[shape]
    path = re.sub("^/v1/{}", "/v1/accounts", shape).replace("{}", "01900000-0000-7000-8000-000000000000")
    for verb in sorted({"GET", "POST", "PUT", "PATCH", "DELETE"} - allowed):
        answer = api.call(verb, path, json={} if verb in ("POST", "PUT", "PATCH") else None)
        answer.fails(405, "METHOD_NOT_ALLOWED")
        said = {v.strip() for v in answer.headers["Allow"].split(",")}
        assert allowed <= said and verb not in said, f"Allow: {said}, and the contract has {allowed}"
