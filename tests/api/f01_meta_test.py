"""What there is: collections, fields and values by the names that people call them, and what the caller may do."""
import re

import pytest

from lib.contract import contract, json_name

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def catalogue(org):
    return {c["name"]: c for c in org.api.get("/v1/meta").ok()["collections"]}


def labels(node):
    """Every label in a catalogue, with what it is of."""
    if isinstance(node, dict):
        for key in ("label", "plural"):
            if key in node:
                yield node.get("name") or node.get("value"), node[key]
        for value in node.values():
            yield from labels(value)
    elif isinstance(node, list):
        for value in node:
            yield from labels(value)


def test_every_collection_is_there(catalogue):
    assert list(catalogue) == sorted(contract().resources)


@pytest.mark.parametrize("name", sorted(contract().resources))
def test_every_field_is_there_with_its_rules(catalogue, name):
    fields = {f["name"]: f for f in catalogue[name]["fields"]}
    stored = [f for f in contract().resources[name].fields if not contract().rule(f).secret and not contract().rule(f).on_request]
    assert set(fields) == {json_name(f) for f in stored}
    for field in stored:
        rule, said = contract().rule(field), fields[json_name(field)]
        for word in ("required", "output_only", "immutable", "personal", "sortable", "lookup", "multiline", "references"):
            camel = re.sub(r"_(.)", lambda m: m.group(1).upper(), word)
            assert said[camel] == getattr(rule, word), (field.full_name, word)
        assert (said["type"] == "CHOICE") == (field.enum_type is not None)
        if field.enum_type:
            wanted = [v.name for v in field.enum_type.values if not v.name.endswith("_UNSPECIFIED")]
            assert sorted(v["value"] for v in said["values"]) == sorted(wanted)


def test_labels_are_in_both_languages(catalogue):
    found = list(labels(list(catalogue.values())))
    assert len(found) > 200
    for what, label in found:
        assert label["en"] and not CHINESE.search(label["en"]), what
        assert CHINESE.search(label["zh"]) or label["zh"] == label["en"] == "JSON", what


def test_what_a_deal_is_like(catalogue):
    deal = catalogue["deals"]
    assert deal["label"] == {"en": "Deal", "zh": "商机"} and deal["plural"]["en"] == "Deals"
    fields = {f["name"]: f for f in deal["fields"]}
    assert fields["ownerId"]["label"] == {"en": "Owner", "zh": "负责人"} and fields["ownerId"]["references"] == "users"
    assert fields["amount"]["format"] == "MONEY" and fields["amount"]["sortable"]
    assert fields["outcome"]["values"][1] == {"value": "WON", "label": {"en": "Won", "zh": "赢单"}}
    assert fields["createTime"]["type"] == "TIME" and fields["version"]["type"] == "INTEGER"
    items = fields["lineItems"]
    assert items["type"] == "RECORD" and items["repeated"] and items["maxItems"] == 200
    assert {f["name"]: f["type"] for f in items["fields"]}["quantity"] == "TEXT"
    assert {m["name"]: m["path"] for m in deal["methods"]}["MoveDeal"] == "/v1/deals/{id}:move"


def test_one_collection(org):
    [tasks] = org.api.get("/v1/meta", collection="tasks").ok()["collections"]
    assert tasks["label"]["zh"] == "任务"
    org.api.get("/v1/meta", collection="unicorns").fails(404, "NOT_FOUND")


def test_what_the_caller_may_do(org, catalogue):
    def allowed(api, collection):
        [one] = api.get("/v1/meta", collection=collection).ok()["collections"]
        return {m["name"]: m["scope"] for m in one["methods"] if m["allowed"]}

    rep = org.person("Rep").api
    assert allowed(rep, "deals")["UpdateDeal"] == "OWN" and "DeleteDeal" not in allowed(rep, "deals")
    assert allowed(rep, "products") == {m["name"]: "ORG" for m in catalogue["products"]["methods"] if m["permission"] == "products.read"}
    assert allowed(org.api, "deals") == {m["name"]: "ORG" for m in catalogue["deals"]["methods"]}


def test_what_has_not_changed_is_not_sent_again(org):
    first = org.api.get("/v1/meta")
    again = org.api.call("GET", "/v1/meta", headers={"If-None-Match": first.etag})
    assert again.status == 304 and not again.text
    rep = org.person("Rep").api
    assert rep.get("/v1/meta").etag != first.etag, "what somebody else may do is something else"
    assert rep.call("GET", "/v1/meta", headers={"If-None-Match": first.etag}).status == 200


def test_the_document_has_the_labels(org):
    schemas = org.api.get("/openapi.json").ok()["components"]["schemas"]
    assert schemas["Account"]["x-label"] == {"en": "Account", "zh": "客户"}
    assert schemas["Account"]["x-plural"]["en"] == "Accounts"
    assert schemas["Account"]["properties"]["website"]["x-label"] == {"en": "Website", "zh": "网站"}
    assert schemas["TaskPriority"]["x-enum-labels"]["HIGH"] == {"en": "High", "zh": "高"}
