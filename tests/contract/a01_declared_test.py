"""The contract itself: every method says who may call it, and is documented."""
import pytest

from lib.contract import contract, json_name

METHODS = contract().methods
ROUTED = contract().routed


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_says_who_may_call_it(method):
    rule = method.rule
    said = [bool(rule.permission), rule.signed_in, rule.public, rule.internal]
    assert sum(said) == 1, "exactly one of permission, signed_in, public and internal"
    if rule.internal:
        assert not method.routes, "an internal method has no route"
    else:
        assert method.routes, "a method for callers has a route"


@pytest.mark.parametrize("method", ROUTED, ids=lambda m: m.name)
def test_route_agrees_with_the_message(method):
    for route in method.routes:
        for variable in route.variables:
            message = method.input
            for word in variable.split("."):
                assert word in message.fields_by_name, f"{variable} is no field of {method.input.name}"
                message = message.fields_by_name[word].message_type
        assert route.verb in ("POST", "PATCH") or not route.body, f"{route.verb} has no body"
        assert route.body in ("", "*") or route.body in method.input.fields_by_name


def test_no_address_is_given_twice():
    seen = {}
    for method in ROUTED:
        for route in method.routes:
            key = (route.verb, route.shape)
            assert key not in seen, f"{key} belongs to {method.name} and {seen[key]}"
            seen[key] = method.name


def test_everything_has_a_comment():
    bare = []
    for file in contract().set.file:
        if not file.package.startswith("sfms."):
            continue
        documented = {tuple(l.path) for l in file.source_code_info.location if l.leading_comments.strip()}
        for i, message in enumerate(file.message_type):
            if (4, i) not in documented:
                bare.append(f"message {file.package}.{message.name}")
            bare += [f"field {file.package}.{message.name}.{f.name}" for k, f in enumerate(message.field)
                     if (4, i, 2, k) not in documented]
        for i, service in enumerate(file.service):
            if (6, i) not in documented:
                bare.append(f"service {file.package}.{service.name}")
            bare += [f"rpc {file.package}.{service.name}.{m.name}" for k, m in enumerate(service.method)
                     if (6, i, 2, k) not in documented]
        for i, enum in enumerate(file.enum_type):
            bare += [f"value {file.package}.{v.name}" for k, v in enumerate(enum.value)
                     if (5, i, 2, k) not in documented and v.number != 0]
    assert not bare, "without a comment: " + ", ".join(bare)


@pytest.mark.parametrize("name", sorted(contract().resources))
def test_resource_begins_with_the_common_fields(name):
    fields = {f.name: f.number for f in contract().resources[name].fields}
    always = {"id": 1, "version": 2, "create_time": 3, "update_time": 4, "delete_time": 5}
    where_it_makes_sense = {"owner_id": 6, "external_id": 7, "external_source": 8, "custom_fields": 9,
                            "names": 10, "allowed": 11}
    assert {k: fields.get(k) for k in always} == always
    assert all(fields.get(k, n) == n for k, n in where_it_makes_sense.items())
    assert all(contract().rule(f).sortable for f in contract().resources[name].fields if f.number in (1, 3, 4))
    assert all(number >= 20 for field, number in fields.items() if field not in {**always, **where_it_makes_sense})


@pytest.mark.parametrize("name", sorted(contract().resources))
def test_references_name_resources(name):
    for field in contract().resources[name].fields:
        target = contract().rule(field).references
        assert not target or target in contract().resources, f"{json_name(field)} refers to {target}"


def test_permissions_are_of_one_form():
    for method in ROUTED:
        permission = method.rule.permission
        assert not permission or permission.rsplit(".", 1)[1] in ("read", "write", "delete", "convert"), method.name


def test_every_permission_says_who_holds_it():
    """One that nobody declares is held by administrators alone; that is said, not forgotten."""
    declared = [p.name for rule in contract().service_rules() for p in rule.permissions]
    asked = {m.rule.permission for m in contract().methods if m.rule.permission}
    assert sorted(declared) == sorted(asked)


def test_files_say_where_other_languages_put_them():
    """Without go_package there is no Go code at all; without java_package, classes of a package that may clash."""
    for file in contract().set.file:
        if file.package.startswith("sfms."):
            word = file.package.split(".")[1]
            assert file.options.go_package == f"sfms/{word}/v1;{word}v1", file.name
            assert file.options.java_package == file.package and file.options.java_multiple_files, file.name
            assert file.options.csharp_namespace == f"Sfms.{word.capitalize()}.V1", file.name
