"""Clients that leave without a word: a service goes on taking others, and keeps nothing of them."""
import os
import socket
import struct
import time

import pytest

from lib.stack import free_port, wait_until

GREETING = b"\0SP\0" + struct.pack(">H", 0x30) + b"\0\0"  # of a REQ socket


def open_files(stack, service):
    return len(os.listdir(f"/proc/{stack[service].popen.pid}/fd"))


def cpu_seconds(stack, service):
    with open(f"/proc/{stack[service].popen.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def leave_at_once(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.close()


def greet_and_leave(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.send(GREETING)
    s.recv(8)
    s.send(b"\x01" + struct.pack(">Q", 200) + b"x" * 200)
    s.close()


@pytest.mark.parametrize("rude, times", [(leave_at_once, 800), (greet_and_leave, 40)])
def test_clients_that_leave_while_connecting(stack, rude, times):
    before = open_files(stack, "customers")
    for _ in range(times):
        rude(stack.sockets["customers"])
    assert stack.ctl("health", "--wait", "5", check=False).returncode == 0
    # A connection that greets and says nothing more is kept for half a minute. A few more are those of workers to the database,
    # which each makes when it first works.
    wait_until("the connections are gone", lambda: open_files(stack, "customers") <= before + 12, 65, 0.5)
    busy = cpu_seconds(stack, "customers")
    time.sleep(2)
    assert cpu_seconds(stack, "customers") - busy < 0.5, "it spins"


def junk_and_more(scheme, address):
    """Sends a message that is not signed, and goes on with the next while the first is being looked at."""
    kind = b"\x01" if scheme == "ipc" else b""
    s = socket.socket(socket.AF_UNIX if scheme == "ipc" else socket.AF_INET)
    s.settimeout(5)
    s.connect(address)
    try:
        s.sendall(GREETING + kind + struct.pack(">QI", 8, 0x80000001) + b"junk" + kind + struct.pack(">Q", 5000))
        s.recv(8)
        for _ in range(3):
            s.sendall(bytes(1000))
    except OSError:
        pass  # it has hung up
    s.close()


@pytest.mark.parametrize("scheme", ["ipc", "tcp"])
def test_clients_that_are_hung_up_on_while_they_send(stack, scheme):
    """nng, left to itself, never closed another connection once it had closed one at the wrong moment: here after 400 at most."""
    address = f"{stack.dir}/run/rude" if scheme == "ipc" else ("127.0.0.1", free_port())
    url = f"ipc://{address}" if scheme == "ipc" else "tcp://{}:{}".format(*address)
    process = stack.add("rude", "sfms-customers", SFMS_LISTEN=url)
    process.start()
    healthy = ["health", "--wait", "10"]
    assert stack.ctl(*healthy, check=False, SFMS_SERVICES=f"customers={url}").returncode == 0
    before = open_files(stack, "rude")
    for _ in range(800):
        junk_and_more(scheme, address)
    wait_until("the connections are gone", lambda: open_files(stack, "rude") <= before + 12, 20, 0.1)
    assert stack.ctl(*healthy, check=False, SFMS_SERVICES=f"customers={url}").returncode == 0
    assert process.terminate() == 0
    del stack.processes["rude"]
