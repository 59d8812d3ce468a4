"""Streams and the feed say the same, whatever is killed while records are written: nothing is missed, nothing comes twice."""
import random
import threading
import time
import uuid

import pytest
import requests

from lib.sse import EventStream
from lib.stack import wait_until


class Follower(threading.Thread):
    """Reads the stream as a client does: comes again with the last id whenever the connection ends."""

    def __init__(self, api, cursor):
        super().__init__(daemon=True)
        self.api, self.last, self.seen, self.stop, self.opened = api, cursor, [], False, 0

    def run(self):
        while not self.stop:
            try:
                stream = EventStream(self.api, last=self.last, resource="accounts")
            except (OSError, ValueError, IndexError):
                time.sleep(0.05)
                continue
            if stream.status != 200:
                stream.close()
                time.sleep(0.1)
                continue
            self.opened += 1
            while not stream.ended and not self.stop:
                time.sleep(0.02)
            stream.close()
            stream.thread.join(10)
            self.seen += [m.json() for m in stream.of("message")]
            self.last = stream.last_id


def write(api, made, stop, rng):
    """Creates and changes accounts; what is not acknowledged may or may not have been done."""
    while not stop.is_set():
        try:
            if made and rng.random() < 0.5:
                api.patch(f"/v1/accounts/{rng.choice(made)}", {"city": uuid.uuid4().hex})
            else:
                answer = api.post("/v1/accounts", json={"name": f"Acme {uuid.uuid4()}"})
                if answer.status == 201:
                    made.append(answer.json()["id"])
        except requests.RequestException:
            time.sleep(0.05)


def feed(api, after):
    events = []
    while True:
        page = api.get("/v1/events", after=after, resource="accounts", pageSize=200).ok()
        events, after = events + page["events"], page["cursor"]
        if not page["more"]:
            return events


@pytest.mark.parametrize("seed", range(2))
def test_the_same_sequence(own_stack, victim, seed):
    rng = random.Random(seed)
    cursor = victim.api.get("/v1/events", fromNow=True).ok()["cursor"]
    followers = [Follower(victim.api, cursor) for _ in range(3)]
    stop, made = threading.Event(), []
    writers = [threading.Thread(target=write, args=(victim.person("Admin").api, made, stop, random.Random(rng.random())))
               for _ in range(3)]
    for t in followers + writers:
        t.start()
    for name in ("exchange", "gateway", "exchange", "gateway"):
        before = len(made)
        wait_until("there are writes", lambda: len(made) >= before + 8, 30)
        own_stack[name].kill()
        time.sleep(rng.random() / 4)
        own_stack[name].start()
        own_stack.wait_ready()
    before = len(made)
    wait_until("there are writes", lambda: len(made) >= before + 8, 30)
    stop.set()
    for t in writers:
        t.join()
    expected = [e["id"] for e in wait_until("the feed is complete", lambda: _complete(victim.api, cursor, made), 20, 0.1)]
    wait_until("the streams are at the end", lambda: _last_of(followers, expected), 30, 0.1)
    for f in followers:
        f.stop = True
    for f in followers:
        f.join(20)
        assert [e["id"] for e in f.seen] == expected and f.opened >= 2


def _complete(api, cursor, made):
    events = feed(api, cursor)
    return events if set(made) <= {e["recordId"] for e in events} else None


def _last_of(followers, expected):
    """A new stream from where each follower is would have nothing to say: looked at over the feed."""
    return all(not feed(f.api, f.last) or _live(f, expected) for f in followers)


def _live(follower, expected):
    return time.monotonic() - follower.__dict__.setdefault("since", time.monotonic()) > 5
