"""Connections are few and anybody can open some: idle ones make room, an address has its share, a head comes to its end."""
import contextlib
import http.client
import os
import resource
import socket
import time

import pytest

from lib.api import Api
from lib.stack import free_port, wait_until

LONG = pytest.mark.skipif(not os.environ.get("SFMS_TEST_LONG"), reason="long; SFMS_TEST_LONG is not set")


@pytest.fixture
def gateway(own_stack):
    """Starts more gateways in front of the services; answers their ports and processes."""
    started = []

    def start(**settings):
        port = free_port()
        process = own_stack.add(f"gateway at {port}", "sfms-gateway", SFMS_PORT=str(port), **{k: str(v) for k, v in settings.items()})
        process.start()
        started.append(process)
        wait_until("it is ready", lambda: " ready " in process.text() and Api(f"http://127.0.0.1:{port}").get("/readyz").status == 200)
        return port, process
    yield start
    for process in started:
        assert process.terminate() == 0
        del own_stack.processes[process.name]


@contextlib.contextmanager
def connected(port, n, source="127.0.0.1"):
    """So many connections, on which nothing is said."""
    held = []
    try:
        for _ in range(n):
            held.append(socket.create_connection(("127.0.0.1", port), 20, (source, 0)))
        yield held
    finally:
        for s in held:
            s.close()


def ended(port, why):
    text = Api(f"http://127.0.0.1:{port}").call("GET", "/metrics").text
    return next(int(line.split()[1]) for line in text.splitlines() if f'ended_total{{why="{why}"}}' in line)


def asks(kept, token):
    """A request over a connection that stays; answers its status."""
    kept.request("GET", "/v1/me", headers={"Authorization": f"Bearer {token}"})
    answer = kept.getresponse()
    answer.read()
    return answer.status


def kept_open(port):
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    kept.connect()
    kept.auto_open = 0      # one that is closed is not opened again
    return kept


def test_idle_connections_make_room(gateway, victim):
    port, _ = gateway(SFMS_CONNECTIONS=128, SFMS_CONNECTIONS_PER_ADDRESS=100000)
    kept = kept_open(port)
    assert asks(kept, victim.api.token) == 200
    with connected(port, 400):
        for _ in range(20):
            assert Api(f"http://127.0.0.1:{port}", victim.api.token).get("/v1/me").status == 200
        assert asks(kept, victim.api.token) == 200, "somebody who is signed in made room for strangers"
        assert ended(port, "idle") >= 400 - 128
    kept.close()


def test_an_address_has_its_share(gateway, victim):
    port, _ = gateway(SFMS_CONNECTIONS_PER_ADDRESS=16)
    kept = kept_open(port)
    assert asks(kept, victim.api.token) == 200
    with connected(port, 60, "127.0.0.2"):
        wait_until("those above it are ended", lambda: ended(port, "address") >= 60 - 16)
        assert Api(f"http://127.0.0.1:{port}", victim.api.token).get("/v1/me").status == 200
        assert asks(kept, victim.api.token) == 200
    kept.close()


def test_a_proxy_that_is_trusted_is_everybody(gateway, victim):
    port, _ = gateway(SFMS_CONNECTIONS=256, SFMS_TRUST_PROXY=1)
    with connected(port, 128, "127.0.0.2"):
        assert Api(f"http://127.0.0.1:{port}", victim.api.token).get("/v1/me").status == 200
        assert ended(port, "address") == 0


@LONG
def test_heads_that_come_a_byte_at_a_time(gateway, victim):
    port, _ = gateway()
    kept = kept_open(port)
    assert asks(kept, victim.api.token) == 200
    again = kept_open(port)     # one that has asked before begins a head and does not end it
    assert asks(again, victim.api.token) == 200
    with connected(port, 200) as slow:
        slow.append(again.sock)
        for s in slow:
            s.sendall(b"GET /v1/me HTTP/1.1\r\nX: ")
        for beat in range(40):
            for s in slow:
                with contextlib.suppress(OSError):
                    s.sendall(b"x")
            assert asks(kept, victim.api.token) == 200
            if ended(port, "head") == 201:
                break
            time.sleep(0.5)
        print(f"after {beat / 2} s")
        assert ended(port, "head") == 201
    kept.close()


def resident_mb(process):
    with open(f"/proc/{process.popen.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024


@LONG
@pytest.mark.parametrize("connections", [4096, 12000])
def test_ten_thousand_idle_connections(gateway, victim, connections):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port, process = gateway(SFMS_CONNECTIONS=connections, SFMS_CONNECTIONS_PER_ADDRESS=100000)
    kept = kept_open(port)
    assert asks(kept, victim.api.token) == 200
    before = resident_mb(process)
    with connected(port, 10000):
        assert asks(kept, victim.api.token) == 200
        for _ in range(20):
            assert Api(f"http://127.0.0.1:{port}", victim.api.token).get("/v1/me").status == 200
        grown = resident_mb(process) - before
        print(f"{connections}: {grown:.0f} MiB more than {before:.0f}, {ended(port, 'idle')} made room")
        assert grown < 100
    kept.close()
