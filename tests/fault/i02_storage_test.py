"""What takes minutes, or a file system of its own: a failover, a restored dump, a full disk. tests/fault/slow.sh runs it."""
import os
import shutil
import subprocess
import threading

import pytest

from fault_helpers import under_load
from lib.org import Org
from lib.pg import Cluster
from lib.proxy import Proxy
from lib.stack import Stack, wait_until

pytestmark = pytest.mark.slow
DISK_MB = 400


def running(stack):
    """Starts it, and answers its organisation; what stops is the test's to say."""
    stack.start()
    return Org(stack)


# ---- a failover ----------------------------------------------------------------------------------------------------


def follow(stack, directory):
    """A second server that follows the first, which waits for it with every commit."""
    first, second = stack.pg, Cluster(directory)
    os.makedirs(second.socket_dir)
    if os.geteuid() == 0:
        shutil.chown(second.socket_dir, "postgres", "postgres")
    second._run(f"{second.bin}/pg_basebackup", "-h", first.socket_dir, "-p", str(first.port), "-U", "owner", "-D", second.data,
                "-R", "-X", "stream", "-c", "fast")
    second.start()
    stack.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    stack.sql("SELECT pg_reload_conf()")
    wait_until("the second follows", lambda: stack.sql("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"))
    return second


def test_failover():
    """The first server hangs; the second only reads until it is promoted, and then is found without anybody's help."""
    stack = Stack()
    directory = os.path.join(stack.dir, "second")
    ways = [Proxy(stack.pg.socket), Proxy(Cluster(directory).socket)]
    stack.settings["SFMS_DATABASE_URL"] = "postgresql://owner@{0},{0}/sfms?port={1},{2}".format(
        "127.0.0.1", *(w.port for w in ways))
    first = stack.pg
    second = None
    try:
        org = running(stack)
        second = follow(stack, directory)

        def promote():
            stack.pg = second
            conn = second.connect()
            conn.cursor().execute("ALTER SYSTEM SET synchronous_standby_names = ''")
            conn.cursor().execute("SELECT pg_promote()")
            conn.cursor().execute("SELECT pg_reload_conf()")
            conn.close()
        under_load(stack, org, first.pause, promote)
    finally:
        first.resume()
        first.stop("immediate")
        wrong = stack.stop()
        if second:
            second.stop("immediate")
    assert not wrong, wrong


# ---- a connection --------------------------------------------------------------------------------------------------


def test_connections_that_lead_nowhere():
    """Something on the way has forgotten the connections that there are, and new ones work: the old ones are given up after the
    calls that wait for them, and no process has to be started again."""
    stack = Stack()
    proxy = Proxy(stack.pg.socket)
    stack.settings["SFMS_DATABASE_URL"] = f"postgresql://owner@127.0.0.1:{proxy.port}/sfms"
    try:
        org = running(stack)
        proxy.forget()

        def works():
            return org.api.post("/v1/accounts", json={"name": "Acme"}).status == 201 and org.api.get("/v1/leads").status == 200
        wait_until("all is well", lambda: all(works() for _ in range(20)), 60)
    finally:
        wrong = stack.stop()
        proxy.close()
    assert not wrong, wrong


# ---- a dump --------------------------------------------------------------------------------------------------------


def test_restored_from_a_dump():
    """Another database takes the place of the one that was there."""
    stack = Stack()
    try:
        org = running(stack)
        pg, dump = stack.pg, os.path.join(stack.pg.socket_dir, "dump")

        def on_server(sql):
            conn = pg.connect("postgres")
            conn.cursor().execute(sql)
            conn.close()

        def take_away():
            on_server("ALTER DATABASE sfms ALLOW_CONNECTIONS false")
            on_server("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = 'sfms'")

        def restore():
            on_server("ALTER DATABASE sfms RENAME TO old")
            on_server("ALTER DATABASE old ALLOW_CONNECTIONS true")
            pg._run(f"{pg.bin}/pg_dump", "-h", pg.socket_dir, "-U", "owner", "-Fc", "-f", dump, "old")
            on_server("CREATE DATABASE new")
            pg._run(f"{pg.bin}/pg_restore", "-h", pg.socket_dir, "-U", "owner", "-d", "new", "--single-transaction", dump)
            stack.ctl("migrate", SFMS_DATABASE_URL=pg.url(database="new"))
            on_server("ALTER DATABASE new RENAME TO sfms")
        under_load(stack, org, take_away, restore)
    finally:
        wrong = stack.stop()
    assert not wrong, wrong


# ---- a full disk ---------------------------------------------------------------------------------------------------


class Disk:
    """A small file system in memory, and what fills it."""

    def __init__(self, path):
        self.path, self.filler = path, os.path.join(path, "filler")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "tmpfs", path], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"NOT TESTED: a full disk, as no file system can be mounted here: {done.stderr.strip()}")
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")

    def fill(self):
        with open(self.filler, "wb", buffering=0) as f:
            try:
                while f.write(bytes(1 << 20)):
                    pass
            except OSError:
                pass

    def free(self):
        os.remove(self.filler)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=False)


class Keeper(threading.Thread):
    """Starts the server again when it has ended, as whatever supervises it does."""

    def __init__(self, pg):
        super().__init__(daemon=True)
        self.pg, self.over = pg, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.5):
            if not self.pg.runs():
                self.pg.start(check=False)

    def end(self):
        self.over.set()
        self.join()


@pytest.mark.parametrize("what", ["pg_wal", "base"])
def test_full_disk(what):
    """The log's disk is full, and the server ends itself again and again; or that of the data, and it refuses."""
    stack = Stack()
    disk = keeper = None
    try:
        stack.pg.SETTINGS = {**Cluster.SETTINGS, "max_wal_size": "64MB", "min_wal_size": "32MB"}
        org = running(stack)
        stack.pg.stop()
        place = os.path.join(stack.pg.data, what)
        os.rename(place, place + ".before")
        os.mkdir(place, 0o700)
        disk = Disk(place)
        stack.pg._run("cp", "-a", f"{place}.before/.", place)
        stack.pg.start()
        keeper = Keeper(stack.pg)
        stack.wait_ready()
        under_load(stack, org, disk.fill, disk.free)
    finally:
        if keeper:
            keeper.end()
        wrong = stack.stop()
        if disk:
            disk.close()
            shutil.rmtree(stack.dir, ignore_errors=True)
    assert not wrong, wrong
