"""The OpenAPI document, held against what is really sent and answered."""
import re

import jsonschema

# What a schema says of a text beyond its type; other formats are not checked.
CHECKER = jsonschema.FormatChecker(formats=())
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DAY = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
MOMENT = re.compile(DAY + r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z")

CHECKER.checks("uuid")(lambda v: not isinstance(v, str) or bool(UUID.fullmatch(v)))
CHECKER.checks("date")(lambda v: not isinstance(v, str) or bool(re.fullmatch(DAY, v)))
CHECKER.checks("date-time")(lambda v: not isinstance(v, str) or bool(MOMENT.fullmatch(v)))
CHECKER.checks("int64")(lambda v: not isinstance(v, str) or bool(re.fullmatch(r"-?\d{1,19}", v)))
CHECKER.checks("uint64")(lambda v: not isinstance(v, str) or bool(re.fullmatch(r"\d{1,20}", v)))


def resolve(document, node):
    """What a $ref stands for."""
    while "$ref" in node:
        target = document
        for word in node["$ref"][2:].split("/"):
            target = target[word.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


class Document:
    """Knows the operation that a request is for, and what it may send and answer."""

    def __init__(self, document):
        self.document = document
        self.validators = {}
        self.operations = []
        for path, item in document["paths"].items():
            pattern = re.compile(re.sub(r"\\{[^}]+\\}", "[^/:]+", re.escape(path)))
            # A literal goes before a variable, as in the gateway.
            self.operations.append((path.count("{"), pattern, path, item))
        self.operations.sort(key=lambda o: o[0])

    def find(self, verb, path):
        """The operation for a path as it was asked for; None if there is none."""
        for _, pattern, template, item in self.operations:
            if pattern.fullmatch(path) and verb.lower() in item:
                return item[verb.lower()]
        return None

    def faults(self, schema, value):
        """What is wrong with a value, as sentences."""
        key = id(schema)
        if key not in self.validators:
            whole = {"$ref": schema["$ref"], "components": self.document["components"]} if "$ref" in schema else \
                {**schema, "components": self.document["components"]}
            self.validators[key] = jsonschema.Draft202012Validator(whole, format_checker=CHECKER), schema
        return ["/" + "/".join(map(str, e.absolute_path)) + ": " + e.message[:300] for e in self.validators[key][0].iter_errors(value)]

    def answer_faults(self, operation, status, headers, kind, value):
        """What is wrong with an answer: one of the statuses, headers and media types that are described, and the shape."""
        answers = operation["responses"]
        if str(status) not in answers and status < 400:
            return [f"status {status} is not described, only {sorted(answers)}"]
        described = resolve(self.document, answers.get(str(status), answers["default"]))
        content = described.get("content", {})
        faults = [f"the header {name} is missing" for name, h in described.get("headers", {}).items()
                  if resolve(self.document, h).get("required") and name not in headers]
        if not content or status == 304:
            return faults
        if kind not in content:
            return faults + [f"{kind} is not described, only {sorted(content)}"]
        if "json" in kind:
            faults += self.faults(content[kind]["schema"], value)
        for name in ("ETag", "Location"):
            if name in headers and status < 400 and name not in described.get("headers", {}):
                faults.append(f"the header {name} is not described")
        return faults
