"""The feed as an answer that goes on: server-sent events."""
import statistics
import time
import uuid

import pytest

from lib.api import Api
from lib.org import Org
from lib.sse import EventStream
from lib.stack import Stack, wait_until


def feed(api, after, **params):
    """What the feed has after a cursor."""
    events = []
    while True:
        page = api.get("/v1/events", after=after, **params).ok()
        events, after = events + page["events"], page["cursor"]
        if not page["more"]:
            return events


def account(api, **more):
    return api.post("/v1/accounts", json={"name": f"Acme {uuid.uuid4()}", **more}).ok(201)


def test_what_is_written_comes_by_itself(api):
    cursor = api.get("/v1/events", fromNow=True).ok()["cursor"]
    with EventStream(api).begun() as stream:
        assert stream.status == 200 and stream.head["content-type"] == "text/event-stream"
        assert stream.head["cache-control"] == "no-store" and stream.head["transfer-encoding"] == "chunked"
        made = account(api, city="上海")
        api.patch(f"/v1/accounts/{made['id']}", {"city": "北京"}).ok()
        events = stream.events(2)
    assert [e["action"] for e in events] == ["CREATED", "UPDATED"] and events[0]["recordId"] == made["id"]
    assert events == feed(api, cursor)


def test_a_change_is_there_at_once(api):
    """Half of them within a tenth of a second, while nothing else happens."""
    took = []
    with EventStream(api, resource="accounts").begun() as stream:
        for n in range(15):
            time.sleep(0.05)
            begin = time.monotonic()
            account(api)
            stream.events(n + 1)
            took.append(stream.of("message")[n].at - begin)
    assert statistics.median(took) < 0.1, took


def test_it_goes_on_where_it_was(api):
    """Whatever ends the connection: what was written meanwhile comes, and nothing comes twice. The header goes before the address,
    as a browser comes again with both."""
    with EventStream(api, resource="accounts").begun() as stream:
        before = [account(api)["id"] for _ in range(3)]
        stream.events(3)
        second = stream.of("message")[1].id
        last = stream.last_id
    meanwhile = account(api)["id"]
    with EventStream(api, resource="accounts", last=last) as stream:
        assert [e["recordId"] for e in stream.events(1)] == [meanwhile]
    with EventStream(api, resource="accounts", after=last, last=second) as stream:
        assert [e["recordId"] for e in stream.events(2)] == [before[2], meanwhile]
    with EventStream(api, resource="accounts", after=second) as stream:
        assert [e["recordId"] for e in stream.events(2)] == [before[2], meanwhile]


def test_more_than_a_page_has_waited(api):
    cursor = api.get("/v1/events", fromNow=True).ok()["cursor"]
    made = [account(api)["id"] for _ in range(25)]
    with EventStream(api, after=cursor, pageSize=4, resource="accounts") as stream:
        assert [e["recordId"] for e in stream.events(25)] == made
        ids = [m.id for m in stream.of("message")]
    assert len(set(ids)) == 25
    for n in (1, 7, 24):
        assert [e["recordId"] for e in feed(api, ids[n - 1], resource="accounts")] == made[n:]


def test_of_a_collection_or_a_record_alone(api):
    made, other = account(api), account(api)
    with EventStream(api, resource="accounts", recordId=made["id"]).begun() as one, \
            EventStream(api, resource="contacts").begun() as contacts, EventStream(api).begun() as all:
        for a in (other, made):
            api.patch(f"/v1/accounts/{a['id']}", {"city": "Berlin"}).ok()
        assert [e["recordId"] for e in all.events(2)] == [other["id"], made["id"]]
        assert [e["recordId"] for e in one.events(1)] == [made["id"]]
        contact = api.post("/v1/contacts", json={"name": "Lee"}).ok(201)
        assert [e["recordId"] for e in contacts.events(1)] == [contact["id"]]
    api.get("/v1/events", recordId=made["id"]).fails(400, "INVALID_FIELDS", pointer="resource", reason="REQUIRED")


def test_nobody_sees_more_than_in_the_feed(api, org, other_org):
    """Another organisation sees nothing, a seller what is his, and who loses his rights no more at all."""
    seller = org.person("Rep")
    cursor = seller.api.get("/v1/events", fromNow=True).ok()["cursor"]
    with EventStream(other_org.api).begun() as foreign, EventStream(seller.api).begun() as own:
        account(api)
        mine = account(api, ownerId=seller.id)
        assert [e["recordId"] for e in own.events(1)] == [mine["id"]]
        account(other_org.api)
        assert len(foreign.events(1)) == 1
        assert [m.json() for m in own.of("message")] == feed(seller.api, cursor)


def test_it_says_what_the_caller_sees(api, org):
    """Once at the beginning, and when that changes."""
    seller = org.person("Rep")
    sight = seller.api.get("/v1/events", fromNow=True).ok()["sight"]
    with EventStream(seller.api).begun() as stream:
        assert [m.data for m in stream.of("sight")] == [sight]
        account(api, ownerId=seller.id)
        stream.events(1)
        assert len(stream.of("sight")) == 1


def test_it_ends_with_the_session(stack, org):
    """When something happens: an idle one tells nothing, and asks nothing."""
    seller = org.person("Rep")
    with EventStream(seller.api).begun() as stream:
        seller.api.post("/v1/sessions:logout").ok()
        wait_until("the token is refused", lambda: seller.api.get("/v1/me").status == 401, 20, 0.2)
        account(org.api, ownerId=seller.id)
        stream.wait_end()
        assert stream.whole and not stream.of("message")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_what_is_wrong_is_said_before_it_begins(api, guest, language):
    def ask(caller, **more):
        return caller.call("GET", "/v1/events:stream", headers={"Accept-Language": language, **more.pop("headers", {})}, params=more)
    ask(guest).fails(401, "NO_TOKEN")
    ask(guest, ticket="none").fails(401, "BAD_TOKEN")
    ask(api, after="nowhere").fails(400, "BAD_PAGE_TOKEN")
    ask(api, headers={"Last-Event-ID": "nowhere"}).fails(400, "BAD_PAGE_TOKEN")
    ask(api, headers={"Last-Event-ID": "x" * 5000}).fails(400, "BAD_PAGE_TOKEN")
    ask(api, recordId="no").fails(400, "INVALID_FIELDS", pointer="recordId")
    ask(api, colour="blue").fails(400, "INVALID_FIELDS", pointer="colour", reason="UNKNOWN_FIELD")
    api.call("POST", "/v1/events:stream", json={}).fails(405, "METHOD_NOT_ALLOWED")
    api.get("/v1/events", ticket="x").fails(400, "INVALID_FIELDS", pointer="ticket")


@pytest.fixture
def guest(stack):
    return Api(stack.base)


def test_head_answers_the_headers(api):
    answer = api.call("HEAD", "/v1/events:stream")
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream" and answer.text == ""
    assert answer.headers["Accept-Ranges"] == "none"
    assert api.get("/v1/me").status == 200


# ---- tickets ---------------------------------------------------------------------------------------------------


def test_a_ticket_opens_one_stream(api, guest):
    ticket = api.post("/v1/events:ticket").ok(200)
    assert set(ticket) == {"ticket", "expiresIn"} and ticket["expiresIn"] == 30
    with EventStream(guest, token=False, ticket=ticket["ticket"]).begun() as stream:
        made = account(api)
        assert [e["recordId"] for e in stream.events(1)] == [made["id"]]
        for _ in range(2):
            guest.get("/v1/events:stream", ticket=ticket["ticket"]).fails(401, "BAD_TOKEN")
    guest.get("/v1/events", ticket=api.post("/v1/events:ticket").ok()["ticket"]).fails(401, "NO_TOKEN")


def test_a_ticket_is_not_a_token(api, guest, stack):
    ticket = api.post("/v1/events:ticket").ok()["ticket"]
    Api(stack.base, ticket).get("/v1/me").fails(401, "BAD_TOKEN")
    guest.post("/v1/events:ticket").fails(401, "NO_TOKEN")


def test_a_ticket_that_comes_twice_at_once_opens_one_stream(api, guest):
    for _ in range(5):
        ticket = api.post("/v1/events:ticket").ok()["ticket"]
        streams = [EventStream(guest, token=False, ticket=ticket) for _ in range(3)]
        assert sorted(s.status for s in streams) == [200, 401, 401]
        for s in streams:
            s.close()


def test_a_ticket_expires(api, guest, stack):
    ticket = api.post("/v1/events:ticket").ok()["ticket"]
    stack.sql("UPDATE identity.tickets SET expire_time = now() - interval '1 second'")
    guest.get("/v1/events:stream", ticket=ticket).fails(401, "BAD_TOKEN")


def test_a_ticket_ends_with_its_session(stack, org, guest):
    seller = org.person("Rep")
    ticket = seller.api.post("/v1/events:ticket").ok()["ticket"]
    seller.api.post("/v1/sessions:logout").ok()
    guest.get("/v1/events:stream", ticket=ticket).fails(401, "BAD_TOKEN")


def test_tickets_that_nobody_uses_are_few(stack, org, guest):
    seller = org.person("Rep")
    tickets = [seller.api.post("/v1/events:ticket").ok()["ticket"] for _ in range(21)]
    assert stack.sql("SELECT count(*) FROM identity.tickets WHERE user_id = %s", seller.id) == [(20,)]
    guest.get("/v1/events:stream", ticket=tickets[0]).fails(401, "BAD_TOKEN")


# ---- how many, and for how long --------------------------------------------------------------------------------


def test_a_user_has_sixteen_at_most(stack, org):
    seller = org.person("Rep")
    streams = [EventStream(seller.api).begun() for _ in range(16)]
    problem = seller.api.get("/v1/events:stream").fails(429, "TOO_MANY_STREAMS")
    assert "open already" in problem["detail"]
    with EventStream(org.api).begun():
        pass
    streams.pop().close()
    wait_until("a place is free", lambda: _opens(seller.api), 25, 0.2)
    for s in streams:
        s.close()


def _opens(api):
    with EventStream(api) as stream:
        return stream.status == 200


def test_idle_streams_cost_the_database_nothing(stack, org):
    """Many of them wait; the feed is not asked."""
    logs = stack["exchange"]
    with EventStream(org.api).begun(), EventStream(org.api).begun():
        before = logs.text().count("ListEvents")
        time.sleep(1)
        assert logs.text().count("ListEvents") == before


@pytest.fixture(scope="module")
def own_stack():
    stack = Stack()
    try:
        stack.start()
        yield stack
    finally:
        wrong = stack.stop()
    assert not wrong, wrong


def test_they_end_when_the_process_stops(own_stack):
    """At once, and whole; a client comes again with what it had."""
    org = Org(own_stack)
    with EventStream(org.api, resource="accounts").begun() as stream:
        first = account(org.api)["id"]
        stream.events(1)
        begin = time.monotonic()
        assert own_stack["gateway"].terminate() == 0
        assert time.monotonic() - begin < 10
        stream.wait_end()
        assert stream.whole
        last = stream.last_id
    own_stack["gateway"].start()
    own_stack.wait_ready()
    second = account(org.api)["id"]
    with EventStream(org.api, resource="accounts", last=last) as stream:
        assert [e["recordId"] for e in stream.events(1)] == [second] and first != second


def test_they_outlive_the_service_that_tells(own_stack):
    """It is away for a moment: the stream waits, and misses nothing."""
    org = Org(own_stack)
    with EventStream(org.api, resource="accounts").begun() as stream:
        made = [account(org.api)["id"]]
        stream.events(1)
        own_stack["exchange"].kill()
        made.append(account(org.api)["id"])
        own_stack["exchange"].start()
        own_stack.wait_ready()
        made.append(account(org.api)["id"])
        assert [e["recordId"] for e in stream.events(3, 20)] == made and not stream.ended
