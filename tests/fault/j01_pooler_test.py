"""PgBouncer in transaction mode stands between the services and PostgreSQL: fewer sessions than workers, and everything works."""
import os
import uuid

import pytest

from fault_helpers import counter, load_on, under_load
from lib.at_once import at_once
from lib.api import Api
from lib.contract import contract
from lib.org import Org
from lib.pooler import SERVER_CONNECTIONS, Pooler
from lib.stack import SERVICES, Stack, wait_until
from lib.walk import Walk


@pytest.fixture(scope="module")
def own_stack():
    stack = Stack()
    directory = os.path.join(stack.dir, "pooler")
    # The migration goes to PostgreSQL itself, everybody else through the pooler.
    stack.pooler = None

    def migrated(*args, **more):
        answer = type(stack).ctl(stack, *args, **more)
        if args == ("migrate",) and stack.pooler is None:
            stack.pooler = Pooler(directory, stack.pg)
            stack.env["SFMS_DATABASE_URL"] = stack.pooler.url()
        return answer
    stack.ctl = migrated
    try:
        stack.start()
        yield stack
    finally:
        wrong = stack.stop()
        if stack.pooler:
            stack.pooler.stop()
    assert not wrong, wrong


@pytest.fixture(scope="module")
def walk(own_stack):
    return Walk(Org(own_stack))


def test_it_is_noticed(own_stack):
    for service in SERVICES:
        assert "pooled=yes prepared=no" in own_stack[service].text(), service
    for service in ("activities", "exchange"):
        assert "jobs are looked for every 500 ms" in own_stack[service].text(), service


def test_every_method_works(own_stack, walk):
    odd = {}
    for method in contract().routed:
        if method.short in ("EndSession", "RefreshSession"):
            continue
        ids = [None]
        if method.route.variables and method.verb not in ("DELETE", "UNDELETE"):
            collection = "accounts" if "resource" in method.route.variables else method.route.collection
            ids.append(walk.records.id(collection))
        for id in ids:
            for headers in ({}, {"Idempotency-Key": uuid.uuid4().hex}):
                answer = walk.call(walk.org.api, method, id, headers=headers)
                if answer.status >= 500:
                    odd[method.name] = str(answer)
    assert not odd, odd


def test_under_load_nobody_meets_another_session(own_stack, walk):
    """All services at once, two organisations: each answer is the caller's own, no call fails, and the sessions are few."""
    other = Org(own_stack)
    loads = [load_on(s, o, threads=3) for s in ("identity", "customers", "pipeline", "activities") for o in (walk.org, other)]
    known = {o: o.api.get("/v1/me").ok() for o in (walk.org, other)}

    def who(i):
        o = (walk.org, other)[i % 2]
        api = Api(o.base, o.api.token)
        return all(api.get("/v1/me").ok() == known[o] for _ in range(30))
    for load in loads:
        load.__enter__()
    try:
        assert all(at_once(6, who))
        wait_until("the load runs", lambda: all(len(load.successes()) > 40 for load in loads), 60)
    finally:
        for load in loads:
            load.__exit__(None, None, None)
    for load in loads:
        assert not load.failures(), load.failures()[:5]
    for service, load in zip(("identity", "customers", "pipeline", "activities"), loads[::2]):
        load.check_writes(counter(own_stack, service))
    used = own_stack.sql("SELECT usename, count(*) FROM pg_stat_activity WHERE usename LIKE 'sfms%%' GROUP BY 1")
    assert used and max(n for _, n in used) <= SERVER_CONNECTIONS, used


def test_a_paused_server_behind_it(own_stack, walk):
    under_load(own_stack, walk.org, own_stack.pg.pause, own_stack.pg.resume)
