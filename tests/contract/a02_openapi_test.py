"""GET /openapi.json covers the contract, says what the server does, and can be read by other people's tools.

That every answer fits it is looked at wherever a test calls the API: see lib/api.py.
"""
import re

import pytest
import requests

from lib.api import Api
from lib.contract import contract, json_name
from lib.document import Document, resolve as _resolve


@pytest.fixture(scope="module")
def document(stack):
    return requests.get(stack.base + "/openapi.json", timeout=60).json()


@pytest.fixture(scope="module")
def document_30(stack):
    return requests.get(stack.base + "/openapi-3.0.json", timeout=60).json()


def _faults(document, schema, value):
    return Document(document).faults(schema, value)


def _nodes(node, where=""):
    """Every object of a document, with where it is."""
    if isinstance(node, dict):
        yield where, node
        for key, value in node.items():
            yield from _nodes(value, f"{where}/{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _nodes(value, f"{where}/{i}")


def _schemas(document):
    """Every schema, with where it is."""
    return [(where, node) for where, node in _nodes(document)
            if isinstance(node.get("type"), (str, list)) and "in" not in node and not where.endswith("/properties")
            and not where.startswith("/components/securitySchemes")]


def _operations(document):
    """{(verb, shape): operation}"""
    found = {}
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            if verb in ("get", "put", "post", "patch", "delete"):
                found[(verb.upper(), re.sub(r"\{[^}]+\}", "{}", path))] = operation
    return found


def test_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] and document["info"]["version"]


@pytest.mark.parametrize("method", contract().routed, ids=lambda m: m.name)
def test_every_route_is_described(document, method):
    operations = _operations(document)
    for route in method.routes:
        operation = operations.get((route.verb, route.shape))
        assert operation, f"{route.verb} {route.path} is missing"
        assert operation.get("description") or operation.get("summary"), "no description"
        assert operation.get("operationId"), "no operationId"
        assert operation["responses"], "no responses"
        names = {p.get("name") for p in map(lambda p: _resolve(document, p), operation.get("parameters", []))
                 if p.get("in") == "path"}
        assert len(names) == len(route.variables), f"path parameters are {names}"
        if route.body:
            assert operation.get("requestBody"), "no request body"


def test_nothing_is_described_that_is_not_there(document):
    declared = {(r.verb, r.shape) for m in contract().routed for r in m.routes}
    own = {"/openapi.json", "/openapi-3.0.json", "/healthz", "/readyz", "/metrics"}
    extra = [k for k in _operations(document) if k not in declared and k[1] not in own]
    assert not extra


def test_operation_ids_are_unique(document):
    ids = [o["operationId"] for o in _operations(document).values()]
    assert len(ids) == len(set(ids))


def test_every_reference_resolves(document):
    def walk(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                _resolve(document, node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)
    walk(document)


@pytest.mark.parametrize("name", sorted(contract().resources))
def test_resources_have_schemas_with_their_fields(document, name):
    message = contract().resources[name]
    schemas = [s for key, s in document["components"]["schemas"].items()
               if key == message.name or key.endswith("." + message.name)]
    assert schemas, f"no schema for {message.name}"
    for field in message.fields:
        if contract().rule(field).secret:
            continue
        assert json_name(field) in schemas[0]["properties"], json_name(field)


def _answer_schema(document, verb, shape, status="200"):
    return _operations(document)[(verb, shape)]["responses"][status]["content"]["application/json"]["schema"]


@pytest.mark.parametrize("name", contract().collections("CREATE", "GET", "LIST"))
def test_what_is_answered_fits(document, api, make, name):
    """Every field of a record is described, and of the type that is described, whether it is filled or not."""
    made = [make.create(name), make.create(name, full=True)]
    routes = {verb: contract().standard(name, verb).route for verb in ("GET", "LIST")}
    schema = _answer_schema(document, "GET", routes["GET"].shape)
    for record in made:
        got = api.get(f"{contract().address(name)}/{record['id']}").ok()
        assert not _faults(document, schema, got)
    page = api.get(routes["LIST"].path, pageSize=2, countTotal=True).ok()
    assert not _faults(document, _answer_schema(document, "GET", routes["LIST"].shape), page)


@pytest.mark.parametrize("path", ["/v1/me", "/v1/events", "/v1/analytics/performance", "/v1/analytics/funnel",
                                  "/v1/analytics/forecast", "/v1/analytics/dashboard"])
def test_what_else_is_answered_fits(document, api, path):
    assert not _faults(document, _answer_schema(document, "GET", path), api.get(path).ok())


def test_formats_are_those_that_generators_know(document):
    """A text with the format "decimal" becomes a number in clients of Go and C#; formats of our own stand in x-format."""
    known = {"uuid", "date", "date-time", "idn-email", "iri", "uri", "uri-reference", "int32", "int64", "uint32", "uint64", "double", "binary"}
    found = {(node["format"], node["type"] if isinstance(node["type"], str) else node["type"][0]) for _, node in _schemas(document)
             if "format" in node}
    assert {f for f, _ in found} <= known
    assert all(t == ("number" if f == "double" else "integer" if f[-2:] == "32" else "string") for f, t in found)


def test_objects_say_what_else_they_hold(document):
    """An object without named members takes any; what is sent has those that are named and no others."""
    for where, node in _schemas(document):
        if "object" in node["type"]:
            assert "properties" in node or "additionalProperties" in node, where
        if re.fullmatch(r"/components/schemas/\w+(Input|Patch|Upsert)", where) and "object" in node["type"]:
            assert node["additionalProperties"] is False, where


def test_media_types_are_named(document):
    for where, node in _nodes(document):
        for kind in node.get("content", {}) if isinstance(node.get("content"), dict) else ():
            assert "*" not in kind, where
    for path, kind, named in (("/v1/imports", "multipart/form-data", []), ("/v1/{resource}:import", "text/csv", ["resource", "mapping", "charset"])):
        upload = document["paths"][path]["post"]
        assert list(upload["requestBody"]["content"]) == [kind]
        assert [p["name"] for p in upload["parameters"] if "name" in p] == named, "a form's fields have no second place"
        assert "200" not in upload["responses"] and {"ETag", "Location"} <= set(upload["responses"]["201"]["headers"])
    assert list(document["paths"]["/v1/imports/{id}/errors"]["get"]["responses"]["200"]["content"]) == ["text/csv"]


def test_what_a_mask_may_leave_out_is_not_required(document):
    for verb_shape, operation in _operations(document).items():
        if "readMask" not in [_resolve(document, p)["name"] for p in operation.get("parameters", [])]:
            continue
        content = operation["responses"]["200"]["content"]
        if "application/json" not in content:
            continue        # a file
        schema = _resolve(document, content["application/json"]["schema"])
        records = [p["items"] for p in schema["properties"].values() if p.get("type") == "array" and "$ref" in p["items"]]
        masked = schema if "x-resource" in schema else _resolve(document, records[0])
        assert "required" not in masked and (masked is schema or "nextPageToken" in schema["required"] or ":batchGet" in verb_shape[1])


@pytest.mark.parametrize("path,member", [("/v1/me", "user"), ("/v1/analytics/dashboard", "total"), ("/v1/analytics/dashboard", "funnel"),
                                         ("/v1/analytics/dashboard", "forecast"), ("/v1/analytics/forecast", "overdue")])
def test_what_is_always_there_is_not_null(document, path, member):
    answer = _resolve(document, _answer_schema(document, "GET", path))
    assert member in answer["required"] and "$ref" in answer["properties"][member]


def _reached(document, node, seen):
    """Everything that a schema leads to."""
    for _, inner in _nodes(node):
        name = inner.get("$ref")
        if isinstance(name, str) and name not in seen:
            seen[name] = _resolve(document, {"$ref": name})
            _reached(document, seen[name], seen)
    return seen


def test_unspecified_is_answered_and_not_sent(document):
    for operation in _operations(document).values():
        sent = {k: operation.get(k, {}) for k in ("parameters", "requestBody")}
        for name, schema in _reached(document, sent, {}).items():
            assert not [v for v in schema.get("enum", []) if v.endswith("UNSPECIFIED")], name
    assert "STATUS_UNSPECIFIED" in document["components"]["schemas"]["TaskStatus"]["enum"]
    assert "STATUS_UNSPECIFIED" not in document["components"]["schemas"]["TaskStatusInput"]["enum"]


def test_words_that_are_few_are_listed(document, api, make):
    """Each is taken, another is not."""
    def parameter(path, verb, name):
        return next(p["schema"] for p in map(lambda p: _resolve(document, p), document["paths"][path][verb]["parameters"]) if p["name"] == name)
    id = make.create("accounts")["id"]
    for word in parameter("/v1/analytics/performance", "get", "groupBy")["enum"]:
        assert api.get("/v1/analytics/performance", groupBy=word).ok()["groupBy"] == word
    api.get("/v1/analytics/performance", groupBy="moon").fails(400, "INVALID_FIELDS", "groupBy", "UNKNOWN_VALUE")
    history = parameter("/v1/{resource}/{id}/history", "get", "resource")["enum"]
    assert history == parameter("/v1/events", "get", "resource")["enum"] and sorted(history) == contract().collections("GET", parts=True)
    api.get(f"/v1/accounts/{id}/history").ok()
    form = document["paths"]["/v1/imports"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["resource"]["enum"] == parameter("/v1/{resource}:import", "post", "resource")["enum"]
    for word in form["properties"]["resource"]["enum"]:
        answer = api.call("POST", f"/v1/{word}:import", params={"mapping": '{"columns": {"x": {"field": "nonsense"}}}'}, data=b"x\ny\n",
                          headers={"Content-Type": "text/csv"})
        assert not [e for e in answer.problem()["errors"] if e.get("parameter") == "resource"], str(answer)


@pytest.mark.parametrize("method", [m for m in contract().routed if m.verb == "LIST"], ids=lambda m: m.name)
def test_orders_are_a_pattern(document, api, method):
    schema = next(p for p in document["paths"][method.route.path]["get"]["parameters"] if p.get("name") == "orderBy")["schema"]
    for order in ("createTime", "id desc", "createTime desc,id", "createTime asc, id desc"):
        assert re.search(schema["pattern"], order), order
        api.get(method.route.path, orderBy=order).ok()
    for order in ("nothing", "id sideways", "id desc desc", "id;name"):
        assert not re.search(schema["pattern"], order)
        assert api.get(method.route.path, orderBy=order).status == 400


def test_headers_are_patterns(document, api, make):
    parameters = document["components"]["parameters"]
    path = f"/v1/accounts/{make.create('accounts')['id']}"
    for tag, good in (('"1"', True), ("*", True), ('W/"1"', True), ('"1", "7"', True), ("1", False), ('"1', False), ("", False)):
        assert bool(re.search(parameters["IfMatch"]["schema"]["pattern"], tag)) == good, tag
        if tag:
            answer = api.patch(path, {"city": "Bonn"}, headers={"If-Match": tag})
            assert (answer.status != 400) == good, f"{tag}: {answer}"
    for key, good in (("a-1", True), ("x" * 255, True), ("a b", False)):
        assert bool(re.search(parameters["IdempotencyKey"]["schema"]["pattern"], key)) == good
        assert (api.post("/v1/accounts", json={"name": "x"}, headers={"Idempotency-Key": key}).status == 201) == good


def test_examples_are_there_and_fit(document):
    """A mock server answers what they say, so every text has one, and each is a value that its schema allows."""
    held = Document(document)
    for where, node in _schemas(document):
        examples = node.get("examples", [node["example"]] if "example" in node else [])
        for example in examples:
            assert not held.faults(node, example), f"{where}: {example}"
        if "string" in node["type"] and "/properties/" in where and node.get("format") != "binary" and "contentEncoding" not in node:
            assert examples or "enum" in node, where


def test_an_older_form_for_older_tools(document, document_30):
    """The same operations and schemas in OpenAPI 3.0, which has no lists of types, no null in them, and one example each."""
    assert document_30["openapi"].startswith("3.0")
    assert document_30["paths"].keys() == document["paths"].keys()
    assert document_30["components"]["schemas"].keys() == document["components"]["schemas"].keys()
    for where, node in _nodes(document_30):
        assert not isinstance(node.get("type"), list), where
        assert not {"const", "contentEncoding", "contentMediaType"} & node.keys() or where.endswith("/properties"), where
        assert not ("$ref" in node and len(node) > 1) or where.endswith("/properties"), where
        assert "examples" not in node or not isinstance(node["examples"], list), where
        assert not node.get("nullable") or "type" in node, f"{where}: null is one of the values of a type"


# What a field's own schema can say, as the server names it.
OF_THE_FIELD = {"WRONG_TYPE", "UNKNOWN_FIELD", "UNKNOWN_VALUE", "TOO_LONG", "TOO_MANY_ITEMS", "OUT_OF_RANGE"}


def _bad_values(field):
    rule = contract().rule(field)
    values = [5, "x", True, [], {}, [[]], {"a": {}}]
    if field.cpp_type == field.CPPTYPE_STRING:
        values.append("长" * ((rule.max_length or 255) + 1))
    if rule.min or rule.max:
        values += [rule.max + 1, rule.min - 1]
    if field.label == field.LABEL_REPEATED:
        values += [["x"] * ((rule.max_items or 100) + 1), ["长" * ((rule.max_length or 255) + 1)], [5], [None]]
    return values


@pytest.mark.parametrize("method", [m for m in contract().routed if m.body_message is not None and m.body_message.fields], ids=lambda m: m.name)
def test_what_is_refused_is_not_described(document, api, org, method):
    """Where the server says that a value is none for its field, the document says so, too; a required member that is missing as well."""
    operation = _operations(document)[(method.route.verb, method.route.shape)]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    path, held = method.route.fill("01900a6e-7c1b-7d6e-9a43-3f1c5d2e8b07"), Document(document)
    loose = []
    for field in method.body_message.fields:
        for value in _bad_values(field):
            body = {json_name(field): value}
            answer = api.call(method.route.verb, path, json=body)
            refused = [e for e in answer.json().get("errors", []) if e["reason"] in OF_THE_FIELD and e.get("pointer", "").startswith(f"/{json_name(field)}")] \
                if answer.status == 400 else []
            faults = [f for f in held.faults(schema, body) if "required" not in f or f.startswith(f"/{json_name(field)}")]
            if refused and not faults:
                loose.append((body, refused))
    empty = api.call(method.route.verb, path, json={})
    if empty.status == 400:
        missing = {e["pointer"][1:] for e in empty.json().get("errors", []) if e["reason"] == "REQUIRED" and "pointer" in e}
        described = _resolve(document, schema).get("required", [])
        assert missing <= set(described) or method.verb == "UPSERT", missing
        for name in described:
            if _resolve(document, schema)["properties"][name].get("type") == "string":
                assert held.faults(schema, {name: ""}), name
    assert not loose, loose[:5]


def test_a_problem_fits(document, api):
    answer = api.post("/v1/accounts", json={"nmae": "x"})
    assert not _faults(document, {"$ref": "#/components/schemas/Problem"}, answer.fails(400, "INVALID_FIELDS"))


@pytest.mark.parametrize("name", contract().collections("CREATE", "UPDATE"))
def test_what_is_described_can_be_sent(document, api, make, name):
    """Null for every field that may be null clears it: a form can send what its user has emptied."""
    operations = _operations(document)
    route = contract().standard(name, "UPDATE").route
    body = operations[("PATCH", route.shape)]["requestBody"]["content"]["application/json"]["schema"]
    fields = _resolve(document, body)["properties"]
    record = make.create(name, full=True)
    empty = {key: None for key, schema in fields.items() if not _faults(document, schema, None)}
    answer = api.patch(route.fill({v: record["id"] for v in route.variables}), empty)
    refused = [] if answer.status == 200 else answer.problem().get("errors", [])
    assert not [e for e in refused if e["reason"] in ("WRONG_TYPE", "BAD_FORMAT", "UNKNOWN_FIELD", "UNKNOWN_VALUE",
                                                      "OUTPUT_ONLY")], str(answer)


def test_what_changes_a_version_takes_if_match(document):
    for address in ("/v1/deals/{id}:move", "/v1/deals/{id}:undelete"):
        operation = document["paths"][address]["post"]
        assert "If-Match" in [_resolve(document, p)["name"] for p in operation["parameters"]] and "412" in operation["responses"]


def test_comments_speak_of_fields_as_json_does(document):
    def walk(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("description", "summary") and isinstance(value, str):
                    assert not re.search(r"\b[a-z0-9]+_[a-z]", value), value
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)
    walk(document)
