"""Migrations of tables that are in use: nobody stands behind one for long, and indexes are made aside."""
import os
import subprocess
import threading

import pytest

from lib.api import Api
from lib.stack import BUILD, wait_until

INDEX = """-- An index that only this installation needs.
CREATE INDEX CONCURRENTLY IF NOT EXISTS own_first ON customers.leads (org_id, company);
CREATE INDEX CONCURRENTLY IF NOT EXISTS own_second
    ON customers.leads (org_id, phone);
"""


@pytest.fixture
def own_file(stack, tmp_path):
    """Writes a file of one's own; what it did is undone afterwards."""
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return str(path)
    yield write
    for sql in ("DROP INDEX IF EXISTS customers.own_first", "DROP INDEX IF EXISTS customers.own_second",
                "ALTER TABLE customers.leads DROP COLUMN IF EXISTS own_column",
                "DELETE FROM sfms.app_migrations WHERE owner = 'own'"):
        stack.sql(sql)


@pytest.fixture
def writer(stack):
    """A transaction that has written leads and is not over."""
    conn = stack.pg.connect()
    conn.autocommit = False
    conn.cursor().execute("LOCK TABLE customers.leads IN ROW EXCLUSIVE MODE")
    yield conn
    conn.close()


def start(stack, *args):
    return subprocess.Popen([os.path.join(BUILD, "sfmsctl"), "migrate", *args], env=stack.env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ended(process):
    text = process.communicate(timeout=60)[0]
    assert process.returncode == 0, text
    return text


def indexes(stack):
    return stack.sql("""SELECT relname, indisvalid FROM pg_index JOIN pg_class c ON c.oid = indexrelid
                         WHERE relname IN ('own_first', 'own_second') ORDER BY 1""")


def waits(stack, like):
    return stack.sql("""SELECT pid FROM pg_stat_activity WHERE application_name = 'sfmsctl' AND wait_event_type = 'Lock'
                           AND query LIKE %s""", like)


def test_nobody_stands_behind_a_migration_that_waits(stack, org, own_file, writer):
    file = own_file("0001_column.sql", "ALTER TABLE customers.leads ADD COLUMN own_column text;")
    process, stop, answers = start(stack, file), threading.Event(), []

    def work():
        api = Api(org.base, org.api.token)
        while not stop.is_set():
            answers.append(api.post("/v1/leads", json={"name": "Ada"}))
            answers.append(api.get("/v1/leads", pageSize=1))
    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(3):  # it waits, gives up, and waits again: in between all goes on
            wait_until("the migration waits", lambda: waits(stack, "ALTER TABLE customers.leads%%"))
            wait_until("it gives up", lambda: not waits(stack, "ALTER TABLE customers.leads%%"))
            before = len(answers)
            wait_until("others go on", lambda: len(answers) > before)
        writer.rollback()
        assert "waits for tables that are in use" in ended(process)
    finally:
        stop.set()
        worker.join()
    assert {a.status for a in answers} == {200, 201}, next(str(a) for a in answers if a.status not in (200, 201))
    assert stack.sql("SELECT own_column FROM customers.leads LIMIT 1") == [(None,)]
    assert "applied" not in stack.ctl("migrate", file)


def test_an_index_is_made_aside(stack, org, own_file, writer):
    """Also while another migration waits for its turn, and records are written."""
    file = own_file("0002_index.aside.sql", INDEX)
    process, other = start(stack, file), start(stack)
    wait_until("it waits for who writes", lambda: waits(stack, "%%own_first%%"))
    org.api.post("/v1/leads", json={"name": "Ada"}).ok(201)
    writer.rollback()
    assert "applied" in ended(process)
    ended(other)
    assert indexes(stack) == [("own_first", True), ("own_second", True)]
    assert "applied" not in stack.ctl("migrate", file)


def test_an_index_whose_making_was_interrupted_is_made_again(stack, own_file, writer):
    file = own_file("0003_index.aside.sql", INDEX)
    process = start(stack, file)
    wait_until("it waits for who writes", lambda: waits(stack, "%%own_first%%"))
    process.kill()
    process.communicate()
    for (pid,) in waits(stack, "%%own_first%%"):
        stack.sql("SELECT pg_terminate_backend(%s, 10000)", pid)
    assert indexes(stack) == [("own_first", False)], "left behind, and of no use"
    writer.rollback()
    stack.ctl("migrate", file)
    assert indexes(stack) == [("own_first", True), ("own_second", True)]


@pytest.mark.parametrize("sql", ["CREATE INDEX own_first ON customers.leads (phone);\n",
                                 "CREATE INDEX CONCURRENTLY own_first ON customers.leads (phone);\n",
                                 "UPDATE customers.leads SET phone = NULL;\n"])
def test_aside_is_only_what_can_be_done_twice(stack, own_file, sql):
    done = stack.ctl("migrate", own_file("0004_wrong.aside.sql", sql), check=False)
    assert done.returncode == 1 and "can be done aside" in done.stderr
    assert indexes(stack) == []


def test_an_owner_who_stops_in_a_transaction_is_ended(stack):
    assert stack.sql("SHOW idle_in_transaction_session_timeout") == [("10min",)], "by hand, say"
    assert stack.sql("SHOW idle_in_transaction_session_timeout", user="sfms_customers") == [("1min",)]
