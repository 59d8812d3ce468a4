"""SIGTERM drains: no call in flight is lost."""
import re
import threading
import time

import pytest
import requests

from fault_helpers import WRITES, accepts, counter, load_on
from lib.api import Api
from lib.stack import wait_until


@pytest.mark.parametrize("service", sorted(WRITES))
def test_sigterm_of_a_service_under_load(service, own_stack, victim):
    """Every call is done and acknowledged, or refused and not done; none is left in the dark."""
    with load_on(service, victim) as load:
        for _ in range(2):
            before = len(load.successes())
            wait_until("the load runs", lambda: len(load.successes()) > before + 30)
            assert own_stack[service].terminate() == 0
            own_stack[service].start()
            wait_until(f"{service} listens", lambda: accepts(own_stack.sockets[service]), 20, 0.005)
        before = len(load.successes())
        wait_until("the load runs again", lambda: len(load.successes()) > before + 30)
    load.check_answers()
    lost = [o for o in load.failures() if o.code == "OUTCOME_UNKNOWN"]
    assert not lost, f"{len(lost)} calls in flight were lost: {lost[:5]}"
    load.check_writes(counter(own_stack, service))


def under_way(own_stack):
    """Requests that the gateway has begun and not answered, without the one that asks."""
    text = requests.get(f"{own_stack.base}/metrics", timeout=10).text
    return int(re.search(r"^sfms_http_requests_in_flight (\d+)$", text, re.MULTILINE)[1]) - 1


def slow_calls(own_stack, victim, n=4):
    """n updates of one account that wait for a lock held by the owner of the database. Answers what ends the wait, the threads
    and their answers."""
    id = victim.make.create("accounts")["id"]
    owner = own_stack.pg.connect()
    owner.autocommit = False
    owner.cursor().execute("SELECT 1 FROM customers.accounts WHERE id = %s FOR UPDATE", (id,))
    answers = []

    def update(i):
        answers.append(Api(victim.base, victim.api.token).patch(f"/v1/accounts/{id}", {"employeeCount": i + 1}))

    threads = [threading.Thread(target=update, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'sfms'"
    wait_until("the calls wait in the database", lambda: own_stack.sql(waiting)[0][0] >= 1)
    wait_until("all of them have come in", lambda: under_way(own_stack) >= n)

    def release():
        owner.rollback()
        owner.close()
    return release, threads, answers


@pytest.mark.parametrize("process", ["customers", "gateway"])
def test_sigterm_waits_for_what_is_under_way(process, own_stack, victim):
    release, threads, answers = slow_calls(own_stack, victim)
    stopped = []
    stopper = threading.Thread(target=lambda: stopped.append(own_stack[process].terminate()))
    stopper.start()
    time.sleep(0.5)
    assert own_stack[process].alive(), f"{process} has left calls behind"
    release()
    for t in threads:
        t.join(20)
    stopper.join(20)
    own_stack[process].start()
    own_stack.wait_ready()
    assert stopped == [0]
    assert [a.status for a in answers] == [200] * len(threads), [str(a) for a in answers]


def test_a_draining_service_takes_no_new_calls(own_stack, victim):
    """While it drains, new calls are answered with 503 at once, not kept waiting."""
    release, threads, _ = slow_calls(own_stack, victim)
    stopper = threading.Thread(target=own_stack["customers"].terminate)
    stopper.start()
    answers = []

    def refused():
        begin = time.monotonic()
        answers.append(victim.api.get("/v1/leads"))
        answers[-1].took = time.monotonic() - begin
        return answers[-1].status != 200
    wait_until("it has heard of it", refused, 5)
    release()
    for t in threads:
        t.join(20)
    stopper.join(20)
    own_stack["customers"].start()
    own_stack.wait_ready()
    answers[-1].fails(503)
    assert int(answers[-1].headers["Retry-After"]) >= 1 and max(a.took for a in answers) < 2


def test_sigterm_of_the_gateway_under_load(own_stack, victim):
    """What it has begun is answered; who comes later is turned away at the door. Nothing is done without an answer."""
    with load_on("customers", victim, close=True) as load:
        wait_until("the load runs", lambda: len(load.successes()) > 30)
        assert own_stack["gateway"].terminate() == 0
        own_stack["gateway"].start()
        wait_until("the gateway is ready", own_stack.ready)
        before = len(load.successes())
        wait_until("the load runs again", lambda: len(load.successes()) > before + 30)
    load.check_answers(gateway_dies=True)
    by_key, rows = load.check_writes(counter(own_stack, "customers"))
    silent = [k for k, tries in by_key.items() if tries[-1].status is None]
    done = [k for k in silent if rows.get(k)]
    assert not done, f"{len(done)} writes were done and never answered"


def test_sigint_stops_too(own_stack):
    import signal
    process = own_stack["analytics"]
    process.popen.send_signal(signal.SIGINT)
    assert process.popen.wait(20) == 0
    process.start()
    own_stack.wait_ready()
