"""What is bounded stays bounded: time, requests of one caller, and what a stuck statement holds up."""
import threading
import time

import pytest
import requests

from fault_helpers import load_on
from lib.api import Api
from lib.stack import free_port, wait_until


class Lock:
    """Holds the rows of one account, as somebody's long transaction would."""

    def __init__(self, stack, id):
        self.conn = stack.pg.connect()
        self.conn.autocommit = False
        self.conn.cursor().execute("SELECT 1 FROM customers.accounts WHERE id = %s FOR UPDATE", (id,))

    def release(self):
        self.conn.rollback()
        self.conn.close()


def test_a_call_has_a_deadline(own_stack, victim):
    """A write that waits for a lock is told DEADLINE_EXCEEDED after ten seconds, is not done later, and blocks nothing after."""
    id = victim.make.create("accounts", employeeCount=1)["id"]
    lock = Lock(own_stack, id)
    begin = time.monotonic()
    answer = victim.api.patch(f"/v1/accounts/{id}", {"employeeCount": 2})
    took = time.monotonic() - begin
    answer.fails(504, "DEADLINE_EXCEEDED")
    assert 8 < took < 13, f"after {took:.1f} s"
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'sfms'"
    wait_until("the statement is given up", lambda: own_stack.sql(waiting)[0][0] == 0, 3)
    lock.release()
    time.sleep(0.3)
    assert victim.api.get(f"/v1/accounts/{id}").ok()["employeeCount"] == 1
    victim.api.patch(f"/v1/accounts/{id}", {"employeeCount": 3}).ok()


def test_one_stuck_row_does_not_stop_the_service(own_stack, victim):
    """One update waits for a lock; reads and writes of other records go on meanwhile."""
    id = victim.make.create("accounts")["id"]
    lock = Lock(own_stack, id)
    stuck = []
    thread = threading.Thread(target=lambda: stuck.append(victim.api.patch(f"/v1/accounts/{id}", {"employeeCount": 2})))
    thread.start()
    time.sleep(0.3)
    try:
        with load_on("customers", victim, threads=4) as load:
            wait_until("the load runs", lambda: len(load.successes()) > 50, 8)
    finally:
        lock.release()
        thread.join(20)
    stuck[0].ok(200)
    assert not load.failures(), load.failures()[:5]
    slow = [o for o in load.outcomes if o.end - o.begin > 1]
    assert len(slow) <= 4, f"held up by another's lock: {load.summary()}"


@pytest.fixture
def limited(own_stack, victim):
    """A second gateway in front of the same services, which lets each caller make 2 requests a second."""
    port = free_port()
    gateway = own_stack.add("limited gateway", "sfms-gateway", SFMS_PORT=str(port), SFMS_RATE_LIMIT="2")
    gateway.start()
    base = f"http://127.0.0.1:{port}"

    def ready():
        try:
            return requests.get(f"{base}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False
    wait_until("the second gateway", ready)
    yield base
    assert gateway.terminate() == 0
    del own_stack.processes["limited gateway"]


def test_rate_limit(limited, victim):
    greedy, modest = Api(limited, victim.api.token), Api(limited, victim.person("Rep").api.token)
    answers = [greedy.get("/v1/me") for _ in range(30)]
    refused = [a for a in answers if a.status == 429]
    assert refused and [a for a in answers if a.status == 200]
    assert {a.status for a in answers} == {200, 429}
    refused[0].fails(429, "RATE_LIMITED")
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert any(h.lower().startswith("ratelimit") for h in refused[0].headers)
    modest.get("/v1/me").ok(200)
    time.sleep(int(refused[0].headers["Retry-After"]) + 0.2)
    greedy.get("/v1/me").ok(200)


def test_two_gateways_are_one_system(limited, victim):
    made = Api(limited, victim.api.token).post("/v1/accounts", json={"name": "By the other door"}).ok(201)
    assert victim.api.get(f"/v1/accounts/{made['id']}").ok()["name"] == "By the other door"
