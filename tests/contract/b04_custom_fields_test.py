"""What customFields and other JSON of any shape hold: the same value comes back, or the request is refused at its place; and
nothing that the database holds makes a record, a list, a history or the feed unreadable."""
import json

import pytest

from lib.contract import contract
from lib.copy import Copy
from lib.org import Org
from lib.records import run_import
from lib.stack import wait_until


def methods(wanted):
    def mark(function):
        function.wanted = wanted
        return function
    return mark


def has_custom_fields(message):
    return message is not None and "custom_fields" in message.fields_by_name


def with_custom_fields(*verbs):
    return [c for c in contract().collections(*verbs) if has_custom_fields(contract().resources[c])]


@pytest.fixture(scope="module", autouse=True)
def keys(org):
    org.allow("a", "b", "c", "d", *ODD_KEYS, *(f"n{i}" for i in range(len(HELD))))


HELD = ["0", "-0", "0.0", "1", "-1.5", "1.10", "0.1", "1e15", "9007199254740992", "-9007199254740992", "18014398509481984", "1e22",
        "0.30000000000000004", "1e-20", "123456789.123456", "1E+3", "0e999"]
NOT_HELD = ["9007199254740993", "-9007199254740993", "12345678901234567890", "123456789012345678", "1e23", "1e100", "-1e70", "1e-70",
            "1e400", "-1e400", "1e-400", "0.1234567890123456789", "9" * 70, "1." + "0" * 70]


def raw(body, **numbers):
    """The body as text, with these texts as numbers in customFields."""
    members = ",".join(f"{json.dumps(k)}:{v}" for k, v in numbers.items())
    return (json.dumps({k: v for k, v in body.items() if k != "customFields"})[:-1] + (", " if body else "")
            + '"customFields":{' + members + "}}").encode()


def writes(method):
    return method.verb in ("CREATE", "UPDATE", "UPSERT") and has_custom_fields(method.body_message)


@methods(writes)
def test_a_number_comes_back_as_it_was_sent(method, walk, api):
    body = {**walk.body(method), "externalSource": "exact"} if method.verb == "UPDATE" else walk.body(method)
    id = walk.records.id(method.route.collection) if method.verb == "UPDATE" else None
    keys = {f"n{i}": text for i, text in enumerate(HELD)}
    made = walk.call(api, method, id, data=raw(body, **keys), json=None).ok()
    for key, text in keys.items():
        value = made["customFields"][key]
        assert value == json.loads(text) and not isinstance(value, str), (text, value)
    again = api.get(f"{contract().address(method.route.collection)}/{made['id']}").ok()
    assert again["customFields"] == made["customFields"]


@methods(writes)
def test_a_number_that_would_become_another_is_refused_at_its_place(method, walk, api):
    body = walk.body(method)
    id = walk.records.id(method.route.collection) if method.verb == "UPDATE" else None
    languages = [("en", "cannot be held exactly; send it as a string"), ("zh-CN", "请以字符串形式提交")]
    for n, text in enumerate(NOT_HELD):
        language, words = languages[n % 2]
        data = raw(body, ok="1", bad=text, a=f'[1,[2,{{"/~":{text}}}]]', **{"x.y[0]": text, "": text})
        problem = walk.call(api, method, id, data=data, json=None, headers={
            "Content-Type": "application/json", "Accept-Language": language}).fails(400, None, "/customFields/bad", "NOT_EXACT")
        pointers = {e["pointer"] for e in problem["errors"]}
        assert pointers == {"/customFields/bad", "/customFields/a/1/1/~1~0", "/customFields/x.y[0]", "/customFields/"}, problem
        assert all(words in e["detail"] for e in problem["errors"])


@methods(lambda m: m.verb in ("UPDATE", "UPSERT") and has_custom_fields(m.body_message))
def test_keys_are_merged(method, walk, api):
    """In every collection, by PATCH and by upsert: keys of the body are written, null clears one, all others stay."""
    body = walk.body(method)
    id = walk.records.id(method.route.collection) if method.verb == "UPDATE" else None
    for sent, kept in (({"a": 1, "b": {"x": 1}}, {"a": 1, "b": {"x": 1}}), ({"c": "y"}, {"a": 1, "b": {"x": 1}, "c": "y"}),
                       ({"a": None, "b": {"z": 2}}, {"b": {"z": 2}, "c": "y"}), ({}, {"b": {"z": 2}, "c": "y"})):
        record = walk.call(api, method, id, json={**body, "customFields": sent}).ok()
        assert {k: v for k, v in record["customFields"].items() if k in "abc"} == kept
    if method.verb == "UPDATE":
        masked = walk.call(api, method, id, json={"customFields": {"c": "z", "d": 1}}, params={"updateMask": "customFields.c"}).ok()
        assert masked["customFields"]["c"] == "z" and "d" not in masked["customFields"]
    cleared = walk.call(api, method, id, json={**body, "customFields": None}).ok()
    assert cleared["customFields"] is None


@pytest.mark.parametrize("value,code", [
    ('"\\u0000"', "INVALID_FIELDS"), ('"\\ud800"', "BAD_JSON"), ('{"a":1,"a":2}', "DUPLICATE_KEY"), ("[" * 40 + "]" * 40, "TOO_DEEP"),
    ("[" + "0," * 70000 + "0]", "TOO_MANY_VALUES"), ('"' + "x" * 17000 + '"', "INVALID_FIELDS")], ids=range(6))
def test_what_else_cannot_be_held_is_refused(value, code, api):
    api.call("POST", "/v1/accounts", data=raw({"name": "x"}, v=value)).fails(400, code)


ODD_KEYS = {"a b": 2, "a.b[0]\\": {"": []}, "键" * 200: "x", "k" * 5000: True}


def test_odd_keys_are_keys(api):
    made = api.post("/v1/accounts", json={"name": "Keys", "customFields": ODD_KEYS}).ok(201)
    assert api.get(f"/v1/accounts/{made['id']}").ok()["customFields"] == ODD_KEYS


def test_a_key_with_nothing_to_see_is_none(api):
    """Keys are texts of one line: without what cannot be seen at their ends, "" and " " are one, and no field is called so."""
    for fields in ({"": 1}, {" ": 1}, {"\u3000": 1}):
        api.post("/v1/accounts", json={"name": "Keys", "customFields": fields}).fails(400, None, "/customFields/", "UNKNOWN_FIELD")
    api.post("/v1/accounts", json={"name": "Keys", "customFields": {"": 1, " ": 1}}).fails(400, None, "/customFields/", "GIVEN_TWICE")
    made = api.post("/v1/accounts", json={"name": "Keys", "customFields": {" a b ": 1}}).ok(201)
    assert made["customFields"] == {"a b": 1}


# JSON that no request brings: what the database may hold all the same, written by whoever owns it.
ODD = {
    "large": ('{"n": 1e100, "keep": "me"}', {"n": "1" + "0" * 100, "keep": "me"}),
    "small": ('{"n": -1e-70, "keep": "me"}', {"n": "-0." + "0" * 69 + "1", "keep": "me"}),
    "huge": ('{"n": 1e5000, "keep": "me"}', {"n": "1" + "0" * 5000, "keep": "me"}),
    "many digits": ('{"n": [12345678901234567890, 9007199254740993]}', {"n": ["12345678901234567890", "9007199254740993"]}),
    "1.10": ('{"n": 1.10}', {"n": 1.1}),
    "null": ('{"n": null, "": "x"}', {"n": None, "": "x"}),
    "deep": ('{"n": ' + "[" * 60 + "]" * 60 + "}", {"n": json.loads("[" * 60 + "]" * 60)}),
    "deeper": ('{"n": ' + "[" * 500 + "]" * 500 + "}", None),
    "long": (json.dumps({"k" * 20000: "v" * 300000}), {"k" * 20000: "v" * 300000}),
    "many": (json.dumps({"n": [1] * 100000}), {"n": [1] * 100000}),
}


@pytest.fixture(scope="module")
def odd_org(stack):
    return Org(stack)


@pytest.mark.parametrize("collection", with_custom_fields("GET"))
def test_what_is_stored_is_read(collection, odd_org, stack):
    """By get, list, batchGet and PATCH of another field, in the history and in the feed."""
    api = odd_org.api
    (table,) = stack.sql("SELECT relation::text FROM app.resources WHERE name = %s", collection)[0]
    ids = {}
    for name, (text, _) in ODD.items():
        if contract().standard(collection, "CREATE"):
            ids[name] = odd_org.make.create(collection)["id"]
        else:
            ids[name] = stack.sql(f"SELECT id FROM {table} WHERE org_id = %s LIMIT 1", odd_org.id)[0][0]
        stack.sql(f"UPDATE {table} SET custom_fields = %s::jsonb WHERE org_id = %s AND id = %s", text, odd_org.id, ids[name])
        expected = ODD[name][1]
        assert api.get(f"/v1/{collection}/{ids[name]}").ok()["customFields"] == expected, name
    expected = {ids[name]: value for name, (_, value) in ODD.items()}
    if contract().standard(collection, "LIST"):
        found = {r["id"]: r["customFields"] for r in api.all(f"/v1/{collection}", pageSize=3)}
        assert {id: found[id] for id in expected} == expected
    if contract().standard(collection, "BATCH_GET"):
        rows = api.call("GET", f"/v1/{collection}:batchGet?" + "&".join(f"ids={id}" for id in ids.values())).ok()[collection]
        assert {r["id"]: r["customFields"] for r in rows} == expected
    for name, id in ids.items():
        events = api.get(f"/v1/{collection}/{id}/history", pageSize=200).ok()["events"]
        after = [c["after"] for e in events for c in e["changes"] if c["field"] == "customFields"]
        assert ODD[name][1] in after or ODD[name][1] is None, name


def test_the_feed_goes_on_over_all_of_it(odd_org):
    seen, after = set(), None
    while True:
        page = odd_org.api.get("/v1/events", pageSize=7, **({"after": after} if after else {})).ok()
        seen |= {e["recordId"] for e in page["events"]}
        after = page["cursor"]
        if not page["more"]:
            break
    last = odd_org.api.post("/v1/accounts", json={"name": "after all"}).ok(201)["id"]
    wait_until("the last event", lambda: last in {
        e["recordId"] for e in odd_org.api.get("/v1/events", after=after).ok()["events"]})
    assert len(seen) > 50


def test_no_event_stops_the_feed(stack):
    """Whatever an image holds: it is one's own field, or event, that suffers."""
    org = Org(stack)
    images = [("[]", "1", "accounts"), ("null", '"x"', "accounts"), ("{}", "{}", "nothings"), ("{}", '{"permissions": "x"}', "roles"),
              ('{"name": []}', '{"name": {"a": 1}, "create_time": "x", "employee_count": "9e99", "custom_fields": [1],'
               ' "city": "Bonn", "version": "zz", "annual_revenue": {"deep": ' + "[" * 300 + "]" * 300 + "}}", "accounts"),
              ("{}", '{"line_items": {"a": 1}, "amount": [], "outcome": "NEVER", "start_date": 7}', "deals"),
              ("{}", '{"line_items": [null, 1, "x", [], {"quantity": {}, "nothing": 1}]}', "deals")]
    for before, after, resource in images:
        stack.sql("INSERT INTO app.events (org_id, resource, record_id, action, before, after)"
                  " VALUES (%s, %s, gen_random_uuid(), 'UPDATED', %s::jsonb, %s::jsonb)", org.id, resource, before, after)
    last = org.api.post("/v1/accounts", json={"name": "last"}).ok(201)["id"]
    events = Copy(org.api).settle(last).events
    odd = [e for e in events if e["action"] == "UPDATED" and e["resource"] in ("accounts", "deals", "roles")]
    assert len(odd) == len(images) - 1, "one has no collection"
    assert any(c["field"] == "city" and c["after"] == "Bonn" for e in odd for c in e["changes"]), "beside what cannot be read"


def test_an_import_changes_a_record_that_has_it(odd_org, stack):
    id = odd_org.api.post("/v1/accounts", json={"name": "Odd", "externalId": "odd-1"}).ok(201)["id"]
    stack.sql("UPDATE customers.accounts SET custom_fields = %s::jsonb WHERE id = %s", ODD["deeper"][0], id)
    done = run_import(odd_org.api, "accounts", "key,name\nodd-1,Odd 2\n",
                      {"mode": "UPSERT", "columns": {"key": {"field": "externalId"}, "name": {"field": "name"}}})
    assert (done["updatedRows"], done["failedRows"]) == ("1", "0"), done
    assert odd_org.api.get(f"/v1/accounts/{id}").ok()["name"] == "Odd 2"
