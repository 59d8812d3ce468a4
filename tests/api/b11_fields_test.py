"""Fields that an organisation defines: /v1/fields, and how their values are checked at every door."""
import pytest

from lib.org import Org


def define(api, name, type, collection="accounts", **more):
    return api.post("/v1/fields", json={"collection": collection, "name": name, "type": type,
                                        "label": {"en": name.capitalize(), "zh": "字段"}, **more}).ok(201)


CHOICES = [{"value": "gold", "label": {"en": "Gold", "zh": "金"}}, {"value": "silver"}, {"value": "tin", "retired": True}]

# The type, what is given, and what is answered for it: the same in most cases.
SAME = object()
VALUES = [
    ("TEXT", "云帆 Ltd", SAME), ("TEXT", "  trimmed\u3000", "trimmed"), ("LONG_TEXT", "a\n  b ", SAME),
    ("NUMBER", "123456789012345678.123456", SAME), ("NUMBER", "-0.000001", SAME), ("NUMBER", "1.50", "1.5"), ("NUMBER", 1500, "1500"),
    ("NUMBER", 0.1, "0.1"), ("NUMBER", "999999999999999999.999999", SAME), ("NUMBER", "-0", "0"),
    ("MONEY", "250000.55", SAME), ("DATE", "2026-02-28", SAME), ("TIME", "2026-03-01T08:30:00+08:00", "2026-03-01T00:30:00Z"),
    ("TIME", "2026-03-01T00:30:00.123Z", SAME), ("BOOLEAN", True, SAME), ("BOOLEAN", False, SAME), ("CHOICE", "gold", SAME),
    ("CHOICES", ["silver", "gold"], SAME), ("URL", "https://example.com/a?b=c", SAME), ("PHONE", "+86 138 0013 8000", "+8613800138000"),
    ("EMAIL", "Anna@Example.com", "anna@example.com"), ("JSON", {"a": [1, None, {"b": "x"}]}, SAME), ("JSON", 1.5, SAME),
]
WRONG = [
    ("TEXT", 5, "WRONG_TYPE"), ("TEXT", "x" * 256, "TOO_LONG"), ("LONG_TEXT", "x" * 4001, "TOO_LONG"), ("NUMBER", "1e5", "BAD_FORMAT"),
    ("NUMBER", "1234567890123456789", "BAD_FORMAT"), ("NUMBER", "0.1234567", "BAD_FORMAT"), ("NUMBER", True, "WRONG_TYPE"),
    ("MONEY", "1.234", "BAD_FORMAT"), ("DATE", "2026-02-30", "BAD_FORMAT"), ("TIME", "2026-03-01", "WRONG_TYPE"), ("BOOLEAN", "true", "WRONG_TYPE"),
    ("CHOICE", "bronze", "UNKNOWN_VALUE"), ("CHOICE", "tin", "BAD_VALUE"), ("CHOICES", "gold", "WRONG_TYPE"), ("CHOICES", ["gold", "gold"], "GIVEN_TWICE"),
    ("CHOICES", ["gold", ""], "BAD_VALUE"), ("URL", "ftp://x", "BAD_FORMAT"), ("PHONE", "+86 1", "BAD_FORMAT"), ("EMAIL", "anna", "BAD_FORMAT"),
    ("REFERENCE", "x", "BAD_FORMAT"),
]


@pytest.fixture(scope="module")
def typed(api):
    """One field of each type, in accounts."""
    more = {"CHOICE": {"choices": CHOICES}, "CHOICES": {"choices": CHOICES}, "REFERENCE": {"refersTo": "contacts"}}
    types = ["TEXT", "LONG_TEXT", "NUMBER", "MONEY", "DATE", "TIME", "BOOLEAN", "CHOICE", "CHOICES", "REFERENCE", "URL", "PHONE", "EMAIL", "JSON"]
    return {t: define(api, t.lower(), t, **more.get(t, {})) for t in types}


@pytest.mark.parametrize("type,given,answered", VALUES, ids=range(len(VALUES)))
def test_a_value_comes_back_by_every_door(type, given, answered, typed, api):
    key, answered = type.lower(), given if answered is SAME else answered
    made = api.post("/v1/accounts", json={"name": "Value", "customFields": {key: given}}).ok(201)
    assert made["customFields"] == {key: answered}
    address = f"/v1/accounts/{made['id']}"
    assert api.get(address).ok() == made
    assert api.patch(address, {"customFields": {key: None}}).ok()["customFields"] == {}
    assert api.patch(address, {"customFields": {key: given}}).ok()["customFields"] == {key: answered}
    assert api.patch(address, {"customFields": made["customFields"]}).ok()["version"] == "3", "what was answered can be sent back"
    upserted = api.post("/v1/accounts:upsert", json={"name": "By key", "externalId": f"v-{made['id']}", "customFields": {key: given}}).ok(201)
    assert upserted["customFields"] == {key: answered}
    events = api.get(f"{address}/history").ok()["events"]
    assert {key: answered} in [c["after"] for e in events for c in e["changes"] if c["field"] == "customFields"]


@pytest.mark.parametrize("type,given,reason", WRONG, ids=range(len(WRONG)))
def test_a_value_that_is_none_is_refused_at_its_place(type, given, reason, typed, api):
    body = {"name": "Wrong", "customFields": {type.lower(): given}}
    problem = api.post("/v1/accounts", json=body).fails(400, "INVALID_FIELDS")
    assert [e["reason"] for e in problem["errors"]] == [reason]
    assert problem["errors"][0]["pointer"].startswith(f"/customFields/{type.lower()}")
    if reason != "BAD_VALUE" or type != "CHOICE":
        api.post("/v1/accounts:upsert", json={**body, "externalId": "wrong"}).fails(400, "INVALID_FIELDS")


@pytest.mark.parametrize("language,words", [("en", "define it"), ("zh-CN", "该集合没有此字段")])
def test_what_is_not_defined_is_refused(language, words, typed, api):
    problem = api.post("/v1/accounts", json={"name": "x", "customFields": {"nope": 1, "text": "ok"}},
                       headers={"Accept-Language": language}).fails(400, None, "/customFields/nope", "UNKNOWN_FIELD")
    assert words in problem["errors"][0]["detail"]
    api.post("/v1/contacts", json={"name": "x", "customFields": {"text": "of accounts"}}).fails(400, None, "/customFields/text", "UNKNOWN_FIELD")


def test_an_organisation_without_definitions_has_none(stack):
    other_org = Org(stack, keys=())
    other_org.api.post("/v1/accounts", json={"name": "x", "customFields": {"text": "x"}}).fails(400, None, "/customFields/text", "UNKNOWN_FIELD")
    other_org.api.post("/v1/accounts", json={"name": "x", "customFields": {"text": None}}).ok(201)
    other_org.api.post("/v1/accounts", json={"name": "x", "customFields": {}}).ok(201)


def test_required_default_and_bounds(api):
    define(api, "region", "TEXT", "contacts", required=True)
    define(api, "level", "NUMBER", "contacts", required=True, defaultValue=3, min="1", max="5.5")
    define(api, "since", "DATE", "contacts", min="2020-01-01")
    problem = api.post("/v1/contacts", json={"name": "Li"}).fails(400, None, "/customFields/region", "REQUIRED")
    assert len(problem["errors"]) == 1, "what has a default need not be given"
    made = api.post("/v1/contacts", json={"name": "Li", "customFields": {"region": "N"}}).ok(201)
    assert made["customFields"] == {"region": "N", "level": "3"}
    address = f"/v1/contacts/{made['id']}"
    for body in ({"customFields": {"region": None}}, {"customFields": {"region": " "}}, {"customFields": None}):
        api.patch(address, body).fails(400, None, "/customFields/region", "REQUIRED")
    api.call("PATCH", address, json={"customFields": {}}, params={"updateMask": "customFields.region"}).fails(
        400, None, "/customFields/region", "REQUIRED")
    for wrong in ("0.9", "5.500001", "-3"):
        api.patch(address, {"customFields": {"level": wrong}}).fails(400, None, "/customFields/level", "OUT_OF_RANGE")
    api.patch(address, {"customFields": {"level": "5.5"}}).ok()
    api.patch(address, {"customFields": {"since": "2019-12-31"}}).fails(400, None, "/customFields/since", "OUT_OF_RANGE")
    # An upsert asks for what a new record must have only if there is none, and gives defaults to a new one only.
    api.post("/v1/contacts:upsert", json={"name": "Wu", "externalId": "wu"}).fails(400, None, "/customFields/region", "REQUIRED")
    new = api.post("/v1/contacts:upsert", json={"name": "Wu", "externalId": "wu", "customFields": {"region": "S"}}).ok(201)
    assert new["customFields"] == {"region": "S", "level": "3"}
    api.patch(f"/v1/contacts/{new['id']}", {"customFields": {"level": "4"}}).ok()
    again = api.post("/v1/contacts:upsert", json={"name": "Wu", "externalId": "wu"}).ok(200)
    assert again["customFields"] == {"region": "S", "level": "4"}


def test_definitions_are_checked(api):
    def refused(pointer, reason, **body):
        api.post("/v1/fields", json={"collection": "leads", "name": "f", "label": {"en": "F"}, "type": "TEXT", **body}).fails(400, None, pointer, reason)

    refused("/collection", "NO_SUCH_COLLECTION", collection="nothings")
    refused("/label", "REQUIRED", label={"en": " "})
    refused("/choices", "NOT_FOR_TYPE", choices=CHOICES)
    refused("/choices", "REQUIRED", type="CHOICE")
    refused("/choices", "GIVEN_TWICE", type="CHOICE", choices=[{"value": "a"}, {"value": "a"}])
    refused("/min", "NOT_FOR_TYPE", min="1")
    refused("/min", "BAD_FORMAT", type="NUMBER", min="x")
    refused("/max", "OUT_OF_RANGE", type="NUMBER", min="10", max="9")
    refused("/maxLength", "NOT_FOR_TYPE", type="DATE", maxLength=5)
    refused("/refersTo", "NO_SUCH_COLLECTION", type="REFERENCE")
    refused("/refersTo", "NOT_FOR_TYPE", refersTo="accounts")
    refused("/refersTo", "NO_SUCH_COLLECTION", type="REFERENCE", refersTo="nothings")
    refused("/defaultValue", "BAD_FORMAT", type="DATE", defaultValue="tomorrow")
    refused("/defaultValue", "BAD_FORMAT", type="CHOICE", choices=CHOICES, defaultValue="bronze")
    made = define(api, "bounded", "NUMBER", "leads", min="1.50", max="9")
    assert made["min"] == "1.5"
    api.patch(f"/v1/fields/{made['id']}", {"max": "1"}).fails(400, None, "/max", "OUT_OF_RANGE")
    api.patch(f"/v1/fields/{made['id']}", {"defaultValue": "10"}).fails(400, None, "/defaultValue", "OUT_OF_RANGE")
    api.patch(f"/v1/fields/{made['id']}", {"type": "TEXT"}).fails(400, None, "/type", "IMMUTABLE")
    api.post("/v1/fields", json={"collection": "leads", "name": "bounded", "label": {"en": "F"}, "type": "TEXT"}).fails(409, None, "/name", "TAKEN")


def test_a_new_label_changes_nothing_else(typed, api):
    made = api.post("/v1/accounts", json={"name": "x", "customFields": {"choice": "gold"}}).ok(201)
    choices = [{"value": "gold", "label": {"en": "Best", "zh": "最佳"}}, {"value": "silver"}, {"value": "tin", "retired": True}]
    field = api.patch(f"/v1/fields/{typed['CHOICE']['id']}", {"label": {"en": "Rank", "zh": "等级"}, "choices": choices}).ok()
    assert field["label"] == {"en": "Rank", "zh": "等级"} and field["choices"][0]["label"]["en"] == "Best"
    assert api.get(f"/v1/accounts/{made['id']}").ok() == made


def test_a_deleted_field_can_come_back(api):
    field = define(api, "passing", "TEXT", "products")
    made = api.post("/v1/products", json={"name": "P", "customFields": {"passing": "x"}}).ok(201)
    address = f"/v1/products/{made['id']}"
    api.delete(f"/v1/fields/{field['id']}").ok()
    api.patch(address, {"customFields": {"passing": "y"}}).fails(400, None, "/customFields/passing", "UNKNOWN_FIELD")
    assert api.get(address).ok()["customFields"] == {"passing": "x"}
    api.post(f"/v1/fields/{field['id']}:undelete", json={}).ok()
    api.patch(address, {"customFields": {"passing": "y"}}).ok()
    api.delete(f"/v1/fields/{field['id']}").ok()
    assert api.patch(address, {"customFields": {"passing": None}}).ok()["customFields"] == {}


def test_who_may_define(org):
    rep = org.person("Rep").api
    assert rep.get("/v1/fields").ok()["fields"] is not None
    rep.post("/v1/fields", json={"collection": "leads", "name": "mine", "type": "TEXT", "label": {"en": "x"}}).fails(403, "NO_PERMISSION")


def test_numbers_are_compared_and_added_up_as_numbers(stack):
    """They are answered as decimal strings, as amounts are, and are numbers all the same."""
    api = Org(stack, keys=()).api
    define(api, "size", "NUMBER")
    for size in ("9", "10", "100.25", None):
        api.post("/v1/accounts", json={"name": f"Size {size}", "customFields": {"size": size}}).ok(201)
    found = lambda text: {a["customFields"]["size"] for a in api.all("/v1/accounts", filter=text)}
    assert found("customFields.size >= 10") == {"10", "100.25"} and found("customFields.size < 10") == {"9"}
    assert found("customFields.size = 10.0") == {"10"}
    assert len(api.all("/v1/accounts", filter="customFields.size != 10")) == 3
    row, = api.get("/v1/accounts:aggregate", measures="sum(customFields.size),max(customFields.size)").ok()["rows"]
    assert row["values"] == {"sum(customFields.size)": "119.25", "max(customFields.size)": "100.25"}
