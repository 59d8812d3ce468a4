"""The database's host says nothing, or only no: whoever asks is told so in time, and all goes on when it is back."""
import threading
import time

import pytest

from fault_helpers import under_load
from lib.org import Org
from lib.proxy import Proxy
from lib.stack import Stack, wait_until


@pytest.fixture(scope="module")
def own_stack():
    """The services reach the database by TCP."""
    stack = Stack()
    proxy = Proxy(stack.pg.socket)
    stack.settings["SFMS_DATABASE_URL"] = f"postgresql://owner@127.0.0.1:{proxy.port}/sfms"
    stack.proxy = proxy
    try:
        stack.start()
        yield stack
    finally:
        stack.pg.resume()
        proxy.mend()
        wrong = stack.stop()
        proxy.close()
    assert not wrong, wrong


def test_paused(own_stack, victim):
    under_load(own_stack, victim, own_stack.pg.pause, own_stack.pg.resume)


def test_cut_off(own_stack, victim):
    under_load(own_stack, victim, own_stack.proxy.cut, own_stack.proxy.mend)


def set_read_only(stack, value):
    conn = stack.pg.connect()
    conn.cursor().execute("SET default_transaction_read_only = off")
    conn.cursor().execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    conn.cursor().execute("SELECT pg_reload_conf()")
    conn.close()


def test_made_read_only(own_stack, victim):
    """Writes are refused, reads go on."""
    (load, _), gone = under_load(own_stack, victim, lambda: set_read_only(own_stack, "on"), lambda: set_read_only(own_stack, "off"))
    assert {o.kind for o in load.failures(since=gone)} == {"create"}


def test_a_long_statement_is_no_silence(own_stack, victim):
    """What waits for a lock waits as long as its caller does, while the database answers others."""
    conn = own_stack.pg.connect()
    conn.autocommit = False
    conn.cursor().execute("LOCK TABLE customers.leads")
    answers = []
    reader = threading.Thread(target=lambda: answers.append(victim.api.get("/v1/leads")))
    reader.start()
    wait_until("it waits for long", lambda: own_stack.sql("""
        SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query_start < now() - interval '5 seconds'"""))
    conn.close()
    reader.join()
    answers[0].ok()
