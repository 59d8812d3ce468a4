"""Readers of the event log: each event dealt with once, in order, however it ends in between."""
import uuid

import pytest

from lib.org import Org
from lib.stack import Stack, wait_until


@pytest.fixture(scope="module")
def firm(stack):
    return Org(stack)


def given(person):
    return [n for n in person.api.all("/v1/notifications") if n["kind"] == "RECORD_GIVEN"]


def told(person, n):
    return wait_until(f"{n} notifications", lambda: (lambda g: g if len(g) >= n else None)(given(person)))


def caught_up(stack):
    wait_until("the readers have read all", lambda: stack.sql("SELECT count(*) FROM app.orgs_to_read('given')") == [(0,)])


def test_who_is_given_a_record_is_told(stack, firm):
    ann = firm.person()
    mine = firm.api.post("/v1/accounts", json={"name": "Kept"}).ok(201)
    deal = firm.api.post("/v1/deals", json={"name": "Given 商机"}).ok(201)
    firm.api.patch(f"/v1/deals/{deal['id']}", {"ownerId": ann.id}).ok()
    lead = firm.api.post("/v1/leads", json={"name": "Made for her", "ownerId": ann.id}).ok(201)
    ann.api.post("/v1/leads", json={"name": "Her own"}).ok(201)
    notes = told(ann, 2)
    assert [(n["resource"], n["recordId"], n["title"]) for n in notes] == [
        ("leads", lead["id"], "Made for her"), ("deals", deal["id"], "Given 商机")]
    assert {n["actorId"] for n in notes} == {firm.admin.id} and {n["remindTime"] for n in notes} == {None}
    caught_up(stack)
    assert len(given(ann)) == 2 and given(firm.admin) == [], "nobody is told of what he does himself"
    assert mine["id"] not in [n["recordId"] for n in notes]
    ann.api.post(f"/v1/notifications/{notes[0]['id']}:read", json={}).ok()


def test_many_at_once_are_told_once(stack, firm):
    ann = firm.person()
    ids = [firm.api.post("/v1/accounts", json={"name": f"Many {i}"}).ok(201)["id"] for i in range(5)]
    operation = firm.api.post("/v1/accounts:bulkUpdate", json={"ids": ids, "set": {"ownerId": ann.id}}).ok()["operation"]
    wait_until("it ends", lambda: firm.api.get(f"/v1/operations/{operation['id']}").ok()["done"])
    told(ann, 1)
    caught_up(stack)
    assert len(given(ann)) == 1


def test_a_reader_begins_again_and_does_nothing_twice(stack, firm):
    ann = firm.person()
    firm.api.post("/v1/leads", json={"name": "Once", "ownerId": ann.id}).ok(201)
    told(ann, 1)
    assert "given" in stack.ctl("readers") and "0 behind" in stack.ctl("readers")
    assert "begins again in 1 organisations" in stack.ctl("readers", "begin", "given", "--from", "start", "--org", firm.id)
    caught_up(stack)
    assert len(given(ann)) == 1
    stack.sql("DELETE FROM activities.notifications WHERE user_id = %s", ann.id)
    stack.ctl("readers", "begin", "given", "--from", "now")
    caught_up(stack)
    assert given(ann) == []
    stack.ctl("readers", "begin", "given", "--from", "2020-01-01T00:00:00Z")
    told(ann, 1)
    assert stack.ctl("readers", "begin", "nobody", "--from", "now", check=False).returncode == 1
    assert stack.ctl("readers", "begin", "given", "--from", "yesterday noon", check=False).returncode == 1
    assert stack.ctl("readers", "begin", check=False).returncode == 2


def test_what_fails_is_tried_again_and_holds_up_its_organisation_alone(stack, firm, other_org):
    """The function that writes notifications is away for a while."""
    ann, bob = firm.person(), other_org.person()
    stack.sql("ALTER FUNCTION activities.notify_given RENAME TO notify_given_away")
    try:
        firm.api.post("/v1/leads", json={"name": "Late", "ownerId": ann.id}).ok(201)
        wait_until("the failure is known", lambda: stack.sql(
            "SELECT error FROM app.readers WHERE org_id = %s AND name = 'given' AND error IS NOT NULL", firm.id))
        assert "it fails: " in stack.ctl("readers")
    finally:
        stack.sql("ALTER FUNCTION activities.notify_given_away RENAME TO notify_given")
    other_org.api.post("/v1/leads", json={"name": "Theirs", "ownerId": bob.id}).ok(201)
    told(ann, 1)
    told(bob, 1)
    caught_up(stack)
    assert len(given(ann)) == len(given(bob)) == 1
    assert stack.sql("SELECT error FROM app.readers WHERE org_id = %s AND name = 'given'", firm.id) == [(None,)]


def test_how_far_behind_is_in_the_metrics(stack, firm):
    import requests
    caught_up(stack)
    def lag():
        lines = [l for l in requests.get(f"{stack.base}/metrics", timeout=5).text.splitlines() if l.startswith("sfms_reader_lag_seconds{")]
        return {l.split("}")[0]: float(l.split()[-1]) for l in lines}
    assert lag() == {'sfms_reader_lag_seconds{service="activities",reader="given"': 0.0}


def test_a_new_organisation_is_read_from_its_beginning(stack):
    firm = Org(stack)
    ann = firm.person()
    firm.api.post("/v1/leads", json={"name": "Early", "ownerId": ann.id}).ok(201)
    told(ann, 1)
