"""Guessing and guarding behind a proxy: whose address counts, and that nobody is shut out by what strangers do."""
import uuid

import pytest
from requests.adapters import HTTPAdapter

from lib.api import Api
from lib.org import PASSWORD
from lib.stack import free_port, wait_until


def guest_at(base, address):
    """A guest, or a proxy, at another of the addresses of this machine."""
    guest = Api(base)
    adapter = HTTPAdapter()
    adapter.init_poolmanager(4, 4, source_address=(address, 0))
    guest.http.mount("http://", adapter)
    return guest


def log_in_from(proxy, forwarded_for, email, password):
    headers = {"X-Forwarded-For": forwarded_for} if forwarded_for else {}
    return proxy.post("/v1/sessions", json={"email": email, "password": password}, headers=headers)


def guesses(proxy, addresses, email):
    """The statuses of wrong passwords, one from each address."""
    return [log_in_from(proxy, a, email, "a stranger's guess").status for a in addresses]


@pytest.fixture(scope="module")
def gateway(stack):
    """gateway(**settings) starts another gateway before the same services, and answers it and its address."""
    started = []

    def start(**settings):
        # A port that is ours on 127.0.0.1 may be somebody else's on another address of this machine: then the next one.
        for _ in range(20):
            port = free_port()
            process = stack.add(f"gateway-{port}", "sfms-gateway", SFMS_PORT=str(port), **settings)
            process.start()
            base = f"http://127.0.0.1:{port}"
            wait_until(f"{base} answers", lambda: not process.alive() or
                       " ready " in process.text() and Api(base).get("/readyz").status == 200)
            if process.alive():
                started.append(process)
                return process, base
            assert "is in use by another program" in process.new_trouble() or "in use" in process.text(), process.text()
            process.new_trouble()
            del stack.processes[process.name]
        raise AssertionError("no port is free on all addresses")

    yield start
    for process in started:
        assert process.terminate() == 0
        del stack.processes[process.name]


@pytest.fixture(scope="module")
def trusting(gateway):
    return gateway(SFMS_TRUST_PROXY="1")[1]


def test_behind_a_proxy_that_nobody_trusts_the_owner_gets_in(stack, org):
    person = org.person("Rep")
    proxy = guest_at(stack.base, "127.0.3.1")
    assert guesses(proxy, 7 * ["203.0.113.9"], person.email) == 5 * [401] + 2 * [429]
    for _ in range(3):
        log_in_from(proxy, "198.51.100.7", person.email, PASSWORD).ok()
        assert guesses(proxy, 2 * ["203.0.113.9"], person.email) == 2 * [429]
    for n in range(10, 30):
        guesses(proxy, [f"203.0.113.{n}"], person.email)
    assert guesses(proxy, ["203.0.113.77"], person.email) == [429], "many strangers are too many"
    log_in_from(proxy, "198.51.100.7", person.email, PASSWORD).ok()


def test_what_a_proxy_says_does_not_switch_the_brake_off(stack, org):
    """A header that changes with each try tells strangers apart, but not what they fail at together."""
    person = org.person("Rep")
    proxy = guest_at(stack.base, "127.0.3.2")
    statuses = guesses(proxy, [f"198.51.{n}.7" for n in range(25)], person.email)
    assert statuses[-1] == 429 and statuses.count(401) == 20, statuses


def test_a_forged_header_is_no_weapon(stack, org):
    """Who writes another's address into the header fails at a place of his own."""
    person = org.person("Rep")
    proxy, attacker = guest_at(stack.base, "127.0.3.3"), guest_at(stack.base, "127.0.3.4")
    log_in_from(proxy, "198.51.100.8", person.email, PASSWORD).ok()
    assert guesses(attacker, 7 * ["198.51.100.8"], person.email)[-1] == 429
    log_in_from(proxy, "198.51.100.8", person.email, PASSWORD).ok()


def test_who_shares_an_address_is_slowed_down_and_not_shut_out(stack, org):
    """Where several people sign in, each failure after the fifth blocks for half a minute and no longer."""
    person, office = org.person("Rep"), guest_at(stack.base, "127.0.3.5")
    for colleague in (person, org.person("Rep")):
        log_in_from(office, None, colleague.email, PASSWORD).ok()
    guesses(office, 5 * [None], person.email)
    for _ in range(3):
        refused = log_in_from(office, None, person.email, "a guess")
        refused.fails(429, "TOO_MANY_TRIES")
        assert int(refused.headers["Retry-After"]) <= 32
        stack.sql("UPDATE identity.attempts SET blocked_until = now() WHERE blocked_until > now()")
        assert guesses(office, [None], person.email) == [401]
    stack.sql("UPDATE identity.attempts SET blocked_until = now() WHERE blocked_until > now()")
    log_in_from(office, None, person.email, PASSWORD).ok()


FORMS = {
    "ports": [f"203.0.113.5:{4000 + n}" for n in range(8)],
    "brackets and ports": [f"[2001:db8:5::1]:{4000 + n}" for n in range(8)],
    "quotes": [f'"203.0.113.6:{n}"' for n in range(1, 9)],
    "one /64": [f"2001:db8:6:7:{n:x}::{n:x}" for n in range(1, 9)],
    "IPv4 in IPv6": ["203.0.113.7", "::ffff:203.0.113.7", "[::ffff:cb00:7107]:80", "::FFFF:203.0.113.7"] * 2,
    "spellings": ["2001:db8:8::1", "2001:DB8:8::1", "2001:db8:8:0:0:0:0:1", "[2001:0db8:0008::0001]"] * 2,
    "zones": [f"fe80::1%eth{n}" for n in range(8)],
    "what was forged before": [f"10.0.0.{n}, 203.0.113.8" for n in range(8)],
    "what is no address": ["unknown", "_hidden", "", "300.1.1.1", "a.example", ":80", "203.0.113", "-"],
}


@pytest.mark.parametrize("addresses", FORMS.values(), ids=FORMS.keys())
def test_one_address_however_it_is_written(addresses, trusting, org):
    assert guesses(guest_at(trusting, "127.0.3.6"), addresses, org.person("Rep").email) == 5 * [401] + 3 * [429]


def test_addresses_that_differ_are_counted_by_themselves(trusting, org):
    person, proxy = org.person("Rep"), guest_at(trusting, "127.0.3.6")
    for address in ("203.0.113.20", "203.0.113.21:80", "[2001:db8:20::1]:80"):
        assert guesses(proxy, 6 * [address], person.email) == 5 * [401] + [429]
    log_in_from(proxy, "2001:db8:21::1", person.email, PASSWORD).ok()


def test_the_log_says_once_that_a_proxy_is_not_trusted(gateway):
    process, base = gateway()
    assert "WARN" not in process.text(), "on a loopback address nothing looks wrong"
    for header in ("X-Forwarded-For", "Forwarded", "X-Forwarded-For"):
        Api(base).call("GET", "/v1/me", headers={header: "for=203.0.113.5"}).fails(401)
    (line,) = [one for one in process.text().splitlines() if " WARN " in one]
    assert "SFMS_TRUST_PROXY" in line and "127.0.0.1" in line


def test_a_start_that_looks_wrong_says_so(gateway):
    """All may reach it, and nobody has said whether through a proxy."""
    assert "WARN sfms-gateway SFMS_TRUST_PROXY is not set" in gateway(SFMS_HTTP_HOST="0.0.0.0")[0].text()
    for said in ("0", "2"):
        assert "WARN" not in gateway(SFMS_HTTP_HOST="0.0.0.0", SFMS_TRUST_PROXY=said)[0].text()


def test_an_id_in_capitals_is_the_same_user(org):
    """One user is one count, however the address spells the id."""
    person = org.person("Rep")
    ids = [person.id, person.id.upper(), person.id[:18].upper() + person.id[18:], str(uuid.UUID(person.id))] * 2
    statuses = [person.api.post(f"/v1/users/{id}:setPassword", json={
        "password": "a new password 密码", "currentPassword": f"guess {n}"}).status for n, id in enumerate(ids)]
    assert statuses == 5 * [403] + 3 * [429]
