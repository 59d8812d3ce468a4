"""POST /v1/leads/{id}:convert: a lead becomes an account, a contact and a deal, all of them or nothing."""
import threading
import uuid

import pytest

from lib.org import Org


@pytest.fixture(scope="module")
def org(stack):
    return Org(stack)


@pytest.fixture(scope="module")
def rep(org):
    return org.person("Rep")


def new_lead(api, **given):
    body = {"name": "王小明", "surname": "王", "givenName": "小明", "company": "云帆科技", "jobTitle": "采购经理", "email": "wang@example.com",
            "phone": "+86 138 0013 8000", "website": "https://yunfan.example", "source": "展会", "industry": "软件", "city": "长沙",
            "employeeCount": 120, "status": "QUALIFIED", **given}
    return api.post("/v1/leads", json=body).ok(201)


def convert(api, lead, **more):
    return api.post(f"/v1/leads/{lead['id']}:convert", json=more)


def counts(api):
    return [int(api.get(f"/v1/{c}", countTotal=True, pageSize=1).ok()["totalSize"]) for c in ("accounts", "contacts", "deals")]


def test_a_lead_becomes_three_records(rep):
    lead = new_lead(rep.api)
    done = convert(rep.api, lead, deal={"amount": "5000", "expectedCloseDate": "2030-01-31"}).ok(200)
    account, contact, deal = (rep.api.get(f"/v1/{c}/{done[one]['id']}").ok()
                              for c, one in (("accounts", "account"), ("contacts", "contact"), ("deals", "deal")))
    assert (account, contact, deal) == (done["account"], done["contact"], done["deal"])
    assert (account["name"], account["industry"], account["employeeCount"]) == ("云帆科技", "软件", 120)
    assert (contact["name"], contact["accountId"], contact["phone"]) == ("王小明", account["id"], "+8613800138000")
    assert (deal["name"], deal["accountId"], deal["contactId"], deal["amount"]) == ("云帆科技", account["id"], contact["id"], "5000")
    assert deal["leadSource"] == "展会" and {r["ownerId"] for r in (account, contact, deal)} == {rep.id}
    lead = rep.api.get(f"/v1/leads/{lead['id']}").ok()
    assert lead == done["lead"] and lead["status"] == "CONVERTED" and lead["convertTime"]
    assert (lead["convertedAccountId"], lead["convertedContactId"], lead["convertedDealId"]) == (account["id"], contact["id"], deal["id"])


def test_all_of_it_has_one_cause(stack, rep):
    lead = new_lead(rep.api)
    done = convert(rep.api, lead, deal={}).ok()
    rows = stack.sql("SELECT resource FROM app.events WHERE cause = %s ORDER BY resource", done["cause"])
    assert [r[0] for r in rows] == ["accounts", "contacts", "deals", "leads"]


def test_what_is_about_the_lead_is_about_the_contact(org, rep):
    lead = new_lead(rep.api)
    about = {"relatedResource": "leads", "relatedId": lead["id"]}
    task = rep.api.post("/v1/tasks", json={"subject": "Ring", **about}).ok()
    note = org.api.post("/v1/notes", json={"body": "From somebody else", **about}).ok()
    call = rep.api.post("/v1/calls", json=org.make.body("calls", **about)).ok()
    meeting = rep.api.post("/v1/meetings", json=org.make.body("meetings", **about)).ok()
    done = convert(rep.api, lead).ok()
    assert done["movedActivities"] == 4 and done["deal"] is None and done["noDealReason"] == ""
    for path, one in (("tasks", task), ("notes", note), ("calls", call), ("meetings", meeting)):
        now = org.api.get(f"/v1/{path}/{one['id']}").ok()
        assert (now["relatedResource"], now["relatedId"]) == ("contacts", done["contact"]["id"]), path


def test_records_that_are_there_are_used(rep):
    account = rep.api.post("/v1/accounts", json={"name": "There already"}).ok()
    contact = rep.api.post("/v1/contacts", json={"name": "Ann"}).ok()
    done = convert(rep.api, new_lead(rep.api), accountId=account["id"], contactId=contact["id"]).ok()
    assert done["account"] == account
    assert done["contact"]["id"] == contact["id"] and done["contact"]["accountId"] == account["id"]
    again = convert(rep.api, new_lead(rep.api), contactId=contact["id"], deal={"name": "More"}).ok()
    assert again["account"] == account and again["contact"]["version"] == done["contact"]["version"]
    assert again["deal"]["accountId"] == account["id"]


def test_without_a_company_there_is_no_account(rep):
    done = convert(rep.api, new_lead(rep.api, company=""), deal={}).ok()
    assert done["account"] is None and done["contact"]["accountId"] is None and done["deal"]["name"] == "王小明"
    named = convert(rep.api, new_lead(rep.api, company=""), account={"name": "Now it has"}).ok()
    assert named["account"]["name"] == "Now it has"
    convert(rep.api, new_lead(rep.api, company=""), account={"industry": "x"}).fails(400, "INVALID_FIELDS", "/account/name", "REQUIRED")


def test_the_request_says_what_is_different(rep):
    done = convert(rep.api, new_lead(rep.api), account={"name": "Other", "annualRevenue": "10"}, contact={"email": "new@example.com"},
                   deal={"name": "Big one"}).ok()
    assert (done["account"]["name"], done["account"]["annualRevenue"], done["account"]["industry"]) == ("Other", "10", "软件")
    assert done["contact"]["email"] == "new@example.com" and done["deal"]["name"] == "Big one"


def test_all_that_is_wrong_is_said_at_once(rep):
    before = counts(rep.api)
    lead = new_lead(rep.api)
    answer = convert(rep.api, lead, account={"website": "nowhere", "employeeCount": -1}, contact={"email": "x", "birthday": "never"},
                     deal={"amount": "1.23456", "stageId": str(uuid.uuid4()), "probability": 5})
    problem = answer.fails(400, "INVALID_FIELDS")
    assert {e["pointer"] for e in problem["errors"]} >= {"/account/website", "/account/employeeCount", "/contact/email",
                                                         "/contact/birthday", "/deal/amount"}
    # What only the database knows is said of all of them, too.
    taken = rep.api.post("/v1/accounts", json={"name": "A", "externalId": "k1"}).ok()
    problem = convert(rep.api, lead, account={"externalId": "k1"}, contact={"accountId": taken["id"]},
                      deal={"stageId": str(uuid.uuid4())}).problem()
    assert {e["pointer"] for e in problem["errors"]} == {"/account/externalId", "/contact/accountId", "/deal/stageId"}
    chinese = rep.api.post(f"/v1/leads/{lead['id']}:convert", json={"accountId": str(uuid.uuid4()), "contactId": str(uuid.uuid4())},
                           headers={"Accept-Language": "zh-CN"}).fails(400, "INVALID_FIELDS", "/accountId", "NO_SUCH_RECORD")
    assert {e["pointer"] for e in chinese["errors"]} == {"/accountId", "/contactId"}
    convert(rep.api, lead, accountId=taken["id"], account={"name": "Both"}).fails(400, "INVALID_FIELDS", "/account", "ONLY_FOR_NEW")
    assert rep.api.get(f"/v1/leads/{lead['id']}").ok()["status"] == "QUALIFIED"
    assert counts(rep.api) == [before[0] + 1, before[1], before[2]]


def test_a_trial_does_nothing(rep):
    before = counts(rep.api)
    lead = new_lead(rep.api)
    trial = convert(rep.api, lead, deal={}, validateOnly=True).ok()
    assert trial["lead"]["status"] == "CONVERTED" and trial["deal"]["name"] == "云帆科技"
    convert(rep.api, lead, deal={"amount": "-1"}, validateOnly=True).fails(400, "INVALID_FIELDS", "/deal/amount")
    assert counts(rep.api) == before and rep.api.get(f"/v1/leads/{lead['id']}").ok() == lead


def test_who_may_make_no_deals_makes_none(org):
    rights = [f"{c}.{v}" for c in ("leads", "accounts", "contacts") for v in ("read", "write")] + ["leads.convert"]
    org.new_role("Converter", rights, visibility="OWN")
    org.new_role("Bare", ["leads.read", "leads.write", "leads.convert"], visibility="OWN")
    one = org.person("Converter")
    done = convert(one.api, new_lead(one.api), deal={"name": "Never"}).ok()
    assert done["deal"] is None and done["noDealReason"] == "NO_PERMISSION" and done["lead"]["convertedDealId"] is None
    bare = org.person("Bare")
    convert(bare.api, new_lead(bare.api)).fails(403, "NO_PERMISSION")
    viewer = org.person("Viewer")
    convert(viewer.api, new_lead(one.api)).fails(403, "NO_PERMISSION")


def test_it_happens_once(rep):
    lead = new_lead(rep.api)
    before = counts(rep.api)
    answers = []

    def go():
        answers.append(convert(rep.api, lead, deal={}))
    threads = [threading.Thread(target=go) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(a.status for a in answers) == [200] + [409] * 5
    won = next(a for a in answers if a.status == 200).ok()
    for a in answers:
        if a.status == 409:
            assert a.fails(409, "ALREADY_CONVERTED")["existingId"] == won["contact"]["id"]
    assert counts(rep.api) == [n + 1 for n in before]


def test_the_lead_stays_as_it_was(org, rep):
    lead = new_lead(rep.api)
    path = f"/v1/leads/{lead['id']}"
    rep.api.patch(path, json={"status": "CONVERTED"}).fails(400, "INVALID_FIELDS", "/status", "CONVERT_INSTEAD")
    rep.api.post("/v1/leads", json={"name": "X", "status": "CONVERTED"}).fails(400, "INVALID_FIELDS", "/status", "CONVERT_INSTEAD")
    convert(rep.api, lead).ok()
    rep.api.patch(path, json={"name": "Other"}).fails(400, "ALREADY_CONVERTED")
    rep.api.patch(path, json={"status": "NEW"}).fails(400, "ALREADY_CONVERTED")
    org.api.patch(path, json={"ownerId": org.admin.id}).ok()
    org.api.delete(path).ok()
    org.api.post(f"{path}:undelete").ok()


def test_only_the_version_that_was_meant(rep):
    lead = new_lead(rep.api)
    path = f"/v1/leads/{lead['id']}:convert"
    rep.api.post(path, json={}, headers={"If-Match": '"7"'}).fails(412, "VERSION_MISMATCH")
    rep.api.post(path, json={}, headers={"If-Match": '"1"'}).ok()


def test_leads_that_are_not_there(org, rep):
    convert(rep.api, {"id": str(uuid.uuid4())}).fails(404, "NOT_FOUND")
    convert(rep.api, new_lead(org.api)).fails(404, "NOT_FOUND")
    gone = new_lead(org.api)
    org.api.delete(f"/v1/leads/{gone['id']}").ok()
    convert(org.api, gone).fails(404, "NOT_FOUND")


def test_custom_fields_go_along(rep):
    lead = new_lead(rep.api, customFields={"tier": "A", "source": "south"})
    done = convert(rep.api, lead, contact={"customFields": {"tier": "B"}}).ok()
    assert done["account"]["customFields"] == {"tier": "A", "source": "south"}
    assert done["contact"]["customFields"] == {"tier": "B", "source": "south"}
