"""Several processes of one service: work is spread over all, and one may go, or be of no use, without anybody noticing more than
it must."""
import contextlib
import re

import pytest

from fault_helpers import WRITES, counter, load_on
from lib.org import Org
from lib.proxy import Proxy
from lib.stack import ROOT, SERVICES, Stack, wait_until


@pytest.fixture(scope="module")
def own_stack():
    stack = Stack(replicas={"customers": 2})
    try:
        stack.start()
        yield stack
    finally:
        wrong = stack.stop()
    assert not wrong, wrong


@pytest.fixture(scope="module")
def victim(own_stack):
    return Org(own_stack)


def calls_of(stack, name):
    return stack[name].text().count("method=sfms.customers")


def again(stack, name):
    """Starts it, and waits until it has its share of the load."""
    before = calls_of(stack, name)
    stack[name].start()
    wait_until(f"{name} is called again", lambda: calls_of(stack, name) > before)


def test_work_is_spread(own_stack, victim):
    before = {n: calls_of(own_stack, n) for n in own_stack.names("customers")}
    with load_on("customers", victim) as load:
        wait_until("the load runs", lambda: len(load.successes()) > 300)
    assert not load.failures(), load.failures()[:5]
    done = {n: calls_of(own_stack, n) - before[n] for n in before}
    assert min(done.values()) > 50, f"one does nearly everything: {done}"


def test_kill_9_of_one(own_stack, victim):
    """Reads are asked of the other; a write whose answer was lost is unknown, and never done twice; all else goes on."""
    for name in own_stack.names("customers"):
        with load_on("customers", victim) as load:
            wait_until("the load runs", lambda: len(load.successes()) > 60)
            own_stack[name].kill()
            before = len(load.successes())
            wait_until("the load goes on", lambda: len(load.successes()) > before + 60)
            again(own_stack, name)
        load.check_answers()
        odd = [o for o in load.failures() if not (o.kind == "create" and o.code == "OUTCOME_UNKNOWN")]
        assert not odd, f"{name}: the other could have done this: {odd[:5]}"
        assert len(load.failures()) <= 12, load.summary()
        load.check_writes(counter(own_stack, "customers"))


def test_a_rolling_restart_is_not_noticed(own_stack, victim):
    with load_on("customers", victim) as load:
        for name in own_stack.names("customers"):
            before = len(load.successes())
            wait_until("the load runs", lambda: len(load.successes()) > before + 60)
            assert own_stack[name].terminate() == 0
            again(own_stack, name)
        before = len(load.successes())
        wait_until("the load runs again", lambda: len(load.successes()) > before + 60)
    assert not load.failures(), f"{load.summary()}: {load.failures()[:5]}"
    load.check_writes(counter(own_stack, "customers"))


def said_connections(stack, name):
    return int(re.findall(r"ready .* connections=(\d+)", stack[name].text())[-1])


def test_connections_are_as_few_as_said(own_stack, victim):
    """Each process says how many it opens at most; what the documentation sums up, and the server has room for, is that."""
    loads = [load_on(s, victim, threads=8) for s in WRITES]
    with contextlib.ExitStack() as all_loads:
        for load in loads:
            all_loads.enter_context(load)
        wait_until("the load runs", lambda: all(len(load.successes()) > 100 for load in loads), 60)
        open_now = dict(own_stack.sql("SELECT application_name, count(*) FROM pg_stat_activity GROUP BY 1"))
    for service in SERVICES:
        said = sum(said_connections(own_stack, n) for n in own_stack.names(service))
        assert 0 < open_now[f"sfms-{service}"] <= said, (service, open_now)
    one_of_each = sum(said_connections(own_stack, s) for s in SERVICES)
    with open(f"{ROOT}/deploy/README.md", encoding="utf-8") as f:
        assert f"**{one_of_each}**" in f.read(), one_of_each
    with open(f"{ROOT}/deploy/postgres/sfms.conf", encoding="utf-8") as f:
        room = int(re.search(r"^max_connections = (\d+)", f.read(), re.MULTILINE).group(1))
    assert 4 * one_of_each + 20 <= room, "four of each, and some more"


def test_a_start_that_finds_no_room_waits_for_it(own_stack, victim):
    late = own_stack["customers-2"]
    assert late.terminate() == 0
    before = len(late.text())
    own_stack.sql("ALTER ROLE sfms_customers CONNECTION LIMIT 0")
    try:
        late.start()
        wait_until("it says so", lambda: "waiting for the database" in late.text()[before:])
        assert "too many connections" in late.text()[before:] and late.alive()
        victim.api.get("/v1/accounts").ok()  # the other has its connections
    finally:
        own_stack.sql("ALTER ROLE sfms_customers CONNECTION LIMIT -1")
    wait_until("it is ready", lambda: "ready" in late.text()[before:])


@pytest.fixture(scope="module")
def four():
    """Four processes of a service, of which the last has a way of its own to the database."""
    stack = Stack(replicas={"customers": 4})
    proxy = Proxy(stack.pg.socket)
    try:
        stack.start()
        last = stack["customers-4"]
        assert last.terminate() == 0
        last.env["SFMS_DATABASE_URL"] = f"postgresql://owner@127.0.0.1:{proxy.port}/sfms"
        last.start()
        stack.proxy = proxy
        yield stack
    finally:
        proxy.mend()
        wrong = stack.stop()
        proxy.close()
    assert not wrong, wrong


def test_a_fourth_is_used(four):
    org = Org(four)
    wait_until("the last is up", lambda: "ready" in four["customers-4"].text().rsplit("stopped", 1)[-1])
    with load_on("customers", org) as load:
        wait_until("all have work", lambda: min(calls_of(four, n) for n in four.names("customers")) > 20)
    assert not load.failures(), load.failures()[:5]


def test_one_that_fails_at_once_attracts_nothing(four):
    """It has no way to the database, and so is the quickest of all to answer: nobody notices, as the others are asked instead."""
    org = Org(four)
    with load_on("customers", org) as load:
        wait_until("the load runs", lambda: len(load.successes()) > 60)
        four.proxy.refuse()
        before = {n: calls_of(four, n) for n in four.names("customers")}
        wait_until("the load goes on", lambda: sum(calls_of(four, n) for n in before) - sum(before.values()) > 400)
        done = {n: calls_of(four, n) - before[n] for n in before}
        four.proxy.mend()
        wait_until("it is called again", lambda: calls_of(four, "customers-4") > before["customers-4"] + done["customers-4"] + 20)
    odd = [o for o in load.failures() if not (o.kind == "create" and o.code == "OUTCOME_UNKNOWN")]
    assert not odd, f"the others could have done this: {odd[:5]}"
    assert len(load.failures()) <= 12, load.summary()
    assert done["customers-4"] < sum(done.values()) / 4, done
    load.check_writes(counter(four, "customers"))
