"""Every text of every collection: what cannot be seen is nothing, at every door."""
import uuid

import pytest

from lib.contract import contract, json_name

# Blanks of all widths, ends of lines, what has no width, what Unicode ignores, fillers, controls.
HIDDEN = [" ", "\t", "\r\n", "\u00a0", "\u1680", "\u2009", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u200b", "\u200c", "\u200d",
          "\u2060", "\ufeff", "\u00ad", "\u034f", "\u115f", "\u3164", "\uffa0", "\u180e", "\ufe0f", "\U000e0100", "\u200e", "\u202e",
          "\U000e0061", "\u0001", "\u007f", "\u0085", "\u2800"]
DOORS = [(name, verb) for name in contract().collections("CREATE") for verb in ("CREATE", "UPDATE", "UPSERT")
         if contract().standard(name, verb)]


def is_text(field):
    return field.cpp_type == field.CPPTYPE_STRING and field.label != field.LABEL_REPEATED


def one_line(name):
    """The fields of a collection that hold one line of text."""
    return [f for f in contract().writable(contract().resources[name]) if is_text(f) and not contract().rule(f).multiline
            and not contract().rule(f).secret]


def required(name):
    """Those that must be given, of one line or several."""
    return [f for f in contract().writable(contract().resources[name]) if is_text(f) and contract().rule(f).required
            and not contract().rule(f).immutable and contract().format(f) == "FORMAT_UNSPECIFIED"]


class Door:
    """Writes records of a collection by one verb."""

    def __init__(self, api, make, name, verb):
        self.api, self.make, self.name, self.verb = api, make, name, verb
        self.route = contract().standard(name, verb).route
        self.record = make.create(name) if verb == "UPDATE" else None

    def body(self, full=False):
        body = self.make.body(self.name, full)
        if self.verb == "UPSERT":
            body["externalId"] = uuid.uuid4().hex
        if self.verb == "UPDATE":
            immutable = {json_name(f) for f in contract().resources[self.name].fields if contract().rule(f).immutable}
            body = {k: v for k, v in body.items() if k not in immutable}
        return body

    def write(self, body):
        path = self.route.fill({v: self.record["id"] for v in self.route.variables}) if self.record else self.route.path
        return self.api.call(self.route.verb, path, json=body)


@pytest.fixture
def door(api, make, request):
    return Door(api, make, *request.param)


@pytest.mark.parametrize("door", DOORS, ids="-".join, indirect=True)
def test_what_cannot_be_seen_is_not_there(door):
    for field in required(door.name):
        for hidden in HIDDEN:
            body = {**door.body(), json_name(field): hidden * 2}
            door.write(body).fails(400, "INVALID_FIELDS", f"/{json_name(field)}", "REQUIRED")


@pytest.mark.parametrize("door", DOORS, ids="-".join, indirect=True)
def test_what_cannot_be_seen_is_taken_off(door):
    texts = {json_name(f) for f in one_line(door.name)}
    for left, right in zip(HIDDEN, HIDDEN[1:] + HIDDEN[:1]):
        plain = door.body(full=True)
        padded = {k: left + v + right if k in texts and v else v for k, v in plain.items()}
        stored = door.write(padded).ok()
        for key in plain.keys() & texts:
            assert stored[key] == plain[key], f"{key} with {left!r} and {right!r}"
        read = door.api.get(f"/v1/{door.name}/{stored['id']}").ok()
        assert {k: read[k] for k in plain.keys() & texts} == {k: plain[k] for k in plain.keys() & texts}


@pytest.mark.parametrize("door", DOORS, ids="-".join, indirect=True)
def test_composed_and_decomposed_letters_are_the_same(door):
    for field in set(required(door.name)) & set(one_line(door.name)):
        if field.name == "related_resource":  # the name of a collection
            continue
        name, mark = json_name(field), uuid.uuid4().hex
        stored = door.write({**door.body(), name: f"Cafe\u0301 {mark}"}).ok()
        assert stored[name] == f"Café {mark}"


@pytest.mark.parametrize("door", [d for d in DOORS if "custom_fields" in contract().resources[d[0]].fields_by_name],
                         ids="-".join, indirect=True)
def test_texts_of_custom_fields_too(door):
    fields = {" a\u3000": "\u200b x ", "b": ["\u00a0y"], "c": {"d": "e\u0301 "}, "blank": "\u3000"}
    stored = door.write({**door.body(), "customFields": fields}).ok()
    assert stored["customFields"] == {"a": "x", "b": ["y"], "c": {"d": "é"}, "blank": ""}
    door.write({**door.body(), "customFields": {"a": 1, "a ": 2}}).fails(400, "INVALID_FIELDS", "/customFields/a", "GIVEN_TWICE")


@pytest.mark.parametrize("name", contract().collections("CREATE"))
def test_several_lines_keep_their_blanks(api, make, name):
    lines = [f for f in contract().writable(contract().resources[name]) if contract().rule(f).multiline]
    for field in lines:
        text = "  first\n\n\tsecond \u3000"
        assert make.create(name, **{json_name(field): text})[json_name(field)] == text
        empty = contract().standard(name, "CREATE")
        answer = api.post(empty.route.path, json={**make.body(name), json_name(field): " \n\u3000\u200b"})
        if contract().rule(field).required:
            answer.fails(400, "INVALID_FIELDS", f"/{json_name(field)}", "REQUIRED")
        else:
            assert answer.ok(201)[json_name(field)] == ""


def test_mail_addresses(api, make):
    """They hold nothing that cannot be seen, and have one case."""
    for name, message in sorted(contract().resources.items()):
        for field in contract().writable(message) if contract().standard(name, "CREATE") else []:
            if contract().format(field) != "EMAIL":
                continue
            key, mark = json_name(field), uuid.uuid4().hex[:8]
            for hidden in HIDDEN:
                for wrong in (f"ann{hidden}{mark}@example.com", f"ann{mark}@exam{hidden}ple.com"):
                    body = {**make.body(name), key: wrong}
                    api.post(f"/v1/{name}", json=body).fails(400, "INVALID_FIELDS", f"/{key}", "BAD_FORMAT")
            for typed, stored in ((f"ANN{mark}@MÜNCHEN.example", f"ann{mark}@münchen.example"),
                                  (f"ＡＮＮ{mark}＠example.com", f"ann{mark}@example.com"),
                                  (f"Анна{mark}@ПОЧТА.РФ", f"анна{mark}@почта.рф")):
                assert make.create(name, **{key: typed})[key] == stored
