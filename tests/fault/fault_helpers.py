"""Load on each service, and how to tell that one is back."""
import time

from lib.load import Load
from lib.stack import wait_until
from lib.wire import Peer

# What is written to each service: collection, body for a unique key, and SQL that counts rows by key.
WRITES = {
    "identity": ("teams", lambda key: {"name": key}, "SELECT name, count(*) FROM identity.teams GROUP BY 1"),
    "customers": ("accounts", lambda key: {"name": key}, "SELECT name, count(*) FROM customers.accounts GROUP BY 1"),
    "pipeline": ("deals", lambda key: {"name": key}, "SELECT name, count(*) FROM pipeline.deals GROUP BY 1"),
    "activities": ("tasks", lambda key: {"subject": key}, "SELECT subject, count(*) FROM activities.tasks GROUP BY 1"),
}
# Within this of a process's return all is well again.
SECOND = 1.0


def load_on(service, org, **more):
    collection, body, _ = WRITES[service]
    return Load(org, collection, body, **more)


def counter(stack, service):
    return lambda: dict(stack.sql(WRITES[service][2]))


def accepts(path):
    """The service listens on its socket."""
    try:
        Peer(path).close()
        return True
    except (OSError, EOFError, AssertionError):
        return False


def back(process, stack):
    """Starts a service again and answers when it was back: when its socket took connections."""
    process.start()
    wait_until(f"{process.name} listens", lambda: accepts(stack.sockets[process.name]), 20, 0.005)
    return time.monotonic()


# What the database's host may do: within this an answer comes that all is not well, and within this of its return all is.
REFUSED_WITHIN = 10.0
WELL_WITHIN = 5.0


def check_silence(load, count, gone, returned):
    """Everybody was answered in time, nothing acknowledged was lost and nothing done twice, and it is well again by itself."""
    load.check_answers()
    slow = [o for o in load.outcomes if o.end - o.begin > REFUSED_WITHIN]
    assert not slow, f"slower than {REFUSED_WITHIN} s: {slow[:5]}"
    assert load.failures(since=gone), "the load did not notice"
    late = load.failures(since=returned + WELL_WITHIN)
    assert not late, f"{len(late)} failures later than {WELL_WITHIN} s after the return: {late[:5]}"
    load.check_writes(count)


def goes_on(load, since):
    """Waits until requests that began after this moment have succeeded again, of each kind."""
    wait_until("all is well again", lambda: {"create", "get", "list"} <= {o.kind for o in load.successes(since=since)},
               2 * WELL_WITHIN)


def under_load(stack, org, harm, mend):
    """Runs load on two services, does the harm, waits until calls are refused, mends it, and waits until all is well."""
    loads = {s: load_on(s, org, threads=4) for s in ("customers", "pipeline")}
    with loads["customers"] as a, loads["pipeline"] as b:
        wait_until("the load runs", lambda: len(a.successes()) > 30 and len(b.successes()) > 30)
        gone = time.monotonic()
        harm()
        wait_until("it is noticed", lambda: a.failures(since=gone) and b.failures(since=gone))
        # By now it is known: whoever comes is refused at once, the reader too.
        wait_until("calls are refused at once", lambda: any(o.begin > gone + 1 and o.end - o.begin < 0.5 for o in a.failures()))
        mend()
        returned = time.monotonic()
        for load in (a, b):
            goes_on(load, returned)
        well = time.monotonic()
        print(f"noticed after {min(o.end for o in a.failures(since=gone)) - gone:.1f} s, well after {well - returned:.1f} s")
        assert well - returned < WELL_WITHIN
    for service, load in loads.items():
        check_silence(load, counter(stack, service), gone, returned)
    return loads.values(), gone
