"""Nobody hurts anybody else: what one organisation asks for, however much it is, does not hold up what another one asks for."""
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.api import Api
from lib.org import Org
from lib.stack import wait_until


@pytest.fixture(scope="module")
def neighbour(own_stack):
    """Another organisation of the same system."""
    return Org(own_stack)


class Held:
    """A transaction of somebody else's that holds something until it is let go."""

    def __init__(self, stack, sql, *values):
        self.conn = stack.pg.connect()
        self.conn.autocommit = False
        self.conn.cursor().execute(sql, values)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.conn.rollback()
        self.conn.close()


def in_background(n, work):
    """Starts n threads that each call work(i); answers the function that waits for them and gives their results."""
    pool = ThreadPoolExecutor(n)
    futures = [pool.submit(work, i) for i in range(n)]
    return lambda: [f.result(60) for f in futures]


def waiting_for_locks(stack):
    return stack.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'sfms'")[0][0]


def everything_works(org):
    """A read, a write, a list, another organisation's that know nothing of the trouble."""
    id = org.make.create("accounts")["id"]
    org.api.get(f"/v1/accounts/{id}").ok()
    org.api.patch(f"/v1/accounts/{id}", {"city": "长沙"}).ok()
    org.api.get("/v1/accounts", pageSize=1).ok()


def test_writes_that_wait_for_a_row_hold_up_nobody_else(own_stack, victim, neighbour):
    id = victim.make.create("accounts", employeeCount=1)["id"]
    other = victim.make.create("accounts")["id"]
    everything_works(neighbour)
    with Held(own_stack, "SELECT 1 FROM customers.accounts WHERE id = %s FOR UPDATE", id):
        results = in_background(8, lambda i: Api(victim.base, victim.api.token).patch(f"/v1/accounts/{id}", {"employeeCount": i}))
        wait_until("they wait", lambda: waiting_for_locks(own_stack) > 0)
        everything_works(neighbour)
        victim.api.patch(f"/v1/accounts/{other}", {"city": "Bonn"}).ok()  # and others of the same organisation neither
        assert waiting_for_locks(own_stack) > 0, "they were answered while the row was held"
    for answer in results():
        answer.ok(200)


def test_slow_calls_leave_places_for_others_and_health_is_answered(own_stack, victim, neighbour):
    everything_works(neighbour)
    with Held(own_stack, "LOCK TABLE customers.leads"):
        results = in_background(12, lambda i: Api(victim.base, victim.api.token).get("/v1/leads"))
        wait_until("they wait", lambda: waiting_for_locks(own_stack) >= 2)
        everything_works(neighbour)
        own_stack.ctl("health")
        assert own_stack.ready()
    assert {a.status for a in results()} <= {200, 503}


def test_hot_records_are_locked_in_one_order(own_stack, victim):
    """Many write the same few records at once, in any order: the database never has to end a deadlock."""
    ids = [victim.make.create("accounts")["id"] for _ in range(6)]
    before = own_stack.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = 'sfms'")[0][0]

    def work(i):
        api, mine = Api(victim.base, victim.api.token), random.Random(i)
        return [api.patch(f"/v1/accounts/{mine.choice(ids)}", {"employeeCount": mine.randrange(1, 1000)}).status for _ in range(40)]
    statuses = {s for result in in_background(16, work)() for s in result}
    assert statuses == {200}
    assert own_stack.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = 'sfms'")[0][0] == before


def test_refused_writes_cost_only_themselves(own_stack, victim):
    """Some of many writes at once are refused by the database: those say why, and all others are done, once."""
    nobody = "0190b5a4-6b1c-7d52-8f6e-0123456789ab"

    def work(i):
        api, done = Api(victim.base, victim.api.token), []
        for k in range(30):
            body = {"name": f"Refused {i} {k}"}
            if (i + k) % 5 == 0:
                api.post("/v1/accounts", json={**body, "parentId": nobody}).fails(400, "INVALID_FIELDS", "/parentId")
            else:
                done.append(api.post("/v1/accounts", json=body).ok(201)["id"])
        return done
    made = [id for result in in_background(12, work)() for id in result]
    assert len(made) == len(set(made)) == 12 * 24
    assert own_stack.sql("SELECT count(*) FROM customers.accounts WHERE name LIKE 'Refused %%'")[0][0] == len(made)
