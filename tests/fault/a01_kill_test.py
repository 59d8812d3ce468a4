"""kill -9 of each process in turn, under load, and of the database: 503 meanwhile, well again within a second of its return,
no acknowledged write lost, none done twice."""
import time

import pytest

from fault_helpers import SECOND, WRITES, accepts, back, counter, load_on
from lib.stack import SERVICES, wait_until


def check_recovery(load, returned):
    late = load.failures(since=returned + SECOND)
    assert not late, f"{len(late)} failures later than {SECOND} s after the return, the last {late[-1].begin - returned:.2f} s: {late[:5]}"
    assert load.successes(since=returned + SECOND), "nothing succeeded after the return"


@pytest.mark.parametrize("service", sorted(WRITES))
def test_kill_9_of_a_service(service, own_stack, victim):
    other = load_on("pipeline" if service == "customers" else "customers", victim, threads=1)
    with load_on(service, victim) as load, other:
        wait_until("the load runs", lambda: len(load.successes()) > 30)
        own_stack[service].kill()
        died = time.monotonic()
        time.sleep(0.7)
        returned = back(own_stack[service], own_stack)
        time.sleep(SECOND + 1)
    assert [o for o in load.failures(since=died) if o.status == 503], "the load did not notice"
    load.check_answers()
    check_recovery(load, returned)
    load.check_writes(counter(own_stack, service))
    other.check_answers()
    assert not other.failures(), f"another service is not concerned: {other.failures()[:5]}"


def test_kill_9_of_analytics(own_stack, victim):
    """It writes nothing; its reads are answered with 503 meanwhile."""
    def ask():
        return victim.api.get("/v1/analytics/forecast")
    ask().ok()
    own_stack["analytics"].kill()
    for _ in range(5):
        answer = ask()
        answer.fails(503)
        assert int(answer.headers["Retry-After"]) >= 1
    returned = back(own_stack["analytics"], own_stack)
    wait_until("analytics answers", lambda: ask().status == 200, 10, 0.01)
    assert time.monotonic() - returned < SECOND


def made(load):
    return [o for o in load.successes() if o.kind == "create"]


@pytest.mark.parametrize("service", sorted(WRITES))
def test_retries_with_a_key_make_each_exactly_once(service, own_stack, victim):
    """A client that repeats with the same Idempotency-Key until it is told 201 gets each record exactly once."""
    with load_on(service, victim, retry=True) as load:
        def twenty_more():
            before = len(made(load))
            wait_until("the load runs", lambda: len(made(load)) >= before + 20)

        for _ in range(2):
            twenty_more()
            own_stack[service].kill()
            time.sleep(0.2)
            back(own_stack[service], own_stack)
        twenty_more()
    load.check_answers()
    by_key, rows = load.check_writes(counter(own_stack, service))
    acknowledged = [k for k, tries in by_key.items() if tries[-1].status == 201]
    assert len(acknowledged) >= 60 and all(rows[k] == 1 for k in acknowledged)


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_restart_of_postgresql(mode, own_stack, victim):
    with load_on("customers", victim) as a, load_on("pipeline", victim, threads=3) as b:
        wait_until("the load runs", lambda: len(a.successes()) > 30 and len(b.successes()) > 10)
        own_stack.pg.restart(mode, pause=0.5)
        returned = time.monotonic()
        time.sleep(SECOND + 1.5)
    for load, service in ((a, "customers"), (b, "pipeline")):
        assert load.failures(), "the load did not notice"
        load.check_answers()
        check_recovery(load, returned)
        load.check_writes(counter(own_stack, service))


def test_kill_9_of_the_gateway(own_stack, victim):
    """Connections break; what was acknowledged is there, and nothing is there twice."""
    with load_on("customers", victim) as load:
        wait_until("the load runs", lambda: len(load.successes()) > 30)
        own_stack["gateway"].kill()
        time.sleep(0.3)
        own_stack["gateway"].start()
        wait_until("the gateway is ready", own_stack.ready)
        returned = time.monotonic()
        time.sleep(SECOND + 0.5)
    load.check_answers(gateway_dies=True)
    check_recovery(load, returned)
    load.check_writes(counter(own_stack, "customers"))


def test_kill_9_of_all_at_once(own_stack, victim):
    for service in SERVICES:
        own_stack[service].kill()
    victim.api.get("/v1/accounts").fails(503)
    assert not own_stack.ready(), "a system without services is not ready"
    for service in SERVICES:
        own_stack[service].start()
    for service in SERVICES:
        wait_until(f"{service} listens", lambda: accepts(own_stack.sockets[service]), 20, 0.005)
    wait_until("ready again", own_stack.ready, 5)
    victim.api.post("/v1/accounts", json={"name": "After the storm"}).ok(201)


@pytest.mark.parametrize("service", ["exchange", "pipeline"])
def test_kill_9_in_the_middle_of_an_import(service, own_stack, victim):
    """The job is taken up again: in the end every row is there exactly once."""
    from lib.records import start_import
    api, name = victim.api, f"killed {service}"
    rows = 4000
    text = "id,name\n" + "".join(f"{i},{name}\n" for i in range(rows))
    mapping = {"columns": {"id": {"field": "externalId"}, "name": {"field": "name"}}, "constants": {"externalSource": name}}
    id = start_import(api, "deals", text, mapping)["id"]

    def there():
        return own_stack.sql("SELECT count(*), count(DISTINCT external_id) FROM pipeline.deals WHERE name = %s", name)[0]
    wait_until("the import is under way", lambda: there()[0] > 100, 60, 0.005)
    own_stack[service].kill()
    assert there()[0] < rows, "the import was over too soon to be killed"
    time.sleep(0.5)
    own_stack[service].start()
    # A minute passes at once: the lease of a runner that died ends.
    own_stack.sql("UPDATE app.jobs SET lease_until = now() WHERE state = 'RUNNING'")
    own_stack.wait_ready()

    def done():
        answer = api.get(f"/v1/imports/{id}")
        return answer.json() if answer.status == 200 and answer.json()["done"] else None
    operation = wait_until("the import ends", done, 180, 0.2)
    assert operation["state"] == "DONE" and operation["failedRows"] == "0", operation
    assert there() == (rows, rows)
    assert int(operation["createdRows"]) + int(operation["skippedRows"]) == rows


@pytest.mark.parametrize("service", ["exchange", "customers"])
def test_kill_9_in_the_middle_of_a_bulk_change(service, own_stack, victim):
    """It is taken up again: each record is changed once, and has its row."""
    from lib.records import run_import
    api, name, n = victim.api, f"bulk {service}", 3000
    run_import(api, "accounts", "name,city\n" + "".join(f"Account {i},{name}\n" for i in range(n)))
    id = api.post("/v1/accounts:bulkUpdate", json={"filter": f'city = "{name}"', "set": {"city": f"{name} moved"}}).ok()["operation"]["id"]

    def moved():
        return own_stack.sql("SELECT count(*) FROM customers.accounts WHERE city = %s", f"{name} moved")[0][0]
    wait_until("it is under way", lambda: moved() > 100, 60, 0.005)
    own_stack[service].kill()
    assert moved() < n, "it was over too soon to be killed"
    own_stack[service].start()
    own_stack.sql("UPDATE app.jobs SET lease_until = now() WHERE state = 'RUNNING'")
    own_stack.wait_ready()

    def ended():
        answer = api.get(f"/v1/operations/{id}")
        return answer.json() if answer.status == 200 and answer.json()["done"] else None
    operation = wait_until("it ends", ended, 180, 0.2)
    assert operation["state"] == "DONE" and operation["result"] == {"changed": n, "refused": 0}, operation
    assert moved() == n
    assert own_stack.sql("SELECT count(*), count(DISTINCT record_id) FROM app.events WHERE cause = %s", id) == [(n, n)]
    assert own_stack.sql("SELECT count(*), count(DISTINCT record_id) FROM exchange.operation_rows WHERE operation_id = %s", id) == [(n, n)]


def test_kill_9_of_a_reader(own_stack, victim):
    """Whoever is given a record is told once, however often the process dies that tells it."""
    api, n = victim.api, 300
    ann = victim.person()
    before = own_stack.sql("SELECT count(*) FROM activities.notifications")[0][0]
    for i in range(n):
        api.post("/v1/leads", json={"name": f"Given {i}", "ownerId": ann.id}).ok(201)
        if i % 100 == 50:
            own_stack["activities"].kill()
            own_stack["activities"].start()

    def told():
        return own_stack.sql("SELECT count(*), count(DISTINCT record_id) FROM activities.notifications WHERE user_id = %s", ann.id)[0]
    own_stack.wait_ready()
    wait_until("all are told", lambda: told()[0] >= n, 60, 0.1)
    wait_until("the reader has read all", lambda: own_stack.sql("SELECT count(*) FROM app.orgs_to_read('given')") == [(0,)], 60)
    assert told() == (n, n)
    assert own_stack.sql("SELECT count(*) FROM activities.notifications")[0][0] == before + n


def test_an_import_whose_runner_died_is_cancelled(own_stack, victim):
    """Nobody is there to obey; whoever takes the job up does."""
    from lib.records import start_import
    api = victim.api
    id = start_import(api, "deals", "name\n" + "".join(f"orphan {i}\n" for i in range(8000)))["id"]
    wait_until("the import is under way", lambda: int(api.get(f"/v1/imports/{id}").ok()["createdRows"]) > 0, 60, 0.01)
    own_stack["exchange"].kill()
    own_stack["exchange"].start()
    own_stack.wait_ready()
    assert api.post(f"/v1/imports/{id}:cancel", json={}).ok()["state"] == "RUNNING"
    own_stack.sql("UPDATE app.jobs SET lease_until = now() WHERE state = 'RUNNING'")
    operation = wait_until("the import ends", lambda: (lambda i: i if i["done"] else None)(api.get(f"/v1/imports/{id}").ok()))
    assert operation["state"] == "CANCELLED" and int(operation["createdRows"]) < 8000, operation
    assert own_stack.sql("SELECT state FROM app.jobs WHERE id = %s", id) == [("CANCELLED",)]
