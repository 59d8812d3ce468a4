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


def _resolve(document, node):
    while "$ref" in node:
        target = document
        assert node["$ref"].startswith("#/"), node
        for word in node["$ref"][2:].split("/"):
            target = target[word.replace("~1", "/").replace("~0", "~")]
        node = target
    return node
