"""Clients that leave without a word: a service goes on taking others, and keeps nothing of them."""
import os
import socket
import struct
import time

import pytest

from lib.stack import wait_until

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
    # A connection that greets and says nothing more is kept for half a minute.
    wait_until("the connections are gone", lambda: open_files(stack, "customers") <= before + 3, 65, 0.5)
    busy = cpu_seconds(stack, "customers")
    time.sleep(2)
    assert cpu_seconds(stack, "customers") - busy < 0.5, "it spins"
