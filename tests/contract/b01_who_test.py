"""Every method: no token, bad tokens, no permission, another tenant."""
import re
import uuid

from lib import tokens
from lib.api import Api, CHINESE
from lib.contract import contract, methods


def needs_token(method):
    return not method.rule.public


@methods(needs_token)
def test_no_token(method, walk, guest):
    answer = walk.call(guest, method)
    english = answer.fails(401, "NO_TOKEN")
    assert answer.headers.get("WWW-Authenticate", "").startswith("Bearer")
    chinese = walk.call(guest, method, headers={"Accept-Language": "zh-CN,zh;q=0.9"}).fails(401, "NO_TOKEN")
    assert CHINESE.search(chinese["title"]) and CHINESE.search(chinese["detail"])
    assert not CHINESE.search(english["title"] + english["detail"])


@methods(needs_token)
def test_bad_tokens(method, walk, org, stack):
    good = org.admin.session["accessToken"]
    bad = {"tampered": tokens.tampered(good), "expired": tokens.expired(good, stack.token_key),
           "signed by another key": tokens.foreign(good), "unsigned": tokens.unsigned(good),
           "a payload that is inflated": tokens.inflating(good), "junk": "junk", "cut": good[:-3], "empty": ""}
    for kind, token in bad.items():
        answer = walk.call(Api(stack.base, Authorization=f"Bearer {token}"), method)
        assert answer.status == 401, f"a token that is {kind}: {answer}"
        assert answer.problem()["code"] in ("BAD_TOKEN", "NO_TOKEN"), f"a token that is {kind}: {answer}"


@methods(lambda m: m.rule.permission)
def test_no_permission(method, walk, nobody):
    problem = walk.call(nobody, method).fails(403, "NO_PERMISSION")
    assert method.rule.permission in problem["detail"], "the detail names the permission"
    chinese = walk.call(nobody, method, headers={"Accept-Language": "zh-CN"}).fails(403, "NO_PERMISSION")
    assert CHINESE.search(chinese["detail"])


@methods(lambda m: any(v.endswith("id") for v in m.route.variables))
def test_another_tenants_record_is_not_there(method, walk, stranger):
    collection = "accounts" if "resource" in method.route.variables else method.route.collection
    if method.verb == "CREATE":     # of a part: below a record of theirs
        above = walk.org.make.parent(collection)
        body = {k: v for k, v in walk.body(method).items() if v != above}
        for id in (above, str(uuid.uuid4())):   # what is theirs and what is nowhere look alike
            stranger.org.api.post(re.sub(r"\{[^}]+\}", id, method.route.path), json=body).fails(403, "NOT_YOURS")
        return
    theirs = walk.records.id(collection)
    stranger.call(stranger.org.api, method, theirs).fails(404, "NOT_FOUND")


@methods(lambda m: m.verb == "BATCH_GET")
def test_another_tenants_records_are_left_out(method, walk, stranger):
    theirs = walk.records.id(method.route.collection)
    mine = stranger.records.id(method.route.collection)
    found = stranger.org.api.get(method.route.path, ids=[theirs, mine]).ok()
    (records,) = [v for v in found.values() if isinstance(v, list)]
    assert [r["id"] for r in records] == [mine]


@methods(lambda m: m.verb == "LIST")
def test_lists_show_no_other_tenant(method, walk, stranger):
    theirs = walk.records.id(method.route.collection)
    assert theirs not in {r["id"] for r in stranger.org.api.all(method.route.path, showDeleted=True)}
    assert theirs in {r["id"] for r in walk.org.api.all(method.route.path, showDeleted=True)}


def test_a_good_token_is_accepted(org):
    """The forged tokens above differ from one that works only in what their names say."""
    org.api.get("/v1/me").ok(200)
    again = tokens.resigned(org.admin.session["accessToken"], org.stack.token_key)
    Api(org.base, again).get("/v1/me").ok(200)


def test_the_walk_is_complete():
    """Each declared route is walked; nothing is left out by the choice of methods."""
    for m in contract().routed:
        assert m.rule.public or m.rule.signed_in or m.rule.permission, m.name
