"""A migration while the version before it runs: columns are added to all tables and to what functions answer, a statement is
forgotten, and all goes on, on the connections that are there."""
import itertools
import threading
import uuid

import pytest

from lib.api import Api
from lib.contract import contract
from lib.org import PASSWORD, Org
from lib.stack import Stack, wait_until
from lib.walk import Walk

SCHEMAS = ["app", "identity", "customers", "pipeline", "activities", "analytics", "exchange"]


@pytest.fixture(scope="module")
def own_stack():
    """One worker a service: each statement is on the connection that had it before."""
    stack = Stack(SFMS_WORKERS="1")
    try:
        stack.start()
        yield stack
    finally:
        wrong = stack.stop()
    assert not wrong, wrong


@pytest.fixture(scope="module")
def walk(own_stack):
    return Walk(Org(own_stack))


def walk_all(walk, headers=None):
    """Calls every method about records that are there; answers {method: status}, the worst of its calls."""
    statuses = {}
    for method in contract().routed:
        if method.short in ("EndSession", "RefreshSession"):
            continue
        ids = [None]
        if method.route.variables and method.verb not in ("DELETE", "UNDELETE"):
            collection = "accounts" if "resource" in method.route.variables else method.route.collection
            ids.append(walk.records.id(collection))
        for id in ids:
            answer = walk.call(walk.org.api, method, id, headers=dict(headers or {}))
            statuses[method.name] = max(answer.status, statuses.get(method.name, 0))
    return statuses


def open_deal(walk):
    """A deal, and two stages that it can be moved to and fro between."""
    deal = walk.org.make.create("deals")
    return deal["id"], [walk.org.make.create("stages", processId=deal["processId"], outcome="OPEN")["id"] for _ in "ab"]


def moved(walk, deal, stages):
    """The deal goes from one stage to another; a method of several statements in one transaction."""
    for stage in stages:
        answer = walk.org.api.post(f"/v1/deals/{deal}:move", json={"stageId": stage})
        assert answer.status == 200, str(answer)


def add_columns(stack, name):
    """To every table, one after the other: two at once might wait for each other and a writer."""
    tables = stack.sql("""SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                           WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname = ANY (%s)""", SCHEMAS)
    assert len(tables) > 20
    for (table,) in tables:
        stack.sql(f"ALTER TABLE {table} ADD COLUMN {name} text DEFAULT 'new'")


# A function that answers a row answers one more column: the old one under another name, and a new one around it. What is
# returned by name is found by name, so nothing else has to change.
MORE_RESULTS = """DO $$
    DECLARE one record; mine text; types text; n integer := 0;
    BEGIN
        FOR one IN
            SELECT p.oid, nspname, proname, pg_get_function_identity_arguments(p.oid) AS identity,
                   pg_get_function_arguments(p.oid) AS arguments, pronargs, prosecdef, provolatile, proargnames, proargmodes,
                   proallargtypes, proacl, proretset
              FROM pg_proc p JOIN pg_namespace s ON s.oid = pronamespace
             WHERE nspname = ANY (%s) AND prokind = 'f' AND proname NOT LIKE '%%\\_before%%'
               AND prorettype = 'record'::regtype AND proallargtypes IS NOT NULL
        LOOP
            SELECT string_agg(format('%%s %%I %%s', CASE m WHEN 'i' THEN '' ELSE 'OUT' END, name, type::regtype), ', ' ORDER BY i)
              INTO mine FROM unnest(one.proargnames, one.proargmodes, one.proallargtypes) WITH ORDINALITY a (name, m, type, i);
            SELECT string_agg('$' || i, ', ') INTO types FROM generate_series(1, one.pronargs) i;
            EXECUTE format('ALTER FUNCTION %%I.%%I(%%s) RENAME TO %%I', one.nspname, one.proname,
                           (SELECT string_agg(t::regtype::text, ', ' ORDER BY i)
                              FROM unnest(one.proallargtypes[1:one.pronargs]) WITH ORDINALITY a (t, i)), one.proname || '_before');
            EXECUTE format('CREATE FUNCTION %%I.%%I(%%s, OUT added_by_migration integer) RETURNS %%s record LANGUAGE sql %%s %%s
                            SET search_path = pg_catalog, pg_temp AS %%L',
                           one.nspname, one.proname, mine, CASE WHEN one.proretset THEN 'SETOF' ELSE '' END,
                           CASE one.provolatile WHEN 'v' THEN 'VOLATILE' WHEN 's' THEN 'STABLE' ELSE 'IMMUTABLE' END,
                           CASE WHEN one.prosecdef THEN 'SECURITY DEFINER' ELSE '' END,
                           format('SELECT o.*, 1 FROM %%I.%%I(%%s) o', one.nspname, one.proname || '_before', types));
            EXECUTE format('UPDATE pg_catalog.pg_proc SET proacl = %%L WHERE pronamespace = %%L::regnamespace AND proname = %%L',
                           one.proacl, one.nspname, one.proname);
            n := n + 1;
        END LOOP;
        ASSERT n >= 3, 'functions that answer rows were found';
    END $$"""


def test_the_methods_go_on(own_stack, walk):
    before = walk_all(walk)
    walk_all(walk, {"Idempotency-Key": "once"})
    deal, stages = open_deal(walk)
    moved(walk, deal, stages)
    assert {n: s for n, s in before.items() if s >= 500} == {}
    add_columns(own_stack, "added_by_migration")
    own_stack.sql(MORE_RESULTS, SCHEMAS)
    moved(walk, deal, stages)
    after = walk_all(walk)
    assert {n: s for n, s in after.items() if s >= 500} == {}
    assert {n: s for n, s in after.items() if s == 200} == {n: s for n, s in before.items() if s == 200}
    keyed = walk_all(walk, {"Idempotency-Key": "twice"})
    assert {n: s for n, s in keyed.items() if s >= 500} == {}
    Api(own_stack.base).post("/v1/sessions", json={"email": walk.org.admin.email, "password": PASSWORD}).ok()


def test_nothing_fails_under_load(own_stack, walk):
    """Writers, readers and movers go on while columns come one after another, and functions answer more: no answer of
    500, and nothing is done twice."""
    org, stop, wrong, made = walk.org, threading.Event(), [], []
    deal, stages = open_deal(walk)

    def work(i):
        api, n = Api(org.base, org.api.token), 0
        while not stop.is_set():
            n += 1
            answers = [api.post("/v1/accounts", json={"name": f"Account {i} {n}", "externalId": f"load-{i}-{n}"},
                                headers={"Idempotency-Key": f"load-{i}-{n}"}),
                       api.post(f"/v1/deals/{deal}:move", json={"stageId": stages[n % 2]}),
                       api.get("/v1/me"), api.get("/v1/tasks:overdue"), api.get("/v1/notifications")]
            made.append(answers[0].status == 201)
            wrong.extend(str(a) for a in answers if a.status >= 500)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for n in range(5):
        add_columns(own_stack, f"added_under_load_{n}")
    own_stack.sql(MORE_RESULTS.replace("_before", "_before_load").replace("added_by_migration", "added_under_load"), SCHEMAS)
    so_far = len(made)
    wait_until("it goes on afterwards", lambda: len(made) > so_far + 8)
    stop.set()
    for t in threads:
        t.join()
    assert not wrong, wrong[0]
    (count,) = own_stack.sql("SELECT count(*) FROM customers.accounts WHERE external_id LIKE 'load-%%'")[0]
    assert count == sum(made) == len(made)


def test_a_column_of_another_type(own_stack, walk):
    """The answer of a prepared statement would change: PostgreSQL refuses the plan, and it is made again."""
    org = walk.org
    deal, stages = open_deal(walk)
    calls = {
        "the engine's statement": lambda: org.api.get(f"/v1/deals/{deal}"),
        "a page": lambda: org.api.get("/v1/deals"),
        "several statements in one transaction": lambda: org.api.post(f"/v1/deals/{deal}:move", json={"stageId": next(turns)}),
        "behind another statement of its transaction": lambda: org.api.patch(
            f"/v1/deals/{deal}", {"nextStep": uuid.uuid4().hex}, headers={"Idempotency-Key": uuid.uuid4().hex}),
        "several behind another": lambda: org.api.post(
            f"/v1/deals/{deal}:move", json={"stageId": next(turns)}, headers={"Idempotency-Key": uuid.uuid4().hex}),
    }
    turns = itertools.cycle(stages)
    for call in calls.values():
        call().ok()
    for name, call in calls.items():
        for kind in ("varchar(300)", "text"):
            own_stack.sql(f"ALTER TABLE pipeline.deals ALTER COLUMN next_step TYPE {kind}")
            answer = call()
            assert answer.status == 200, f"{name}: {answer}"
