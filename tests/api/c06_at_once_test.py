"""Many at once: the same upsert, the same file, the same refresh token, the same role."""
import uuid

from lib.api import Api
from lib.at_once import at_once
from lib.records import start_import
from lib.stack import wait_until


def test_the_same_upsert(org, api):
    key = uuid.uuid4().hex
    answers = at_once(12, lambda i: Api(org.base, api.token).post("/v1/accounts:upsert", json={
        "name": f"Writer {i}", "externalId": key, "externalSource": "erp"}))
    assert {a.ok()["id"] for a in answers} == {answers[0].ok()["id"]}
    assert sorted(a.status for a in answers) == [200] * 11 + [201]
    assert len(api.all("/v1/accounts", filter=f'externalId = "{key}"')) == 1


def test_the_same_create_with_an_id(org, api):
    id = str(uuid.uuid4())
    answers = at_once(12, lambda i: Api(org.base, api.token).post("/v1/deals", json={"id": id, "name": "One"}))
    assert {a.ok()["id"] for a in answers} == {id} and sorted(a.status for a in answers) == [200] * 11 + [201]


def test_different_records_with_one_key_of_another_system(org, api):
    key = uuid.uuid4().hex
    answers = at_once(12, lambda i: Api(org.base, api.token).post("/v1/contacts", json={"name": f"N {i}", "externalId": key}))
    assert sorted(a.status for a in answers) == [201] + [409] * 11
    (made,) = [a.ok()["id"] for a in answers if a.status == 201]
    assert {a.problem()["existingId"] for a in answers if a.status == 409} == {made}


def test_the_same_file_twice(org, api):
    text = "id,name\n" + "".join(f"{i},At once {i}\n" for i in range(1500))
    mapping = {"columns": {"id": {"field": "externalId"}, "name": {"field": "name"}}, "constants": {"externalSource": "at once"}}
    ids = at_once(3, lambda i: start_import(Api(org.base, api.token), "accounts", text, mapping)["id"])

    def ended():
        operations = [api.get(f"/v1/imports/{id}").ok() for id in ids]
        return operations if all(o["done"] for o in operations) else None
    operations = wait_until("the imports", ended, 120, 0.2)
    assert [(o["state"], o["failedRows"]) for o in operations] == [("DONE", "0")] * 3
    assert sum(int(o["createdRows"]) for o in operations) == 1500
    page = api.get("/v1/accounts", filter='externalSource = "at once"', countTotal=True, pageSize=1).ok()
    assert page["totalSize"] == "1500"


def test_the_same_refresh_token(org):
    """All get the same next token, round after round, and the session lives on."""
    from lib.org import log_in
    token = log_in(org.base, org.person("Rep").email)["refreshToken"]
    for _ in range(30):
        answers = at_once(4, lambda i: Api(org.base).post("/v1/sessions:refresh", json={"refreshToken": token}))
        (token,) = {a.ok()["refreshToken"] for a in answers}
    assert len({a.ok()["accessToken"] for a in answers}) == 4


def test_many_wrong_passwords_do_not_slip_through(org):
    """Guesses at once are slowed down like guesses one after another."""
    person = org.person("Rep")
    answers = at_once(20, lambda i: Api(org.base).post("/v1/sessions", json={"email": person.email, "password": f"guess {i}"}))
    # 503: where sign-ins take long, so many are more than may wait for their turn.
    assert {a.status for a in answers} <= {401, 429, 503} and sum(a.status == 401 for a in answers) <= 6


def test_one_deal_moved_by_many(org, api):
    stages = sorted((s for s in api.all("/v1/stages") if s["outcome"] == "OPEN"), key=lambda s: s["position"])
    deal = api.post("/v1/deals", json={"name": "Tossed about"}).ok(201)["id"]
    answers = at_once(16, lambda i: Api(org.base, api.token).post(f"/v1/deals/{deal}:move",
                                                                  json={"stageId": stages[i % len(stages)]["id"]}))
    for a in answers:
        assert a.status == 200 or a.fails(409), str(a)
    visits = api.get(f"/v1/deals/{deal}/stageHistory").ok()["visits"]
    assert [v["leaveTime"] for v in visits[:-1]] == [v["enterTime"] for v in visits[1:]]
    assert visits[-1]["leaveTime"] is None and visits[-1]["stageId"] == api.get(f"/v1/deals/{deal}").ok()["stageId"]
    assert all(a["stageId"] != b["stageId"] for a, b in zip(visits, visits[1:]))


def test_two_teams_cannot_become_each_others_parent(org, api):
    """Each change alone is right; both together would be a circle."""
    for _ in range(5):
        a, b = org.team(f"A {uuid.uuid4()}"), org.team(f"B {uuid.uuid4()}")
        at_once(2, lambda i: Api(org.base, api.token).patch(f"/v1/teams/{(a, b)[i]}", {"parentId": (b, a)[i]}).status)
        teams = {t["id"]: t["parentId"] for t in api.all("/v1/teams")}
        assert not (teams[a] == b and teams[b] == a)
