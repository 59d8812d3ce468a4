"""Two processes of one service: work is spread over both, and one may go without anybody noticing more than it must."""
import pytest

from fault_helpers import counter, load_on
from lib.org import Org
from lib.stack import Stack, wait_until


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
