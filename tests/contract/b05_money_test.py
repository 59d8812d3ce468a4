"""Amounts in a currency without decimals, at every door that the contract has."""
import json

import pytest

from lib.contract import contract, json_name
from lib.org import Org
from lib.records import run_import

DEEP = 3


def money_fields(message, depth=0):
    """(path of JSON names, field) of each amount that a caller may give; lists have one element."""
    for field in contract().writable(message):
        if contract().format(field) == "MONEY":
            yield [json_name(field)], field
        elif field.message_type is not None and field.message_type.full_name.startswith("sfms.") and depth < DEEP:
            for path, inner in money_fields(field.message_type, depth + 1):
                yield [json_name(field)] + ([0] if field.label == field.LABEL_REPEATED else []) + path, inner


def standard(verb):
    for collection, message in contract().resources.items():
        if contract().standard(collection, verb):
            for path, _ in money_fields(message):
                yield pytest.param(collection, path, id=f"{collection}-{'.'.join(map(str, path))}")


def put(body, path, value):
    """The body with the value at the path; what is on the way is made."""
    at = body
    for name, after in zip(path, path[1:]):
        if isinstance(name, int):
            at = at[name]
        else:
            at = at.setdefault(name, [{}] if isinstance(after, int) else {})
    at[path[-1]] = value
    return body


def pointer(path):
    return "/" + "/".join(map(str, path))


@pytest.fixture(scope="module")
def yen(stack):
    return Org(stack, currency="JPY")


def test_there_are_amounts():
    assert {p.id for p in standard("CREATE")} >= {"deals-amount", "accounts-annualRevenue", "deals-lineItems.0.amount"}


@pytest.mark.parametrize("collection, path", standard("CREATE"))
def test_create(yen, collection, path):
    body = put(yen.make.body(collection), path, "12.34")
    problem = yen.api.post(contract().standard(collection, "CREATE").route.path, json=body).fails(400, "INVALID_FIELDS")
    assert {"pointer": pointer(path), "reason": "BAD_FORMAT"}.items() <= next(
        e for e in problem["errors"] if e["pointer"] == pointer(path)).items()


@pytest.mark.parametrize("collection, path", standard("UPDATE"))
def test_update(yen, collection, path):
    record = yen.make.create(collection)
    yen.api.patch(contract().standard(collection, "UPDATE").route.fill(record["id"]), json=put({}, path, "12.34")).fails(
        400, "INVALID_FIELDS", pointer(path), "BAD_FORMAT")


@pytest.mark.parametrize("collection, path", standard("UPSERT"))
def test_upsert(yen, collection, path):
    body = put(yen.make.body(collection, externalId=f"money-{pointer(path)}"), path, "12.34")
    yen.api.post(contract().standard(collection, "UPSERT").route.path, json=body).fails(
        400, "INVALID_FIELDS", pointer(path), "BAD_FORMAT")


@pytest.mark.parametrize("collection, path", [p for p in standard("CREATE") if 0 not in p.values[1]])
def test_import(yen, collection, path):
    body = {k: v for k, v in yen.make.body(collection).items() if isinstance(v, str)}
    names = list(body) + [path[-1]]
    rows = ",".join(names) + "\n" + ",".join([*body.values(), "12.34"]) + "\n"
    mapping = {"columns": {name: {"field": name} for name in names}}
    ended = run_import(yen.api, collection, rows, mapping)
    assert (int(ended["createdRows"]), int(ended["failedRows"])) == (0, 1), json.dumps(ended)


@pytest.mark.parametrize("method", [m for m in contract().routed if m.verb == "VERB_UNSPECIFIED" and m.body_message and
                                    any(True for _ in money_fields(m.body_message))], ids=lambda m: m.name)
def test_own_methods(yen, method):
    for path, _ in money_fields(method.body_message):
        record = yen.make.create(method.route.collection)
        problem = yen.api.call(method.route.verb.upper(), method.route.fill(record["id"]), json=put({}, path, "12.34")).fails(400)
        assert pointer(path) in {e["pointer"] for e in problem["errors"]}
