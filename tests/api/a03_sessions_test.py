"""Signing in, staying signed in, signing out."""
import json
import time

import jwt
import pytest
from jwt.algorithms import ECAlgorithm
from requests.adapters import HTTPAdapter

from lib.api import Api
from lib.org import PASSWORD, log_in
from lib.stack import wait_until


@pytest.fixture
def guest(stack):
    return Api(stack.base)


def refresh(guest, token):
    return guest.post("/v1/sessions:refresh", json={"refreshToken": token})


def test_login_answers_a_pair_of_tokens(guest, org):
    session = log_in(org.base, org.admin.email)
    assert set(session) == {"accessToken", "refreshToken", "expiresIn", "tokenType"}
    assert session["tokenType"] == "Bearer" and 60 <= session["expiresIn"] <= 86400
    claims = jwt.decode(session["accessToken"], options={"verify_signature": False})
    assert abs(claims["exp"] - time.time() - session["expiresIn"]) < 10


def test_the_published_key_verifies_the_token(guest, org):
    keys = guest.get("/.well-known/jwks.json").ok(200)["keys"]
    token = log_in(org.base, org.admin.email)["accessToken"]
    kid = jwt.get_unverified_header(token)["kid"]
    (key,) = [k for k in keys if k["kid"] == kid]
    assert "d" not in key, "the private part is not published"
    jwt.decode(token, ECAlgorithm.from_jwk(key), algorithms=["ES256"], options={"verify_aud": False})


def test_me(org):
    me = org.api.get("/v1/me").ok(200)
    assert me["orgId"] == org.id and me["orgName"] == org.name and me["user"]["id"] == org.admin.id
    assert me["roleName"] == "Admin" and me["visibility"] == "ORG"
    assert me["currency"] == "CNY" and me["timeZone"] == "Asia/Shanghai" and me["locale"] == "zh-CN"
    assert {"deals.read", "deals.write", "deals.delete", "users.write"} <= set(me["permissions"])


def test_built_in_roles(org):
    roles = {r["name"]: r for r in org.api.all("/v1/roles")}
    assert {n: roles[n]["visibility"] for n in ("Admin", "Manager", "Rep", "Viewer")} == {
        "Admin": "ORG", "Manager": "TEAM", "Rep": "OWN", "Viewer": "ORG"}
    assert all(p.endswith(".read") for p in roles["Viewer"]["permissions"])
    for name in ("Admin", "Viewer"):
        answer = org.api.patch(f"/v1/roles/{roles[name]['id']}", {"permissions": []})
        assert answer.status in (400, 403), str(answer)
        answer.problem()


def test_wrong_password_and_unknown_address_look_the_same(guest, org):
    a = guest.post("/v1/sessions", json={"email": org.admin.email, "password": "wrong wrong"}).fails(401)
    b = guest.post("/v1/sessions", json={"email": "nobody@example.com", "password": "wrong wrong"}).fails(401)
    assert (a["code"], a["detail"]) == (b["code"], b["detail"])
    assert PASSWORD not in str(a)


def test_the_address_may_be_in_upper_case(guest, org):
    guest.post("/v1/sessions", json={"email": org.admin.email.upper(), "password": PASSWORD}).ok()


def test_refresh_rotates(guest, org):
    first = log_in(org.base, org.admin.email)
    second = refresh(guest, first["refreshToken"]).ok()
    assert second["refreshToken"] != first["refreshToken"]
    Api(org.base, second["accessToken"]).get("/v1/me").ok()
    third = refresh(guest, second["refreshToken"]).ok()
    Api(org.base, third["accessToken"]).get("/v1/me").ok()


def half_a_minute_passes(stack, token):
    """For the session of a refresh token."""
    stack.sql("UPDATE identity.sessions SET refresh_time = refresh_time - interval '31 seconds' WHERE id = %s",
              token.split(".")[1])


def test_two_windows_get_the_same_next_token(guest, org):
    """Or one whose answer was lost asks again: same token, same session, and both go on."""
    first = log_in(org.base, org.admin.email)
    second = refresh(guest, first["refreshToken"]).ok()
    again = guest.post("/v1/sessions:refresh", json={"refreshToken": first["refreshToken"]},
                       headers={"Idempotency-Key": "the-other-window"}).ok()
    assert again["refreshToken"] == second["refreshToken"]
    for pair in (second, again):
        Api(org.base, pair["accessToken"]).get("/v1/me").ok()
    sessions = {jwt.decode(p["accessToken"], options={"verify_signature": False})["sid"] for p in (first, second, again)}
    assert len(sessions) == 1, "no second session"
    refresh(guest, again["refreshToken"]).ok()


def test_a_refresh_token_of_before_ends_the_session_at_once(guest, org):
    """Who has used the next token has had it: nobody needs the one before any more."""
    first = log_in(org.base, org.admin.email)
    second = refresh(guest, first["refreshToken"]).ok()
    third = refresh(guest, second["refreshToken"]).ok()
    refresh(guest, first["refreshToken"]).fails(401, "BAD_REFRESH_TOKEN")
    refresh(guest, third["refreshToken"]).fails(401, "BAD_REFRESH_TOKEN")


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "a-thief"}], ids=["plain", "with a key"])
def test_a_refresh_token_used_twice_ends_the_session(headers, guest, org, stack):
    first = log_in(org.base, org.admin.email)
    second = refresh(guest, first["refreshToken"]).ok()
    half_a_minute_passes(stack, first["refreshToken"])
    guest.post("/v1/sessions:refresh", json={"refreshToken": first["refreshToken"]}, headers=headers).fails(401)
    refresh(guest, second["refreshToken"]).fails(401)
    stolen = Api(org.base, second["accessToken"])
    wait_until("the session's access token is refused", lambda: stolen.get("/v1/me").status == 401, 70, 0.5)


def test_refresh_with_nonsense(guest, org):
    for token in ("junk", "a.b.c", org.admin.session["accessToken"][:200], " "):
        assert refresh(guest, token).status in (400, 401)
    refresh(guest, "").fails(400, "INVALID_FIELDS", "/refreshToken", "REQUIRED")


def test_logout(guest, org):
    session = log_in(org.base, org.admin.email)
    api = Api(org.base, session["accessToken"])
    api.get("/v1/me").ok()
    api.post("/v1/sessions:logout").ok()
    refresh(guest, session["refreshToken"]).fails(401)
    wait_until("the access token is refused", lambda: api.get("/v1/me").status == 401, 70, 0.5)
    org.api.get("/v1/me").ok()


def test_a_login_that_keeps_failing_is_slowed_down(guest, org):
    person = org.person("Rep")
    answers = [guest.post("/v1/sessions", json={"email": person.email, "password": f"wrong {i}"}) for i in range(8)]
    assert answers[0].status == 401
    last = answers[-1]
    last.fails(429)
    assert int(last.headers["Retry-After"]) >= 1
    assert [a.status for a in answers] == sorted(a.status for a in answers), "401s, then 429s"
    guest.post("/v1/sessions", json={"email": person.email, "password": PASSWORD}).fails(429)
    log_in(org.base, org.admin.email)


def guest_from(stack, address):
    """A guest at another of the addresses of this machine."""
    guest = Api(stack.base)
    adapter = HTTPAdapter()
    adapter.init_poolmanager(4, 4, source_address=(address, 0))
    guest.http.mount("http://", adapter)
    return guest


def test_strangers_do_not_lock_anybody_out(stack, org):
    """What fails at one network address counts there; only very many failures on a mail address count everywhere, and not
    where its owner has signed in before."""
    person = org.person("Rep")
    login = {"email": person.email, "password": "a stranger's guess"}
    first = guest_from(stack, "127.0.1.1")
    assert [first.post("/v1/sessions", json=login).status for _ in range(7)] == 5 * [401] + 2 * [429]
    right = {**login, "password": PASSWORD}
    first.post("/v1/sessions", json=right).fails(429, "TOO_MANY_TRIES")
    guest_from(stack, "127.0.2.1").post("/v1/sessions", json=right).ok()
    for n in range(2, 6):
        stranger = guest_from(stack, f"127.0.1.{n}")
        statuses = [stranger.post("/v1/sessions", json=login).status for _ in range(5)]
    assert 429 in statuses, "many strangers are too many"
    guest_from(stack, "127.0.2.2").post("/v1/sessions", json=right).fails(429, "TOO_MANY_TRIES")
    log_in(org.base, person.email)


SAME_PASSWORDS = {
    "one character or two": ("gro\u0308ßer 密码 10", "größer 密码 10"),
    "digits in full width": ("geheim １２３４５６", "geheim 123456"),
    "letters in full width, and a blank": ("ｓｅｃｒｅｔ\u3000ｗｏｒｄ", "secret word"),
    "katakana in half width": ("ﾊﾟｽﾜｰﾄﾞ 2030 ok", "パスワード 2030 ok"),
    "a ligature": ("of\ufb01ce secret", "office secret"),
}


@pytest.mark.parametrize("one, other", SAME_PASSWORDS.values(), ids=SAME_PASSWORDS.keys())
def test_the_same_password_from_another_keyboard(one, other, org):
    for kept, typed in ((one, other), (other, one)):
        person = org.person("Rep")
        org.api.post(f"/v1/users/{person.id}:setPassword", json={"password": kept}).ok()
        log_in(org.base, person.email, typed)
        person = log_in(org.base, person.email, kept)
        me = Api(org.base, person["accessToken"])
        me.post(f"/v1/users/{me.get('/v1/me').ok()['user']['id']}:setPassword",
                json={"password": PASSWORD, "currentPassword": typed}).ok()


def test_a_password_of_before_is_hashed_anew(org, stack):
    """A hash that was made of the bytes as they were typed still opens, and from then on whatever the keyboard."""
    person, typed = org.person("Rep"), "gro\u0308ßer 密码 10"
    old = ("$argon2id$v=19$m=19456,t=2,p=1$xq5lGzmhb6jspVNxfEKPFw"
           "$MStXnwD6W2YxHsYhsINE+p5pZY6mH+YzjcKPMb3WQwU")
    stack.sql("UPDATE identity.credentials SET password_hash = %s WHERE user_id = %s", old, person.id)
    guest = Api(org.base)
    guest.post("/v1/sessions", json={"email": person.email, "password": "größer 密码 10"}).fails(401)
    log_in(org.base, person.email, typed)
    log_in(org.base, person.email, "größer 密码 10")
    person.api.get("/v1/me").ok()


def test_set_password_ends_other_sessions(guest, org):
    person = org.person("Rep")
    other = log_in(org.base, person.email)
    new = "a quite different 密码"
    person.api.post(f"/v1/users/{person.id}:setPassword", json={"password": new}).fails(400)
    person.api.post(f"/v1/users/{person.id}:setPassword", json={"password": new, "currentPassword": "no"}).fails(403)
    person.api.post(f"/v1/users/{person.id}:setPassword", json={"password": new, "currentPassword": PASSWORD}).ok()
    refresh(guest, other["refreshToken"]).fails(401)
    guest.post("/v1/sessions", json={"email": person.email, "password": PASSWORD}).fails(401)
    log_in(org.base, person.email, new)


def test_a_short_password_is_refused(org):
    person = org.person("Rep")
    org.api.post(f"/v1/users/{person.id}:setPassword", json={"password": "short"}).fails(400, "INVALID_FIELDS", "/password")


def test_a_rep_cannot_set_anothers_password(org):
    rep = org.person("Rep")
    answer = rep.api.post(f"/v1/users/{org.admin.id}:setPassword", json={"password": "taken over by a rep"})
    assert answer.status in (403, 404), str(answer)
    log_in(org.base, org.admin.email)


def test_a_disabled_user_cannot_sign_in(guest, org):
    person = org.person("Rep")
    org.api.patch(f"/v1/users/{person.id}", {"disabled": True}).ok()
    guest.post("/v1/sessions", json={"email": person.email, "password": PASSWORD}).fails(401)
    refresh(guest, person.session["refreshToken"]).fails(401)
    wait_until("the access token is refused", lambda: person.api.get("/v1/me").status == 401, 70, 0.5)


def test_passwords_are_nowhere_in_the_clear(org, stack):
    """Neither in the database nor in the event log nor in any process's log."""
    stored = stack.sql("""SELECT string_agg(u::text, '') FROM identity.users u""")[0][0]
    events = stack.sql("SELECT coalesce(string_agg(after::text, ''), '') FROM app.events WHERE resource = 'users'")[0][0]
    for text in (stored, events, *(p.text() for p in stack.processes.values())):
        assert PASSWORD not in text
        assert "$argon2id$" not in text or text is stored


def test_a_process_of_before_takes_no_permission_away(stack):
    """In a rolling upgrade: the later version decides, and of two equal ones none drops what it does not know."""
    sync = "SELECT identity.sync_builtin_roles(%s, %s)"
    now = "SELECT permissions, version FROM identity.builtin_roles WHERE builtin = 'VIEWER'"

    def contract_with(*permissions):
        return json.dumps({"known": permissions, "roles": [
            {"builtin": "VIEWER", "name": "Viewer", "visibility": "ORG", "permissions": permissions}]})

    connection = stack.pg.connect()
    try:
        cursor = connection.cursor()
        cursor.execute("BEGIN")

        def viewer_after(version, *permissions):
            cursor.execute(sync, (version, contract_with(*permissions)))
            cursor.execute(now)
            return cursor.fetchone()

        assert viewer_after(9001, "a.read", "b.read") == (["a.read", "b.read"], 9001)
        assert viewer_after(9000, "a.read") == (["a.read", "b.read"], 9001)
        assert viewer_after(9001, "a.read", "c.read") == (["a.read", "c.read", "b.read"], 9001)
        cursor.execute("SELECT identity.sync_builtin_roles(%s::jsonb)", ("[]",))
        assert viewer_after(9002, "a.read") == (["a.read"], 9002), "a later one may take away"
        cursor.execute("ROLLBACK")
    finally:
        connection.close()


def sid(tokens):
    return tokens["refreshToken"].split(".")[1]


def test_sessions_are_seen_and_ended(org):
    person = org.person("Rep")
    phone = Api(org.base, User_Agent="phone/2").post(
        "/v1/sessions", json={"email": person.email, "password": PASSWORD}).ok()
    seen = {s["id"]: s for s in person.api.all("/v1/sessions")}
    assert set(seen) == {sid(person.session), sid(phone)}
    one = seen[sid(phone)]
    assert one["agent"] == "phone/2" and one["address"] == "127.0.0.1" and one["userId"] == person.id
    assert not one["current"] and seen[sid(person.session)]["current"]
    assert one["createTime"] <= one["refreshTime"] < one["expireTime"] < one["endTime"]
    person.api.delete(f"/v1/sessions/{sid(phone)}").ok()
    refresh(person.api.without_token(), phone["refreshToken"]).fails(401)
    person.api.delete(f"/v1/sessions/{sid(phone)}").fails(404)
    assert [s["id"] for s in person.api.all("/v1/sessions")] == [sid(person.session)]


def test_the_others_are_ended(org):
    person = org.person("Rep")
    others = [log_in(org.base, person.email) for _ in range(3)]
    assert person.api.post("/v1/sessions:endOthers").ok()["endedSessions"] == 3
    for other in others:
        refresh(person.api.without_token(), other["refreshToken"]).fails(401)
    refresh(person.api.without_token(), person.session["refreshToken"]).ok()


def test_administrators_see_and_end_all_sessions(org):
    person, colleague = org.person("Rep"), org.person("Rep")
    assert [s["id"] for s in org.api.all("/v1/sessions", userId=person.id)] == [sid(person.session)]
    everybody = {s["userId"] for s in org.api.all("/v1/sessions", allUsers=True, pageSize=2)}
    assert {person.id, colleague.id, org.admin.id} <= everybody
    colleague.api.get("/v1/sessions", userId=person.id).fails(403, "NO_PERMISSION")
    colleague.api.get("/v1/sessions", allUsers=True).fails(403, "NO_PERMISSION")
    colleague.api.delete(f"/v1/sessions/{sid(person.session)}").fails(404)
    org.api.delete(f"/v1/sessions/{sid(person.session)}").ok()
    refresh(org.api.without_token(), person.session["refreshToken"]).fails(401)


def test_nobody_ends_the_session_of_who_may_more(org):
    org.new_role("Helpdesk", ["users.read", "users.write"])
    helper = org.person("Helpdesk")
    answer = helper.api.delete(f"/v1/sessions/{sid(org.admin.session)}")
    assert answer.status == 403, str(answer)
    org.api.get("/v1/me").ok()


def test_a_session_ends_however_often_it_is_refreshed(guest, org, stack):
    person = org.person("Rep")
    stack.sql("UPDATE identity.sessions SET end_time = now() + interval '1 hour' WHERE id = %s", sid(person.session))
    tokens = refresh(guest, person.session["refreshToken"]).ok()
    (one,) = person.api.all("/v1/sessions")
    assert one["expireTime"] == one["endTime"], "no later than in an hour"
    stack.sql("UPDATE identity.sessions SET expire_time = now(), end_time = now() WHERE id = %s", sid(person.session))
    refresh(guest, tokens["refreshToken"]).fails(401)
