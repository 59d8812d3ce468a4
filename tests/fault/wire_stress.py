"""A byte of what goes between two processes is changed, dropped, held up or exchanged with the next one, at every position of a
connection's life and in both directions; after each time the two must find together again, and no process may be stuck.

Not part of tests/run.sh, as it takes some minutes; 1,000 rounds on each transport:

    tests/run.sh -- tests/fault/wire_stress.py        SFMS_STRESS_ROUNDS=100 for fewer
"""
import os
import random
import socket
import threading
import time

import pytest

from lib.api import Api
from lib.certs import Authority
from lib.org import Org
from lib.stack import SERVICES, Stack, free_port, wait_until

ROUNDS = int(os.environ.get("SFMS_STRESS_ROUNDS", "1000"))
KINDS = ("change", "cut", "delay", "exchange")
REACH = 700  # bytes of a connection's life: greeting of nng, hello, greeting, some calls


class ByteTap:
    """Passes bytes on between a client and a server, and once does harm to one of them."""

    def __init__(self, family, address, target):
        self.family, self.target = family, target
        self.plan = None  # direction, position, kind; of the connections that are made from now on
        self.open = []
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(address)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client = self.listener.accept()[0]
            server = socket.socket(self.family)
            try:
                server.connect(self.target)
            except OSError:
                client.close()
                continue
            self.open.append((client, server))
            plan = self.plan
            for way, (a, b) in enumerate(((client, server), (server, client))):
                threading.Thread(target=self._pump, args=(a, b, plan if plan and plan[0] == way else None), daemon=True).start()

    def _pump(self, source, sink, plan):
        passed = 0
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if plan and passed <= plan[1] < passed + len(data):
                    data = self._harm(data, plan[1] - passed, plan[2], sink)
                passed += len(data)
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def _harm(data, at, kind, sink):
        if kind == "change":
            return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1:]
        if kind == "exchange":
            return data[:at] + data[at:at + 2][::-1] + data[at + 2:]
        sink.sendall(data[:at])
        if kind == "cut":
            raise OSError("cut")
        time.sleep(0.05)
        return data[at:]

    def hang_up(self):
        """Ends all connections."""
        for pair in self.open:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                s.close()
        self.open = []


class TappedStack(Stack):
    """The gateway reaches customers through a tap."""

    def __init__(self, scheme):
        super().__init__()
        self.scheme = scheme
        if scheme != "ipc":
            self.ports = {name: free_port() for name in SERVICES}
            self.tap_port = free_port()
            self.authority = Authority(self.dir, "ca")

    def address(self, name):
        return super().address(name) if self.scheme == "ipc" else f"{self.scheme}://127.0.0.1:{self.ports[name]}"

    def _environment(self):
        more = self.authority.issue("127.0.0.1") if self.scheme == "tls+tcp" else {}
        # nng 1.5.2 never frees a message whose connection breaks at the wrong moment; other tests look for leaks of ours.
        env = super()._environment()
        return {**env, **more, "ASAN_OPTIONS": env["ASAN_OPTIONS"].replace("detect_leaks=1", "detect_leaks=0")}

    def tap(self):
        if self.scheme == "ipc":
            path = os.path.join(self.dir, "run", "tap.ipc")
            url, tap = f"ipc://{path}", ByteTap(socket.AF_UNIX, path, self.sockets["customers"])
        else:
            here, there = ("127.0.0.1", self.tap_port), ("127.0.0.1", self.ports["customers"])
            url, tap = f"{self.scheme}://127.0.0.1:{self.tap_port}", ByteTap(socket.AF_INET, here, there)
        gateway = self["gateway"]
        gateway.terminate()
        gateway.env["SFMS_SERVICES"] = gateway.env["SFMS_SERVICES"].replace(self.address("customers"), url)
        gateway.start()
        self.wait_ready()
        return tap


@pytest.mark.parametrize("scheme", ["ipc", "tcp", "tls+tcp"])
def test_any_byte_of_a_connection(scheme):
    stack = TappedStack(scheme)
    stack.LOG_LEVEL = "info"
    try:
        stack.start()
        org = Org(stack)
        tap = stack.tap()
        id = org.make.create("accounts")["id"]
        pids = {p.name: p.popen.pid for p in stack.processes.values()}
        chance = random.Random(ROUNDS)
        for n in range(ROUNDS):
            kind, way, at = KINDS[n % len(KINDS)], n // len(KINDS) % 2, chance.randrange(REACH) if n % 3 else n % 80
            tap.plan = (way, at, kind)
            tap.hang_up()
            calls = [threading.Thread(target=lambda: Api(stack.base, org.api.token).get(f"/v1/accounts/{id}")) for _ in range(2)]
            for call in calls:
                call.start()
            time.sleep(0.02 if n % 2 else 0.08)  # a moment in which the harm is done, or not yet
            tap.plan = None
            tap.hang_up()
            wait_until(f"round {n}: {kind} at {at} of direction {way}: they find together again",
                       lambda: org.api.get(f"/v1/accounts/{id}").status == 200, 10)
            for call in calls:
                call.join(20)
        assert pids == {p.name: p.popen.pid for p in stack.processes.values()} and not stack.dead()
        health = stack.ctl("health", "--wait", "5", check=False)
        assert health.returncode == 0, health.stdout + health.stderr
        assert not stack.new_trouble()
    finally:
        wrong = stack.stop()
    assert not wrong, wrong
