"""Own, team, organisation: every door shows the same rows."""
import types
import uuid

import pytest

from lib.api import elements
from lib.org import Org
from lib.stack import wait_until


@pytest.fixture(scope="module")
def firm(stack):
    """Sales > (North > Far North, South): a manager and a rep or two in each, and a deal and an account of each rep."""
    org = Org(stack)
    f = types.SimpleNamespace(org=org, api=org.api)
    f.boss = org.person("Manager", name="Boss of Sales")
    f.sales = org.team("Sales", manager=f.boss.id)
    f.north_manager = org.person("Manager", name="Manager North")
    f.north = org.team("North", parent=f.sales, manager=f.north_manager.id)
    f.far = org.team("Far North", parent=f.north)
    f.south = org.team("South", parent=f.sales)
    f.ann = org.person("Rep", f.north, "Ann North")
    f.bob = org.person("Rep", f.far, "Bob Far North")
    f.cem = org.person("Rep", f.south, "Cem South")
    f.viewer = org.person("Viewer", name="Viewer")
    f.deals, f.accounts = {}, {}
    for name in ("ann", "bob", "cem"):
        rep = getattr(f, name)
        f.accounts[name] = rep.api.post("/v1/accounts", json={"name": f"Account of {name}"}).ok(201)
        f.deals[name] = rep.api.post("/v1/deals", json={"name": f"Deal of {name}", "amount": "100",
                                                        "accountId": f.accounts[name]["id"]}).ok(201)
    return f


WHO_SEES = {"ann": {"ann"}, "bob": {"bob"}, "cem": {"cem"}, "north_manager": {"ann", "bob"},
            "boss": {"ann", "bob", "cem"}, "viewer": {"ann", "bob", "cem"}}

each = pytest.mark.parametrize("who", sorted(WHO_SEES))


@each
def test_lists_and_counts(who, firm):
    api, sees = getattr(firm, who).api, WHO_SEES[who]
    assert {d["name"] for d in api.all("/v1/deals")} == {f"Deal of {n}" for n in sees}
    assert {a["name"] for a in api.all("/v1/accounts")} == {f"Account of {n}" for n in sees}
    assert api.get("/v1/deals", countTotal=True).ok()["totalSize"] == str(len(sees))


@each
def test_search_and_filter(who, firm):
    api, sees = getattr(firm, who).api, WHO_SEES[who]
    assert {d["name"] for d in api.all("/v1/deals", search="Deal of")} == {f"Deal of {n}" for n in sees}
    for name, deal in firm.deals.items():
        found = api.all("/v1/deals", filter=f'ownerId = "{deal["ownerId"]}"')
        assert bool(found) == (name in sees)


@each
def test_get_and_batch_get(who, firm):
    api, sees = getattr(firm, who).api, WHO_SEES[who]
    for name, deal in firm.deals.items():
        answer = api.get(f"/v1/deals/{deal['id']}")
        answer.ok(200) if name in sees else answer.fails(404, "NOT_FOUND")
    ids = [d["id"] for d in firm.deals.values()]
    assert {d["id"] for d in elements(api.get("/v1/deals:batchGet", ids=ids).ok())} == {firm.deals[n]["id"] for n in sees}


@each
def test_history_and_events(who, firm):
    person, sees = getattr(firm, who), WHO_SEES[who]
    for name, deal in firm.deals.items():
        answer = person.api.get(f"/v1/deals/{deal['id']}/history")
        answer.ok(200) if name in sees else answer.fails(404, "NOT_FOUND")
        answer = person.api.get(f"/v1/deals/{deal['id']}/stageHistory")
        answer.ok(200) if name in sees else answer.fails(404, "NOT_FOUND")
    if "events.read" in person.api.get("/v1/me").ok()["permissions"]:
        seen = wait_until("the events", lambda: _events(person.api, "deals"))
        assert {e["recordId"] for e in seen} == {firm.deals[n]["id"] for n in sees}


def _events(api, resource):
    events, after = [], None
    while True:
        page = api.get("/v1/events", resource=resource, **({"after": after} if after else {})).ok()
        events += page["events"]
        after = page["cursor"]
        if not page["more"]:
            return events


@each
def test_analytics(who, firm):
    api, sees = getattr(firm, who).api, WHO_SEES[who]
    forecast = api.get("/v1/analytics/forecast").ok()
    assert forecast["undated"]["dealCount"] == len(sees)
    assert float(forecast["undated"]["openAmount"]) == 100 * len(sees)
    assert api.get("/v1/analytics/funnel").ok()["dealCount"] == len(sees)


@pytest.mark.parametrize("who, name", [("ann", "bob"), ("ann", "cem"), ("cem", "ann"), ("north_manager", "cem")])
def test_what_is_not_seen_cannot_be_changed(who, name, firm):
    api = getattr(firm, who).api
    address = f"/v1/deals/{firm.deals[name]['id']}"
    api.patch(address, {"name": "Mine now"}).fails(404, "NOT_FOUND")
    api.post(f"{address}:move", json={"stageId": firm.deals[who]["stageId"] if who in firm.deals else
                                      firm.deals["ann"]["stageId"]}).fails(404, "NOT_FOUND")
    answer = api.delete(address)
    assert answer.status in (403, 404), str(answer)
    assert firm.api.get(address).ok()["name"] == f"Deal of {name}"


def test_a_manager_changes_her_teams_deals(firm):
    changed = firm.north_manager.api.patch(f"/v1/deals/{firm.deals['bob']['id']}", {"nextStep": "Call"}).ok(200)
    assert changed["nextStep"] == "Call" and changed["ownerId"] == firm.bob.id


def test_a_viewer_changes_nothing(firm):
    api = firm.viewer.api
    api.patch(f"/v1/deals/{firm.deals['ann']['id']}", {"nextStep": "x"}).fails(403, "NO_PERMISSION")
    api.post("/v1/accounts", json={"name": "x"}).fails(403, "NO_PERMISSION")
    api.delete(f"/v1/accounts/{firm.accounts['ann']['id']}").fails(403, "NO_PERMISSION")


def test_a_record_cannot_be_given_out_of_sight(firm):
    """A rep may not make or hand over records that he would not see."""
    made = firm.ann.api.post("/v1/deals", json={"name": "For Cem", "ownerId": firm.cem.id})
    made.fails(403, "NOT_YOURS")
    mine = firm.ann.api.post("/v1/accounts", json={"name": "Mine"}).ok(201)
    firm.ann.api.patch(f"/v1/accounts/{mine['id']}", {"ownerId": firm.cem.id}).fails(403, "NOT_YOURS")
    given = firm.north_manager.api.patch(f"/v1/accounts/{mine['id']}", {"ownerId": firm.bob.id}).ok()
    assert given["ownerId"] == firm.bob.id
    firm.ann.api.get(f"/v1/accounts/{mine['id']}").fails(404, "NOT_FOUND")
    firm.bob.api.get(f"/v1/accounts/{mine['id']}").ok()
    firm.api.delete(f"/v1/accounts/{mine['id']}").ok()


def test_references_across_owners(firm, other_org):
    """A reference is set to what the writer sees; what he does not see is for him as if it were not there, in the same words."""
    theirs = firm.accounts["cem"]["id"]
    foreign = other_org.make.create("accounts")["id"]
    gone = firm.api.post("/v1/accounts", json={"name": "Gone", "ownerId": firm.cem.id}).ok(201)["id"]
    firm.api.delete(f"/v1/accounts/{gone}").ok()
    said = set()
    for id in (theirs, foreign, gone, "01a00000-0000-7000-8000-000000000000"):
        for answer in (firm.ann.api.post("/v1/deals", json={"name": "Probe", "accountId": id}),
                       firm.ann.api.post("/v1/contacts", json={"name": "Probe", "accountId": id}),
                       firm.ann.api.patch(f"/v1/accounts/{firm.accounts['ann']['id']}", {"parentId": id})):
            field = "/parentId" if "/accounts/" in answer.json()["instance"] else "/accountId"
            answer.fails(400, "INVALID_FIELDS", field, "NO_SUCH_RECORD")
            said.add(answer.json()["errors"][0]["detail"])
    assert len(said) == 1


def test_a_reference_stays_where_it_is(firm):
    """What somebody else has set is sent back by who does not see it; and what is shared may be pointed to."""
    theirs = firm.accounts["cem"]["id"]
    mine = firm.ann.api.post("/v1/deals", json={"name": "Joint"}).ok(201)
    joint = firm.api.patch(f"/v1/deals/{mine['id']}", {"accountId": theirs}).ok()
    firm.ann.api.get(f"/v1/accounts/{theirs}").fails(404, "NOT_FOUND")
    assert firm.ann.api.patch(f"/v1/deals/{mine['id']}", {**joint, "nextStep": "Call"}).ok()["accountId"] == theirs
    firm.cem.api.post(f"/v1/accounts/{theirs}:share", json={"userId": firm.ann.id}).ok()
    other = firm.ann.api.post("/v1/deals", json={"name": "Shared", "accountId": theirs}).ok(201)
    firm.cem.api.post(f"/v1/accounts/{theirs}:unshare", json={"userId": firm.ann.id}).ok()
    for deal in (mine, other):
        firm.api.delete(f"/v1/deals/{deal['id']}").ok()


def test_nothing_is_given_to_a_deleted_user(firm):
    """What such a one has stays with him; in another's hands it does not come back."""
    leaver = firm.org.person("Rep")
    kept = firm.api.post("/v1/accounts", json={"name": "Kept", "ownerId": leaver.id}).ok(201)
    firm.api.delete(f"/v1/users/{leaver.id}").ok()
    firm.api.patch(f"/v1/accounts/{kept['id']}", json={"city": "长沙"}).ok()
    firm.api.post("/v1/accounts", json={"name": "New", "ownerId": leaver.id}).fails(
        400, "INVALID_FIELDS", "/ownerId", "DELETED_RECORD")
    other = firm.api.post("/v1/deals", json={"name": "Other"}).ok(201)
    firm.api.patch(f"/v1/deals/{other['id']}", json={"ownerId": leaver.id}).fails(
        400, "INVALID_FIELDS", "/ownerId", "DELETED_RECORD")
    firm.api.delete(f"/v1/accounts/{kept['id']}").ok()
    firm.api.delete(f"/v1/deals/{other['id']}").ok()


def test_activities_are_seen_with_their_record(firm):
    deal = firm.deals["ann"]
    note = firm.ann.api.post("/v1/notes", json={"body": "Met them", "relatedResource": "deals",
                                                "relatedId": deal["id"]}).ok(201)
    for who, sees in WHO_SEES.items():
        answer = getattr(firm, who).api.get(f"/v1/notes/{note['id']}")
        answer.ok() if "ann" in sees else answer.fails(404, "NOT_FOUND")
    firm.cem.api.post("/v1/notes", json={"body": "Spy", "relatedResource": "deals", "relatedId": deal["id"]}).fails(
        400, "INVALID_FIELDS", "/relatedId")


def test_an_activity_is_seen_by_its_record_and_no_namesake(firm):
    """A record of another collection with the same id opens nothing."""
    account = firm.accounts["cem"]
    note = firm.cem.api.post("/v1/notes", json={"body": "Secret", "relatedResource": "accounts",
                                                "relatedId": account["id"]}).ok(201)
    firm.ann.api.post("/v1/deals", json={"id": account["id"], "name": "Namesake"}).ok(201)
    firm.ann.api.get(f"/v1/notes/{note['id']}").fails(404, "NOT_FOUND")
    assert firm.ann.api.all("/v1/notes", search="Secret") == []
    firm.api.delete(f"/v1/deals/{account['id']}").ok()


def test_activities_are_seen_with_the_records_of_many(stack):
    """For who sees many people, records are looked up one by one; the answer is that for few."""
    org = Org(stack)
    lead = org.person("Manager", name="Lead of many")
    team = org.team("Many", manager=lead.id)
    for n in range(21):
        member = org.api.post("/v1/users", json={"displayName": f"Member {n}", "email": f"member{n}@{org.id}.example.com",
                                                 "roleId": org.role("Rep"), "teamId": team}).ok(201)
    theirs = org.api.post("/v1/deals", json={"name": "Theirs", "ownerId": member["id"]}).ok(201)
    other = org.api.post("/v1/deals", json={"name": "Other"}).ok(201)
    namesake = org.api.post("/v1/accounts", json={"id": other["id"], "name": "Namesake", "ownerId": member["id"]}).ok(201)
    for body, resource, id in (("About theirs", "deals", theirs["id"]), ("About other", "deals", other["id"]),
                               ("About the namesake", "accounts", namesake["id"])):
        org.api.post("/v1/notes", json={"body": body, "relatedResource": resource, "relatedId": id}).ok(201)
    assert {n["body"] for n in lead.api.all("/v1/notes")} == {"About theirs", "About the namesake"}
    assert lead.api.get("/v1/notes", countTotal=True).ok()["totalSize"] == "2"


def test_a_note_on_a_task_is_seen_with_it(firm):
    """Through the task, and through the record that the task is about; and what hangs on a user is for all."""
    task = firm.cem.api.post("/v1/tasks", json={"subject": "Ask", "relatedResource": "deals",
                                                "relatedId": firm.deals["ann"]["id"]})
    task.fails(400, "INVALID_FIELDS", "/relatedId")
    task = firm.north_manager.api.post("/v1/tasks", json={"subject": "Ask", "relatedResource": "deals",
                                                          "relatedId": firm.deals["ann"]["id"]}).ok(201)
    notes = [firm.north_manager.api.post("/v1/notes", json={"body": "About it", "relatedResource": resource,
                                                            "relatedId": id}).ok(201)
             for resource, id in (("tasks", task["id"]), ("users", firm.bob.id))]
    seen = {who: {n["id"] for n in getattr(firm, who).api.all("/v1/notes", search="About it")} for who in WHO_SEES}
    both, about_user = {n["id"] for n in notes}, {notes[1]["id"]}
    assert seen == {"ann": both, "bob": about_user, "cem": about_user, "north_manager": both, "boss": both, "viewer": both}


def test_moving_a_team_moves_sight(firm):
    """The team tree is what counts at once, not what it was when somebody signed in."""
    org = firm.org
    lead = org.person("Manager", name="Lead of West")
    west = org.team("West", manager=lead.id)
    rep = org.person("Rep", west, "Dee West")
    rep.api.post("/v1/accounts", json={"name": "Account of dee"}).ok(201)
    def sees(person):
        return {a["name"] for a in person.api.all("/v1/accounts", search="Account of dee")}
    assert sees(lead) == {"Account of dee"} and sees(firm.north_manager) == set()
    org.api.patch(f"/v1/teams/{west}", {"parentId": firm.north}).ok()
    wait_until("the manager above sees them", lambda: sees(firm.north_manager), 5)
    org.api.patch(f"/v1/users/{rep.id}", {"teamId": firm.south}).ok()
    wait_until("the old manager no longer does", lambda: not sees(lead) and not sees(firm.north_manager), 5)
    assert sees(firm.boss) == {"Account of dee"}


def test_a_tree_has_no_circle(firm):
    id = str(uuid.uuid4())
    for answer in (firm.api.patch(f"/v1/teams/{firm.sales}", {"parentId": firm.far}),
                   firm.api.patch(f"/v1/teams/{firm.sales}", {"parentId": firm.sales}),
                   firm.api.post("/v1/teams", json={"id": id, "name": "Itself", "parentId": id})):
        answer.fails(400, "INVALID_FIELDS", "/parentId", "TEAM_CIRCLE")


def test_a_role_takes_effect(firm):
    """What a role permits is asked anew before long, not carried in the token for its life."""
    org = firm.org
    role = org.new_role("Reader of leads", ["leads.read"])
    person = org.person("Reader of leads")
    person.api.get("/v1/leads").ok()
    person.api.get("/v1/accounts").fails(403, "NO_PERMISSION")
    org.api.patch(f"/v1/roles/{role['id']}", {"permissions": ["accounts.read"]}).ok()
    wait_until("the role's new permissions", lambda: person.api.get("/v1/accounts").status == 200
               and person.api.get("/v1/leads").status == 403, 70, 0.5)


def test_nobody_raises_himself(firm):
    """Who may write users or roles cannot give more than he has."""
    org = firm.org
    org.new_role("HR", ["users.read", "users.write", "roles.read", "roles.write"])
    hr = org.person("HR")
    admin = org.role("Admin")
    answer = hr.api.patch(f"/v1/users/{hr.id}", {"roleId": admin})
    assert answer.status in (400, 403), str(answer)
    answer = hr.api.post("/v1/roles", json={"name": "Super", "visibility": "ORG", "permissions": ["deals.delete"]})
    assert answer.status in (400, 403), str(answer)
    assert hr.api.get("/v1/me").ok()["roleName"] == "HR"


@pytest.mark.parametrize("permission", ["users.write", "teams.write"])
def test_who_decides_who_sees_whom_sees_all(permission, firm):
    """A lead of a team who may write users or teams would put himself above the others and see their records."""
    role = {"name": f"Lead with {permission}", "permissions": ["accounts.read", permission]}
    for visibility in ("OWN", "TEAM"):
        firm.api.post("/v1/roles", json={**role, "visibility": visibility}).fails(
            400, "INVALID_FIELDS", "/visibility", "MUST_SEE_ALL")
    made = firm.api.post("/v1/roles", json={**role, "visibility": "ORG"}).ok(201)
    firm.api.patch(f"/v1/roles/{made['id']}", {"visibility": "TEAM"}).fails(
        400, "INVALID_FIELDS", "/visibility", "MUST_SEE_ALL")


# ---- large teams -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(stack):
    """5,000 people in one team below another, each with an account; loaded by SQL."""
    org = Org(stack)
    c = types.SimpleNamespace(org=org, api=org.api, first=org.person("Manager"), second=org.person("Manager"), rep=org.person("Rep"))
    c.top = org.team("Top", manager=c.first.id)
    c.team = org.team("Crowd", parent=c.top)
    stack.sql("""INSERT INTO identity.users (org_id, id, display_name, team_id, role_id)
                 SELECT %s, gen_random_uuid(), 'Person ' || n, %s, %s FROM generate_series(1, 5000) n""",
              org.id, c.team, org.role("Rep"))
    stack.sql("""INSERT INTO customers.accounts (org_id, id, owner_id, name)
                 SELECT org_id, gen_random_uuid(), id, display_name FROM identity.users WHERE org_id = %s""", org.id)
    return c


def _total(person):
    return int(person.api.get("/v1/accounts", countTotal=True, pageSize=1).ok()["totalSize"])


def test_a_manager_of_thousands_comes_and_goes(crowd):
    """What people see is not written down person by person: with 5,000 in a team, that were 25 million pairs."""
    assert (_total(crowd.first), _total(crowd.second), _total(crowd.rep)) == (5001, 1, 1)
    crowd.api.patch(f"/v1/teams/{crowd.top}", {"managerId": crowd.second.id}).ok()
    assert (_total(crowd.first), _total(crowd.second)) == (1, 5001)
    crowd.api.patch(f"/v1/users/{crowd.second.id}", {"teamId": crowd.team}).ok()
    crowd.api.patch(f"/v1/teams/{crowd.team}", {"parentId": None}).ok()
    assert (_total(crowd.first), _total(crowd.second)) == (1, 5001)
    crowd.api.patch(f"/v1/users/{crowd.rep.id}", {"teamId": crowd.team}).ok()
    assert _total(crowd.rep) == 1 and _total(crowd.second) == 5002
    crowd.api.patch(f"/v1/teams/{crowd.team}", {"parentId": crowd.top}).ok()


def test_only_teams_are_kept(crowd, stack):
    """Each team once for itself and once for each above it, however many people there are; a deleted one for none."""
    kept = "SELECT count(*) FROM identity.team_tree WHERE org_id = %s"
    assert stack.sql(kept, crowd.org.id) == [(3,)]
    below = crowd.org.team("Below", parent=crowd.team)
    deep = crowd.org.team("Deep", parent=below)
    assert stack.sql(kept, crowd.org.id) == [(10,)]
    crowd.api.patch(f"/v1/teams/{below}", {"parentId": crowd.top}).ok()
    assert stack.sql(kept, crowd.org.id) == [(8,)]
    crowd.api.delete(f"/v1/teams/{below}")
    assert stack.sql("""SELECT count(*) FROM identity.teams t WHERE t.org_id = %s AND t.delete_time IS NULL
                           AND NOT EXISTS (SELECT 1 FROM identity.team_tree k WHERE k.top_id = t.id AND k.team_id = t.id)""",
                     crowd.org.id) == [(0,)]
    assert deep
