"""GET /openapi.json covers the contract."""
import re

import pytest

from lib.api import Api
from lib.contract import contract, json_name


@pytest.fixture(scope="module")
def document(stack):
    return Api(stack.base).get("/openapi.json").ok(200)


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
    own = {"/openapi.json", "/healthz", "/readyz", "/metrics"}
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
        got = api.get(routes["GET"].fill({routes["GET"].variables[0]: record["id"]})).ok()
        assert not _faults(document, schema, got)
    page = api.get(routes["LIST"].fill({}), pageSize=2, countTotal=True).ok()
    assert not _faults(document, _answer_schema(document, "GET", routes["LIST"].shape), page)


@pytest.mark.parametrize("path", ["/v1/me", "/v1/events", "/v1/analytics/performance", "/v1/analytics/funnel",
                                  "/v1/analytics/forecast", "/v1/analytics/dashboard"])
def test_what_else_is_answered_fits(document, api, path):
    assert not _faults(document, _answer_schema(document, "GET", path), api.get(path).ok())


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


def _faults(document, schema, value, where=""):
    """What is wrong with a value, by the words of JSON Schema that the document uses."""
    schema = _resolve(document, schema)
    if "anyOf" in schema:
        if any(not _faults(document, s, value, where) for s in schema["anyOf"]):
            return []
        return [f"{where}: {value!r} is none of {schema['anyOf']}"]
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_is(value, t) for t in types):
        return [f"{where}: {value!r} is no {types}"]
    faults = []
    if value is not None and "enum" in schema and value not in schema["enum"]:
        faults.append(f"{where}: {value!r} is not in {schema['enum']}")
    if isinstance(value, dict) and "properties" in schema:
        faults += [f"{where}/{k} is missing" for k in schema.get("required", []) if k not in value]
        faults += [f"{where}/{k} is not described" for k in value if k not in schema["properties"]]
        for key in value.keys() & schema["properties"].keys():
            faults += _faults(document, schema["properties"][key], value[key], f"{where}/{key}")
    if isinstance(value, list) and "items" in schema:
        for item in value:
            faults += _faults(document, schema["items"], item, f"{where}/-")
    return faults


_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
          "number": (int, float)}


def _is(value, type):
    return isinstance(value, _TYPES[type]) and (type == "boolean" or not isinstance(value, bool))


def _resolve(document, node):
    while "$ref" in node:
        target = document
        assert node["$ref"].startswith("#/"), node
        for word in node["$ref"][2:].split("/"):
            target = target[word.replace("~1", "/").replace("~0", "~")]
        node = target
    return node
