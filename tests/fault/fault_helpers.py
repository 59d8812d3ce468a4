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
