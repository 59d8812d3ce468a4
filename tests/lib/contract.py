"""The contract, read from the descriptor set that is linked into the binaries.

Tests are made from it: a method or a resource is covered the moment it is declared.
"""
import os
import re

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from lib.stack import BUILD

VERBS = ("get", "put", "post", "delete", "patch")


class Route:
    """One way to call a method over HTTP."""

    parts = {}      # collections that are parts of others: {"contactMethods": "accounts"}

    def __init__(self, verb, path, body):
        self.verb, self.path, self.body = verb, path, body
        self.variables = re.findall(r"\{([^}=]+)[^}]*\}", path)
        # The shape of the address: variables have no name, as only one of them can be meant.
        self.shape = re.sub(r"\{[^}]+\}", "{}", path)

    def fill(self, value):
        """The path with this value, or {variable: value}, in its variables."""
        def one(match):
            name = match.group(1).split("=")[0]
            return value[name] if isinstance(value, dict) else value
        return re.sub(r"\{([^}]+)\}", one, self.path)

    @property
    def collection(self):
        """"deals" of "/v1/deals/{id}:move"; of parts, what is below: "contactMethods" of "/v1/accounts/{parent}/contactMethods/{id}"."""
        words = [word.split(":")[0] for word in self.path.split("/")[2:]]
        return words[2] if len(words) > 2 and words[2] in Route.parts else words[0]


class Method:
    def __init__(self, service, group, proto, rule, routes, input, output):
        self.service, self.group, self.short = service, group, proto.name
        self.name = f"{service}/{proto.name}"
        self.rule, self.routes, self.input, self.output = rule, routes, input, output
        self.verb = rule.DESCRIPTOR.fields_by_name["verb"].enum_type.values_by_number[rule.verb].name

    @property
    def route(self):
        return self.routes[0]

    @property
    def body_message(self):
        """The message that the HTTP body fills; None if there is no body or it is not JSON."""
        body = self.route.body
        if not body:
            return None
        message = self.input if body == "*" else self.input.fields_by_name[body].message_type
        return None if message.full_name == "sfms.api.v1.RawBody" else message

    def has_field(self, name):
        return name in self.input.fields_by_name


class Contract:
    def __init__(self, path):
        data = open(path, "rb").read()
        self.set = descriptor_pb2.FileDescriptorSet.FromString(data)
        self.pool = descriptor_pool.DescriptorPool()
        for file in self.set.file:
            self.pool.Add(file)
        factory = message_factory.MessageFactory(self.pool)
        kinds = {}
        for file in self.set.file:      # makes the extensions known to the option messages
            kinds.update(factory.GetMessages([file.name]))
        self._options = {kind: kinds[f"google.protobuf.{kind}"] for kind in
                         ("MethodOptions", "FieldOptions", "MessageOptions", "ServiceOptions")}
        self.methods = [m for f in self.set.file for s in f.service for m in self._methods(f, s)]
        self.routed = [m for m in self.methods if m.routes]
        self.resources = {}
        for file in self.set.file:
            for message in file.message_type:
                name = self._extension("MessageOptions", message.options, "resource").name
                if name:
                    self.resources[name] = self.pool.FindMessageTypeByName(f"{file.package}.{message.name}")

        for name, message in self.resources.items():
            parent = self.resource(name).parent
            if parent:
                Route.parts[name] = self.rule(message.fields_by_name[parent]).references

    def _extension(self, kind, options, name):
        parsed = self._options[kind].FromString(options.SerializeToString())
        extension = self.pool.FindExtensionByName(f"sfms.api.v1.{name}")
        return parsed.Extensions[extension]

    def _methods(self, file, service):
        if not file.package.startswith("sfms."):
            return
        for m in service.method:
            parsed = self._options["MethodOptions"].FromString(m.options.SerializeToString())
            rule = parsed.Extensions[self.pool.FindExtensionByName("sfms.api.v1.method")]
            http = parsed.Extensions[self.pool.FindExtensionByName("google.api.http")]
            routes = []
            for binding in [http] + list(http.additional_bindings):
                for verb in VERBS:
                    path = getattr(binding, verb)
                    if path:
                        routes.append(Route(verb.upper(), path, binding.body))
            verb = rule.DESCRIPTOR.fields_by_name["verb"].enum_type.values_by_number[rule.verb].name
            if verb in ("LIST", "AGGREGATE"):   # a second door, for long filters
                routes.append(Route("POST", routes[0].path + (":search" if verb == "LIST" else ""), "*"))
            if verb == "LIST":
                routes.append(Route("GET", f"{routes[0].path}:export", ""))     # all of it, as a file
            if rule.stream:
                routes.append(Route("GET", f"{routes[0].path}:stream", ""))     # where the answer goes on
            yield Method(f"{file.package}.{service.name}", service.name, m, rule, routes,
                         self.pool.FindMessageTypeByName(m.input_type[1:]),
                         self.pool.FindMessageTypeByName(m.output_type[1:]))

    def service_rules(self):
        """The ServiceRules of all services."""
        return [self._extension("ServiceOptions", s.options, "service") for f in self.set.file for s in f.service
                if f.package.startswith("sfms.")]

    def rule(self, field):
        """The FieldRule of a field."""
        return self._extension("FieldOptions", field.GetOptions(), "field")

    def resource(self, collection):
        """The ResourceRule of a collection."""
        return self._extension("MessageOptions", self.resources[collection].GetOptions(), "resource")

    def display(self, collection):
        """The JSON name of the field by which people know its records; "" if there is none."""
        name = self.resource(collection).display
        return json_name(self.resources[collection].fields_by_name[name]) if name else ""

    def format(self, field):
        rule = self.rule(field)
        return rule.DESCRIPTOR.fields_by_name["format"].enum_type.values_by_number[rule.format].name

    def standard(self, collection, verb):
        """The method that does a verb for a collection; None if it has none."""
        for m in self.routed:
            if m.verb == verb and m.route.collection == collection:
                return m
        return None

    def address(self, collection):
        """Where a collection is; of parts with {parent}, which the clients of an organisation fill in."""
        return self.standard(collection, "GET").route.path.removesuffix("/{id}")

    def collections(self, *verbs, parts=False):
        """Names of the resources that have all these verbs; without parts, unless asked: they lack external ids and custom fields."""
        return sorted(name for name in self.resources
                      if (parts or name not in Route.parts) and all(self.standard(name, v) for v in verbs))

    def writable(self, message):
        """The fields that a caller may give on create."""
        return [f for f in message.fields if not self.rule(f).output_only]


def methods(wanted):
    """Chooses the methods that a test walks over."""
    def mark(function):
        function.wanted = wanted
        return function
    return mark


def json_name(field):
    """lowerCamelCase of a proto name."""
    head, *tail = field.name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)


_loaded = None


def contract():
    global _loaded
    if _loaded is None:
        path = os.path.join(BUILD, "gen", "contract_with_comments.binpb")
        if not os.path.exists(path):
            raise RuntimeError(f"{path} is missing: build first, or set SFMS_BUILD to the build directory")
        _loaded = Contract(path)
    return _loaded
