"""Every resource has its standard methods in the same words: what one says of itself, all say."""
import re

import pytest

from lib.contract import contract

STANDARD = [m for m in contract().methods if m.verb != "VERB_UNSPECIFIED"]
GROUPS = sorted({m.name.split("/")[0] for m in STANDARD})

# Of each verb: how the method is called, its routes, its permission, whether it is a point call and idempotent, and what it takes.
# {C} stands for the collection, {One} and {Many} for its names in methods, {one} for the record in a request.
TEMPLATE = {
    "GET": ("Get{One}", ["GET {C}/{{id}}"], "read", True, True, "GetRequest"),
    "BATCH_GET": ("BatchGet{Many}", ["GET {C}:batchGet"], "read", False, True, "BatchGetRequest"),
    "LIST": ("List{Many}", ["GET {C}", "POST {C}:search *", "GET {C}:export"], "read", False, True, "ListRequest"),
    "AGGREGATE": ("Aggregate{Many}", ["GET {C}:aggregate", "POST {C}:aggregate *"], "read", False, True, "AggregateRequest"),
    "BATCH_CREATE": ("BatchCreate{Many}", ["POST {C}:batchCreate *"], "write", False, False, "BatchCreate{Many}Request"),
    "BATCH_UPDATE": ("BatchUpdate{Many}", ["POST {C}:batchUpdate *"], "write", False, False, "BatchUpdate{Many}Request"),
    "BATCH_UPSERT": ("BatchUpsert{Many}", ["POST {C}:batchUpsert *"], "write", False, False, "BatchUpdate{Many}Request"),
    "SHARE": ("Share{One}", ["POST {C}/{{id}}:share *"], "write", False, False, "ShareRequest"),
    "UNSHARE": ("Unshare{One}", ["POST {C}/{{id}}:unshare *"], "write", False, False, "UnshareRequest"),
    "ACCESS": ("Get{One}Access", ["GET {C}/{{id}}/access"], "read", False, True, "AccessRequest"),
    "CREATE": ("Create{One}", ["POST {C} *"], "write", True, False, "{Message}"),
    "UPDATE": ("Update{One}", ["PATCH {C}/{{{one}.id}} {one}"], "write", True, False, "Update{One}Request"),
    "DELETE": ("Delete{One}", ["DELETE {C}/{{id}}"], "delete", True, False, "DeleteRequest"),
    "UNDELETE": ("Undelete{One}", ["POST {C}/{{id}}:undelete *"], "delete", True, False, "DeleteRequest"),
    "UPSERT": ("Upsert{One}", ["POST {C}:upsert {one}"], "write", True, False, "Update{One}Request"),
}

# A resource of which there is one has no id in its address.
SINGLETON = {
    "GET": ("Get{One}", ["GET {C}"], "read", True, True, "GetSingletonRequest"),
    "UPDATE": ("Update{One}", ["PATCH {C} {one}"], "write", True, False, "Update{One}Request"),
}


def _named(name):
    """The standard methods of a service of the contract, with the words that they are called by."""
    methods = {m.verb: m for m in STANDARD if m.name.startswith(name + "/")}
    get = methods["GET"]
    collection = next(c for c, m in contract().resources.items() if m is get.output)
    one = get.short[len("Get"):]
    update = methods.get("UPDATE") or methods.get("UPSERT")
    # A part's routes begin at its parent: /v1/accounts/{parent}/addresses.
    path = get.route.path.removesuffix("/{id}")
    assert path.split("/")[-1] == collection
    return methods, {"C": path, "One": one, "Many": get.group, "Message": get.output.name, "collection": collection,
                     "one": update.route.body if update else ""}


@pytest.mark.parametrize("name", GROUPS, ids=lambda n: n.rsplit(".", 1)[1])
def test_standard_methods_follow_the_template(name):
    methods, words = _named(name)
    template = SINGLETON if contract().resource(words["collection"]).singleton else TEMPLATE
    above = contract().resource(words["collection"]).parent
    # Where the record itself is in the request, it says what it is a part of.
    inside = {"CREATE": "{%s}" % above, "UPDATE": "{%s.%s}" % (words["one"], above), "UPSERT": "{%s.%s}" % (words["one"], above)}
    for verb, m in methods.items():
        short, routes, right, point, idempotent, takes = template[verb]
        assert m.short == short.format(**words)
        wanted = [r.format(**words).replace("{parent}", inside.get(verb, "{parent}")) for r in routes]
        assert [f"{r.verb} {r.path} {r.body}".strip() for r in m.routes] == wanted, m.name
        assert m.rule.permission == f"{words['collection']}.{right}", m.name
        assert (m.rule.point, m.rule.idempotent) == (point, idempotent), m.name
        assert m.input.name == takes.format(**words), m.name
        answers = {"LIST": f"List{words['Many']}Response", "AGGREGATE": "AggregateResponse", "SHARE": "Share", "UNSHARE": "Share",
                   "ACCESS": "RecordAccess"}
        if verb.startswith("BATCH_") and verb != "BATCH_GET":
            assert m.output.name == f"Batch{words['Many']}Response"
        else:
            assert m.output.name == answers.get("LIST" if verb == "BATCH_GET" else verb, words["Message"])


@pytest.mark.parametrize("name", GROUPS, ids=lambda n: n.rsplit(".", 1)[1])
def test_requests_and_pages_follow_the_template(name):
    methods, words = _named(name)
    for verb in {"UPDATE", "UPSERT"} & methods.keys():
        fields = {f.name: f.number for f in methods[verb].input.fields}
        assert fields == {words["one"]: 1, "update_mask": 2}, methods[verb].name
    if contract().resource(words["collection"]).singleton:
        return
    page = {f.name: f.number for f in methods["LIST"].output.fields}
    rows = methods["LIST"].output.fields[0].name
    assert re.sub(r"_(.)", lambda m: m.group(1).upper(), rows) == words["collection"]
    assert {rows: 1, "next_page_token": 2, "total_size": 3, "total_is_estimate": 4}.items() <= page.items()
