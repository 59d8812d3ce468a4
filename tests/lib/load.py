"""Requests from many threads while something breaks, and what became of each."""
import threading
import time
import uuid

import requests

from lib.api import Api

# What a client may be told while something is down: nothing was done, or nobody knows.
REFUSED = {"UNAVAILABLE", "OVERLOADED"}
UNKNOWN = "OUTCOME_UNKNOWN"


class Outcome:
    """One request: when it began and ended, what came back, and the key of what it wanted to make."""

    def __init__(self, kind, key, begin, end, status, code=None, retry_after=None, error=None, id=None):
        self.kind, self.key, self.begin, self.end = kind, key, begin, end
        self.status, self.code, self.retry_after, self.error, self.id = status, code, retry_after, error, id

    def __repr__(self):
        return f"<{self.kind} {self.status} {self.code or self.error or ''} {1000 * (self.end - self.begin):.0f} ms>"


class Load:
    """Threads that create, get and list records of one collection until told to stop.

    with Load(org, "accounts") as load: ...break something...
    load.check(...) afterwards.
    """

    def __init__(self, org, collection, body, threads=6, close=False, retry=False):
        self.org, self.collection, self.body = org, collection, body
        self.close, self.retry = close, retry
        self.outcomes, self.lock, self.ending = [], threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        self.known = None

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for t in self.threads:
            t.join(60)
        print(f"load on {self.collection}: {self.summary()}")
        assert not any(t.is_alive() for t in self.threads), "a request has not come back within 60 s"

    def _run(self):
        api = Api(self.org.base, self.org.api.token)
        if self.close:
            api.http.headers["Connection"] = "close"
        turn = 0
        while not self.ending.is_set():
            turn += 1
            if turn % 3 == 0 and self.known:
                self._note("get", None, api, "GET", f"/v1/{self.collection}/{self.known}")
            elif turn % 7 == 0:
                self._note("list", None, api, "GET", f"/v1/{self.collection}?pageSize=5")
            else:
                self._create(api)

    def _create(self, api):
        key = uuid.uuid4().hex
        headers = {"Idempotency-Key": key} if self.retry else None
        while True:
            outcome = self._note("create", key, api, "POST", f"/v1/{self.collection}", json=self.body(key), headers=headers)
            if outcome.status == 201:
                self.known = outcome.id
                return
            if not self.retry or outcome.status not in (None, 503, 409):
                return
            time.sleep(0.02)

    def _note(self, kind, key, api, verb, path, **more):
        begin = time.monotonic()
        try:
            answer = api.call(verb, path, timeout=30, **more)
        except requests.RequestException as error:
            outcome = Outcome(kind, key, begin, time.monotonic(), None, error=type(error).__name__)
        else:
            end = time.monotonic()
            if answer.status < 300:
                body = answer.json()
                outcome = Outcome(kind, key, begin, end, answer.status, id=body.get("id"))
            else:
                outcome = Outcome(kind, key, begin, end, answer.status, answer.problem()["code"],
                                  answer.headers.get("Retry-After"))
        with self.lock:
            self.outcomes.append(outcome)
        if outcome.status is None:
            time.sleep(0.01)
        return outcome

    def summary(self):
        """One line for the test's output: how many ended how, and the slowest of each."""
        kinds = {}
        for o in self.outcomes:
            kinds.setdefault((o.kind, o.status, o.code or o.error), []).append(o.end - o.begin)
        return "; ".join(f"{kind} {status}{' ' + why if why else ''}: {len(times)}, slowest {1000 * max(times):.0f} ms"
                         for (kind, status, why), times in sorted(kinds.items(), key=str))

    # ---- afterwards --------------------------------------------------------------------------------------------

    def successes(self, since=0.0):
        return [o for o in list(self.outcomes) if o.status in (200, 201) and o.begin >= since]

    def failures(self, since=0.0):
        return [o for o in list(self.outcomes) if o.status not in (200, 201) and o.begin >= since]

    def check_answers(self, gateway_dies=False):
        """Everybody got an answer, and each that was no success was 503 with Retry-After, and soon."""
        odd = [o for o in self.failures() if o.status != 503 and not (gateway_dies and o.status is None)
               and not (self.retry and o.code == "IDEMPOTENCY_KEY_RUNNING")]
        assert not odd, f"{len(odd)} answers are neither success nor 503: {odd[:5]}"
        for o in self.failures():
            if o.status == 503:
                assert o.retry_after and int(o.retry_after) >= 1, f"503 without Retry-After: {o}"
                assert o.code in REFUSED or o.code == UNKNOWN, f"503 with another code: {o}"
                assert not (o.kind != "create" and o.code == UNKNOWN), f"a read has no outcome to be unknown: {o}"
        slow = [o for o in self.outcomes if o.end - o.begin > 12]
        assert not slow, f"slower than any deadline: {slow[:5]}"

    def check_writes(self, count):
        """No acknowledged write is lost, no refused one was done, and none was done twice.

        count answers {key: rows with that key in the database}.
        """
        rows = count()
        by_key = {}
        for o in self.outcomes:
            if o.kind == "create":
                by_key.setdefault(o.key, []).append(o)
        for key, tries in by_key.items():
            n = rows.get(key, 0)
            assert n <= 1, f"done {n} times: {tries}"
            if any(o.status == 201 for o in tries):
                assert n == 1, f"acknowledged, and lost: {tries}"
            elif all(o.code in REFUSED for o in tries):
                assert n == 0, f"refused, and done all the same: {tries}"
        return by_key, rows
