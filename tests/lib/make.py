"""Valid bodies for any resource, made from the contract's field rules, and records from them."""
import itertools
import re
import uuid

from lib.contract import Route, contract, json_name

_numbers = itertools.count(1)

# Fields that say by themselves what kind of value they want, where the rules cannot.
TEXTS = {
    "DATE": lambda n: f"2026-{1 + n % 12:02}-{1 + n % 28:02}",
    "DECIMAL": lambda n: f"{100 + n}.5",
    "MONEY": lambda n: f"{100 + n}.5",
    "CURRENCY": lambda n: "CNY",
    "COUNTRY": lambda n: "CN",
    "EMAIL": lambda n: f"person{n}.{uuid.uuid4().hex[:8]}@example.com",
    "PHONE": lambda n: f"+86138{n:08}",
    "URL": lambda n: f"https://example.com/{n}",
    "TIME_ZONE": lambda n: "Asia/Shanghai",
    "LANGUAGE": lambda n: "zh-CN",
}


class Maker:
    """Makes bodies and records on behalf of one caller, who must be allowed to write what they refer to."""

    def __init__(self, api, org):
        self.api, self.org = api, org
        self._parents = {}

    def parent(self, collection):
        """The record that the parts of a collection are made for, and looked for below."""
        above = Route.parts[collection]
        if above not in self._parents:
            self._parents[above] = self.create(above)["id"]
        return self._parents[above]

    def filled(self, path):
        """An address with the record in it that parts belong to."""
        return re.sub(r"^/v1/\w+/\{[^}]*\}/(\w+)", lambda m: m.group(0) if m.group(1) not in Route.parts else
                      f"/v1/{Route.parts[m.group(1)]}/{self.parent(m.group(1))}/{m.group(1)}", path)

    def body(self, collection, full=False, **given):
        """A body that CREATE accepts: the required fields, or all that a caller may give. given wins."""
        message = contract().resources[collection]
        body = {} if full else dict(given)
        for field in contract().writable(message):
            name = json_name(field)
            if name in given or name in ("id", "externalId", "externalSource", "customFields"):
                continue
            if collection in Route.parts and field.name == contract().resource(collection).parent:
                body[name] = self.parent(collection)
            elif contract().rule(field).required or (full and self._worth_filling(collection, field)):
                body[name] = self.value(field, full)
        body.update(HINTS.get(collection, lambda maker, full: {})(self, full))
        body.update(given)
        return {k: v for k, v in body.items() if v is not ...}

    def _worth_filling(self, collection, field):
        rule = contract().rule(field)
        return rule.references in ("", "users") and field.message_type is None

    def value(self, field, full=False):
        n = next(_numbers)
        if field.label == field.LABEL_REPEATED:
            return [self._single(field, n, full)] if contract().rule(field).required else []
        return self._single(field, n, full)

    def _single(self, field, n, full):
        rule, form = contract().rule(field), contract().format(field)
        if field.cpp_type == field.CPPTYPE_STRING:
            if form == "UUID":
                return self.reference(rule.references)
            if form in TEXTS:
                return TEXTS[form](n)
            text = f"{field.name.replace('_', ' ')} {n}"
            return text[:rule.max_length or 255]
        if field.cpp_type == field.CPPTYPE_ENUM:
            return field.enum_type.values_by_number[min(k for k in field.enum_type.values_by_number if k)].name
        if field.cpp_type == field.CPPTYPE_BOOL:
            return True
        if field.cpp_type == field.CPPTYPE_MESSAGE:
            return self._message(field.message_type, n, full)
        low, high = (rule.min, rule.max) if rule.max else (0, 1000)
        number = int(low + n % max(1, min(50, int(high - low))))
        return str(number) if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64) else number

    def _message(self, message, n, full):
        if message.full_name == "google.protobuf.Timestamp":
            return f"2026-{1 + n % 12:02}-{1 + n % 28:02}T08:30:00Z"
        if message.full_name == "google.protobuf.Struct":
            return {"note": f"value {n}"}
        return {json_name(f): self.value(f, full) for f in contract().writable(message)
                if contract().rule(f).required}

    def reference(self, collection):
        """The id of a record that a field may point to."""
        if collection == "users":
            return self.org.admin.id
        if collection in contract().resources:
            return self.create(collection)["id"]
        return str(uuid.uuid4())

    def create(self, collection, full=False, **given):
        """Creates a record and answers it."""
        method = contract().standard(collection, "CREATE")
        assert method, f"{collection} has no CREATE: say in lib/make.py how one is made"
        return self.api.post(method.route.path, json=self.body(collection, full, **given)).ok()


def _about(maker, full):
    """Activities name the record that they are about in two fields that go together."""
    if full:
        return {"relatedResource": "accounts", "relatedId": maker.create("accounts")["id"]}
    return {}


def _task(maker, full):
    return {**_about(maker, full), **({"dueTime": "09:30", "dueDate": "2026-12-01"} if full else {})}


def _note(maker, full):
    return _about(maker, True)


def _meeting(maker, full):
    return {**_about(maker, full), "startTime": "2026-12-01T08:00:00Z", "endTime": "2026-12-01T09:00:00Z"}


def _deal(maker, full):
    # An open deal has no close date and no reason why it was lost.
    return {"closeDate": ..., "lostReason": ..., "startDate": "2026-01-01"} if full else {}


def _field(maker, full):
    more = {"defaultValue": ..., "min": ..., "max": ..., "maxLength": 100, "refersTo": ..., "choices": ..., "required": False} if full else {}
    return {"collection": "accounts", "type": "TEXT", "label": {"en": "Field", "zh": "字段"}, **more}


def _user(maker, full):
    return {"disabled": False} if full else {}


# What a collection's rules do not say about valid bodies: (maker, full) -> fields; ... leaves a field out.
HINTS = {"tasks": _task, "calls": _about, "notes": _note, "meetings": _meeting, "deals": _deal, "users": _user, "fields": _field}
