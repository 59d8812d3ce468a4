"""What every test may ask for. A session has one running system; each test module gets an organisation of its own."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib.org import Org  # noqa: E402
from lib.stack import Stack  # noqa: E402


@pytest.fixture(scope="session")
def stack():
    """The running system."""
    stack = Stack()
    try:
        stack.start()
        yield stack
    finally:
        wrong = stack.stop()
    assert not wrong, wrong


@pytest.fixture(autouse=True)
def healthy(request):
    """After each test that uses the system: every process still runs, none has answered INTERNAL, and no sanitizer
    has said a word."""
    yield
    for name in ("stack", "own_stack"):
        if name in request.fixturenames:
            stack = request.getfixturevalue(name)
            trouble = stack.new_trouble()
            assert not trouble, f"in the log:\n{trouble}"
            assert not stack.dead(), f"{stack.dead()} ended during the test:\n{stack[stack.dead()[0]].text()[-3000:]}"


@pytest.fixture(scope="module")
def org(stack):
    """An organisation that only this module uses."""
    return Org(stack)


@pytest.fixture(scope="module")
def other_org(stack):
    """Another tenant."""
    return Org(stack)


@pytest.fixture(scope="module")
def api(org):
    """The admin of the module's organisation."""
    return org.api


@pytest.fixture(scope="module")
def make(org):
    """Makes valid bodies and records in the module's organisation."""
    return org.make
