"""The security log: who did what is to be known later, from where, and how it ended."""
import pytest

from lib.api import Api
from lib.contract import contract, methods
from lib.org import PASSWORD, log_in
from lib.records import run_import


def entries(org, **wanted):
    """The entries that have these values, the newest first."""
    found = org.api.all("/v1/auditEvents", orderBy="createTime desc")
    return [e for e in found if all(e[k] == v for k, v in wanted.items())]


def test_sign_ins_good_and_bad(org):
    person = org.person("Rep")
    guest = Api(org.base, User_Agent="a phone/1.0 (\xe9)", X_Forwarded_For="203.0.113.9")
    right = guest.post("/v1/sessions", json={"email": person.email, "password": PASSWORD}).ok()
    for n in range(8):
        guest.post("/v1/sessions", json={"email": person.email, "password": f"guess {n}"})
    told = entries(org, actorId=person.id, email=person.email)
    results = [e["result"] for e in told if e["agent"].startswith("a phone/1.0")]
    assert results == ["TOO_MANY_TRIES"] + 5 * ["WRONG_LOGIN"] + ["OK"], "refused again and again, said once"
    good = told[len(results) - 1]
    assert good["action"] == "SIGN_IN" and good["address"] == "127.0.0.1" and good["recordId"] == person.id
    assert good["sessionId"] == right["refreshToken"].split(".")[1]
    assert "guess" not in str(told) and PASSWORD not in str(told)
    assert org.api.get(f"/v1/auditEvents/{good['id']}").ok() == good


def test_a_reused_refresh_token(org, stack):
    person = org.person("Rep")
    first = log_in(org.base, person.email)["refreshToken"]
    second = Api(org.base).post("/v1/sessions:refresh", json={"refreshToken": first}).ok()
    Api(org.base).post("/v1/sessions:refresh", json=dict(refreshToken=second["refreshToken"])).ok()
    Api(org.base).post("/v1/sessions:refresh", json={"refreshToken": first}).fails(401)
    (theft,) = entries(org, action="TOKEN_REUSED")
    assert theft["actorId"] == person.id and theft["sessionId"] == first.split(".")[1]
    assert theft["result"] == "BAD_REFRESH_TOKEN"


def test_passwords_roles_users_and_sessions(org):
    person = org.person("Rep")
    path = f"/v1/users/{person.id}:setPassword"
    person.api.post(path, json={"password": "another 密码 100", "currentPassword": "wrong"}).fails(403)
    person.api.post(path, json={"password": "another 密码 100", "currentPassword": PASSWORD},
                    headers={"Idempotency-Key": "once"}).ok()
    assert [e["result"] for e in entries(org, action="PASSWORD_SET", actorId=person.id)] == ["OK", "WRONG_PASSWORD"]
    role = org.new_role("Auditor", ["auditEvents.read"])
    org.api.patch(f"/v1/roles/{role['id']}", {"name": "Reviser"}).ok()
    assert len(entries(org, action="ROLE_CHANGED", recordId=role["id"], actorId=org.admin.id, result="OK")) == 2
    org.api.patch(f"/v1/users/{person.id}", {"roleId": role["id"]}).ok()
    org.api.patch(f"/v1/users/{person.id}", {"roleId": role["id"]}, headers={"If-Match": '"999"'}).fails(412)
    results = [e["result"] for e in entries(org, action="USER_CHANGED", recordId=person.id)]
    assert results[0] != "OK" and results[1:] == ["OK", "OK"], "made, changed, refused"
    api = Api(org.base, log_in(org.base, person.email, "another 密码 100")["accessToken"])
    api.post("/v1/sessions:logout").ok()
    assert entries(org, action="SESSION_ENDED", actorId=person.id, result="OK")


def test_imports_and_many_records_with_data_of_persons(org):
    operation = run_import(org.api, "contacts", "name,email\n" + "".join(f"C {n},c{n}@example.com\n" for n in range(60)))
    assert entries(org, action="DATA_IMPORTED", recordId=operation["id"], actorId=org.admin.id)
    person = org.person("Manager")
    manager = Api(org.base, org.api.token)
    for _ in range(20):
        manager.get("/v1/contacts", pageSize=200).ok()
    read = entries(org, action="PERSONAL_DATA_READ", resource="contacts")
    assert read and read[0]["actorId"] == org.admin.id and int(read[0]["count"]) >= 1000
    assert person.api.get("/v1/auditEvents").status == 403


def test_only_administrators_read_it_and_nobody_writes_it(org, stack):
    for role in ("Manager", "Rep", "Viewer"):
        org.person(role).api.get("/v1/auditEvents").fails(403, "NO_PERMISSION")
    assert {m.verb for m in contract().routed if m.route.collection == "auditEvents"} == {"GET", "LIST", "AGGREGATE"}
    for statement in ("UPDATE identity.audit_events SET result = 'OK'", "DELETE FROM identity.audit_events",
                      "TRUNCATE identity.audit_events"):
        for user in ("owner", "sfms_identity"):
            with pytest.raises(Exception, match="only added to|permission denied"):
                stack.sql(statement, user=user)


def test_another_organisation_has_its_own(org, other_org):
    mine, theirs = ({e["id"] for e in o.api.all("/v1/auditEvents")} for o in (org, other_org))
    assert mine and theirs and not mine & theirs


def test_the_same_is_in_the_log_without_secrets(org, stack):
    person = org.person("Rep")
    Api(org.base).post("/v1/sessions", json={"email": person.email, "password": "a wrong guess"}).fails(401)
    lines = [line for line in stack["identity"].text().splitlines() if " audit action=" in line and person.id in line]
    assert any("action=SIGN_IN result=WRONG_LOGIN" in line and " INFO " in line for line in lines)
    assert not any("a wrong guess" in line or PASSWORD in line or "$argon2" in line for line in lines)


def test_it_is_in_the_feed_for_whoever_may(org):
    cursor = org.api.get("/v1/events", fromNow=True).ok()["cursor"]
    org.person("Rep")
    events = org.api.get("/v1/events", after=cursor, resource="auditEvents").ok()["events"]
    assert events and all(e["action"] == "CREATED" for e in events)


def test_the_contract_tells_of_whatever_changes_who_may_what(org):
    """A method of these collections that writes is audited, whoever adds it."""
    for m in contract().routed:
        if m.route.collection in ("users", "roles", "teams", "orgs") and m.rule.permission.endswith((".write", ".delete")):
            assert m.rule.audit, m.name
