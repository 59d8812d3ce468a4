"""The system over tls+tcp, and those who try to get in without the right certificate."""
import os
import socket

import pytest

from lib.certs import Authority
from lib.org import Org
from lib.stack import SERVICES, Stack, free_port

HOST = "127.0.0.1"


class TlsStack(Stack):
    """Processes on ports of this host, as if each were on another, and certificates for all."""

    def __init__(self):
        super().__init__()
        self.ports = {name: free_port() for name in SERVICES}
        self.authority = Authority(self.dir, "ca")
        self.stranger = Authority(self.dir, "stranger")

    def address(self, name):
        return f"tls+tcp://{HOST}:{self.ports[name]}"

    def _environment(self):
        return {**super()._environment(), **self.authority.issue(HOST)}


@pytest.fixture(scope="module")
def own_stack():
    stack = TlsStack()
    try:
        stack.start()
        yield stack
    finally:
        wrong = stack.stop()
    assert not wrong, wrong


@pytest.fixture(scope="module")
def victim(own_stack):
    return Org(own_stack)


def health(stack, **env):
    """sfmsctl asks all services how they are."""
    return stack.ctl("health", check=False, **env)


def customers_at(stack, url):
    """The only service that sfmsctl is told of."""
    return {"SFMS_SERVICES": f"customers={url}"}


def port_of(stack):
    return stack.ports["customers"]


def test_everything_goes_over_tls(own_stack, victim):
    made = victim.api.post("/v1/accounts", json={"name": "Over TLS"}).ok(201)
    assert victim.api.get(f"/v1/accounts/{made['id']}").ok()["name"] == "Over TLS"
    assert victim.api.get("/v1/analytics/dashboard").ok()
    assert health(own_stack).returncode == 0


def refused(stack, **env):
    done = health(stack, **{**customers_at(stack, stack.address("customers")), **env})
    assert done.returncode != 0, done.stdout
    assert health(stack, **customers_at(stack, stack.address("customers"))).returncode == 0
    return done


def test_a_client_with_a_certificate_of_another_ca(own_stack):
    settings = own_stack.stranger.issue(HOST)
    refused(own_stack, **{**settings, "SFMS_TLS_CA_FILE": own_stack.authority.ca})


def test_a_client_without_a_certificate(own_stack):
    refused(own_stack, SFMS_TLS_CERT_FILE="", SFMS_TLS_KEY_FILE="")


def test_a_server_with_a_certificate_of_another_ca(own_stack):
    refused(own_stack, SFMS_TLS_CA_FILE=own_stack.stranger.ca)


def test_a_server_with_a_certificate_for_another_host(own_stack):
    refused(own_stack, **customers_at(own_stack, f"tls+tcp://localhost:{port_of(own_stack)}"))


def test_a_client_that_speaks_plainly(own_stack):
    refused(own_stack, **customers_at(own_stack, f"tcp://{HOST}:{port_of(own_stack)}"))


@pytest.mark.parametrize("data", [b"", b"\0SP\0\0\x30\0\0", b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000)],
                         ids=["nothing", "nng", "http", "noise"])
def test_those_who_do_not_speak_tls_hold_up_nobody(own_stack, victim, data):
    held = [socket.create_connection((HOST, port_of(own_stack))) for _ in range(30)]
    for s in held:
        s.sendall(data)
    for s in held[::2]:
        s.close()
    assert health(own_stack, **customers_at(own_stack, own_stack.address("customers"))).returncode == 0
    victim.api.get("/v1/accounts").ok()
    for s in held[1::2]:
        s.close()
    assert health(own_stack, **customers_at(own_stack, own_stack.address("customers"))).returncode == 0


def test_a_service_that_is_killed_is_found_again(own_stack, victim):
    own_stack["customers"].kill()
    own_stack["customers"].start()
    own_stack.wait_ready()
    victim.api.get("/v1/accounts").ok()


def test_a_server_that_asks_for_no_certificate(own_stack):
    port = free_port()
    process = own_stack.add("relaxed", "sfms-customers", SFMS_LISTEN=f"tls+tcp://{HOST}:{port}", SFMS_TLS_CLIENTS="0")
    process.start()
    done = health(own_stack, **customers_at(own_stack, f"tls+tcp://{HOST}:{port}"), SFMS_TLS_CERT_FILE="", SFMS_TLS_KEY_FILE="")
    assert done.returncode == 0, done.stderr
    assert process.terminate() == 0
    del own_stack.processes["relaxed"]


# What is wrong with the settings, and what the sentence must name.
WRONG = {
    "a file that is not there": ({"SFMS_TLS_CA_FILE": "/nowhere/ca.crt"}, "/nowhere/ca.crt"),
    "a CA that is none": ({"SFMS_TLS_CA_FILE": __file__}, "SFMS_TLS_CA_FILE"),
    "a certificate that is none": ({"SFMS_TLS_CERT_FILE": __file__}, "SFMS_TLS_CERT_FILE"),
    "a key that is none": ({"SFMS_TLS_KEY_FILE": __file__}, "SFMS_TLS_KEY_FILE"),
    "a certificate without a key": ({"SFMS_TLS_KEY_FILE": ""}, "SFMS_TLS_KEY"),
    "no CA": ({"SFMS_TLS_CA_FILE": ""}, "SFMS_TLS_CA"),
}


@pytest.mark.parametrize("kind", sorted(WRONG))
@pytest.mark.parametrize("program", ["sfms-customers", "sfms-gateway", "sfmsctl"])
def test_settings_that_are_wrong(own_stack, program, kind):
    env, named = WRONG[kind]
    one_sentence(own_stack, program, env, named)


def test_a_listener_without_a_certificate(own_stack):
    env = {"SFMS_TLS_CERT_FILE": "", "SFMS_TLS_KEY_FILE": "", "SFMS_LISTEN": f"tls+tcp://{HOST}:{free_port()}"}
    one_sentence(own_stack, "sfms-customers", env, "SFMS_TLS_CERT")


@pytest.mark.parametrize("url", ["customers", "tcp://", "tcp://host", "http://host:1", "tls+tcp://:1", "ipc://a|", "|ipc://a"])
def test_addresses_that_are_wrong(own_stack, url):
    one_sentence(own_stack, "sfms-gateway", customers_at(own_stack, url), "SFMS_SERVICES")


def one_sentence(stack, program, env, named):
    """The process ends at once with one line that names what is wrong."""
    argv = ["health"] if program == "sfmsctl" else []
    process = stack.add("wrong", program, SFMS_PORT="0", **env)
    process.argv += argv
    os.path.exists(process.log) and os.remove(process.log)
    del stack.processes["wrong"]
    process.start()
    assert process.popen.wait(20) != 0
    text = process.text()
    wrong = [line for line in text.strip().splitlines() if " INFO " not in line]
    assert named in text and len(wrong) == 1, text
