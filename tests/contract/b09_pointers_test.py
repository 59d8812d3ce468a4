"""Every rule of every field, broken at every door: the same pointer and the same reason, and nothing is written."""
import uuid

import pytest

from lib.contract import contract, json_name

COLLECTIONS = [c for c in contract().collections("CREATE", "UPDATE", "UPSERT")
               if c != "fields"]   # of which one value decides what others may be
BAD = {"UUID": "no-uuid", "DATE": "2026-02-30", "DECIMAL": "1e5", "CURRENCY": "money", "EMAIL": "no at sign",
       "PHONE": "call me", "URL": "javascript:alert(1)", "TIME_ZONE": "Mars/Base", "LANGUAGE": "not a language!",
       "TIME_OF_DAY": "25:99"}
SPECIAL = {"dueTime": "25:99", "permissions": ["no.such"], "requiredFields": ["no such field"]}


def wrong_values(field):
    """What breaks a rule of a field, each time another one."""
    rule, form, name = contract().rule(field), contract().format(field), json_name(field)
    texts = field.cpp_type == field.CPPTYPE_STRING
    if field.label == field.LABEL_REPEATED:
        yield 5
        if texts:
            yield [BAD[form] if form in BAD else "x" * ((rule.max_length or 255) + 1)]
        yield from [SPECIAL[name]] if name in SPECIAL else []
        return
    yield {field.CPPTYPE_STRING: True, field.CPPTYPE_BOOL: "yes", field.CPPTYPE_ENUM: "NO_SUCH_VALUE",
           field.CPPTYPE_MESSAGE: 5}.get(field.cpp_type, "abc")
    if texts and (form in BAD or name in SPECIAL):
        yield SPECIAL.get(name, BAD.get(form))
    elif texts:
        yield "长" * ((rule.max_length or 255) + 1)
    if rule.min or rule.max:
        for number in (rule.min - 1, rule.max * 2 + 1):
            yield str(int(number)) if texts else int(number)
    if rule.required:
        yield None
        if texts and form == "FORMAT_UNSPECIFIED":
            yield "\u3000 "


def said(answer):
    return {(e.get("pointer"), e["reason"]) for e in answer.fails(400)["errors"]}


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_rule_at_every_door(collection, api, make):
    path = contract().standard(collection, "CREATE").route.path
    body = make.body(collection, externalId=uuid.uuid4().hex)
    made = api.post(path, json=body).ok(201)
    fresh = {k: v for k, v in make.body(collection).items()}
    for field in contract().writable(contract().resources[collection]):
        name = json_name(field)
        if name in ("id", "externalId", "externalSource", "customFields"):
            continue
        for value in wrong_values(field):
            wrong = {name: value}
            create = said(api.post(path, json={**fresh, **wrong}))
            assert any(pointer.split("/")[1] == name for pointer, _ in create), f"{wrong}: {create}"
            update = said(api.patch(f"{path}/{made['id']}", wrong))
            assert update == create, f"{wrong}: {update} where a create says {create}"
            for key in (made["externalId"], uuid.uuid4().hex):
                upsert = said(api.post(f"{path}:upsert", json={**fresh, **wrong, "externalId": key}))
                assert upsert == create, f"{wrong}: {upsert} where a create says {create}"
    assert api.get(f"{path}/{made['id']}").ok() == made


def test_a_time_of_day(api):
    made = api.post("/v1/tasks", json={"subject": "x", "dueDate": "2026-12-01", "externalId": "t-1"}).ok(201)
    for answer in (api.post("/v1/tasks", json={"subject": "x", "dueTime": "25:99"}),
                   api.patch(f"/v1/tasks/{made['id']}", {"dueTime": "25:99"}),
                   api.post("/v1/tasks:upsert", json={"externalId": "t-1", "dueTime": "99"}),
                   api.post("/v1/tasks:upsert", json={"externalId": "t-2", "subject": "x", "dueTime": "99"})):
        answer.fails(400, "INVALID_FIELDS", "/dueTime", "BAD_FORMAT")
