"""The wire between processes: what is not signed with the shared secret, or was recorded, is refused and does no harm."""
import hashlib
import os
import socket
import struct

import pytest

from google.protobuf import message_factory

from lib.contract import contract
from lib.wire import Peer, Tap

CREATE = "sfms.customers.v1.Accounts/CreateAccount"


def message(name):
    return message_factory.MessageFactory(contract().pool).GetPrototype(contract().pool.FindMessageTypeByName(name))()


def batch(org, name):
    """A batch that would create an account, if it were signed."""
    account = message("sfms.customers.v1.Account")
    account.name = name
    b = message("sfms.rpc.v1.Batch")
    principal = b.principals.add()
    principal.org_id, principal.user_id, principal.visibility = org.id, org.admin.id, 3
    principal.permissions.extend(["accounts.read", "accounts.write"])
    call = b.calls.add()
    call.method, call.request, call.principal, call.timeout_ms = CREATE, account.SerializeToString(), 1, 5000
    return b.SerializeToString()


def mac(key, data):
    return hashlib.blake2b(data, key=key, digest_size=32).digest()


def forgeries(org, secret):
    body = batch(org, "Forged")
    wrong = hashlib.blake2b(b"another secret", digest_size=32).digest()
    plain = hashlib.blake2b(secret.encode(), digest_size=32).digest()
    return {
        "nothing": b"", "one byte": b"S", "only the magic": b"SFM1", "the protobuf alone": body,
        "a header of zeros": b"SFM1" + bytes(32) + body, "an unkeyed hash": b"SFM1" + hashlib.blake2b(
            body, digest_size=32).digest() + body, "another key": b"SFM1" + mac(wrong, body) + body,
        "the secret's hash as key": b"SFM1" + mac(plain, body) + body, "another version": b"SFM2" + mac(wrong, body) + body,
        "a header and no body": b"SFM1" + mac(wrong, b""), "noise": os.urandom(500), "long noise": os.urandom(1 << 20),
    }


def said_nothing(reply):
    """No reply, or none that says that something was done."""
    if reply is None or len(reply) < 36:
        return True
    replies = message("sfms.rpc.v1.Replies")
    try:
        replies.ParseFromString(reply[36:])
    except Exception:
        return True
    return all(r.status.code != 0 for r in replies.replies)


def forged(stack):
    return stack.sql("SELECT count(*) FROM customers.accounts WHERE name LIKE 'Forged%%'")[0][0]


@pytest.mark.parametrize("kind", sorted(forgeries(type("O", (), {"id": "", "admin": type("A", (), {"id": ""})}), "")))
def test_forged_messages(kind, stack, org):
    data = forgeries(org, stack.secret)[kind]
    peer = Peer(stack.sockets["customers"])
    peer.send(data)
    assert said_nothing(peer.receive())
    peer.close()
    assert forged(stack) == 0
    org.api.post("/v1/accounts", json={"name": "Signed"}).ok(201)


@pytest.mark.parametrize("service", ["identity", "customers", "pipeline", "activities", "analytics", "exchange"])
def test_broken_frames_do_no_harm(service, stack, org):
    path = stack.sockets[service]
    for data in (b"", b"\0", b"\0SP\0\0\x31\0\0", b"GET / HTTP/1.1\r\n\r\n", b"\0SP\0\0\x30\0\0" + b"\x01" + struct.pack(">Q", 1 << 60),
                 b"\0SP\0\0\x30\0\0" + b"\x02" + bytes(8), b"\0SP\0\0\x30\0\0" + b"\x01" + struct.pack(">Q", 100) + b"short",
                 b"\0SP\0\0\x30\0\0" + b"\x01" + struct.pack(">Q", 2) + b"xx"):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            s.sendall(data)
    assert stack[service].alive()
    org.api.get("/v1/me").ok()


def through(tap_path, stack):
    """The environment of an sfmsctl that reaches customers through a tap."""
    services = stack.env["SFMS_SERVICES"].replace(f"ipc://{stack.sockets['customers']}", f"ipc://{tap_path}")
    return {"SFMS_SERVICES": services}


def call(stack, org, name, **env):
    return stack.ctl("call", CREATE, f'{{"name": "{name}"}}', "--as-org", org.id, "--as-user", org.admin.id, check=False, **env)


def count(stack, name):
    return stack.sql("SELECT count(*) FROM customers.accounts WHERE name = %s", name)[0][0]


def test_sfmsctl_with_the_right_secret(stack, org):
    done = call(stack, org, "By hand")
    assert done.returncode == 0, done.stderr
    assert count(stack, "By hand") == 1


def test_sfmsctl_with_another_secret(stack, org):
    done = call(stack, org, "Forged by hand", SFMS_SECRET="another secret of at least 32 characters")
    assert done.returncode != 0 and done.stderr.strip()
    assert count(stack, "Forged by hand") == 0


def test_a_secret_that_is_too_short(stack):
    done = stack.ctl("health", check=False, SFMS_SECRET="short")
    assert done.returncode != 0 and "32" in done.stderr


def test_a_message_that_is_passed_on_as_it_is(stack, org, tmp_path):
    """The tap of the next tests does no harm by itself."""
    tap = Tap(str(tmp_path / "tap"), stack.sockets["customers"])
    done = call(stack, org, "Tapped", **through(tmp_path / "tap", stack))
    tap.close()
    assert done.returncode == 0, done.stderr
    assert count(stack, "Tapped") == 1
    assert any(frame[4:8] == b"SFM1" for frame in tap.seen)


def flip(frame, at, bit=1):
    return frame[:at] + bytes([frame[at] ^ bit]) + frame[at + 1:]


# A frame is a request id (4 bytes), "SFM1", the MAC (32), the batch.
CHANGES = {
    "magic": lambda f, _: f[:4] + b"XFM1" + f[8:],
    "first bit of the MAC": lambda f, _: flip(f, 8),
    "last bit of the MAC": lambda f, _: flip(f, 39, 0x80),
    "first bit of the body": lambda f, _: flip(f, 40),
    "middle of the body": lambda f, _: flip(f, 40 + (len(f) - 40) // 2, 4),
    "last bit of the body": lambda f, _: flip(f, len(f) - 1),
    "a byte less": lambda f, _: f[:-1],
    "a byte more": lambda f, _: f + b"\0",
    "another tenant": lambda f, other: f.replace(other[0].encode(), other[1].encode()),
    "the MAC of another message": lambda f, _: f[:8] + bytes(reversed(f[8:40])) + f[40:],
}


@pytest.mark.parametrize("kind", sorted(CHANGES))
def test_a_message_that_is_changed_on_the_way(kind, stack, org, other_org, tmp_path):
    changed = []

    def change(frame):
        if CREATE.encode() not in frame:
            return frame
        other = CHANGES[kind](frame, (org.id, other_org.id))
        changed.append(other != frame)
        return other

    tap = Tap(str(tmp_path / "tap"), stack.sockets["customers"], change)
    name = f"Changed {kind}"
    done = call(stack, org, name, **through(tmp_path / "tap", stack))
    tap.close()
    assert changed and all(changed), "the call did not come by, or was not changed"
    assert done.returncode != 0, done.stdout
    assert count(stack, name) == 0
    assert stack["customers"].alive()


def recorded(stack, org, name, tmp_path, **tap):
    """Makes an account through a tap; answers what the client sent, without request ids."""
    tap = Tap(str(tmp_path / "tap"), stack.sockets["customers"], **tap)
    done = call(stack, org, name, **through(tmp_path / "tap", stack))
    tap.close()
    return done, [frame[4:] for frame in tap.seen]


def play(stack, messages):
    """Sends messages over a connection of its own; answers what came back until the service hung up."""
    peer = Peer(stack.sockets["customers"])
    answers = []
    for i, message in enumerate(messages):
        try:
            peer.send(message, request_id=i + 1)
        except OSError:
            break
        answers.append(peer.receive())
    peer.close()
    return [a for a in answers if a is not None]


def test_messages_that_are_played_back_on_another_connection(stack, org, tmp_path):
    done, sent = recorded(stack, org, "Played back", tmp_path)
    assert done.returncode == 0, done.stderr
    the_call = next(m for m in sent if CREATE.encode() in m)
    hello = sent[0]
    assert play(stack, [the_call]) == []
    assert len(play(stack, [hello])) == 1  # a hello does no harm
    assert len(play(stack, [hello, the_call])) == 1
    assert len(play(stack, [hello, hello, the_call])) == 1
    assert len(play(stack, sent)) == 1
    assert count(stack, "Played back") == 1


def test_messages_that_are_played_back_to_a_process_that_was_started_again(own_stack, victim, tmp_path):
    done, sent = recorded(own_stack, victim, "Before", tmp_path)
    assert done.returncode == 0, done.stderr
    own_stack["customers"].terminate()
    own_stack["customers"].start()
    own_stack.wait_ready()
    assert len(play(own_stack, sent)) == 1
    assert count(own_stack, "Before") == 1


def test_messages_that_come_twice_on_the_same_connection(stack, org, tmp_path):
    done, sent = recorded(stack, org, "Twice", tmp_path, change=lambda f: [f, f] if CREATE.encode() in f else f)
    assert any(CREATE.encode() in m for m in sent)
    assert done.returncode == 0, done.stderr
    assert count(stack, "Twice") == 1
    assert "came before" in stack["customers"].text()


def test_an_answer_that_belongs_to_another_request(stack, org, tmp_path):
    """The greeting, given as the answer to the call."""
    seen = []

    def reply(frame):
        seen.append(frame)
        return frame if len(seen) == 1 else frame[:4] + seen[0][4:]

    done, _ = recorded(stack, org, "Wrong answer", tmp_path, reply=reply)
    assert len(seen) >= 2
    assert done.returncode != 0 and "OUTCOME_UNKNOWN" in done.stderr, done.stderr
    assert count(stack, "Wrong answer") == 1  # it was done; only the answer is not believed
